"""Softmax over an axis: less the largest, the exponential of what is left, divided by its sum."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import frexp

import numpy as np

from fedray.errors import LocalProtocolError
from fedray.mpc import waves
from fedray.mpc.compare import relu_masks, relu_turns
from fedray.mpc.correlation import Correlation, WaveMask
from fedray.mpc.dealer import Bundle
from fedray.mpc.exponential import EXP_DOMAIN, EXP_HALF_PERIOD, exp_wave
from fedray.mpc.maximum import Tournament, largest
from fedray.mpc.normal import Span
from fedray.mpc.roots import Quotient, divide
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.mpc.turns import Turns, turn

MOST_CLASSES = 256
"""Sums of this many exponentials still fit the ring at their scale."""

COUNT, TABLE_SCALE = 24, 2.0**24

LOW = 52
"""The largest exponential, e^0, is a little above 2^52 in ring units."""

SCALE = 2.0**LOW / 403.0
"""Of e^(d + 6); e^6 is 403.4. Written out: a party with another last bit would share noise."""

QUOTIENT_BITS = 22
"""Enough for the error of the exponential, few enough for a result that can be multiplied."""


@dataclass(frozen=True)
class Softmax:
    """The plan of a `softmax`: what it takes.

    Attributes
    ----------
    name
        Of the correlations, unique in a step.
    shape, axis
        Of the logits; at most 256 along the axis.
    scale
        Of the logits, a power of two from 1 to 2^57.
    """

    name: str
    shape: tuple[int, ...]
    scale: float
    axis: int = -1

    def __post_init__(self) -> None:
        part, exponent = frexp(self.scale)
        if part != 0.5 or not 0 <= exponent - 1 <= 57:
            raise LocalProtocolError(f"softmax takes logits at a power of two from 1 to 2^57, not {self.scale:g}")
        if self.tournament.shape[self.axis] > MOST_CLASSES:
            raise LocalProtocolError(f"softmax takes at most {MOST_CLASSES} classes, not {self.shape[self.axis]}")

    @cached_property
    def tournament(self) -> Tournament:
        """Finds the largest."""
        return Tournament(f"{self.name}.max", self.shape, self.axis)

    @property
    def moved(self) -> tuple[int, ...]:
        """The logits' shape with the axis in front."""
        axis = self.axis % len(self.shape)
        return (self.shape[axis], *self.shape[:axis], *self.shape[axis + 1 :])

    @cached_property
    def quotient(self) -> Quotient:
        """Divides by the sum."""
        _, more = frexp(1.002 * self.moved[0])
        span = Span(LOW, LOW + more)
        return Quotient(f"{self.name}.quotient", self.moved[1:], span, 1.0, self.moved[0], QUOTIENT_BITS)

    @property
    def period_bits(self) -> int:
        """The exponential's period in ring units, as an exponent."""
        return frexp(2.0 * EXP_HALF_PERIOD * self.scale)[1] - 1

    def correlations(self) -> tuple[Correlation, ...]:
        """Return what a step takes."""
        return (
            *self.tournament.correlations(),
            *relu_masks(f"{self.name}.clamp", self.moved),
            WaveMask(f"{self.name}.exp", self.moved, self.period_bits, COUNT, TABLE_SCALE),
            *self.quotient.correlations(),
        )


def softmax(s: Session, plan: Softmax, x: Share, bundle: Bundle) -> Turns[Share]:
    """Return [e^x_i / sum_j e^x_j] along the plan's axis.

        [d] = [x] - [max x], clamped to d >= -12: [d] = max([d] + 12, 0) - 12
        [e^(d + 6)] by the series of `exp_wave` at a masked opening
        [e^d_i / sum_j e^d_j] by `divide`; e^6 falls out

    Parameters
    ----------
    x
        Of the plan's shape and scale.
    bundle
        A step with `plan.correlations()`.

    Returns
    -------
    Share
        Of x's shape, at scale 2^45 or a little less.

    Domain: |x_i - x_j| < 2^62 in ring units.
    Error: 7e-6 (k - 1) + 4e-6 at k numbers along the axis, of which 6.2e-6 (k - 1) comes from the clamp and only where
    a number lies more than 12 below the largest.
    Cost: 9 ceil(log2 k) + 22 rounds, 9 fewer for k up to 3; section 16 for elements.
    Leaks: nothing.
    Ref: protocols, section 16.
    """
    if x.scale != plan.scale:
        raise LocalProtocolError(f"softmax was planned for logits of scale {plan.scale:g}, not {x.scale:g}")
    best = yield from largest(s, plan.tournament, x, bundle)
    lead = Share(np.moveaxis(x.value, plan.axis, 0) - best.value.value, x.scale)
    above = lead + s.constant(2.0 * EXP_DOMAIN, x.scale, lead.shape)
    clamped = yield from relu_turns(s, above, bundle, f"{plan.name}.clamp")
    centred = clamped - s.constant(EXP_DOMAIN, x.scale, lead.shape)
    masks = bundle[f"{plan.name}.exp"]
    c = yield from turn(lambda r: waves.open_masked(r, centred, masks))
    wanted = [(exp_wave(COUNT), SCALE)]
    powers = waves.evaluate(s, c.value, plan.period_bits, TABLE_SCALE, masks, wanted)[0]
    shares = yield from divide(s, plan.quotient, powers, powers.sum(0), bundle)
    return Share(np.moveaxis(shares.value, 0, plan.axis), shares.scale)
