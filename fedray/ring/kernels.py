"""Compiled kernels; each has a NumPy twin with the same bits, which tests compare.

Compiled once and cached beside this file. No fast-math: the order of float operations is part of the contract (see
`fedray.ring.trig`).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from fedray.ring.trig import COS_COEFFICIENTS, SIN_COEFFICIENTS

Ring = npt.NDArray[np.uint64]
Float = npt.NDArray[np.float64]

_SIN = np.array(SIN_COEFFICIENTS)
_COS = np.array(COS_COEFFICIENTS)
_ROWS = 16
_COLUMNS = 256
_FEW = 16
_BLOCK = 512  # points whose waves stay in the first cache


@njit(cache=True, nogil=True)
def _matmul(a: Ring, b: Ring, out: Ring) -> None:
    m, inner = a.shape
    n = b.shape[1]
    whole = inner - inner % 8
    for i0 in range(0, m, _ROWS):
        i1 = min(i0 + _ROWS, m)
        for j0 in range(0, n, _COLUMNS):
            j1 = min(j0 + _COLUMNS, n)
            for k in range(0, whole, 8):  # eight rows of b at once: one load and store of out serves eight products
                b0, b1, b2, b3 = b[k, j0:j1], b[k + 1, j0:j1], b[k + 2, j0:j1], b[k + 3, j0:j1]
                b4, b5, b6, b7 = b[k + 4, j0:j1], b[k + 5, j0:j1], b[k + 6, j0:j1], b[k + 7, j0:j1]
                for i in range(i0, i1):
                    row = out[i, j0:j1]
                    f0, f1, f2, f3 = a[i, k], a[i, k + 1], a[i, k + 2], a[i, k + 3]
                    f4, f5, f6, f7 = a[i, k + 4], a[i, k + 5], a[i, k + 6], a[i, k + 7]
                    for j in range(j1 - j0):
                        row[j] += (f0 * b0[j] + f1 * b1[j] + f2 * b2[j] + f3 * b3[j]) + (
                            f4 * b4[j] + f5 * b5[j] + f6 * b6[j] + f7 * b7[j]
                        )
            for k in range(whole, inner):
                for i in range(i0, i1):
                    factor = a[i, k]
                    for j in range(j0, j1):
                        out[i, j] += factor * b[k, j]


@njit(cache=True, nogil=True)
def _dots(a: Ring, b: Ring, out: Ring) -> None:
    """Fill `out` with the products of rows of a and rows of b: for few columns, where a row of `out` is too short."""
    for i in range(a.shape[0]):
        for j in range(b.shape[0]):
            left, right = a[i], b[j]
            total = np.uint64(0)
            for k in range(left.size):
                total += left[k] * right[k]
            out[i, j] = total


@njit(cache=True, nogil=True)
def _products(a: Ring, b: Ring, out: Ring) -> None:
    for step in range(a.shape[0]):
        _matmul(a[step], b[step], out[step])


@njit(cache=True, nogil=True)
def _products_of_rows(a: Ring, b: Ring, out: Ring) -> None:
    for step in range(a.shape[0]):
        _dots(a[step], b[step], out[step])


def matmul(a: Ring, b: Ring) -> Ring:
    """Return ``a @ b`` modulo 2^64, in the caller's thread; shapes (..., m, k) and (..., k, n), leading axes alike."""
    shape = (*a.shape[:-1], b.shape[-1])
    out = np.zeros(shape, dtype=np.uint64)
    few = b.shape[-1] < _FEW
    right = np.ascontiguousarray(b.swapaxes(-1, -2) if few else b)
    if a.ndim == 2:
        (_dots if few else _matmul)(np.ascontiguousarray(a), right, out)
        return out
    steps = (math.prod(shape[:-2]),)
    left, right, made = (x.reshape(steps + x.shape[-2:]) for x in (np.ascontiguousarray(a), right, out))
    (_products_of_rows if few else _products)(left, right, made)
    return out


@njit(cache=True, nogil=True)
def cut(x: Ring, low: Float, middle: Float, high: Float, both: Float) -> None:
    """Write the limbs of x; see `fedray.ring.limb_steps.cut`."""
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            rest = np.int64(x[i, j])
            first = (rest << 42) >> 42
            rest = (rest - first) >> 22
            second = (rest << 44) >> 44
            rest = (rest - second) >> 20
            low[i, j], middle[i, j], high[i, j] = first, second, (rest << 42) >> 42
            both[i, j] = first + second


