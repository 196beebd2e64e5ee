"""Which leaves a row could be in, for all that one owner knows: the bits that its own splits make."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fedray.ring import Ring
from fedray.trees.candidates import Split, goes_left
from fedray.trees.design import TreeDesign
from fedray.trees.grown import UNKNOWN
from fedray.trees.membership import packed

__all__ = ["open_leaves"]

Codes = npt.NDArray[np.int64]


def open_leaves(design: TreeDesign, rank: int, owners: Ring, splits: Ring, codes: Codes) -> Ring:
    """Return the leaves of a tree to which an owner's own splits would let each row come, in words; local.

    A row is in the one leaf to which all owners let it come: at a split of another, both sides are open.

    Parameters
    ----------
    rank
        The owner's.
    owners, splits
        Of the tree's nodes, as `Grown.arrays` gives them: shapes (nodes,) and (nodes, 3).
    codes
        The owner's bins, shape (rows, columns).

    Returns
    -------
    Ring
        Shape (leaves, words).
    """
    everywhere = packed(np.ones((1, len(codes)), dtype=np.bool_))
    found = everywhere
    for level in range(design.depth):
        left, right = found.copy(), found.copy()
        for place, node in enumerate(range((1 << level) - 1, (2 << level) - 1)):
            if owners[node] == rank:
                goes = packed(_left(design, rank, splits[node], codes)[None])[0]
                left[place] &= goes
                right[place] &= goes ^ everywhere[0]
        found = np.stack([left, right], axis=1).reshape(-1, found.shape[1])
    return found


def _left(design: TreeDesign, rank: int, numbers: Ring, codes: Codes) -> npt.NDArray[np.bool_]:
    column, threshold, missing_left = (int(number) for number in numbers)
    if column == UNKNOWN:
        return np.ones(len(codes), dtype=np.bool_)
    return goes_left(design, Split(rank, column, threshold, missing_left == 1), codes[:, column])
