"""Rows of training batches in passes over the table: each row once a pass, in an order that needs no seed."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

__all__ = ["Passes"]


class Passes:
    """The rows of every batch; those that fill no batch at the end of a pass are left out of it.

    Parameters
    ----------
    rows
        Training rows.
    batch
        Rows of a batch, at most `rows`.
    hashed
        Whether the rows change places before each pass: the row at place p comes by the SHA-256 of the text ``p+k``,
        where k is the number of steps done, on top of the passes before. Else each pass has the order of the table.
    """

    def __init__(self, rows: int, batch: int, *, hashed: bool) -> None:
        self._rows, self._batch, self._hashed = rows, batch, hashed
        self._segments = rows // batch
        self._pass, self._order = -1, np.arange(rows, dtype=np.int64)

    def steps(self, first: int, count: int) -> npt.NDArray[np.int64]:
        """Return the rows of `count` steps from `first` on, shape (count, batch)."""
        return np.stack([self._step(step) for step in range(first, first + count)])

    def _step(self, step: int) -> npt.NDArray[np.int64]:
        number, segment = divmod(step, self._segments)
        rows: npt.NDArray[np.int64] = self._of(number)[segment * self._batch : (segment + 1) * self._batch]
        return rows

    def _of(self, number: int) -> npt.NDArray[np.int64]:
        """Return the order of a pass; orders build on each other, so an earlier one begins anew."""
        if not self._hashed:
            return self._order
        if number < self._pass:
            self._pass, self._order = -1, np.arange(self._rows, dtype=np.int64)
        while self._pass < number:
            self._pass += 1
            self._order = self._order[_hashed_places(self._rows, self._pass * self._segments)]
        return self._order


def _hashed_places(rows: int, done: int) -> list[int]:
    return sorted(range(rows), key=lambda place: hashlib.sha256(f"{place}+{done}".encode()).digest())
