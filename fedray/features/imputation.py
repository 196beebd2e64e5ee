"""Filling gaps by one value a column: mean, median or most frequent value of the training rows, or a constant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fedray.data.scaling import Standardizer
from fedray.data.wording import shorten
from fedray.data.words import by_value, word_of
from fedray.errors import DataError
from fedray.features.steps import Counts, Table

__all__ = ["Imputation"]

Float = npt.NDArray[np.float64]
Filling = float | str

NO_WORD = "missing_value"
"""Fills gaps among categories where no constant is given, as scikit-learn's does."""


@dataclass(frozen=True)
class Imputation:
    """What fills the gaps of each column: a number, or a word among categories."""

    fills: Mapping[str, Filling]

    @classmethod
    def fit(cls, table: Table, columns: Sequence[str] | None, strategy: str, constant: Filling | None = None) -> Self:
        """Take the fillings from training rows.

        Parameters
        ----------
        columns
            Names; None for all columns of numbers.
        strategy
            ``mean``, ``median``, ``most_frequent`` or ``constant``.
        constant
            Of the last; None is 0, or "missing_value" among categories.

        Raises
        ------
        DataError
            A column is not there, has no value at all, or cannot be filled so.
        """
        names = table.numbers(None) if columns is None else tuple(columns)
        return cls({name: _filling(table, name, strategy, constant) for name in names})

    def apply(self, table: Table) -> tuple[Table, Counts]:
        """Fill the gaps; counts them as ``filled``."""
        made, words, filled = {}, dict(table.words), 0
        for name, filling in self.fills.items():
            column = table.column(name)
            gaps = np.isnan(column)
            filled += int(gaps.sum())
            if isinstance(filling, str):
                words[name] = words[name] if filling in words[name] else (*words[name], filling)
                made[name] = np.where(gaps, float(words[name].index(filling)), column)
            else:
                made[name] = np.where(gaps, filling, column)
        return table.changed(made, words), Counter(filled=filled)

    def as_dict(self) -> dict[str, object]:
        """Return JSON values that `from_dict` reads back without loss."""
        return {"step": "imputation", "fills": dict(self.fills)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild what `as_dict` wrote; raises ``KeyError``, ``TypeError`` or ``ValueError`` for something else."""
        return cls({str(name): fill if isinstance(fill, str) else float(fill) for name, fill in data["fills"].items()})


def _filling(table: Table, name: str, strategy: str, constant: Filling | None) -> Filling:
    column, words = table.column(name), table.words.get(name)
    present = column[~np.isnan(column)]
    if strategy == "constant":
        return _constant(name, constant, words is not None)
    if words is not None and strategy != "most_frequent":
        raise DataError(f"column {shorten(name)} holds categories; expected most_frequent or constant, got {strategy}")
    if not present.size:
        raise DataError(f"column {shorten(name)} has no value in the train part; use constant, or leave the column out")
    if strategy == "mean":
        return Standardizer.fit(present[:, None], (name,)).mean[0]
    if strategy == "median":
        return float(np.median(present))
    values, counts = np.unique(present, return_counts=True)
    most = values[counts == counts.max()]
    return float(most[0]) if words is None else min((words[int(k)] for k in most), key=by_value)


def _constant(name: str, constant: Filling | None, words: bool) -> Filling:
    if words:
        return NO_WORD if constant is None else word_of(str(constant))
    if isinstance(constant, str):
        raise DataError(f"column {shorten(name)} holds numbers; expected a number as fill_value, got a word")
    return 0.0 if constant is None else float(constant)
