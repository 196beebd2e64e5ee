"""The public numbers of a linear model on shares: shapes, batches, and what scales and updates follow from.

With features at scale x, weights at w and a residual at rate w / x, rate being learning rate / rows, X^T d arrives in
the units of the weights. So the step truncates no gradient. What a step does truncate (small columns for penalty and
momentum, a residual for the squared error) is opened together with the linear outputs, in one round.

    logistic   x 2^10, w 2^48: the series' period of 64 fills the ring; residual = rate w / x
    poisson    x 2^10, w 2^50: a period of 16; residual as above
    linear     residual = (z - y) / 2^t, at the scale x w / 2^t; so x is the real number with x^2 = 2^t rate
               where costs are compared as `fedray.ml.linear_fine` has it
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from fedray.errors import SpecError
from fedray.ml.batches import Batches
from fedray.ml.design import FEATURE_LIMIT, FEATURE_SCALE, TEST_SCALE
from fedray.ml.linear_fine import FINE_FEATURE_LIMIT, fine_scales
from fedray.ml.linear_scales import LinearScales
from fedray.ml.linear_update import Factors, factors_of

WEIGHT_BITS = {"logistic": 48, "poisson": 50}
LINEAR_WEIGHT_BITS = (40, 44)
"""Bits of the weights for the squared error: more, and a smaller range, for a finer rate."""

RESIDUAL_BITS = 12
"""Bits below which the residual of the squared error should not fall."""

COARSEST = {"linear": 2.0**6, "logistic": 2.0**8, "poisson": 2.0**8}
"""Least scale of what the residual is made of; the curves' is rounded to a whole number, and so is the step size."""

COARSEST_SUM = {"linear": 2.0**8, "logistic": 2.0**16, "poisson": 2.0**26}
"""Least such scale times the rows of a batch, since roundings of rows are independent: with this product s the mean
residual of a batch is off by some 1 / sqrt(s); by 21 / sqrt(s) for the exponential, whose coefficients are large."""

CLASS_WEIGHT_SCALE = 2.0**8
"""Weights of rows are rounded to 1 / 256."""

DENOMINATOR = 1000
"""Momentum of Nesterov's kind is a fraction with at most this denominator: exact for three decimals."""

TRUNC_LIMIT = 2.0**62
"""Ring units that a truncation takes."""

OUTPUT_PART = 0.75
"""Part of the truncation's range that a linear output may take for the squared error; the label has the rest."""

SERIES_BITS = {"logistic": -2, "poisson": 6}
"""log2 of what a rounded table does to a series, against what rounded factors do: their best balance is the square."""


