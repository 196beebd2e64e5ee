"""Predicting new rows with boosted trees that a training kept, on shares."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from fedray.ml.scored import PREDICTIONS, Scored, kept_array, stacked
from fedray.mpc.dealer import Bundle, Supply
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.ring import Ring
from fedray.ring.bits import words_for
from fedray.trees.membership import and_bits, summed
from fedray.trees.paths import open_leaves
from fedray.trees.prediction import Group, TreePrediction

__all__ = ["TreeScorer"]

Float = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


class TreeScorer:
    """One computing party's part.

    Parameters
    ----------
    s
        The computing parties.
    plan
        The public numbers.
    supply
        My side of the dealer.
    codes
        At an owner the bins of its new rows, shape (rows, columns); None elsewhere.
    arrays
        My part of the trees, as `TreeModel.arrays` gave it.
    """

    def __init__(
        self, s: Session, plan: TreePrediction, supply: Supply, codes: Codes | None, arrays: Mapping[str, Ring]
    ) -> None:
        self._s, self._plan, self._supply, self._codes = s, plan, supply, codes
        trees, leaves = plan.trees, plan.design.leaves
        self._owners = kept_array(arrays, "split_owner", (trees, leaves - 1))
        self._splits = kept_array(arrays, "split_mine", (trees, leaves - 1, 3))
        self._leaves = kept_array(arrays, "leaves", (trees, leaves))
        self._base = kept_array(arrays, "base", (1,))

    def predict(self, receiver: int) -> Scored:
        """Open the scores of all rows to one party.

        A score is the sum of its leaves to the last unit, as in the training, and says as much as its sigmoid. It
        cannot leave its range, see `TreePrediction.check`, so that there is nothing to guard.

        Cost: 2 + ceil(log2 owners) rounds for each slice of rows, of which the last opens the scores, and the others
        for each group of trees; n (n - 1) bits for each leaf, row and round, and (n - 1) elements a row.
        Leaks: predictions to the receiver.
        Ref: protocols, section 18.
        """
        opened = []
        for rows in self._plan.slices():
            z = np.repeat(self._base, rows.stop - rows.start)
            for group in self._plan.groups(rows):
                z += self._added(group)
            scores = Share(z[:, None], 2.0**self._plan.design.scales.z)
            opened.append(self._s.reveal_to(receiver, PREDICTIONS, scores))
        return Scored(stacked(opened), ())

    def _added(self, group: Group) -> Ring:
        """Return my summands of what the trees of a group add to its rows' scores."""
        mask = self._plan.sums(group)
        bundle = self._supply.step(f"rows/{group.rows.start}/trees/{group.trees.start}")
        bits = self._members(group, bundle)
        return summed(self._s, mask, bits, self._leaves[group.trees].reshape(-1), bundle[mask.name])

    def _members(self, group: Group, bundle: Bundle) -> Ring:
        """Return my share of which leaf each row is in, that which all owners leave open; shape (leaves, words)."""
        ands = self._plan.ands(group)
        mine = self._open(group)
        # an owner's bits are its own, and 0 at the others: so they are shared already
        waiting = [mine if owner == self._s.rank else np.zeros_like(mine) for owner in self._plan.design.owners]
        for mask in ands:
            half = len(waiting) // 2
            joined = and_bits(self._s, np.stack(waiting[:half]), np.stack(waiting[half : 2 * half]), bundle[mask.name])
            waiting = [*joined, *waiting[2 * half :]]
        return waiting[0]

    def _open(self, group: Group) -> Ring:
        """Return the leaves that my splits leave open to the rows of a group; zeros where I have no features."""
        if self._codes is None:
            return np.zeros((self._plan.leaves(group), words_for(group.count)), np.uint64)
        codes = self._codes[group.rows]
        trees = zip(self._owners[group.trees], self._splits[group.trees], strict=True)
        return np.concatenate([open_leaves(self._plan.design, self._s.rank, *tree, codes) for tree in trees])
