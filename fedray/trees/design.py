"""The public numbers of boosted trees on shares: shapes, rates, samples, candidates and fixed-point scales.

A row's gradient and hessian are kept at one scale, so fine that the sum over all rows still fits the ring. What a gain
is made of is cut to fewer bits first, one after the other:

    H + lambda 2^12,  1 / (H + lambda) 24 bits of its mantissa,  G 2^g,  q = G / (H + lambda) 2^s,  score = G q

where g and s are as large as the rows and their weights allow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from fedray.errors import SpecError
from fedray.ml.batches import Batches
from fedray.prg import Stream

HESSIAN_BITS = 12
"""Bits below 1 that are kept of a sum of hessians."""

HESSIAN_FLOOR = 2.0**-13
"""Added to every hessian of a curve, so that the error of its series (8e-5) makes none negative."""

INVERSE_BITS = 24
"""Bits of a reciprocal's mantissa."""

FINEST_GRADIENT, FINEST_ROW, FINEST_QUOTIENT = 16, 36, 30
QUOTIENT_BITS = 8
"""A quotient G / (H + lambda) stays below 2^8: rows of a leaf that are all wrong by a score of less than 5.5."""

SCORE_BITS = 3
"""The score of a node stays below 2^3 times its rows times their weight."""

STEP_BITS = 20
"""Bits of a leaf's quotient before it is multiplied by the learning rate."""

CURVE_BITS = 44
"""Bits of the scores behind a curve: the learning rate has 24 of them, and scores up to 2^18 fit."""

WEIGHT_SCALE = 2.0**8
"""Weights of rows are rounded to 1 / 256."""

LABEL_BITS = 6
"""Labels and predictions of a regression stay within 2^6 standard deviations."""

ROOM = 61
"""Bits of the ring that numbers may use: they are added, doubled and truncated."""

ROWS_BLOCK = 1 << 13
"""Rows of a block of masked bins, which is a message and, with all its columns, what a product goes through."""


@dataclass(frozen=True)
class TreeScales:
    """Ring units per 1.0, as exponents of 2.

    Attributes
    ----------
    row
        Gradients and hessians of rows.
    z
        Scores of rows.
    gradient
        Sums of gradients in quotients.
    quotient
        Quotients in scores of nodes.
    hessian_high
        Sums of hessians and lambda, as they are inverted, stay below 2 to this power in ring units.
    """

    row: int
    z: int
    gradient: int
    quotient: int
    hessian_high: int

    @property
    def inverse(self) -> int:
        """Reciprocals of sums of hessians."""
        return INVERSE_BITS + self.hessian_high - HESSIAN_BITS

    @property
    def gain(self) -> int:
        """Scores of nodes and gains."""
        return self.gradient + self.quotient


