"""The public numbers of a network on shares: shapes, batches and fixed-point scales.

Scales are chosen so that gradient descent needs as few truncations as possible. A residual's scale already contains
learning rate / rows, so a gradient arrives in the very units of the weights and is subtracted as it is: the step is
exact, and logistic regression truncates nothing.

    layer 1   x 2^10, w 2^48, z 2^58 (its period of 64 fills the ring), residual = rate * w / x
              for the guard again with fewer bits, so that linear outputs of any size fit the ring
    layer l   x = activation scale, w fine, "low" weights 2^12 for products, z = x * 2^12
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from fedray.errors import SpecError
from fedray.ml.batches import Batches
from fedray.ml.limits import BOUND, DOMAIN, Hop, Limits, limits
from fedray.mpc.waves import HALF_PERIOD

FEATURE_SCALE = 2.0**10
FIRST_WEIGHT_SCALE = 2.0**48
LOW_SCALE = 2.0**12
SLOPE_BITS = 24
FINEST_WEIGHT_BITS = 54
COARSEST_RESIDUAL = 2.0**16
TEST_HARMONICS = 32
TEST_SCALE = 2.0**40
TEST_TABLE_SCALE = 2.0**20
FEATURE_LIMIT = 2.0**16
"""Largest magnitude of a scaled feature."""

FIRST_BIAS_SCALE = FIRST_WEIGHT_SCALE / FEATURE_SCALE
"""The sum of a first layer's residuals is a gradient of its additive term at this scale."""


@dataclass(frozen=True)
class LayerScales:
    """Ring units per 1.0 in one layer.

    Attributes
    ----------
    x, w, low, z
        Input, weights as they are kept, weights as they are multiplied, and their product.
    residual
        d loss / d z, times learning rate / rows, in units that a gradient needs to meet `w`.
    table
        The dealer's tables of sine and cosine.
    """

    x: float
    w: float
    low: float
    residual: float
    table: float

    @property
    def z(self) -> float:
        """Scale of the layer's linear output."""
        return self.x * self.low

    @property
    def period_bits(self) -> int:
        """Bits of the series' period, 2 L, at scale z."""
        return int(math.log2(2.0 * HALF_PERIOD * self.z))

    @property
    def low_shift(self) -> int:
        """Bits between the two scales of the weights."""
        return int(math.log2(self.w / self.low))


