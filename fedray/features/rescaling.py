"""Scaling of columns by mean and deviation, or to a range, as scikit-learn's scalers do: x -> (x - centre) / unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fedray.data.scaling import Standardizer
from fedray.data.wording import count, shorten
from fedray.errors import DataError
from fedray.features.steps import Counts, Table

__all__ = ["Scaling", "refuse_gaps"]

Float = npt.NDArray[np.float64]

LEAST_SPAN = 10 * float(np.finfo(np.float64).eps)
"""Columns whose values lie closer together are not stretched."""


@dataclass(frozen=True)
class Line:
    """The map x -> (x - centre) / unit, or x -> x factor + shift, of a column; and between which bounds it stays."""

    centre: float = 0.0
    unit: float = 1.0
    factor: float = 1.0
    shift: float = 0.0
    bounds: tuple[float, float] | None = None

    def apply(self, column: Float) -> Float:
        """Return the scaled column, shape (n,)."""
        with np.errstate(over="ignore", invalid="ignore"):
            scaled: Float = (column - self.centre) / self.unit * self.factor + self.shift
        return scaled if self.bounds is None else np.clip(scaled, *self.bounds)


@dataclass(frozen=True)
class Scaling:
    """The map of each column."""

    lines: Mapping[str, Line]

    @classmethod
    def fit(
        cls,
        table: Table,
        columns: Sequence[str] | None,
        method: str,
        feature_range: tuple[float, float] = (0.0, 1.0),
        clip: bool = False,
    ) -> Self:
        """Take the maps from training rows.

        Parameters
        ----------
        columns
            Names; None for all columns of numbers.
        method
            ``standard``, or ``minmax``.
        feature_range, clip
            With ``minmax``: where the training rows come to lie, and whether others are cut off there.

        Raises
        ------
        DataError
            A column is not there, or has gaps.
        """
        made = {}
        for name in table.numbers(columns):
            column = table.column(name)
            refuse_gaps(name, column)
            made[name] = _standard(name, column) if method == "standard" else _between(column, feature_range, clip)
        return cls(made)

    def apply(self, table: Table) -> tuple[Table, Counts]:
        """Scale the columns; counts nothing."""
        made = {name: line.apply(table.column(name)) for name, line in self.lines.items()}
        for name, column in made.items():
            refuse_gaps(name, table.column(name))
            if not np.isfinite(column).all():
                raise DataError(f"column {shorten(name)} has values that are too large to be scaled")
        return table.changed(made), Counter()

    def as_dict(self) -> dict[str, object]:
        """Return JSON values that `from_dict` reads back without loss."""
        return {"step": "scaling", "lines": {name: vars(line) for name, line in self.lines.items()}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild what `as_dict` wrote; raises ``KeyError``, ``TypeError`` or ``ValueError`` for something else."""
        return cls({str(name): _line(**line) for name, line in data["lines"].items()})


def _line(bounds: Sequence[float] | None, **numbers: float) -> Line:
    return Line(**numbers, bounds=None if bounds is None else (float(bounds[0]), float(bounds[1])))


def _standard(name: str, column: Float) -> Line:
    whole = Standardizer.fit(column[:, None], (name,))
    return Line(centre=whole.mean[0], unit=whole.std[0])


def _between(column: Float, ends: tuple[float, float], clip: bool) -> Line:
    low, high = float(column.min()), float(column.max())
    with np.errstate(over="ignore"):
        span = high - low
    factor = (ends[1] - ends[0]) / (span if span >= LEAST_SPAN else 1.0)
    return Line(factor=factor, shift=ends[0] - low * factor, bounds=ends if clip else None)


def refuse_gaps(name: str, column: Float) -> None:
    """Refuse a column with gaps, by a ``DataError`` that says how to fill them."""
    gaps = int(np.isnan(column).sum())
    if gaps:
        raise DataError(f"column {shorten(name)} has {count(gaps, 'gap')}; fill them by a step imputation before")
