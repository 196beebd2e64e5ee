"""Bits of ring elements in planes: plane i holds bit i of 64 elements a word, so that one word operation serves 64.

Elements are padded with zeros to a multiple of 64.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fedray.ring.compiled import have_kernels

Ring = npt.NDArray[np.uint64]

WORD = 64


def words_for(count: int) -> int:
    """Return the number of words in a plane of `count` elements."""
    return -(-count // WORD)


def to_planes(x: Ring) -> Ring:
    """Return the bits of x, shape (m,), as planes of shape (64, ceil(m / 64)); bit k of word j is element 64 j + k."""
    padded = np.zeros(words_for(x.size) * WORD, dtype=np.uint64)
    padded[: x.size] = x
    return transposed(padded.reshape(-1, WORD)).T.copy()


def from_plane(plane: Ring, count: int) -> Ring:
    """Return the `count` bits of a plane, shape (words,), as elements 0 and 1."""
    octets = plane.astype("<u8").view(np.uint8)
    return np.unpackbits(octets, bitorder="little")[:count].astype(np.uint64)


def transposed(blocks: Ring, *, compiled: bool | None = None) -> Ring:
    """Transpose 64 by 64 matrices of bits, shape (n, 64) of rows; by swapping halves, quarters and so on."""
    out = blocks.copy()
    if compiled is not False and have_kernels():
        from fedray.ring import kernels

        kernels.transpose_bits(out)
        return out
    width = 32
    mask = np.uint64((1 << 32) - 1)
    while width:
        low = out.reshape(len(out), -1, 2, width)
        upper, lower = low[:, :, 0], low[:, :, 1]
        # rows i and i + width exchange the high bits of the one with the low bits of the other
        swap = ((upper >> np.uint64(width)) ^ lower) & mask
        lower ^= swap
        upper ^= swap << np.uint64(width)
        width //= 2
        mask ^= mask << np.uint64(width)
    return out
