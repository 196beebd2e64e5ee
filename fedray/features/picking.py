"""A part of the rows of a data set, which all parties pick alike: by a public seed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fedray.data.derived import Picked
from fedray.data.load import Split
from fedray.errors import DataError
from fedray.prg.stream import Stream

__all__ = ["Pick"]


@dataclass(frozen=True)
class Pick:
    """Which rows are picked.

    Attributes
    ----------
    start, stop
        Parts of all rows, in an order that follows from the seed: from the one up to the other.
    seed
        Public.
    held_out
        Whether the picked rows are for testing, and all others for training.
    """

    start: float
    stop: float
    seed: int
    held_out: bool = False

    def of(self, split: Split) -> tuple[Split, Picked]:
        """Return the rows that are picked of the training rows, for training and for tests, and which they are.

        Where they are held out, they are for tests alone, and all others come before them, for training.

        Raises
        ------
        DataError
            There are none; or, where they are held out, no others.
        """
        rows = self.rows(len(split.train))
        if not len(rows):
            raise DataError(
                f"rows: no row of {len(split.train)} lies between the parts {self.start:g} and {self.stop:g}"
            )
        told = f"{split.fingerprint}/{self.start!r}/{self.stop!r}/{self.seed}{'/held out' if self.held_out else ''}"
        fingerprint = hashlib.sha256(told.encode()).hexdigest()[:32] if split.fingerprint else ""
        picked = split.train[rows]
        if not self.held_out:
            return Split(picked, picked, split.columns, fingerprint), Picked(rows, fingerprint)
        others = np.setdiff1d(np.arange(len(split.train)), rows)
        if not len(others):
            raise DataError(f"rows: all {len(rows)} rows are held out, so none is left for training")
        found = Picked(np.concatenate([others, rows]), fingerprint, held_out=len(rows))
        return Split(split.train[others], picked, split.columns, fingerprint), found

    def rows(self, n: int) -> npt.NDArray[np.int64]:
        """Return which of n rows are picked, rising."""
        order = np.argsort(Stream.from_seed(f"{self.seed}/pick").words("rows", (n,)), kind="stable")
        return np.sort(order[round(self.start * n) : round(self.stop * n)]).astype(np.int64)
