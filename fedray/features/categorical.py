"""Columns of categories for boosted trees: by the owner's order of frequency, or a column of 0 and 1 for each category.

Nothing of it depends on the label, and nothing leaves the owner. A cell of an empty text, and a category that the
training rows do not have, are missing values, which go to the better side of each split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fedray.data.wording import shorten
from fedray.data.words import by_value
from fedray.errors import DataError
from fedray.features.one_hot import MOST_CATEGORIES, Categories
from fedray.trees.binning import Binning

__all__ = ["MOST_ALONE", "CategoricalBinning", "Coding", "ranked"]

MOST_ALONE = 32
"""Columns of 0 and 1 for one of categories: the least frequent ones beyond have the last one in common."""

Float = npt.NDArray[np.float64]


def ranked(column: Float, words: Sequence[str]) -> tuple[str, ...]:
    """Return the words that a column has, the most frequent first, of equally frequent ones in their own order.

    Parameters
    ----------
    column
        Places in `words`, NaN for a gap, shape (n,).
    """
    counts = np.bincount(column[~np.isnan(column)].astype(np.int64), minlength=len(words))
    found: list[int] = np.flatnonzero(counts).tolist()
    return tuple(words[k] for k in sorted(found, key=lambda k: (-counts[k], by_value(words[k]))))


@dataclass(frozen=True)
class Coding:
    """How the cells of a table's columns of categories become numbers.

    Attributes
    ----------
    given
        Names of all columns of the table.
    orders
        By the name of a column of categories its words, the most frequent first; cells hold their places.
    alone
        By the same names, which of these have a column of 0 and 1; empty where places are the numbers.
    """

    given: tuple[str, ...]
    orders: Mapping[str, tuple[str, ...]]
    alone: Mapping[str, Categories]

    @classmethod
    def fit(cls, columns: Sequence[str], orders: Mapping[str, tuple[str, ...]], most: int | None) -> Self:
        """Take the categories of columns.

        Parameters
        ----------
        orders
            As `ranked` gives them.
        most
            Columns of 0 and 1 for one of categories at the most, the least frequent ones in common; None for places.

        Raises
        ------
        DataError
            A column has too many categories.
        """
        wide = next((name for name, words in orders.items() if len(words) > MOST_CATEGORIES), None)
        if wide is not None:
            raise DataError(
                f"categorical_columns: column {shorten(wide)} has more than {MOST_CATEGORIES} categories in the train "
                "part; leave the column out"
            )
        alone = {}
        if most is not None:
            for name, words in orders.items():
                kept = words if len(words) <= most else words[: most - 1]
                alone[name] = Categories(kept, words[len(kept) :])
        return cls(tuple(columns), dict(orders), alone)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that come of it; no word is in them."""
        made: list[str] = []
        for name in self.given:
            made += self.alone[name].names(name) if name in self.alone else [name]
        return tuple(made)

    def recoded(self, table: Float, words: Mapping[str, Sequence[str]]) -> Float:
        """Return a table whose cells hold places in other lists of words with the places that they have here.

        Parameters
        ----------
        table
            Shape (n, columns), with all columns that are given behind any others.
        """
        made, before = table.copy(), table.shape[1] - len(self.given)
        for k, name in enumerate(self.given, start=before):
            if name in self.orders:
                places = {word: float(place) for place, word in enumerate(self.orders[name])}
                known = np.array([*(places.get(word, np.nan) for word in words[name]), np.nan])
                column = table[:, k]
                made[:, k] = known[np.where(np.isnan(column), len(words[name]), column).astype(np.int64)]
        return made

    def expand(self, table: Float) -> Float:
        """Return the numbers of a table's columns, shape (n, columns); NaN for gaps and for places beyond the words.

        Raises
        ------
        DataError
            The table has another width.
        """
        if table.shape[1] != len(self.given):
            raise DataError(f"expected a table of {len(self.given)} columns, got {table.shape[1]}")
        made = [self._expanded(name, table[:, k]) for k, name in enumerate(self.given)]
        return np.hstack(made) if made else table

    def _expanded(self, name: str, column: Float) -> Float:
        if name not in self.orders:
            return column[:, None]
        words = self.orders[name]
        places = np.where(column < len(words), column, np.nan)
        if name not in self.alone:
            return places[:, None]
        made, _ = self.alone[name].encode(places, words)
        made[np.isnan(places)] = np.nan
        return made


@dataclass(frozen=True)
class CategoricalBinning:
    """The bins of a table with columns of categories; a `fedray.parties.recipes.Transform`."""

    coding: Coding
    binning: Binning

    @property
    def given(self) -> tuple[str, ...]:
        """Names of the columns of the table."""
        return self.coding.given

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of those that the model sees."""
        return self.binning.columns

    def apply(self, x: Float, bound: float = np.inf) -> Float:
        """Return the bins of the model's columns, shape (n, columns); cells of categories hold places of words."""
        return self.binning.apply(self.coding.expand(x), bound)

    def notes(self) -> tuple[str, ...]:
        """Return a sentence for each column that the model cannot use."""
        return self.binning.notes()

    def as_dict(self) -> dict[str, object]:
        """Return JSON values that `from_dict` reads back without loss."""
        alone = {name: vars(found) for name, found in self.coding.alone.items()}
        categories = {"columns": list(self.given), "orders": dict(self.coding.orders), "alone": alone}
        return {"categories": categories, "binning": self.binning.as_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild what `as_dict` wrote.

        Raises
        ------
        DataError, KeyError, TypeError, ValueError
            The document is not one that `as_dict` wrote.
        """
        told = data["categories"]
        orders = {str(name): tuple(str(word) for word in words) for name, words in told["orders"].items()}
        alone = {str(n): Categories(tuple(one["frequent"]), tuple(one["rare"])) for n, one in told["alone"].items()}
        coding = Coding(tuple(str(name) for name in told["columns"]), orders, alone)
        return cls(coding, Binning.from_dict(data["binning"]))
