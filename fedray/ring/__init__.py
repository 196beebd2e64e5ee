"""Arithmetic in Z_2^64 on ``uint64`` arrays: exact, wrapping, without warnings.

Small products run in NumPy; large ones in compiled kernels, imported when first needed because compiling costs a
second and some 60 MiB. Both give the same bits.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from fedray.ring import series, trig
from fedray.ring.compiled import have_kernels
from fedray.ring.fixed import decode, encode

__all__ = ["Ring", "decode", "encode", "matmul", "series", "trig"]

Ring: TypeAlias = npt.NDArray[np.uint64]

COMPILED_FROM = 1 << 20
"""Multiplications from which the compiled kernel is the faster one."""


def matmul(a: Ring, b: Ring, *, compiled: bool | None = None) -> Ring:
    """Return ``a @ b`` modulo 2^64.

    Parameters
    ----------
    a, b
        Shapes (..., m, k) and (..., k, n), ``uint64``; leading axes as in ``numpy.matmul``.
    compiled
        Force the compiled kernel or NumPy; by default the size decides.
    """
    if compiled is None:
        large = a.shape[:-2] == b.shape[:-2] and a.shape[-2] * a.shape[-1] * b.shape[-1] >= COMPILED_FROM
        compiled = large and have_kernels()
    if not compiled:
        product: Ring = np.matmul(a, b)
        return product
    if a.ndim > 2:
        stacked: Ring = np.stack([matmul(one, other, compiled=True) for one, other in zip(a, b, strict=True)])
        return stacked
    from fedray.ring import kernels

    return kernels.matmul(a, b)
