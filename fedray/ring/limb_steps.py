"""Cutting ring elements into limbs and joining products of limbs, in NumPy; see `fedray.ring.limbs`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ring = npt.NDArray[np.uint64]
Float = npt.NDArray[np.float64]

__all__ = ["cut", "join"]

_WIDTHS = (22, 20, 22)
"""Bits of the limbs, from the lowest."""


def cut(x: Ring, low: Float, middle: Float, high: Float, both: Float) -> None:
    """Write the limbs of x, x0, x1 and x2, and x0 + x1; all of one shape."""
    rest = x.view(np.int64)
    for limb, width in zip((low, middle, high), _WIDTHS, strict=True):
        # shifting up and down again keeps the low bits and repeats their sign; what wraps around is beyond 2^64
        signed = (rest << (64 - width)) >> (64 - width)
        limb[...] = signed
        rest = (rest - signed) >> width
    np.add(low, middle, out=both)


def join(low: Float, middle: Float, both: Float, outer: Float, out: Ring) -> None:
    """Add low + 2^22 (both - low - middle) + 2^42 outer + 2^44 middle to `out`; whole numbers of at most 2^53."""
    first, second, third, fourth = (product.astype(np.int64) for product in (low, middle, both, outer))
    out += (first + ((third - first - second) << 22) + (fourth << 42) + (second << 44)).view(np.uint64)
