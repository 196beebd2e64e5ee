"""The integers by which a linear model's weights are updated: gradient, momentum and decay in ring units."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from fedray.errors import SpecError

__all__ = ["Factors", "factors_of"]

MOMENTUM_BITS = 20
DECAY_BITS = 12
LONGEST_DECAY_SHIFT = 40


@dataclass(frozen=True)
class Factors:
    """The integers of an update, with V = v >> momentum_shift and L = w >> decay_shift, truncated.

        v' = keep V - decay L - gradient G
        w' = w + carry V - drain L - step G

    Without momentum there is no v; without penalty no L. G is the gradient of the loss as it arrives.
    """

    keep: int
    carry: int
    decay: int
    drain: int
    gradient: int
    step: int
    momentum_shift: int
    decay_shift: int


def factors_of(learning_rate: float, alpha: float, momentum: float, ahead: Fraction, weight: float) -> Factors:
    """Return the integers of an update.

    Parameters
    ----------
    learning_rate, alpha, momentum
        Step size, strength of the penalty that shrinks weights, and share of the last update that is repeated.
    ahead
        Momentum of Nesterov's kind, else 0; its denominator divides a gradient's unit.
    weight
        Scale of the weights.

    Raises
    ------
    SpecError
        learning_rate times alpha is 1 or more, or too small for the fixed point.
    """
    q = ahead.denominator
    decay, shift = _decay(learning_rate, alpha)
    bits = min(MOMENTUM_BITS, int(math.log2(weight)) - 22)
    unit = 2.0**bits
    return Factors(
        keep=round(momentum * unit),
        carry=round((momentum * momentum if ahead else momentum) * unit),
        decay=round(decay * 2.0**shift),
        drain=round(decay * (1.0 + (momentum if ahead else 0.0)) * 2.0**shift),
        gradient=q,
        step=q + ahead.numerator,
        momentum_shift=bits if momentum else 0,
        decay_shift=shift,
    )


def _decay(learning_rate: float, alpha: float) -> tuple[float, int]:
    """Return by how much a step shrinks weights, and the bits that its integer has behind the point."""
    decay = learning_rate * alpha
    if decay == 0.0:
        return 0.0, 0
    if decay >= 1.0:
        raise SpecError(
            f"learning_rate_init {learning_rate:g} times alpha {alpha:g} is 1 or more, so that the "
            "penalty overshoots; lower one of them"
        )
    shift = min(LONGEST_DECAY_SHIFT, DECAY_BITS - math.floor(math.log2(decay)))
    if decay * 2.0**shift < 1.0:
        raise SpecError(
            f"alpha {alpha:g} with learning_rate_init {learning_rate:g} is finer than the fixed point; "
            f"use 0, or at least {2.0**-LONGEST_DECAY_SHIFT / learning_rate:.2g}"
        )
    return decay, shift
