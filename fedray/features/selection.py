"""Leaving columns out: those that are named, or that their own values on the training rows speak against."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from fedray.data.scaling import Standardizer
from fedray.errors import DataError
from fedray.features.advice import inflation
from fedray.features.describing import standardise
from fedray.features.steps import Counts, Table

__all__ = ["Bound", "Selection"]

Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Selection:
    """The names of the columns that are left out, each of which the table has."""

    out: tuple[str, ...]

    def apply(self, table: Table) -> tuple[Table, Counts]:
        """Leave the columns out; counts nothing."""
        return table.replaced({name: {} for name in self.out}), Counter()

    def as_dict(self) -> dict[str, object]:
        """Return JSON values that `from_dict` reads back without loss."""
        return {"step": "selection", "out": self.out}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild what `as_dict` wrote; raises ``KeyError``, ``TypeError`` or ``ValueError`` for something else."""
        return cls(tuple(map(str, data["out"])))


@dataclass(frozen=True)
class Bound:
    """What a column's own values must come to.

    Attributes
    ----------
    statistic
        ``mean``, ``std``, ``min``, ``median``, ``max``, ``range``, ``variation``, ``mode_part``, ``quantile`` or
        ``vif``, the variance inflation factor among these columns.
    least, most
        Bounds; None is none.
    quantile
        Which one.
    """

    statistic: str
    least: float | None = None
    most: float | None = None
    quantile: float | None = None

    def against(self, table: Table) -> list[str]:
        """Return the columns of numbers that are outside of the bounds; those without any value are.

        Raises
        ------
        DataError
            The statistic is unknown.
        """
        if self.statistic not in ("quantile", "vif", *_STATISTICS):
            raise DataError(f"statistic: expected quantile, vif or one of {', '.join(_STATISTICS)}")
        names = table.numbers(None)
        if self.statistic == "vif":
            found = standardise(np.column_stack([table.column(name) for name in names]), names) if names else None
            factors = {} if found is None else dict(zip(found.columns, _inflation(found.values), strict=True))
            return [name for name in names if not self._holds(factors.get(name, 1.0))]
        return [name for name in names if not self._of(table.column(name))]

    def _of(self, column: Float) -> bool:
        present = column[~np.isnan(column)]
        if not present.size:
            return False
        if self.statistic == "quantile":
            return self._holds(float(np.quantile(present, self.quantile or 0.0)))
        return self._holds(_STATISTICS[self.statistic](present))

    def _holds(self, value: float) -> bool:
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


def _inflation(values: Float) -> list[float]:
    """Return the factors of standardised columns, shape (n, d)."""
    factors: list[float] = inflation(values.T @ values / len(values)).tolist()
    return factors


def _mean_and_std(values: Float) -> tuple[float, float]:
    whole = Standardizer.fit(values[:, None], ("",))
    return whole.mean[0], 0.0 if whole.constant[0] else whole.std[0]


def _variation(values: Float) -> float:
    """Return the deviation by the size of the mean; infinite where the mean is 0."""
    mean, std = _mean_and_std(values)
    return std / abs(mean) if mean else math.inf


def _mode_part(values: Float) -> float:
    return float(np.unique(values, return_counts=True)[1].max()) / values.size


_STATISTICS: Final[Mapping[str, Callable[[Float], float]]] = MappingProxyType(
    {
        "mean": lambda values: _mean_and_std(values)[0],
        "std": lambda values: _mean_and_std(values)[1],
        "min": lambda values: float(values.min()),
        "median": lambda values: float(np.median(values)),
        "max": lambda values: float(values.max()),
        "range": lambda values: float(values.max()) - float(values.min()),
        "variation": _variation,
        "mode_part": _mode_part,
    }
)