@dataclass(frozen=True)
class LinearDesign(Batches):
    """A linear model and its training, as every party and the dealer know it.

    Attributes
    ----------
    features
        Columns at each computing party, by rank; 0 where it has none.
    label
        Rank of the label party.
    rows
        Training and test rows.
    objective
        ``linear`` (half the squared error), ``logistic`` (cross-entropy) or ``poisson`` (e^z - y z); mean over rows.
    batch, test_batch, test_every, steps
        Rows per step and per slice of a test, steps between tests, steps in all.
    learning_rate
        Step size.
    alpha
        Strength of the penalty, alpha / 2 |w|^2 or with L1 alpha times the sum of |w|.
    penalty, penalize_intercept
        ``l2`` or ``l1``, and whether the intercept has it too.
    momentum, nesterov
        Share of the last update that is repeated, 0 to 0.999, and whether the gradient is that of the point ahead.
    intercept
        Whether there is one.
    weighted
        Whether the label party weighs the rows.
    seed
        Public seed of the batches.
    order
        Of the rows in the batches, see `Batches`.
    slope
        Factor of the loss and its gradient, with ``linear``: that of a curve which is taken as a line.
    cost_offset
        What the loss of a batch has beside slope / 2 times the mean squared error.
    cost_tol
        The training ends before the first batch whose loss differs by less from that of the batch before; None never.
    cost_penalty
        Whether that loss has the penalty.
    """

    features: tuple[int, ...]
    label: int
    rows: tuple[int, int]
    objective: str
    batch: int
    test_batch: int
    test_every: int
    steps: int
    learning_rate: float
    alpha: float = 0.0
    penalty: str = "l2"
    penalize_intercept: bool = False
    momentum: float = 0.0
    nesterov: bool = False
    intercept: bool = True
    weighted: bool = False
    seed: str = ""
    order: str = "random"
    restart_every: int = 0
    slope: float = 1.0
    cost_offset: float = 0.0
    cost_tol: float | None = None
    cost_penalty: bool = False

    @property
    def penalized(self) -> int:
        """How many weights have the penalty: those of columns come first, the intercept is the last."""
        return self.columns + 1 if self.penalize_intercept else self.columns

    @property
    def takes_signs(self) -> bool:
        """Whether a step takes the signs of weights."""
        return self.alpha > 0 and self.penalty == "l1"

    @property
    def rate(self) -> float:
        """Learning rate, with the slope, over the rows of a batch."""
        return self.learning_rate * self.slope / self.batch

    @cached_property
    def _fraction(self) -> Fraction:
        """Nesterov's momentum as p / q; q divides a gradient's unit, so that both q G and (p + q) G are whole."""
        nesterov = self.nesterov and self.momentum > 0
        return Fraction(self.momentum).limit_denominator(DENOMINATOR) if nesterov else Fraction(0)

    @cached_property
    def scales(self) -> LinearScales:
        """Scales.

        Raises
        ------
        SpecError
            learning_rate_init / batch_size is too small for the fixed point.
        """
        rate = self.rate / self._fraction.denominator
        made = self._linear_scales(rate) if self.objective == "linear" else self._curve_scales(rate)
        least = max(COARSEST[self.objective], COARSEST_SUM[self.objective] / self.batch)
        scale = made.residual if self.cost_tol is not None else rate * made.w / FEATURE_SCALE / self._weight_scale
        if scale < least:
            needed = self.learning_rate * least / scale
            raise SpecError(
                f"learning_rate_init {self.learning_rate:g} with batch_size {self.batch} is finer than the fixed "
                f"point; use at least {needed:.2g}, a smaller batch, or a momentum with fewer decimals"
            )
        return made

    def _curve_scales(self, rate: float) -> LinearScales:
        w, weight = 2.0 ** WEIGHT_BITS[self.objective], self._weight_scale
        return LinearScales(FEATURE_SCALE, w, weight * round(rate * w / FEATURE_SCALE / weight))

    @property
    def _weight_scale(self) -> float:
        return CLASS_WEIGHT_SCALE if self.weighted else 1.0

    def _linear_scales(self, rate: float) -> LinearScales:
        if self.cost_tol is not None:
            return LinearScales(*fine_scales(rate))
        low, high = LINEAR_WEIGHT_BITS
        shift = math.ceil(2 * math.log2(FEATURE_SCALE) - math.log2(rate))
        bits = min(high, max(low, RESIDUAL_BITS + math.ceil(math.log2(FEATURE_SCALE) - math.log2(rate))))
        x = math.sqrt(2.0**shift * rate)
        return LinearScales(x, 2.0**bits, x * 2.0 ** (bits - shift), shift)

    @property
    def label_scale(self) -> float:
        """Scale at which the label party takes labels from predictions or linear outputs."""
        if self.objective == "linear":
            return self.scales.z
        return self.scales.residual / self._weight_scale

    @property
    def table(self) -> float:
        """Scale of the dealer's tables in training."""
        return self._table(self.label_scale)

    @property
    def test_table(self) -> float:
        """Scale of the dealer's tables in a test."""
        return self._table(TEST_SCALE)

    def _table(self, scale: float) -> float:
        return 2.0 ** min(24, (math.floor(math.log2(scale)) + SERIES_BITS[self.objective]) // 2)

    @property
    def coarse_shift(self) -> int:
        """Bits by which the guard truncates weights, so that linear outputs of any size stay below 2^62 ring units."""
        return math.ceil(math.log2(self.feature_limit * self.scales.x * (self.columns + 1)))

    @property
    def feature_limit(self) -> float:
        """Largest magnitude of a scaled feature."""
        return FEATURE_LIMIT if self.cost_tol is None else FINE_FEATURE_LIMIT

    @property
    def reach(self) -> float:
        """Largest difference of a linear output and a label that the truncation of the squared error takes."""
        return TRUNC_LIMIT / self.scales.z

    @property
    def output_reach(self) -> float:
        """Largest linear output for the squared error."""
        return OUTPUT_PART * self.reach

    @property
    def label_reach(self) -> float:
        """Largest label for the squared error."""
        return (1.0 - OUTPUT_PART) * self.reach

    @cached_property
    def factors(self) -> Factors:
        """The integers of an update.

        Raises
        ------
        SpecError
            learning_rate_init times alpha is 1 or more, or too small for the fixed point.
        """
        alpha = 0.0 if self.takes_signs else self.alpha  # a penalty by signs is no decay
        return factors_of(self.learning_rate, alpha, self.momentum, self._fraction, self.scales.w)
