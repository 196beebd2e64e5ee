"""Steps that change a party's columns one after the other: fitted on training rows, replayed on others; all local.

A column of categories holds the places of its words, so that whole tables are numbers; a gap is NaN everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from fedray.data.derived import Coded
from fedray.data.wording import shorten
from fedray.errors import DataError

__all__ = ["Counts", "Step", "Steps", "Table", "as_coded"]

Float = npt.NDArray[np.float64]
Counts = Counter[str]
"""Cells that steps filled, and cells whose category they do not know: ``filled``, ``unseen``."""


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of some rows.

    Attributes
    ----------
    columns
        Names of the d columns.
    values
        Shape (n, d); NaN where a value is missing.
    words
        Of each column of categories what its numbers stand for.
    """

    columns: tuple[str, ...]
    values: Float
    words: Mapping[str, tuple[str, ...]]

    def column(self, name: str) -> Float:
        """Return a column, shape (n,); raises ``DataError`` where there is none of that name."""
        if name not in self.columns:
            raise DataError(f"there is no column {shorten(name)}; known are {_listed(self.columns)}")
        found: Float = self.values[:, self.columns.index(name)]
        return found

    def numbers(self, wanted: Sequence[str] | None) -> tuple[str, ...]:
        """Return names of columns that hold numbers: those that are wanted, or all.

        Raises
        ------
        DataError
            A column that is wanted holds categories.
        """
        for name in wanted or ():
            if name in self.words:
                raise DataError(f"column {shorten(name)} holds categories, and this step takes numbers; use one_hot")
        return tuple(wanted) if wanted is not None else tuple(name for name in self.columns if name not in self.words)

    def changed(self, made: Mapping[str, Float], words: Mapping[str, tuple[str, ...]] | None = None) -> Table:
        """Return the table with other values in some columns."""
        values = self.values.copy()
        for name, column in made.items():
            values[:, self.columns.index(name)] = column
        return Table(self.columns, values, self.words if words is None else words)

    def replaced(self, made: Mapping[str, Mapping[str, Float]]) -> Table:
        """Return the table with some columns replaced each by others, or by none, at their places.

        Raises
        ------
        DataError
            Two columns would have one name.
        """
        columns: list[tuple[str, Float]] = []
        for name, column in zip(self.columns, self.values.T, strict=True):
            columns += made[name].items() if name in made else [(name, column)]
        names = tuple(name for name, _ in columns)
        twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
        if twice is not None:
            raise DataError(f"two columns would be named {shorten(twice)}; rename one in the raw table")
        values = np.column_stack([column for _, column in columns]) if columns else np.empty((len(self.values), 0))
        return Table(names, values, {name: words for name, words in self.words.items() if name not in made})


class Step(Protocol):
    """A fitted step."""

    def apply(self, table: Table) -> tuple[Table, Counts]:
        """Return the table after the step, and what was counted on the way."""

    def as_dict(self) -> dict[str, object]:
        """Return JSON values from which the step is rebuilt without loss; ``step`` says which it is."""


@dataclass(frozen=True)
class Steps:
    """The map of all steps, from the columns of a table to those that are written.

    Attributes
    ----------
    given
        Names of the columns of the table.
    words
        Names of those that hold categories.
    columns
        Names of the columns after the last step.
    steps
        In their order.
    """

    given: tuple[str, ...]
    words: tuple[str, ...]
    columns: tuple[str, ...]
    steps: tuple[Step, ...]

    @classmethod
    def fit(cls, table: Table, fits: Sequence[Callable[[Table], Step]]) -> Self:
        """Fit one step after the other, each on what those before it make of the training rows.

        Parameters
        ----------
        table
            The training rows.
        fits
            Make the steps.

        Raises
        ------
        DataError
            A step cannot be fitted; it is named by its place.
        """
        given, words, made = table.columns, tuple(table.words), []
        for place, fit in enumerate(fits):
            try:
                step = fit(table)
                table, _ = step.apply(table)
            except DataError as error:
                raise DataError(f"steps[{place}]: {error.message}") from None
            made.append(step)
        left = next(iter(table.words), None)
        if left is not None:
            raise DataError(f"steps: column {shorten(left)} still holds categories after the last step")
        return cls(given, words, table.columns, tuple(made))

    def code(self, parts: Mapping[str, Float], words: Mapping[str, tuple[str, ...]]) -> tuple[list[Coded], Counts]:
        """Bring rows through all steps.

        Parameters
        ----------
        parts
            Rows by part, each with the columns `given`.
        words
            Of each column of categories what its numbers stand for.
        """
        bounds = np.cumsum([len(values) for values in parts.values()])[:-1]
        table, counts = Table(self.given, np.vstack(list(parts.values())), words), Counter[str]()
        for step in self.steps:
            table, counted = step.apply(table)
            counts += counted
        split = [dict(zip(parts, np.split(column, bounds), strict=True)) for column in table.values.T]
        return [as_coded(name, columns) for name, columns in zip(table.columns, split, strict=True)], counts

    def as_dict(self) -> dict[str, object]:
        """Return JSON values that `from_dict` reads back without loss."""
        steps = [step.as_dict() for step in self.steps]
        return {"given": self.given, "words": self.words, "columns": self.columns, "steps": steps}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], kinds: Mapping[str, Callable[[Mapping[str, Any]], Step]]) -> Self:
        """Rebuild the map that `as_dict` wrote.

        Parameters
        ----------
        kinds
            What rebuilds a step, by its name.

        Raises
        ------
        DataError
            The document is not one that `as_dict` wrote.
        """
        try:
            given, words, columns = (tuple(map(str, data[word])) for word in ("given", "words", "columns"))
            return cls(given, words, columns, tuple(kinds[step["step"]](step) for step in data["steps"]))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise DataError("transform: expected given, words, columns and steps as they were written") from None


def as_coded(name: str, parts: Mapping[str, Float]) -> Coded:
    """Return a column, by part, as its different values and which of them each row has."""
    values, codes = np.unique(np.concatenate(list(parts.values())), return_inverse=True)
    bounds = np.cumsum([len(column) for column in parts.values()])[:-1]
    split = np.split(codes.astype(np.int64), bounds)
    return Coded(name, dict(zip(parts, split, strict=True)), values.tolist())


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(shorten(name) for name in names[:10])
    return shown if len(names) <= 10 else f"{shown} and {len(names) - 10} more"
