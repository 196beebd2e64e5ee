"""Columns of categories: cells that are words stand in a table of numbers by the places of these words in a list."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["NOT_A_NUMBER", "NUMBER", "Vocabulary", "by_value", "is_gap", "number_text", "word_of"]

Float = npt.NDArray[np.float64]

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
"""How a number is written."""

NOT_A_NUMBER = ("nan", "na", "null", "none", "n/a")
"""Ways to write a gap, in small letters and without a sign."""


def is_gap(cell: str) -> bool:
    """Return whether a cell says that its value is missing."""
    text = cell.strip().lower().lstrip("+-")
    return not text or text in NOT_A_NUMBER


def number_text(value: float) -> str:
    """Return how a number is written, so that it is read back to the last bit; a gap is an empty cell."""
    if math.isnan(value):
        return ""
    return str(int(value)) if value.is_integer() else repr(value)


def word_of(cell: str) -> str:
    """Return the word of a cell: without blanks at its ends, and the same for all ways to write one number."""
    text = cell.strip()
    value = float(text) if NUMBER.fullmatch(text) else math.nan
    return number_text(value) if math.isfinite(value) else text


def by_value(word: str) -> tuple[bool, float, str]:
    """Return the key by which words are sorted: numbers first, by their value."""
    number = NUMBER.fullmatch(word) is not None
    return not number, float(word) if number else 0.0, word


class Vocabulary:
    """The words of some columns, in the order in which they came.

    Parameters
    ----------
    columns
        Names of the columns that hold categories; all others hold numbers.
    """

    def __init__(self, columns: Iterable[str] = ()) -> None:
        self._places: dict[str, dict[str, int]] = {name: {} for name in columns}

    @classmethod
    def of(cls, known: Mapping[str, Iterable[str]]) -> Self:
        """Return a vocabulary that has words already; new ones come behind them."""
        made = cls(known)
        made._places = {name: {word: place for place, word in enumerate(words)} for name, words in known.items()}
        return made

    def __contains__(self, name: object) -> bool:
        """Return whether a column holds categories."""
        return name in self._places

    def words(self) -> dict[str, tuple[str, ...]]:
        """Return the words of each column, by place."""
        return {name: tuple(places) for name, places in self._places.items()}

    def code(self, name: str, cell: str) -> float:
        """Return the place of a cell's word in a column of categories; NaN for a gap."""
        if is_gap(cell):
            return math.nan
        places = self._places[name]
        return float(places.setdefault(word_of(cell), len(places)))

    def codes(self, name: str, column: pa.ChunkedArray) -> Float:
        """Return the places of the words of a whole column of text, shape (n,)."""
        found = column.combine_chunks().dictionary_encode()
        places = np.array([self.code(name, cell) for cell in found.dictionary.to_pylist()], dtype=np.float64)
        made: Float = places[found.indices.to_numpy()]
        return made

    def of_numbers(self, name: str, column: Float) -> Float:
        """Return the places of numbers that are words, shape (n,)."""
        values, inverse = np.unique(column, return_inverse=True)
        places = np.array([self.code(name, number_text(value)) for value in values.tolist()], dtype=np.float64)
        made: Float = places[inverse]
        return made
