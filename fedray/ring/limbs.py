"""Large products modulo 2^64 by the machine's float64 products, which are an order of magnitude faster: exact.

An element is cut into balanced limbs, x = x0 + 2^22 x1 + 2^42 x2 modulo 2^64, with x0 and x2 in [-2^21, 2^21) and x1 in
[-2^19, 2^19). Modulo 2^64, since x1 y2 has the weight 2^64,

    x y = x0 y0 + 2^22 (x0 y1 + x1 y0) + 2^42 (x0 y2 + x2 y0) + 2^44 x1 y1

and x0 y1 + x1 y0 = (x0 + x1)(y0 + y1) - x0 y0 - x1 y1, which makes five products of matrices of floats. Every sum in
them is a whole number of at most 2^53, whatever the order of the additions, so none is ever rounded: for k terms

    |sum x0 y0| <= k 2^42,  |sum x1 y1| <= k 2^38,  |sum (x0 + x1)(y0 + y1)| <= k 1.25^2 2^42,
    |sum (x0 y2 + x2 y0)| <= 2 k 2^42

and k is at most 1024. Above that size, Strassen's seven products of halves in the form of Winograd, which hold in any
ring.

The products of floats take as many threads as NumPy's BLAS may, which OMP_NUM_THREADS says; Ray gives its actors one.
On a busy machine more than one only wait for each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import numpy as np
import numpy.typing as npt

from fedray.ring import limb_steps
from fedray.ring.compiled import have_kernels

__all__ = ["matmul"]

Ring = npt.NDArray[np.uint64]
Float = npt.NDArray[np.float64]

TERMS = 1024
"""Most terms of a sum; see the module's docstring."""

ROWS, COLUMNS = 512, 1024
"""Rows and columns that are multiplied at a time, to bound memory."""

HALVES_FROM = 1024
"""Least size of the halves that Strassen's recursion makes; below, additions cost more than a product saves."""


def matmul(a: Ring, b: Ring, *, compiled: bool | None = None) -> Ring:
    """Return ``a @ b`` modulo 2^64; shapes (m, k) and (k, n).

    Parameters
    ----------
    compiled
        Force the compiled cutting into limbs, or NumPy's; by default the compiled one if there is one.
    """
    (m, k), n = a.shape, b.shape[1]
    depth = _depth(min(m, k, n))
    whole = 1 << depth
    a, b = _padded(a, whole), _padded(b, whole)
    out = np.zeros((a.shape[0], b.shape[1]), np.uint64)
    _strassen(a, b, out, depth, _Scratch(a.shape[0] // whole, a.shape[1] // whole, b.shape[1] // whole, compiled))
    return out[:m, :n]


def _depth(size: int) -> int:
    depth = 0
    while size >= 2 * HALVES_FROM:
        size, depth = size // 2, depth + 1
    return depth


def _padded(x: Ring, whole: int) -> Ring:
    rows, columns = (-size % whole for size in x.shape)
    return np.pad(x, ((0, rows), (0, columns))) if rows or columns else x


class _Scratch:
    """Arrays for the limbs of a block, used again and again: fresh pages would cost as much as an addition."""

    def __init__(self, m: int, k: int, n: int, compiled: bool | None) -> None:
        m, k, n = min(m, ROWS), min(k, TERMS), min(n, COLUMNS)
        self.steps = _steps(compiled)
        self.left = Limbs(np.empty((m, 2 * k)), np.empty((m, k)), np.empty((m, k)))
        self.right = Limbs(np.empty((2 * k, n)), np.empty((k, n)), np.empty((k, n)))
        self.products = tuple(np.empty((m, n)) for _ in range(4))


@dataclass(frozen=True, eq=False)
class Limbs:
    """The limbs of a block of shape (r, c).

    Attributes
    ----------
    outer
        x0 and x2 side by side, (r, 2 c), for a left operand; x2 above x0, (2 r, c), for a right one.
    middle, both
        x1, and x0 + x1.
    """

    outer: Float
    middle: Float
    both: Float


def _steps(compiled: bool | None) -> ModuleType:
    if compiled is False or (compiled is None and not have_kernels()):
        return limb_steps
    from fedray.ring import kernels

    return kernels


def _strassen(a: Ring, b: Ring, out: Ring, depth: int, scratch: _Scratch) -> None:
    """Add the product to `out`, which is zero; all sizes are multiples of 2^depth."""
    if not depth:
        _add_product(a, b, out, scratch)
        return
    (a11, a12, a21, a22), (b11, b12, b21, b22) = _quarters(a), _quarters(b)
    c11, c12, c21, c22 = _quarters(out)
    s1 = a21 + a22
    s2 = s1 - a11
    t1 = b12 - b11
    t2 = b22 - t1

    def product(x: Ring, y: Ring, into: Ring | None = None) -> Ring:
        made = np.zeros(c11.shape, np.uint64) if into is None else into
        _strassen(x, y, made, depth - 1, scratch)
        return made

    p1 = product(a11, b11)
    product(a12, b21, c11)
    c11 += p1
    p1 += product(s2, t2)
    p5 = product(s1, t1)
    product(a12 - s2, b22, c12)
    c12 += p1
    c12 += p5
    p1 += product(a11 - a21, b22 - b12)
    product(a22, t2 - b21, c21)
    np.subtract(p1, c21, out=c21)
    np.add(p1, p5, out=c22)


def _quarters(x: Ring) -> tuple[Ring, Ring, Ring, Ring]:
    rows, columns = (size // 2 for size in x.shape)
    return x[:rows, :columns], x[:rows, columns:], x[rows:, :columns], x[rows:, columns:]


def _add_product(a: Ring, b: Ring, out: Ring, scratch: _Scratch) -> None:
    """Add the product to `out`, block by block."""
    for k in range(0, a.shape[1], TERMS):
        for j in range(0, b.shape[1], COLUMNS):
            right = _cut_right(b[k : k + TERMS, j : j + COLUMNS], scratch)
            for i in range(0, a.shape[0], ROWS):
                left = _cut_left(a[i : i + ROWS, k : k + TERMS], scratch)
                _add_block(left, right, out[i : i + ROWS, j : j + COLUMNS], scratch)


def _cut_left(x: Ring, scratch: _Scratch) -> Limbs:
    rows, columns = x.shape
    held = scratch.left
    limbs = Limbs(held.outer[:rows, : 2 * columns], held.middle[:rows, :columns], held.both[:rows, :columns])
    scratch.steps.cut(x, limbs.outer[:, :columns], limbs.middle, limbs.outer[:, columns:], limbs.both)
    return limbs


def _cut_right(x: Ring, scratch: _Scratch) -> Limbs:
    rows, columns = x.shape
    held = scratch.right
    limbs = Limbs(held.outer[: 2 * rows, :columns], held.middle[:rows, :columns], held.both[:rows, :columns])
    scratch.steps.cut(x, limbs.outer[rows:], limbs.middle, limbs.outer[:rows], limbs.both)
    return limbs


def _add_block(left: Limbs, right: Limbs, out: Ring, scratch: _Scratch) -> None:
    columns, rows = left.middle.shape[1], len(right.middle)
    low, middle, both, outer = (product[: out.shape[0], : out.shape[1]] for product in scratch.products)
    np.matmul(left.outer[:, :columns], right.outer[rows:], out=low)
    np.matmul(left.middle, right.middle, out=middle)
    np.matmul(left.both, right.both, out=both)
    np.matmul(left.outer, right.outer, out=outer)
    scratch.steps.join(low, middle, both, outer, out)
