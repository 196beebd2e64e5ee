"""The candidates for a split, in one public order: owner, column, side of missing values, threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fedray.trees.design import TreeDesign

__all__ = ["Split", "blocks", "goes_left", "split_at", "split_of"]


@dataclass(frozen=True)
class Split:
    """A split as its owner knows it.

    Attributes
    ----------
    owner
        Rank.
    column
        Among the owner's columns.
    threshold
        Rows with a bin up to it go left.
    missing_left
        Where missing values go.
    """

    owner: int
    column: int
    threshold: int
    missing_left: bool = False


def blocks(design: TreeDesign, tree: int) -> dict[int, slice]:
    """Return where the candidates of each owner stand among all of a tree's."""
    made, at = {}, 0
    for owner, columns in design.sampled_columns(tree).items():
        size = len(columns) * design.sides(owner) * design.thresholds(owner)
        made[owner] = slice(at, at + size)
        at += size
    return made


def split_of(design: TreeDesign, tree: int, owner: int, place: int) -> Split:
    """Return the split that stands at a place of an owner's block."""
    cuts, sides = design.thresholds(owner), design.sides(owner)
    column, rest = divmod(place, cuts * sides)
    side, threshold = divmod(rest, cuts)
    return Split(owner, int(design.sampled_columns(tree)[owner][column]), threshold, side == 1)


def split_at(design: TreeDesign, tree: int, place: int) -> Split:
    """Return the split that stands at a place among all candidates of a tree."""
    owner, block = next((o, b) for o, b in blocks(design, tree).items() if b.start <= place < b.stop)
    return split_of(design, tree, owner, place - block.start)


def goes_left(design: TreeDesign, split: Split, codes: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return which rows go left, by their bins of the split's column."""
    left: npt.NDArray[np.bool_] = codes <= split.threshold
    return left | (codes == design.bins) if split.missing_left else left & (codes < design.bins)