@dataclass(frozen=True)
class NetDesign(Batches):
    """A network and its training, as every party and the dealer know it.

    Attributes
    ----------
    features
        Columns at each computing party, by rank; 0 where it has none.
    label
        Rank of the label party.
    rows
        Training and test rows.
    widths
        Width of every layer; the last is the number of labels.
    batch, test_batch, test_every, steps
        Rows per step and per slice of a test, steps between tests, steps in all.
    learning_rate, loss
        Step size; ``mse`` or ``bce``, means over rows and outputs.
    bias
        Whether the layers have an additive term.
    seed
        Public seed of batches and initial weights.
    restart_every
        Steps after which a new keystream begins, see `Batches`.
    """

    features: tuple[int, ...]
    label: int
    rows: tuple[int, int]
    widths: tuple[int, ...]
    batch: int
    test_batch: int
    test_every: int
    steps: int
    learning_rate: float
    loss: str
    seed: str
    bias: bool = True
    restart_every: int = 0

    @property
    def rate(self) -> float:
        """Learning rate over the number of terms in the mean loss."""
        return self.learning_rate / (self.batch * self.widths[-1])

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self.widths)

    @cached_property
    def scales(self) -> tuple[LayerScales, ...]:
        """Scales by layer.

        Raises
        ------
        SpecError
            learning_rate / batch_size is too small for the fixed point, or a step could be too large for it.
        """
        made = self._scales()
        if self._limits(made).every < 1:
            raise SpecError(
                f"learning_rate {self.learning_rate:g} with batch_size {self.batch} could move a weight of a hidden "
                "layer out of the fixed point in one step; lower learning_rate or batch_size, or use fewer layers"
            )
        return made

    def _scales(self) -> tuple[LayerScales, ...]:
        act_bits = _exponent(self.activation_scale)
        w_bits = max(20, min(FINEST_WEIGHT_BITS, 20 + act_bits - _exponent(self.rate)))
        first = (FEATURE_SCALE, FIRST_WEIGHT_SCALE, FIRST_WEIGHT_SCALE)
        later = (self.activation_scale, 2.0**w_bits, LOW_SCALE)
        return tuple(self._layer(index, *(later if index else first)) for index in range(self.depth))

    def _layer(self, index: int, x: float, w: float, low: float) -> LayerScales:
        residual = self.rate * w / x
        if residual < COARSEST_RESIDUAL:
            least = COARSEST_RESIDUAL * x / w * self.batch * self.widths[-1]
            raise SpecError(
                f"learning_rate {self.learning_rate:g} with batch_size {self.batch} is finer than the fixed point; "
                f"use at least {least:.2g}, or a smaller batch"
            )
        last = index == self.depth - 1
        coarsest = residual if last else self.activation_scale
        table = 2.0 ** min(24, _exponent(coarsest) // 2)
        return LayerScales(x, w, low, residual, table)

    @property
    def activation_scale(self) -> float:
        """Scale of a hidden layer's output."""
        return 2.0 ** max(16, min(SLOPE_BITS, FINEST_WEIGHT_BITS - 20 + _exponent(self.rate)))

    def slope(self, index: int) -> tuple[float, int]:
        """Return the scale of a hidden layer's slope and the truncation that brings its residual to its own scale.

        residual[index] 2^shift = residual[index + 1] * low * slope, exactly.
        """
        return _slope(self.scales, index)

    @cached_property
    def limits(self) -> Limits:
        """What the guard holds weights and residuals to, and how often it looks."""
        return self._limits(self.scales)

    def _limits(self, scales: tuple[LayerScales, ...]) -> Limits:
        hops = []
        for index in range(1, self.depth):
            _, shift = _slope(scales, index - 1)
            room = DOMAIN / (scales[index - 1].residual * 2.0**shift)
            hops.append(Hop(self.widths[index], (DOMAIN / scales[index].w, room)))
        return limits(hops, self.rate * self.batch, self.loss, self.test_every)

    def tests_after(self, step: int) -> bool:
        """Say whether there is a test after this many steps."""
        return step % self.test_every == 0 or step == self.steps

    def looks_after(self, step: int) -> bool:
        """Say whether the guard looks at weights after this many steps, without a test."""
        return self.depth > 1 and step % self.limits.every == 0 and not self.tests_after(step)

    @property
    def guard_bits(self) -> int:
        """Bits of the scale of the first layer's linear outputs as the guard takes them.

        With weights below `BOUND` and features below `FEATURE_LIMIT` sums stay below 2^62: no output wraps around.
        """
        largest = self.columns * FEATURE_LIMIT * BOUND / FIRST_WEIGHT_SCALE
        return int(math.log2(DOMAIN)) - math.ceil(math.log2(largest))

    @property
    def guard_period_bits(self) -> int:
        """Bits of the series' period, 2 L, at that scale."""
        return self.guard_bits + _exponent(2.0 * HALF_PERIOD)

    @property
    def coarse_shifts(self) -> tuple[int, int]:
        """Truncations of the first layer's weights and additive term that bring outputs to the guard's scale."""
        kept = FEATURE_SCALE * FIRST_WEIGHT_SCALE, FIRST_BIAS_SCALE
        weights, bias = (_exponent(scale) - self.guard_bits for scale in kept)
        return weights, bias


def _slope(scales: tuple[LayerScales, ...], index: int) -> tuple[float, int]:
    back = scales[index + 1].residual * LOW_SCALE
    wanted = scales[index].residual
    shift = max(1, SLOPE_BITS + _exponent(back) - _exponent(wanted))
    return wanted * 2.0**shift / back, shift


def _exponent(x: float) -> int:
    """Return floor(log2 x), exactly."""
    return math.frexp(x)[1] - 1
