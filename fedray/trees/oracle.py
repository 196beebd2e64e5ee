"""Boosted trees in float64: exactly the algorithm of `fedray.trees.model`, for whoever owns all tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fedray.ml.parity import Points
from fedray.trees.candidates import Split, goes_left, split_at
from fedray.trees.design import HESSIAN_BITS, HESSIAN_FLOOR, TreeDesign

__all__ = ["Tree", "TreeOracle"]

Float = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Tree:
    """A tree of full depth.

    Attributes
    ----------
    splits
        Of all nodes, level by level from the left; None where no split is worth while: all rows go left.
    gains
        Of the best split and of the second best at each node; -inf where there is none.
    values
        What each leaf adds to a score, from the left.
    """

    splits: tuple[Split | None, ...]
    gains: tuple[tuple[float, float], ...]
    values: Float


class TreeOracle:
    """The float64 twin of a training of trees.

    Parameters
    ----------
    design
        The public numbers.
    codes
        By owner, the bins of its columns, training rows before test rows, shape (rows, columns).
    labels
        In the model's units, shape (n_train, 1).
    base
        The score before the first tree.
    weights
        Of the training rows, shape (n_train, 1); None where all weigh alike.
    units
        Centre and unit of the label's table.

    Attributes
    ----------
    trees
        Grown so far.
    z
        Scores of all rows, shape (rows,).
    """

    def __init__(
        self,
        design: TreeDesign,
        codes: Mapping[int, Codes],
        labels: Float,
        base: float,
        weights: Float | None = None,
        units: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        self._design, self._codes, self._labels, self._units = design, codes, labels[:, 0], units
        self._weights = np.ones(design.rows[0]) if weights is None else weights[:, 0]
        self.z = np.full(design.all_rows, base)
        self.trees: list[Tree] = []

    @property
    def done(self) -> int:
        """Trees so far."""
        return len(self.trees)

    def train(self, steps: int) -> None:
        """Grow some trees."""
        for _ in range(steps):
            self._grow()

    def step(self) -> Points:
        """Grow a tree and return the scores after it, see `fedray.ml.parity`."""
        self._grow()
        return {(0, "score"): self.z}

    def predict(self) -> Float:
        """Return the predictions of the test rows in the units of the label's table, shape (n_test, 1)."""
        z = self.z[self._design.rows[0] :, None]
        if self._design.curved:
            z = 1.0 / (1.0 + np.exp(-z))
        centre, unit = self._units
        predictions: Float = centre + unit * z
        return predictions

    def _gradients(self) -> tuple[Float, Float]:
        design = self._design
        z = self.z[: design.rows[0]]
        chosen = design.sampled_rows(self.done) * self._weights
        if not design.curved:
            return (z - self._labels) * chosen, chosen
        p = 1.0 / (1.0 + np.exp(-z))
        return (p - self._labels) * chosen, (p * (1.0 - p) + HESSIAN_FLOOR) * chosen

    def _grow(self) -> None:
        design = self._design
        g, h = self._gradients()
        node = np.zeros(design.all_rows, dtype=np.int64)
        splits: list[Split | None] = []
        gains: list[tuple[float, float]] = []
        for level in range(design.depth):
            left = np.ones(design.all_rows, dtype=np.bool_)
            for k in range(1 << level):
                here = node == k
                split, best = self._best(g, h, here[: design.rows[0]])
                splits.append(split)
                gains.append(best)
                if split is not None:
                    codes = self._codes[split.owner][here, split.column]
                    left[here] = goes_left(design, split, codes)
            node = 2 * node + ~left
        inside = node[: design.rows[0]]
        sums = [np.bincount(inside, values, design.leaves) for values in (g, h)]
        below = sums[1] + max(design.lambda_units, 1) / 2.0**HESSIAN_BITS
        values = -design.learning_rate * sums[0] / below
        self.z = self.z + values[node]
        self.trees.append(Tree(tuple(splits), tuple(gains), values))

    def _best(self, g: Float, h: Float, here: npt.NDArray[np.bool_]) -> tuple[Split | None, tuple[float, float]]:
        """Return the best split of a node, and the best two gains."""
        design = self._design
        gains = np.concatenate([self._gains(owner, g, h, here) for owner in design.owners])
        best = int(np.argmax(gains))
        two = np.sort(gains)[-2:] if gains.size > 1 else np.array([-np.inf, gains[0]])
        split = split_at(design, self.done, best) if gains[best] > design.gamma else None
        return split, (float(two[-1]), float(two[0]))

    def _gains(self, owner: int, g: Float, h: Float, here: npt.NDArray[np.bool_]) -> Float:
        """Return the gains of an owner's candidates, in their order; 0 where a child is too light."""
        design, codes = self._design, self._codes[owner][: self._design.rows[0]]
        columns = design.sampled_columns(self.done)[owner]
        width = design.thresholds(owner)
        lefts = []
        for column in columns:
            found = [np.bincount(codes[here, column], x[here], design.bins + 1) for x in (g, h)]
            sums = np.stack([np.cumsum(x[: design.bins])[:width] for x in found])
            lefts.append(sums)
            if design.gaps(owner):
                lefts.append(sums + np.array([[x[design.bins]] for x in found]))
        if not lefts:
            return np.zeros(0)
        left: Float = np.concatenate(lefts, axis=1)
        total = np.array([[g[here].sum()], [h[here].sum()]])
        return self._of(left, total)

    def _of(self, left: Float, total: Float) -> Float:
        design = self._design
        right, below = total - left, design.lambda_units / 2.0**HESSIAN_BITS
        least = design.least_hessian / 2.0**HESSIAN_BITS
        allowed = (left[1] >= least) & (right[1] >= least)
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = [part[0] ** 2 / (part[1] + below) for part in (left, right, total)]
            gains: Float = np.where(allowed, scores[0] + scores[1] - scores[2], 0.0)
        return gains
