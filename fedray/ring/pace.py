"""Which of two exact ways is the faster one on this processor, found out once in a process by trying both.

Processors that multiply 64-bit integers in vectors at full width (AMD since Zen 4) are three times faster with the
compiled kernel than with products of floats; those that take three steps for it (Intel) are slower. Nothing that the
processor says of itself tells the two apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

import numpy as np

from fedray.ring import limbs
from fedray.ring.compiled import have_kernels

__all__ = ["limbs_pay"]

_SIDE = 256
"""Of the matrices of a try, which takes some milliseconds."""

_TRIES = 3


@cache
def limbs_pay() -> bool:
    """Return whether a large product is faster by limbs than in the compiled kernel; without one it is."""
    if not have_kernels():
        return True
    from fedray.ring import kernels

    x = np.arange(_SIDE * _SIDE, dtype=np.uint64).reshape(_SIDE, _SIDE) * np.uint64(0x9E3779B97F4A7C15)
    return _least_seconds(lambda: limbs.matmul(x, x)) < _least_seconds(lambda: kernels.matmul(x, x))


def _least_seconds(work: Callable[[], object]) -> float:
    """Return the time of the fastest of some tries; the first of all, which compiles, does not count."""
    work()
    seconds = []
    for _ in range(_TRIES):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)
