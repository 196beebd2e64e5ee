"""Large products modulo 2^64 on the processor's matrix unit, where there is one (Intel AMX): exact.

An element is cut into its eight bytes, x = sum 2^(8 i) x_i. Modulo 2^64 only the 36 pairs with i + j <= 7 count:

    x y = sum over w < 8 of 2^(8 w) (x_0 y_w + ... + x_w y_0)

The unit adds products of unsigned bytes modulo 2^32. For w >= 4 that is all that 2^(8 w) leaves of a sum; for w < 4 no
sum of k terms wraps around, since 4 k 255^2 < 2^32 up to k = 16512. The bytes of the left side lie in the order 0, 1,
..., those of the right side in the order 7, 6, ..., so that every inner sum is one product of what lies side by side.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

import numpy as np
import numpy.typing as npt

from fedray.ring.compiled import have_kernels

__all__ = ["have_tiles", "matmul"]

Ring = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]

TERMS = 16384
"""Most terms of a sum; see the module's docstring."""

_SIDE = 32
"""Rows and columns of a block of sums."""

_CALL, _REQUEST, _TILE_DATA = 158, 0x1023, 18
"""Linux on x86-64: arch_prctl, its request for permission, and the state that permission is asked for."""


@cache
def have_tiles() -> bool:
    """Return whether this process may use a matrix unit, and gets a product right on it."""
    if not (have_kernels() and _compiles_for_unit() and _permitted()):
        return False
    x = np.arange(1, 49, dtype=np.uint64).reshape(6, 8) * np.uint64(0x9E3779B97F4A7C15)
    return bool(np.array_equal(matmul(x, x.T), np.matmul(x, x.T)))


def _compiles_for_unit() -> bool:
    """Return whether compiled code is for this very processor and that has the unit: the compiler dies of others."""
    from llvmlite import binding
    from numba import config

    chosen = config.CPU_NAME or config.CPU_FEATURES
    features = binding.get_host_cpu_features()
    return not chosen and bool(features.get("amx-tile") and features.get("amx-int8"))


def _permitted() -> bool:
    """Ask the kernel for the state of the tiles, which a process does not have by itself."""
    if not sys.platform.startswith("linux"):
        return False
    return int(ctypes.CDLL(None).syscall(_CALL, _REQUEST, _TILE_DATA)) == 0


def matmul(a: Ring, b: Ring) -> Ring:
    """Return ``a @ b`` modulo 2^64; shapes (m, k) and (k, n). Only where `have_tiles`."""
    from fedray.ring import tile_kernels

    (m, k), n = a.shape, b.shape[1]
    out = np.zeros((_whole(m, _SIDE), _whole(n, _SIDE)), np.uint64)
    sums = np.empty((_SIDE, _SIDE), np.uint32)
    for first in range(0, k, TERMS):
        ours, theirs = np.ascontiguousarray(a[:, first : first + TERMS]), np.ascontiguousarray(b[first : first + TERMS])
        left, right = _packed(out.shape[0], len(theirs)), _packed(out.shape[1], len(theirs))
        tile_kernels.pack_left(ours, left)
        tile_kernels.pack_right(theirs, right)
        tile_kernels.add_product(left, right, _shapes(), sums, out)
    return out[:m, :n]


def _whole(size: int, unit: int) -> int:
    return -(-size // unit) * unit


def _packed(size: int, terms: int) -> Bytes:
    """Return zeros for the bytes of `size` rows or columns, at an address that a row of a tile does not cut."""
    shape = (size // 16, 8, _whole(terms, 64) // 64, 16, 64)
    room = np.zeros(int(np.prod(shape)) + 64, np.uint8)
    first = -room.ctypes.data % 64
    return room[first : len(room) - 64 + first].reshape(shape)


@cache
def _shapes() -> Bytes:
    """Return the configuration of eight tiles of 16 rows of 64 bytes; by Intel's manual, table 3-10 of volume 1."""
    shapes = np.zeros(64, np.uint8)
    shapes[0] = 1
    shapes[16:32].view(np.uint16)[:] = 64
    shapes[48:56] = 16
    return shapes
