"""Weights of evidence: what the label's rate in a bin tells, and the map from values to them; at the owner only.

    woe = ln((positives of the bin / positives) / (negatives of the bin / negatives))
    iv  = sum over bins of (positives / all positives - negatives / all negatives) woe

A weight above 0 is a bin in which the label 1 is more frequent than among all rows.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fedray.data.derived import Coded
from fedray.data.wording import shorten
from fedray.errors import DataError, RemoteProtocolError
from fedray.features.cutting import MISSING_SLOT, slots
from fedray.features.steps import Counts
from fedray.trees.binning import Binning

__all__ = ["Evidence", "Grouped", "Weighed", "join_locally", "weigh"]

Float = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Grouped:
    """The bins of a column after small ones were joined.

    Attributes
    ----------
    ends
        The last slot of each bin, rising; the last of all slots at the end.
    positives
        Rows of each bin with the label 1.
    """

    ends: tuple[int, ...]
    positives: tuple[int, ...]


@dataclass(frozen=True)
class Weighed:
    """A column with its bins.

    Attributes
    ----------
    grouped
        Its bins and their positives.
    rows
        Rows of each bin.
    woe
        Of each bin.
    missing
        Weight of a missing value: that of its bin, or 0 where the training rows had none.
    iv
        Information value of the column.
    """

    grouped: Grouped
    rows: tuple[int, ...]
    woe: tuple[float, ...]
    missing: float
    iv: float

    @property
    def by_slot(self) -> Float:
        """The weight of each slot."""
        weights = np.array(self.woe)[self.bins]
        weights[MISSING_SLOT] = self.missing
        return weights

    @property
    def bins(self) -> Codes:
        """The number of each slot's bin."""
        sizes = np.diff(np.array((-1, *self.grouped.ends)))
        return np.repeat(np.arange(len(sizes)), sizes)

    def as_dict(self) -> dict[str, object]:
        """Return JSON values that `from_dict` reads back without loss."""
        return {**vars(self.grouped), "rows": self.rows, "woe": self.woe, "missing": self.missing, "iv": self.iv}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild what `as_dict` wrote; raises ``KeyError``, ``TypeError`` or ``ValueError`` for something else."""
        grouped = Grouped(tuple(map(int, data["ends"])), tuple(map(int, data["positives"])))
        woe = tuple(map(float, data["woe"]))
        return cls(grouped, tuple(map(int, data["rows"])), woe, float(data["missing"]), float(data["iv"]))


def weigh(column: Codes, n_slots: int, grouped: Grouped, label: tuple[int, int]) -> Weighed:
    """Return a column's weights of evidence.

    Parameters
    ----------
    column
        Slots of the training rows, shape (n,).
    n_slots
        Slots in all.
    grouped
        Its bins, each with rows of both labels unless it is the only one.
    label
        Training rows with the label 0 and with the label 1.

    Raises
    ------
    RemoteProtocolError
        A bin of several would have rows of one label only.
    """
    counts = np.bincount(column, minlength=n_slots)
    starts = (0, *(end + 1 for end in grouped.ends[:-1]))
    rows = tuple(int(counts[a : b + 1].sum()) for a, b in zip(starts, grouped.ends, strict=True))
    if len(rows) > 1 and not all(0 < held < total for held, total in zip(grouped.positives, rows, strict=True)):
        raise RemoteProtocolError("bins were opened that have rows of one label only")
    woe, iv = [], 0.0
    for total, positives in zip(rows, grouped.positives, strict=True):
        good, bad = (total - positives) / label[0], positives / label[1]
        weight = math.log(bad / good) if len(rows) > 1 else 0.0
        woe.append(weight)
        iv += (bad - good) * weight
    missing = woe[0] if counts[MISSING_SLOT] else 0.0
    return Weighed(grouped, rows, tuple(woe), missing, iv)


def join_locally(column: Codes, y: Float, n_slots: int, least: int) -> Grouped:
    """Join the bins of one of the label party's own columns, as `fedray.features.joining` does on shares.

    Parameters
    ----------
    y
        The label of the training rows, 0 or 1, shape (n,).
    least
        Rows of either label in each bin.
    """
    counts = np.bincount(column, minlength=n_slots)
    positives = np.bincount(column, weights=y, minlength=n_slots).astype(np.int64)
    ends: list[int] = []
    found: list[int] = []
    rows = held = 0
    for slot in range(n_slots):
        rows, held = rows + int(counts[slot]), held + int(positives[slot])
        if held >= least and rows - held >= least:
            ends.append(slot)
            found.append(held)
            rows = held = 0
    if not ends:
        return Grouped((n_slots - 1,), (held,))
    return Grouped((*ends[:-1], n_slots - 1), (*found[:-1], found[-1] + held))


@dataclass(frozen=True)
class Evidence:
    """The map from a table to weights of evidence.

    Attributes
    ----------
    binning
        The cuts of the columns that vary.
    weighed
        Of each of these columns.
    iv_min
        Columns with a smaller information value, or one bin only, are left out.
    written
        What a value becomes: ``woe``, or ``bin``, the number of its bin.
    """

    binning: Binning
    weighed: tuple[Weighed, ...]
    iv_min: float
    written: str = "woe"

    @property
    def given(self) -> tuple[str, ...]:
        """Names of all columns of the table."""
        return self.binning.given

    @property
    def words(self) -> tuple[str, ...]:
        """Names of the columns that hold categories: none."""
        return ()

    @property
    def selected(self) -> tuple[int, ...]:
        """Places, among the columns that vary, of those that are kept."""
        return tuple(k for k, column in enumerate(self.weighed) if len(column.rows) > 1 and column.iv >= self.iv_min)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that are written."""
        names = self.binning.columns
        return tuple(f"{names[k]}_{self.written}" for k in self.selected)

    def code(self, parts: Mapping[str, Float], words: Mapping[str, tuple[str, ...]]) -> tuple[list[Coded], Counts]:  # noqa: ARG002 - as other transforms
        """Return the columns that are kept, as slots and the weight, or bin, of each slot; counts nothing.

        Parameters
        ----------
        parts
            Rows by part, each with all columns of the table that was cut; NaN where a value is missing.
        words
            None.
        """
        found = {part: slots(self.binning, x) for part, x in parts.items()}
        return [
            Coded(name, {part: codes[:, k] for part, codes in found.items()}, self._values(k))
            for name, k in zip(self.columns, self.selected, strict=True)
        ], Counter()

    def _values(self, place: int) -> list[float]:
        """Return what each slot of a column becomes."""
        column = self.weighed[place]
        values: list[float] = (column.by_slot if self.written == "woe" else column.bins.astype(np.float64)).tolist()
        return values

    def told(self) -> list[dict[str, object]]:
        """Return what is told of the columns: name, information value to four digits, bins, whether it is kept."""
        selected = set(self.selected)
        return [
            {"column": name, "iv": round(column.iv, 4), "bins": len(column.rows), "selected": k in selected}
            for k, (name, column) in enumerate(zip(self.binning.columns, self.weighed, strict=True))
        ]

    def notes(self) -> Iterator[str]:
        """Yield a sentence for each column that is left out."""
        yield from self.binning.notes()
        for name, column in zip(self.binning.columns, self.weighed, strict=True):
            if len(column.rows) == 1:
                yield f"column {shorten(name)}: too few rows of either label for two bins: it is left out"
            elif column.iv < self.iv_min:
                yield f"column {shorten(name)}: its information value {column.iv:.4f} is below iv_min: it is left out"

    def as_dict(self) -> dict[str, object]:
        """Return JSON values that `from_dict` reads back without loss."""
        weighed = [column.as_dict() for column in self.weighed]
        return {"binning": self.binning.as_dict(), "weighed": weighed, "iv_min": self.iv_min, "written": self.written}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild the map that `as_dict` wrote.

        Raises
        ------
        DataError
            The document is not one that `as_dict` wrote.
        """
        try:
            weighed = tuple(Weighed.from_dict(column) for column in data["weighed"])
            binning, written = Binning.from_dict(data["binning"]), str(data.get("written", "woe"))
            made = cls(binning, weighed, float(data["iv_min"]), written)
        except (KeyError, TypeError, ValueError, AttributeError):
            made = None
        if made is None or not made.sound:
            raise DataError("transform: expected binning, weighed and iv_min as they were written")
        return made

    @property
    def sound(self) -> bool:
        """Whether every column that varies has bins up to its last slot, with a finite weight each."""
        last = self.binning.bins
        return (
            self.written in ("woe", "bin")
            and len(self.weighed) == len(self.binning.kept)
            and all(
                column.grouped.ends[-1:] == (last,)
                and list(column.grouped.ends) == sorted(set(column.grouped.ends))
                and len(column.grouped.ends) == len(column.rows) == len(column.woe) == len(column.grouped.positives)
                and all(map(math.isfinite, (*column.woe, column.missing, column.iv)))
                for column in self.weighed
            )
        )
