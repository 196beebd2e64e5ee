"""Cutting columns into bins, and which of them rows fall into; at the owner only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fedray.trees.binning import Binning

__all__ = ["MISSING_SLOT", "cut", "slots"]

Float = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

MISSING_SLOT = 0
"""Missing values come before the smallest ones, so that a few of them are joined with these."""


def cut(train: Float, columns: Sequence[str], bins: int, method: str) -> Binning:
    """Cut the columns of the training rows; those with one value only are left out.

    Parameters
    ----------
    train
        Finite float64 or NaN, shape (n, d), n at least 1.
    columns
        Names of the d columns.
    bins
        Most bins of a column, missing values not counted; at least 2.
    method
        ``quantile`` or ``equal_width``.
    """
    by_count = Binning.fit(train, columns, bins)
    if method == "quantile":
        return by_count
    edges = tuple(_equal_width(train[:, k], bins) for k in by_count.kept)
    return Binning(by_count.given, by_count.kept, edges, bins)


def slots(binning: Binning, x: Float) -> Codes:
    """Return the slots of rows: 0 for missing values, then the bins from 1 in rising order; shape (n, kept)."""
    codes = binning.apply(x).astype(np.int64)
    return np.where(codes == binning.bins, MISSING_SLOT, codes + 1)


def _equal_width(column: Float, bins: int) -> tuple[float, ...]:
    """Return cuts at equal distances, fewer where floats are too coarse for them."""
    present = column[~np.isnan(column)]
    low, high = float(present.min()), float(present.max())
    part = np.arange(1, bins) / bins
    cuts = np.unique(low * (1.0 - part) + high * part)  # their difference might overflow
    return tuple(float(cut) for cut in cuts[(cuts >= low) & (cuts < high)])
