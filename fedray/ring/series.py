"""Periodic series at points in the ring: compiled where numba is there, NumPy elsewhere, the same bits."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import numpy.typing as npt

from fedray.ring import trig
from fedray.ring.compiled import have_kernels

Ring = npt.NDArray[np.uint64]
Float = npt.NDArray[np.float64]


def tables(
    points: Ring, period_bits: int, count: int, scale: float, *, stride: int = 1, compiled: bool | None = None
) -> tuple[Ring, Ring]:
    """Return round(scale * cos) and round(scale * sin) of 2 pi k point / 2^period_bits, k = 1, 1 + stride, ...

    Parameters
    ----------
    points
        Shape (T, m).
    count, stride
        Number of harmonics, K, and the distance between them, 1 or 2.

    Returns
    -------
    tuple
        Cosines and sines, each of shape (T, K, m).
    """
    steps, size = points.shape
    cosines, sines = (np.empty((steps, count, size), dtype=np.uint64) for _ in range(2))
    _module(compiled).tables(trig.turn(points, period_bits), stride, scale, cosines, sines)
    return cosines, sines


def combine(
    points: Ring,
    period_bits: int,
    shares: tuple[Ring, Ring],
    coefficients: tuple[Float, Float],
    *,
    stride: int = 1,
    compiled: bool | None = None,
) -> Ring:
    """Return my share of each series at (point - r), given my shares of cos and sin of k r.

    Parameters
    ----------
    points
        The opened c = z + r, shape (m,).
    shares
        My shares of the cosine and the sine table, each (K, m).
    coefficients
        Factors of sine and of cosine, each (S, K), already times the ratio of scales.
    stride
        As for `tables`.

    Returns
    -------
    ndarray of shape (S, m)
    """
    odd, even = coefficients
    out = np.zeros((odd.shape[0], points.size), dtype=np.uint64)
    _module(compiled).combine(trig.turn(points, period_bits), shares[0], shares[1], odd, even, stride, out)
    return out


def warm_up() -> None:
    """Load and compile the kernels now rather than in the first step."""
    point, table = np.zeros((1, 1), np.uint64), np.zeros((1, 1), np.uint64)
    tables(point, 64, 1, 1.0)
    combine(point[0], 64, (table, table), (np.zeros((1, 1)), np.zeros((1, 1))))


def _module(compiled: bool | None) -> ModuleType:
    if compiled is False or (compiled is None and not have_kernels()):
        return trig
    from fedray.ring import kernels

    return kernels
