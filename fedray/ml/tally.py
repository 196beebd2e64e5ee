"""Counts, on shares, of what lies beyond its bounds: the part that the guards of all models have in common."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fedray.mpc.compare import msb_turns
from fedray.mpc.correlation import Parts
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.mpc.turns import play
from fedray.ring import Ring

__all__ = ["Counts", "Place", "Tally"]

Counts = npt.NDArray[np.float64]
Place = tuple[int, ...]
"""Index of a count."""


class Tally:
    """One party's part of the counts. Values wait on shares until a comparison takes them all.

    Parameters
    ----------
    s
        The computing parties.
    label
        Of a comparison's rounds.
    shape
        Of the counts.

    Attributes
    ----------
    counts
        My summands since the last time that they were opened.
    """

    def __init__(self, s: Session, label: str, shape: tuple[int, ...]) -> None:
        self._s, self._label = s, label
        self._waiting: list[tuple[Place, Ring]] = []
        self.counts: Ring = np.zeros(shape, np.uint64)

    def watch(self, place: Place, values: Ring, limit: float) -> None:
        """Keep values for the next comparison, to count those beyond +-`limit` at a place; local.

        Parameters
        ----------
        values
            My summands, of any shape.
        limit
            Ring units.
        """
        x = values.reshape(-1)
        bound = np.uint64(round(limit) if self._s.rank == 0 else 0)
        # negative where the value is beyond its upper, or its lower bound
        self._waiting.append((place, np.concatenate([bound - x, bound + x])))

    def compare(self, parts: Parts) -> None:
        """Count what waits and lies beyond its bounds; the counts stay on shares.

        Cost: 8 rounds; that of `msb` for twice the values.
        Leaks: nothing.
        Ref: protocols, sections 6 and 9.
        """
        values = Share(np.concatenate([sides for _, sides in self._waiting]), 1.0)
        beyond = play(self._s, self._label, msb_turns(self._s, values, parts)).value
        at = 0
        for place, sides in self._waiting:
            count = beyond[at : at + sides.size].sum(dtype=np.uint64)
            np.add.at(self.counts, place, count)  # a plain sum of two numbers would warn of the ring's wrap-around
            at += sides.size
        self._waiting.clear()

    def reveal(self) -> Counts:
        """Open the counts, and begin anew.

        Cost: 1 round; n (n - 1) elements for each count.
        Leaks: range_guard to all.
        Ref: protocols, section 6.
        """
        counts = self._s.reveal("range_guard", Share(self.counts, 1.0))
        self.counts = np.zeros_like(self.counts)
        return counts
