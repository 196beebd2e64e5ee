"""Scaling of feature columns: fitted on the train part, replayed on every other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import numpy.typing as npt

from fedray.data.wording import shorten
from fedray.errors import DataError, RangeGuardError

__all__ = ["Scale", "Standardizer"]

Scale = Literal["standard", "none"]


@dataclass(frozen=True)
class Standardizer:
    """The map x -> (x - mean) / std of each column; a constant column becomes 0.

    Parameters
    ----------
    columns
        Names of the d columns.
    mean, std
        Of the train part (std of the population), one number a column.
    constant
        Which columns have one value only in the train part.
    """

    columns: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    constant: tuple[bool, ...]

    @classmethod
    def fit(cls, train: npt.NDArray[np.float64], columns: Sequence[str], scale: Scale = "standard") -> Self:
        """Take mean and deviation from the train part.

        Parameters
        ----------
        train
            Finite float64, shape (n, d), n at least 1.
        columns
            Names of the d columns.
        scale
            ``standard``, or ``none`` for the map that changes nothing.
        """
        width = train.shape[1]
        if scale == "none":
            return cls(tuple(columns), (0.0,) * width, (1.0,) * width, (False,) * width)
        constant = train.max(axis=0) == train.min(axis=0)
        # Divided by its largest magnitude, a column's sum of squares can neither overflow nor vanish.
        largest = np.abs(train).max(axis=0)
        unit = np.where(largest > 0, largest, 1.0)
        mean = (train / unit).mean(axis=0) * unit
        std = np.where(constant, 1.0, (train / unit).std(axis=0) * unit)
        return cls(
            tuple(columns),
            tuple(float(value) for value in mean),
            tuple(float(value) for value in std),
            tuple(bool(value) for value in constant),
        )

    @property
    def given(self) -> tuple[str, ...]:
        """Names of the columns of the table: the model sees all of them."""
        return self.columns

    def apply(self, x: npt.NDArray[np.float64], bound: float = np.inf) -> npt.NDArray[np.float64]:
        """Return the scaled columns, shape (n, d).

        Parameters
        ----------
        x
            Finite float64, shape (n, d).
        bound
            Largest magnitude that a scaled value may have: the range in which the encoding is right.

        Raises
        ------
        RangeGuardError
            A scaled value is larger, or too large for a float; the column is named.
        DataError
            The table has another width than the one that was fitted.
        """
        if x.shape[1] != len(self.columns):
            raise DataError(f"expected a table of {len(self.columns)} columns, got {x.shape[1]}")
        with np.errstate(over="ignore", invalid="ignore"):
            scaled: npt.NDArray[np.float64] = (x - np.array(self.mean)) / np.array(self.std)
        scaled[:, np.array(self.constant, dtype=bool)] = 0.0
        # Written so that NaN, from an overflow, counts as too large.
        outside = ~(np.abs(scaled) <= min(bound, float(np.finfo(np.float64).max)))
        if outside.any():
            self._complain(outside, bound)
        return scaled

    def _complain(self, outside: npt.NDArray[np.bool_], bound: float) -> None:
        k = int(np.flatnonzero(outside.any(axis=0))[0])
        rows = np.flatnonzero(outside[:, k])
        raise RangeGuardError(
            f"column {shorten(self.columns[k])}: {len(rows)} of {len(outside)} values are larger than {bound:g} in "
            f"magnitude after scaling, first at row {int(rows[0]) + 1}; scale the column or cut its outliers"
        )

    def notes(self) -> tuple[str, ...]:
        """Return a sentence for each constant column."""
        return tuple(
            f"column {shorten(name)} has one value only in the train part: it counts as 0"
            for name, constant in zip(self.columns, self.constant, strict=True)
            if constant
        )

    def as_dict(self) -> dict[str, object]:
        """Return the map as JSON values that `from_dict` reads back without loss."""
        return {
            "columns": list(self.columns),
            "mean": list(self.mean),
            "std": list(self.std),
            "constant": list(self.constant),
        }

    @classmethod
    def from_dict(cls, data: dict[str, object]) -> Self:
        """Rebuild the map that `as_dict` wrote.

        Raises
        ------
        DataError
            The document is not one that `as_dict` wrote.
        """
        fields = {name: data.get(name) for name in ("columns", "mean", "std", "constant")}
        lists = {name: value for name, value in fields.items() if isinstance(value, list)}
        widths = {len(value) for value in lists.values()}
        if len(lists) != len(fields) or len(widths) != 1:
            raise DataError("scaling: expected the lists columns, mean, std and constant, of one length")
        mean, std = _floats(lists["mean"], "mean"), _floats(lists["std"], "std")
        if not all(value > 0 for value in std):
            raise DataError("scaling: every std must be positive")
        names = tuple(str(name) for name in lists["columns"])
        return cls(names, mean, std, tuple(value is True for value in lists["constant"]))


def _floats(values: list[object], field: str) -> tuple[float, ...]:
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    if len(numbers) != len(values) or not np.isfinite(numbers).all():
        raise DataError(f"scaling: {field} must hold finite numbers only")
    return tuple(numbers)
