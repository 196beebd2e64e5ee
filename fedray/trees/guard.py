"""What watches that scores stay in the range in which the arithmetic is right.

Scores of all test rows and of training rows are compared with their limits: of all training rows wherever the trees may
be those that are kept, so after the last tree or, with early stopping, at each test; else of a sample, which is another
at each test. So are the quotients of all leaves. Two counts are opened.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from fedray.errors import RangeGuardError
from fedray.ml.scored import kept_array
from fedray.ml.tested import HALF_A_ROW, OUT_OF_RANGE
from fedray.mpc import waves
from fedray.mpc.compare import msb
from fedray.mpc.correlation import Parts
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.prg import Stream
from fedray.ring import Ring
from fedray.trees.design import LABEL_BITS, TreeDesign

__all__ = ["TreeGuard", "limit", "watched_rows"]

SAMPLE = 1024
"""Training rows that a test looks at whose trees are not kept."""


def limit(design: TreeDesign) -> float:
    """Return the largest score."""
    return waves.DOMAIN * waves.HALF_PERIOD if design.curved else 2.0**LABEL_BITS


def watched_rows(design: TreeDesign, done: int) -> npt.NDArray[np.int64]:
    """Return the rows that the test after so many trees looks at, test rows last."""
    n_train, rows = design.rows[0], np.arange(design.all_rows, dtype=np.int64)
    if done == design.steps or design.stops_early or n_train <= SAMPLE:
        return rows
    words = Stream.from_seed(f"{design.seed}/guard").words(f"rows/{done}", (n_train,))
    sample = np.sort(np.argsort(words, kind="stable")[:SAMPLE]).astype(np.int64)
    return np.concatenate([sample, rows[n_train:]])


class TreeGuard:
    """One party's part of the guard."""

    def __init__(self, s: Session, design: TreeDesign) -> None:
        self._s, self._design = s, design
        self._leaves: Ring = np.zeros(1, np.uint64)

    def state(self) -> dict[str, Ring]:
        """Return my summand of the count of leaves so far, ``guard``."""
        return {"guard": self._leaves}

    def restore(self, arrays: Mapping[str, Ring]) -> None:
        """Take what `state` gave; local."""
        self._leaves = kept_array(arrays, "guard", (1,))

    def note_leaves(self, beyond: Share) -> None:
        """Add the count of a tree's leaves that are beyond their range; local."""
        self._leaves = self._leaves + beyond.value

    def test(self, done: int, z: Share, parts: Parts) -> tuple[npt.NDArray[np.float64], tuple[str, ...]]:
        """Compare scores, open the counts.

        Cost: 9 rounds; two comparisons a row that is looked at, and n (n - 1) 2 elements.
        Leaks: range_guard to all.
        Ref: protocols, sections 9 and 18.

        Returns
        -------
        tuple
            Counts of rows and leaves; a sentence for rows beyond their range that are too few to fail.

        Raises
        ------
        RangeGuardError
            At every party alike.
        """
        design, here = self._design, z.value[watched_rows(self._design, done)]
        bound = np.uint64(round(limit(design) * z.scale) if self._s.rank == 0 else 0)
        beyond = msb(self._s, Share(np.stack([bound - here, bound + here]), z.scale), parts)
        counts = np.concatenate([beyond.sum().value.reshape(1), self._leaves])
        rows, leaves = self._s.reveal("range_guard", Share(counts, 1.0))
        told = (
            f"{rows:.0f} of {here.size} scores are beyond +-{limit(design):g} after tree {done}, and {leaves:.0f} "
            "leaves beyond the range of the fixed point"
        )
        if leaves > HALF_A_ROW or rows > max(HALF_A_ROW, OUT_OF_RANGE * here.size * design.curved):
            raise RangeGuardError(f"{told}; lower learning_rate or the number of trees, or raise reg_lambda")
        return np.array([rows, leaves]), (told,) if rows > HALF_A_ROW else ()