@dataclass(frozen=True)
class TreeDesign(Batches):
    """Boosted trees and their training, as every party and the dealer know them; a step is a tree.

    Attributes
    ----------
    features
        Columns at each computing party, by rank; 0 where it has none.
    label
        Rank of the label party.
    rows
        Training and test rows.
    objective
        ``logistic`` (cross-entropy) or ``squared`` (half the squared error of a standardised label).
    steps, test_every
        Trees in all, and between tests.
    depth
        Splits from the root to a leaf, the same for every leaf.
    bins
        Most ordinary bins of a column.
    missing
        By rank, whether columns have a bin of missing values, whose side is learned.
    learning_rate, reg_lambda, gamma, min_child_weight
        As XGBoost has them; a gain is not halved, as in its code.
    subsample, colsample
        Parts of rows and of columns that a tree is grown on, drawn from the public seed.
    weighted, largest_weight
        Whether the label party weighs the rows, and by how much at most.
    seed
        Public seed of the samples.
    stops_early
        Whether the trees of any test may be those that are kept.
    """

    features: tuple[int, ...]
    label: int
    rows: tuple[int, int]
    objective: str
    steps: int
    depth: int = 6
    bins: int = 32
    missing: tuple[bool, ...] = ()
    learning_rate: float = 0.3
    reg_lambda: float = 1.0
    gamma: float = 0.0
    min_child_weight: float = 1.0
    subsample: float = 1.0
    colsample: float = 1.0
    weighted: bool = False
    largest_weight: float = 1.0
    test_every: int = 1
    seed: str = ""
    stops_early: bool = False

    @property
    def all_rows(self) -> int:
        """Training and test rows together, in this order: all of them walk down a tree."""
        return sum(self.rows)

    @property
    def leaves(self) -> int:
        """Leaves of a tree."""
        return 1 << self.depth

    def gaps(self, owner: int) -> bool:
        """Say whether an owner's columns have a bin of missing values."""
        return bool(self.missing) and self.missing[owner]

    def thresholds(self, owner: int) -> int:
        """Return the cuts of each column of an owner: after each bin that others follow."""
        return self.bins - 1 + self.gaps(owner)

    def sides(self, owner: int) -> int:
        """Return to how many sides missing values may go."""
        return 1 + self.gaps(owner)

    def onehot(self, owner: int) -> int:
        """Return the columns of an owner's one-hot matrix; what is in none of a column's is in its last bin."""
        return self.features[owner] * self.thresholds(owner)

    def sampled_columns(self, tree: int) -> dict[int, npt.NDArray[np.int64]]:
        """Return, by owner, the columns that a tree is grown on, rising; perhaps none."""
        count = max(1, int(self.colsample * self.columns + 1e-9))
        chosen = np.sort(self._drawn(f"columns/{tree}", self.columns)[:count])
        return {
            owner: chosen[(chosen >= at.start) & (chosen < at.stop)] - at.start for owner, at in self.places.items()
        }

    def sampled_rows(self, tree: int) -> npt.NDArray[np.bool_]:
        """Return which training rows a tree is grown on, shape (n_train,)."""
        n_train = self.rows[0]
        chosen = np.zeros(n_train, dtype=np.bool_)
        if self.subsample >= 1.0:
            return ~chosen
        count = max(1, int(self.subsample * n_train + 1e-9))
        chosen[self._drawn(f"rows/{tree}", n_train)[:count]] = True
        return chosen

    def _drawn(self, label: str, count: int) -> npt.NDArray[np.int64]:
        words = Stream.from_seed(f"{self.seed}/trees").words(label, (count,))
        return np.argsort(words, kind="stable").astype(np.int64)

    @property
    def curved(self) -> bool:
        """Whether a prediction is the sigmoid of a score."""
        return self.objective == "logistic"

    @cached_property
    def scales(self) -> TreeScales:
        """Scales.

        Raises
        ------
        SpecError
            There are too many rows, or they weigh too much, for the fixed point.
        """
        weight = self.largest_weight if self.weighted else 1.0
        gradients = self._bits(self.rows[0] * weight * (1.0 if self.curved else 2.0 ** (LABEL_BITS + 1)))
        row = min(FINEST_ROW, ROOM - 1 - gradients)
        hessians = self.rows[0] * weight * (0.25 + HESSIAN_FLOOR if self.curved else 1.0)
        high = self._bits((hessians + self.reg_lambda) * 2.0**HESSIAN_BITS + 8.0)
        inverse = INVERSE_BITS + high - HESSIAN_BITS
        gradient = min(FINEST_GRADIENT, ROOM + 1 - QUOTIENT_BITS - inverse)
        score = self._bits(self.rows[0] * weight) + (SCORE_BITS if self.curved else 2 * LABEL_BITS)
        quotient = min(FINEST_QUOTIENT, ROOM - 1 - score - max(0, gradient))
        if (
            row < 20
            or high > 36
            or gradient < 2
            or quotient < 12
            or self.gamma * 2.0 ** (gradient + quotient) >= 2.0**ROOM
        ):
            raise SpecError(
                f"{self.rows[0]} training rows with weights up to {weight:g}, reg_lambda {self.reg_lambda:g} and gamma "
                f"{self.gamma:g} do not fit the fixed point; use fewer rows, or smaller numbers"
            )
        return TreeScales(row, CURVE_BITS if self.curved else row, gradient, quotient, high)

    @staticmethod
    def _bits(value: float) -> int:
        return math.frexp(value)[1]  # value < 2^bits

    @property
    def least_hessian(self) -> int:
        """Least sum of hessians of a child, in units of 2^-12: min_child_weight, and more than nothing."""
        return max(1, round(self.min_child_weight * 2.0**HESSIAN_BITS))

    @property
    def lambda_units(self) -> int:
        """reg_lambda in units of 2^-12; one at least for a leaf, whose sum of hessians may be 0."""
        return round(self.reg_lambda * 2.0**HESSIAN_BITS)
