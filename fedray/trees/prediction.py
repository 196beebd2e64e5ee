"""The schedule of predicting with trees: slices of rows, and groups of trees that a slice goes through together."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from fedray.errors import SpecError
from fedray.mpc.correlation import Correlation
from fedray.mpc.schedule import Segment
from fedray.ring.bits import words_for
from fedray.trees.design import QUOTIENT_BITS, ROOM, TreeDesign
from fedray.trees.masks import BitAnds, BitSums

__all__ = ["Group", "TreePrediction"]

MOST_BITS = 1 << 20
"""Rows times leaves of a group: what is there at once, 16 bytes of corrections each."""


@dataclass(frozen=True)
class Group:
    """Rows, and trees that they go through in the same rounds."""

    rows: slice
    trees: slice

    @property
    def count(self) -> int:
        """Number of rows."""
        return int(self.rows.stop - self.rows.start)


@dataclass(frozen=True)
class TreePrediction:
    """Predicting new rows, as every party and the dealer know it.

    Attributes
    ----------
    design
        That of the training.
    trees
        That were kept.
    rows, batch
        New rows, and how many go through the trees at once, at most.
    """

    design: TreeDesign
    trees: int
    rows: int
    batch: int

    def check(self) -> None:
        """See that no score can leave the ring: the training has seen that no leaf is beyond 2^7 times the rate.

        Raises
        ------
        SpecError
            The trees are so many, or count so much, that one could.
        """
        design = self.design
        reach = self.trees * design.learning_rate * 2.0 ** (QUOTIENT_BITS - 1 + design.scales.z)
        if reach >= 2.0 ** (ROOM + 1):
            raise SpecError(
                f"the model has {self.trees} trees at a learning_rate of {design.learning_rate:g}, whose scores may "
                "leave the fixed point; train fewer, or at a lower rate"
            )

    def slices(self) -> Iterator[slice]:
        """Yield the rows that are predicted one after the other."""
        size = max(1, min(self.batch, MOST_BITS // self.design.leaves))
        for start in range(0, self.rows, size):
            yield slice(start, min(start + size, self.rows))

    def groups(self, rows: slice) -> Iterator[Group]:
        """Yield what some rows go through."""
        size = max(1, MOST_BITS // (self.design.leaves * (rows.stop - rows.start)))
        for start in range(0, self.trees, size):
            yield Group(rows, slice(start, min(start + size, self.trees)))

    def leaves(self, group: Group) -> int:
        """Return the leaves of all trees of a group."""
        return int(group.trees.stop - group.trees.start) * self.design.leaves

    def ands(self, group: Group) -> tuple[BitAnds, ...]:
        """Return what joins the owners' bits, two and two: a round for each."""
        shape, made, owners = (self.leaves(group), words_for(group.count)), [], len(self.design.owners)
        for turn in range(math.ceil(math.log2(owners))):
            made.append(BitAnds(f"and{turn}", (owners // 2, *shape)))
            owners -= owners // 2
        return tuple(made)

    def sums(self, group: Group) -> BitSums:
        """Return what adds the leaves."""
        return BitSums("leaves", (self.leaves(group), group.count))

    def segments(self) -> Iterator[Segment]:
        """Yield the schedule."""
        for rows in self.slices():
            for group in self.groups(rows):
                masks: tuple[Correlation, ...] = (*self.ands(group), self.sums(group))
                yield Segment(f"rows/{rows.start}/trees/{group.trees.start}", 1, masks)
