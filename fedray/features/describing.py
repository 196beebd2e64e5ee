"""What a party finds out about its own columns: statistics, and which of them can be correlated; local."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fedray.data.scaling import Standardizer
from fedray.data.wording import shorten

__all__ = ["LEAST_ROWS", "Standardised", "describe", "standardise"]

Float = npt.NDArray[np.float64]

LEAST_ROWS = 20
"""Rows that differ from a column's most frequent value, where columns of others are multiplied with it."""


def describe(name: str, column: Float) -> dict[str, object]:
    """Return the statistics of a column: of the values that are there but for `count`, which is all rows.

    Parameters
    ----------
    column
        Finite float64 or NaN, shape (n,).
    """
    present = column[~np.isnan(column)]
    facts: dict[str, object] = {"column": name, "count": column.size, "missing": column.size - present.size}
    if not present.size:
        return {**facts, **dict.fromkeys(("mean", "std", "min", "q25", "median", "q75", "max")), "distinct": 0}
    whole = Standardizer.fit(present[:, None], (name,))
    low, q25, median, q75, high = (float(value) for value in np.quantile(present, (0.0, 0.25, 0.5, 0.75, 1.0)))
    return {
        **facts,
        "mean": whole.mean[0],
        "std": 0.0 if whole.constant[0] else whole.std[0],
        "min": low,
        "q25": q25,
        "median": median,
        "q75": q75,
        "max": high,
        "distinct": int(np.unique(present).size),
    }


@dataclass(frozen=True, eq=False)
class Standardised:
    """Columns that can be correlated.

    Attributes
    ----------
    columns
        Their names.
    values
        Less their mean and by their deviation, shape (n, columns).
    left_out
        Names of the others.
    """

    columns: tuple[str, ...]
    values: Float
    left_out: tuple[str, ...]

    def notes(self) -> Iterator[str]:
        """Yield a sentence for each column that is left out."""
        for name in self.left_out:
            yield (
                f"column {shorten(name)}: fewer than {LEAST_ROWS} rows of the train part differ from its most frequent "
                "value: it is left out of the correlations"
            )


def standardise(table: Float, names: Sequence[str]) -> Standardised:
    """Standardise the columns whose correlations tell of no single row; a missing value counts as the mean.

    Parameters
    ----------
    table
        Finite float64 or NaN, shape (n, d).
    """
    fit = [k for k in range(table.shape[1]) if _others(table[:, k]) >= LEAST_ROWS]
    kept = table[:, fit].copy()
    for column in kept.T:
        gaps = np.isnan(column)
        column[gaps] = _mean(column[~gaps])
    values = np.empty((len(table), 0))
    if fit:
        values = Standardizer.fit(kept, [names[k] for k in fit]).apply(kept)
    left_out = tuple(name for k, name in enumerate(names) if k not in set(fit))
    return Standardised(tuple(names[k] for k in fit), values, left_out)


def _others(column: Float) -> int:
    """Return how many rows have a value that is there and not the most frequent one."""
    _, counts = np.unique(column[~np.isnan(column)], return_counts=True)
    return int(counts.sum() - counts.max()) if counts.size else 0


def _mean(values: Float) -> float:
    largest = float(np.abs(values).max()) or 1.0  # the sum of large numbers might overflow
    return float((values / largest).mean() * largest)