@njit(cache=True, nogil=True)
def join(low: Float, middle: Float, both: Float, outer: Float, out: Ring) -> None:
    """Add the products of limbs to `out`; see `fedray.ring.limb_steps.join`."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            first, second = np.int64(low[i, j]), np.int64(middle[i, j])
            third, fourth = np.int64(both[i, j]), np.int64(outer[i, j])
            out[i, j] += np.uint64(first + ((third - first - second) << 22) + (fourth << 42) + (second << 44))


@njit(cache=True, nogil=True)
def _sincos(turn: float) -> tuple[float, float]:
    quarter = np.rint(turn * 4.0)
    t = turn * 4.0 - quarter
    u = t * t
    s = _SIN[-1]
    for i in range(_SIN.size - 2, -1, -1):
        s = s * u + _SIN[i]
    s = s * t
    c = _COS[-1]
    for i in range(_COS.size - 2, -1, -1):
        c = c * u + _COS[i]
    # choices rather than branches, so that the loop over points runs in vectors
    odd, half = abs(quarter) == 1.0, abs(quarter) == 2.0
    sine = quarter * c if odd else (-s if half else s)
    cosine = -quarter * s if odd else (-c if half else c)
    return sine, cosine


@njit(cache=True, nogil=True)
def _start(turns: Float, stride: int, waves: Float) -> None:
    """Fill the rows of `waves`: sine and cosine of harmonic 1 and of the one before it, twice the cosine of a step."""
    for j in range(turns.size):
        sine, cosine = _sincos(turns[j])
        waves[0, j], waves[1, j] = sine, cosine
        if stride == 1:
            waves[2, j], waves[3, j], waves[4, j] = 0.0, 1.0, cosine * 2.0
        else:
            waves[2, j], waves[3, j], waves[4, j] = -sine, cosine, cosine * cosine * 4.0 - 2.0


@njit(cache=True, nogil=True)
def _advance(waves: Float, size: int) -> None:
    """Go to the next harmonic, by the Chebyshev recurrence."""
    for j in range(size):
        sine, cosine = waves[0, j], waves[1, j]
        waves[0, j] = waves[4, j] * sine - waves[2, j]
        waves[1, j] = waves[4, j] * cosine - waves[3, j]
        waves[2, j], waves[3, j] = sine, cosine


@njit(cache=True, nogil=True)
def combine(turns: Float, table_cos: Ring, table_sin: Ring, odd: Float, even: Float, stride: int, out: Ring) -> None:
    """Add to `out` the share of every series at its point; see `fedray.ring.series.combine`.

    Parameters
    ----------
    turns
        Shape (m,): the opened c as a fraction of the period.
    table_cos, table_sin
        Shape (K, m): my shares of cos and sin of 2 pi k r.
    odd, even
        Shape (S, K): the coefficients of sine and cosine of each series, times the factor to its scale.
    out
        Shape (S, m).
    """
    waves = np.empty((5, _BLOCK))
    for j0 in range(0, turns.size, _BLOCK):
        j1 = min(j0 + _BLOCK, turns.size)
        _start(turns[j0:j1], stride, waves)
        for k in range(table_cos.shape[0]):
            for f in range(odd.shape[0]):
                _add(waves, table_cos[k, j0:j1], table_sin[k, j0:j1], odd[f, k], even[f, k], out[f, j0:j1])
            _advance(waves, j1 - j0)


@njit(cache=True, nogil=True)
def _add(waves: Float, by_cos: Ring, by_sin: Ring, odd: float, even: float, out: Ring) -> None:
    """Add one harmonic of one series.

    cos and sin of k(c - r) = public factor times share; the factor is rounded alike at every party.
    """
    for j in range(out.size):
        of_cos = np.rint(odd * waves[0, j] + even * waves[1, j])
        of_sin = np.rint(even * waves[0, j] - odd * waves[1, j])
        out[j] += np.uint64(np.int64(of_cos)) * by_cos[j] + np.uint64(np.int64(of_sin)) * by_sin[j]


@njit(cache=True, nogil=True)
def tables(turns: Float, stride: int, scale: float, cosines: Ring, sines: Ring) -> None:
    """Write round(scale * cos 2 pi k turn) and the same of sin; turns of shape (T, m), tables (T, K, m)."""
    waves = np.empty((5, _BLOCK))
    for step in range(turns.shape[0]):
        for j0 in range(0, turns.shape[1], _BLOCK):
            j1 = min(j0 + _BLOCK, turns.shape[1])
            _start(turns[step, j0:j1], stride, waves)
            for k in range(cosines.shape[1]):
                _round(waves[1], scale, cosines[step, k, j0:j1])
                _round(waves[0], scale, sines[step, k, j0:j1])
                _advance(waves, j1 - j0)


@njit(cache=True, nogil=True)
def _round(wave: Float, scale: float, out: Ring) -> None:
    for j in range(out.size):
        out[j] = np.uint64(np.int64(np.rint(scale * wave[j])))


@njit(cache=True, nogil=True)
def transpose_bits(blocks: Ring) -> None:
    """Transpose 64 by 64 matrices of bits in place; shape (n, 64) of rows."""
    for block in range(blocks.shape[0]):
        width = 32
        mask = np.uint64((1 << 32) - 1)
        while width:
            shift = np.uint64(width)
            row = 0
            while row < 64:
                for i in range(row, row + width):
                    swap = ((blocks[block, i] >> shift) ^ blocks[block, i + width]) & mask
                    blocks[block, i + width] ^= swap
                    blocks[block, i] ^= swap << shift
                row += 2 * width
            width //= 2
            mask ^= mask << np.uint64(width)
