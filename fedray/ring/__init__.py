"""Arithmetic in Z_2^64 on ``uint64`` arrays: exact, wrapping, without warnings.

Small products run in NumPy, larger ones in a compiled kernel, imported when first needed because compiling costs a
second and some 60 MiB, large ones on the processor's matrix unit (`fedray.ring.tiles`) or, where there is none, as
products of floats (`fedray.ring.limbs`) if this processor is faster with them (`fedray.ring.pace`). All give the same
bits. Only products of floats may start threads, those of NumPy.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from fedray.ring import limbs, pace, series, tiles, trig
from fedray.ring.compiled import have_kernels
from fedray.ring.fixed import decode, encode

__all__ = ["COMPILED_FROM", "LIMBS_FROM", "TILES_WIDTH", "Ring", "decode", "encode", "matmul", "series", "trig"]

Ring: TypeAlias = npt.NDArray[np.uint64]

Way: TypeAlias = Literal["numpy", "compiled", "limbs", "tiles"]

COMPILED_FROM = 1 << 13
"""Multiplications from which the compiled kernel is faster than NumPy, its call included."""

LIMBS_FROM, LIMBS_WIDTH = 1 << 26, 128
"""Multiplications of one product, and its least size in each direction, from which limbs may be faster."""

TILES_WIDTH = 64
"""Least size in each direction from which the matrix unit is faster; cutting into bytes has to pay."""


def matmul(a: Ring, b: Ring, *, way: Way | None = None) -> Ring:
    """Return ``a @ b`` modulo 2^64.

    Parameters
    ----------
    a, b
        Shapes (..., m, k) and (..., k, n), ``uint64``; leading axes as in ``numpy.matmul``.
    way
        Force one of the four ways, which all give the same bits; by default the size decides. Leading axes that differ
        always take NumPy.
    """
    if a.shape[:-2] != b.shape[:-2]:
        way = "numpy"
    match way or _best(a, b):
        case "numpy":
            product: Ring = np.matmul(a, b)
            return product
        case "compiled":
            from fedray.ring import kernels

            return kernels.matmul(a, b)
        case ("limbs" | "tiles") as chosen if a.ndim > 2:
            stacked: Ring = np.stack([matmul(one, other, way=chosen) for one, other in zip(a, b, strict=True)])
            return stacked
        case "limbs":
            return limbs.matmul(a, b)
        case "tiles":
            return tiles.matmul(a, b)


def _best(a: Ring, b: Ring) -> Way:
    m, k, n = *a.shape[-2:], b.shape[-1]
    if min(m, k, n) >= TILES_WIDTH and tiles.have_tiles():
        return "tiles"
    if m * k * n >= LIMBS_FROM and min(m, k, n) >= LIMBS_WIDTH and pace.limbs_pay():
        return "limbs"
    return "compiled" if a.size * n >= COMPILED_FROM and have_kernels() else "numpy"
