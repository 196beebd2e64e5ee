"""The trees that have been grown, as one party knows them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fedray.ml.scored import kept_array
from fedray.ring import Ring
from fedray.trees.candidates import Split
from fedray.trees.design import TreeDesign
from fedray.trees.splits import Chosen

__all__ = ["UNKNOWN", "Grown"]

UNKNOWN = 2**64 - 1
"""Stands for what this party does not know, and for a node where all rows go left."""


class Grown:
    """Owners of all splits, my own splits, my summands of the leaves."""

    def __init__(self, design: TreeDesign) -> None:
        self._design = design
        self._owners: list[list[int]] = []
        self._mine: list[list[tuple[int, int, int]]] = []
        self._leaves: list[Ring] = []

    def begin(self) -> None:
        """Begin a tree."""
        self._owners.append([])
        self._mine.append([])

    def split(self, chosen: Chosen) -> None:
        """Add a level of splits."""
        self._owners[-1] += chosen.owners
        self._mine[-1] += [_numbers(chosen.mine.get(node)) for node in range(len(chosen.owners))]

    def end(self, leaves: Ring) -> None:
        """Add the leaves."""
        self._leaves.append(leaves)

    def restore(self, arrays: Mapping[str, Ring], trees: int) -> None:
        """Take what `arrays` gave after so many trees."""
        nodes = self._design.leaves - 1
        self._owners = kept_array(arrays, "split_owner", (trees, nodes)).tolist()
        mine = kept_array(arrays, "split_mine", (trees, nodes, 3)).tolist()
        self._mine = [[(column, cut, left) for column, cut, left in tree] for tree in mine]
        self._leaves = list(kept_array(arrays, "leaves", (trees, self._design.leaves)))

    def arrays(self) -> dict[str, Ring]:
        """Return ``split_owner`` (trees, nodes), ``split_mine`` (trees, nodes, 3) and ``leaves`` (trees, leaves).

        Nodes stand level by level from the left. A split of mine is column, threshold and whether missing values go
        left; `UNKNOWN` thrice for another's, and where all rows go left. Leaves are my summands at the scale of scores.
        """
        trees, nodes = len(self._leaves), self._design.leaves - 1
        return {
            "split_owner": np.array(self._owners, dtype=np.uint64).reshape(trees, nodes),
            "split_mine": np.array(self._mine, dtype=np.uint64).reshape(trees, nodes, 3),
            "leaves": np.array(self._leaves, dtype=np.uint64).reshape(trees, self._design.leaves),
        }


def _numbers(split: Split | None) -> tuple[int, int, int]:
    return (UNKNOWN,) * 3 if split is None else (split.column, split.threshold, int(split.missing_left))
