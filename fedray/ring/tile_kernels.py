"""Cutting into bytes and multiplying on the matrix unit; see `fedray.ring.tiles`, which is the only caller."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from fedray.ring.tile_code import configure, dot, load, release, store, zero

Ring = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]
Sums = npt.NDArray[np.uint32]

_TILE = 1024  # bytes
_NEAR = 8  # tiles of columns whose bytes stay in the second cache, at 1024 terms


@njit(cache=True, nogil=True)
def pack_left(x: Ring, out: Bytes) -> None:
    """Write byte d of every element; `out` is zero, shape (m / 16, 8, k / 64, 16, 64), x has at most (m, k)."""
    m, k = x.shape
    for i in range(m):
        for chunk in range(out.shape[2]):
            first = 64 * chunk
            terms = min(64, k - first)
            for d in range(8):
                shift = np.uint64(8 * d)
                row = out[i // 16, d, chunk, i % 16]
                for q in range(terms):
                    row[q] = np.uint8(x[i, first + q] >> shift)


@njit(cache=True, nogil=True)
def pack_right(x: Ring, out: Bytes) -> None:
    """Write byte 7 - d of every element, four rows side by side; `out` is zero, shape (n / 16, 8, k / 64, 16, 64)."""
    k, n = x.shape
    for i in range(k):
        chunk, row, place = i // 64, i % 64 // 4, i % 4
        for block in range(out.shape[0]):
            first = 16 * block
            columns = min(16, n - first)
            for d in range(8):
                shift = np.uint64(56 - 8 * d)
                line = out[block, d, chunk, row]
                for q in range(columns):
                    line[4 * q + place] = np.uint8(x[i, first + q] >> shift)


@njit(cache=True, nogil=True)
def _sum_up(left: int, right: int, line: int, tiles: int, sums: int) -> None:
    """Write 2 x 2 tiles of sums: `tiles` tiles of terms from two rows of tiles and two columns, `line` bytes apart."""
    zero(0)
    zero(1)
    zero(2)
    zero(3)
    for _ in range(tiles):
        load(4, left, 64)
        load(6, right, 64)
        dot(0, 4, 6)
        load(5, left + line, 64)
        dot(1, 5, 6)
        load(7, right + line, 64)
        dot(2, 4, 7)
        dot(3, 5, 7)
        left += _TILE
        right += _TILE
    store(0, sums, 128)
    store(1, sums + 2048, 128)
    store(2, sums + 64, 128)
    store(3, sums + 2112, 128)


@njit(cache=True, nogil=True)
def _add_shifted(sums: Sums, weight: int, out: Ring) -> None:
    shift = np.uint64(8 * weight)
    for i in range(32):
        for j in range(32):
            out[i, j] += np.uint64(sums[i, j]) << shift


@njit(cache=True, nogil=True)
def add_product(left: Bytes, right: Bytes, shapes: Bytes, sums: Sums, out: Ring) -> None:
    """Add the product to `out`, whose sizes are multiples of 32.

    Parameters
    ----------
    left, right
        As packed.
    shapes
        The configuration of the tiles, 64 bytes.
    sums
        Room for 32 x 32 sums.
    """
    configure(shapes.ctypes.data)
    chunks = left.shape[2]
    line = 8 * chunks * _TILE
    start, end, room = left.ctypes.data, right.ctypes.data, sums.ctypes.data
    for near in range(0, right.shape[0], _NEAR):
        for i in range(0, left.shape[0], 2):
            for j in range(near, min(near + _NEAR, right.shape[0]), 2):
                for weight in range(8):
                    # bytes 0 to weight of the left side meet bytes weight to 0 of the right one
                    ours, theirs = start + i * line, end + j * line + (7 - weight) * chunks * _TILE
                    _sum_up(ours, theirs, line, (weight + 1) * chunks, room)
                    _add_shifted(sums, weight, out[16 * i : 16 * i + 32, 16 * j : 16 * j + 32])
    release()
