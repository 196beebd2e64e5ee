"""How large weights and residuals of a network may grow, and how often the guard must look at them.

Weights of the layers after the first are truncated in every step, which takes numbers below 2^62 ring units; so are the
products of residual, weights and slope that pass a residual on to the layer below. Both are wrong beyond, silently.

Weights. A step moves a weight by at most ``learning rate / outputs * |activation| * |residual|``. Let every weight be
seen below b at each look, and let all steps between two looks together move it by at most 2 b. To leave 2 b and to be
back below b at the next look, it would have to move by more than that: so it never left 2 b, which is at most 2^62.

Residuals. The last one is at most 1 by its series, over the whole period. Below a layer with k outputs and weights
below 2 b it is at most ``slope * k * 2 b * residual``. Where that fits the truncation, it cannot overflow. Where k is
so large that a useful b would not do, the guard looks at the products themselves, in the last step before each look,
and looks more often; a residual that grows too large between two looks and shrinks again is not seen then. What comes
out of a truncation is bounded in any case, and so is what it moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

DOMAIN = 2.0**62
"""Ring units that a truncation takes."""

BOUND = 2.0**61
"""Ring units below which the guard wants what is truncated."""

LEAST_USEFUL = 24.0
"""A bound of weights below this would stop ordinary trainings; then residuals are looked at instead."""

LOOK_EVERY = 64
"""Most steps between two looks where residuals must be looked at."""

LAST_RESIDUAL = {"bce": 1.1, "mse": 0.4}
"""Largest |d loss / d z| at the last layer: of the series over their period, and room for rounding."""

ACTIVATION = 1.01
SLOPE = 0.26
OVERFLOWN = 3.0
"""What a truncation outside its domain gives is at most this many times what it gives at its edge."""


@dataclass(frozen=True)
class Hop:
    """What the bounds of a layer after the first depend on; in real units.

    Attributes
    ----------
    width
        Outputs of the layer.
    reach
        Largest weight, and largest residual of the layer below, that their truncations take.
    """

    width: int
    reach: tuple[float, float]


@dataclass(frozen=True)
class Limits:
    """Bounds in real units.

    Attributes
    ----------
    weights
        Largest weight that passes a look, for each layer after the first.
    watched
        Layers whose residuals must be looked at: indices of the layer below, from 0.
    every
        Steps between two looks; 0 where a single step could move a weight too far.
    """

    weights: tuple[float, ...]
    watched: tuple[int, ...]
    every: int


def limits(hops: Sequence[Hop], rate: float, loss: str, longest: int) -> Limits:
    """Return the bounds of a network; see the module's docstring for their reasons.

    Parameters
    ----------
    hops
        The layers after the first, in order.
    rate
        Learning rate over the number of outputs.
    longest
        Steps between two tests, at each of which the guard looks.
    """
    residual, every = LAST_RESIDUAL[loss], longest
    bounds: list[float] = []
    watched: list[int] = []
    for index in reversed(range(len(hops))):
        hop = hops[index]
        most, room = hop.reach
        by_room = room / (2.0 * SLOPE * hop.width * residual)
        safe = by_room >= LEAST_USEFUL
        bound = min(most / 2.0, by_room) if safe else most / 2.0
        every = min(every, int(2.0 * bound / (rate * ACTIVATION * residual)))
        bounds.append(bound)
        if not safe:
            watched.append(index)
        residual = SLOPE * hop.width * 2.0 * bound * residual if safe else OVERFLOWN * room
    return Limits(tuple(reversed(bounds)), tuple(reversed(watched)), min(every, LOOK_EVERY) if watched else every)
