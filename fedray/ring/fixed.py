"""Fixed point: x -> round(x * scale) in the ring, with the range checked.

A scale is any positive real number, ring units per 1.0; a power of two gives the usual fractional bits. Real scales
let a factor such as learning rate / batch size live in the encoding, exactly.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fedray.errors import RangeGuardError

LIMIT = 2.0**62
"""Largest encoded magnitude; one bit stays free so that one addition cannot wrap."""


def encode(x: npt.ArrayLike, scale: float, what: str = "a value") -> npt.NDArray[np.uint64]:
    """Return ``round(x * scale)`` as ring elements, of the shape of x.

    Raises
    ------
    RangeGuardError
        An element is not finite, or its encoding would exceed 2^62; `what` names it.
    """
    with np.errstate(over="ignore"):  # an overflow is infinite, and refused below
        scaled = np.rint(np.asarray(x, dtype=np.float64) * scale)
    if not np.all(np.abs(scaled) < LIMIT):  # also false for NaN
        raise RangeGuardError(f"{what} does not fit the fixed-point range; scale the data or lower the learning rate")
    return scaled.astype(np.int64).view(np.uint64)


def decode(x: npt.NDArray[np.uint64], scale: float) -> npt.NDArray[np.float64]:
    """Return the real numbers that the ring elements stand for, of the shape of x."""
    return x.view(np.int64).astype(np.float64) / scale
