"""A column of 0 and 1 for each category of a column, as scikit-learn's OneHotEncoder makes them.

The new columns are numbered, in the order of the categories: names of columns appear in reports and messages, where
the values of a table must not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fedray.data.wording import shorten
from fedray.data.words import by_value
from fedray.errors import DataError
from fedray.features.steps import Counts, Table

__all__ = ["MOST_CATEGORIES", "Categories", "OneHot"]

Float = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

MOST_CATEGORIES = 1000
"""New columns of one column: more are a mistake, such as an id."""

MISSING = None
"""The category of a gap, behind all others."""


@dataclass(frozen=True)
class Categories:
    """The categories of a column in the training rows.

    Attributes
    ----------
    frequent
        Those that have a column of their own, in its order.
    rare
        Those that have a last one in common.
    """

    frequent: tuple[str | None, ...]
    rare: tuple[str | None, ...]

    @classmethod
    def fit(cls, column: Float, words: Sequence[str], most: int | None) -> Self:
        """Take the categories from training rows.

        Parameters
        ----------
        column
            Places in `words`, NaN for a gap, shape (n,).
        most
            New columns at the most: where there would be as many or more, the least frequent categories have one in
            common.
        """
        named = [*words, MISSING]
        counts = np.bincount(_places(column, len(words)), minlength=len(named))
        found = [named[k] for k in np.flatnonzero(counts)]
        order = sorted(found, key=lambda word: (word is MISSING, by_value(word or "")))
        rare: set[str | None] = set()
        if most is not None and most <= len(order):
            sizes = [counts[named.index(word)] for word in order]
            rare = {order[k] for k in np.argsort(sizes, kind="stable")[: len(order) - most + 1]}
        return cls(tuple(w for w in order if w not in rare), tuple(w for w in order if w in rare))

    def names(self, column: str) -> list[str]:
        """Return the names of the new columns."""
        ends = ["missing" if word is MISSING else f"cat{k + 1}" for k, word in enumerate(self.frequent)]
        return [f"{column}_{end}" for end in (*ends, *(["rare"] if self.rare else []))]

    def encode(self, column: Float, words: Sequence[str]) -> tuple[Float, int]:
        """Return the new columns, shape (n, columns), and how many rows have a category that is not known: all zero."""
        places = {word: k for k, word in enumerate(self.frequent)} | dict.fromkeys(self.rare, len(self.frequent))
        wanted = np.array([places.get(word, -1) for word in (*words, MISSING)])
        found = wanted[_places(column, len(words))]
        made = (found[:, None] == np.arange(len(self.frequent) + bool(self.rare))).astype(np.float64)
        return made, int((found < 0).sum())


@dataclass(frozen=True)
class OneHot:
    """The categories of each column."""

    categories: Mapping[str, Categories]

    @classmethod
    def fit(cls, table: Table, columns: Sequence[str], max_categories: int | None) -> Self:
        """Take the categories from training rows.

        Raises
        ------
        DataError
            A column is not there, or has too many categories.
        """
        made = {}
        for name in columns:
            found = Categories.fit(table.column(name), table.words[name], max_categories)
            if len(found.names(name)) > MOST_CATEGORIES:
                raise DataError(
                    f"column {shorten(name)} has more than {MOST_CATEGORIES} categories; set max_categories, or leave "
                    "the column out"
                )
            made[name] = found
        return cls(made)

    def apply(self, table: Table) -> tuple[Table, Counts]:
        """Put the new columns at the places of the old ones; counts cells of no known category as ``unseen``."""
        made, unseen = {}, 0
        for name, categories in self.categories.items():
            columns, unknown = categories.encode(table.column(name), table.words[name])
            made[name] = dict(zip(categories.names(name), columns.T, strict=True))
            unseen += unknown
        return table.replaced(made), Counter(unseen=unseen)

    def as_dict(self) -> dict[str, object]:
        """Return JSON values that `from_dict` reads back without loss."""
        return {"step": "one_hot", "categories": {name: vars(found) for name, found in self.categories.items()}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild what `as_dict` wrote; raises ``KeyError``, ``TypeError`` or ``ValueError`` for something else."""
        found = data["categories"].items()
        return cls({str(name): Categories(tuple(one["frequent"]), tuple(one["rare"])) for name, one in found})


def _places(column: Float, gap: int) -> Codes:
    """Return the places as whole numbers, that of a gap behind the words."""
    return np.where(np.isnan(column), gap, column).astype(np.int64)
