"""The public numbers of a network on shares: shapes, batches and fixed-point scales.

Scales are chosen so that gradient descent needs as few truncations as possible. A residual's scale already contains
learning rate / rows, so a gradient arrives in the very units of the weights and is subtracted as it is: the step is
exact, and logistic regression truncates nothing.

    layer 1   x 2^10, w 2^48, z 2^58 (its period of 64 fills the ring), residual = rate * w / x
    layer l   x = activation scale, w fine, "low" weights 2^12 for products, z = x * 2^12
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from fedray.errors import SpecError
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
GUARD_SCALE = 2.0**32
FEATURE_LIMIT = 2.0**16
"""Largest magnitude of a scaled feature."""


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
class NetDesign:
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

    @property
    def owners(self) -> tuple[int, ...]:
        """Ranks with features."""
        return tuple(rank for rank, columns in enumerate(self.features) if columns)

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
            learning_rate / batch_size is too small for the fixed point.
        """
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
        back = self.scales[index + 1].residual * LOW_SCALE
        wanted = self.scales[index].residual
        shift = max(1, SLOPE_BITS + _exponent(back) - _exponent(wanted))
        return wanted * 2.0**shift / back, shift

    @property
    def tests(self) -> int:
        """Number of test rounds: one every `test_every` steps and one after the last."""
        return -(-self.steps // self.test_every)


def _exponent(x: float) -> int:
    """Return floor(log2 x), exactly."""
    return math.frexp(x)[1] - 1
