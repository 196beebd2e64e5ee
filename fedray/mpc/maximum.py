"""The largest of several shared numbers and its place, by a tournament; ties go to the lowest index."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod

import numpy as np

from fedray.errors import LocalProtocolError
from fedray.mpc.beaver import close_mul, open_mul
from fedray.mpc.compare import MsbMask, msb_turns
from fedray.mpc.correlation import Correlation, Triple
from fedray.mpc.dealer import Bundle
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.mpc.turns import Turns, turn
from fedray.ring import Ring


@dataclass(frozen=True)
class Level:
    """One level of the tournament: neighbours meet, an odd one at the end waits.

    Attributes
    ----------
    pairs
        Number of meetings.
    leaves
        For each element that stands behind one of those who meet, in order: the meeting's number.
    right
        For each of them, whether it stands behind the second.
    """

    pairs: int
    leaves: tuple[int, ...]
    right: tuple[bool, ...]


@lru_cache(maxsize=16)
def bracket(count: int) -> tuple[Level, ...]:
    """Return the levels of a tournament of `count` elements: ceil(log2 count) of them."""
    made, widths = [], [1] * count
    while len(widths) > 1:
        pairs = len(widths) // 2
        behind = [(k // 2, k % 2 == 1) for k in range(2 * pairs) for _ in range(widths[k])]
        made.append(Level(pairs, tuple(pair for pair, _ in behind), tuple(second for _, second in behind)))
        widths = [widths[2 * k] + widths[2 * k + 1] for k in range(pairs)] + widths[2 * pairs :]
    return tuple(made)


@dataclass(frozen=True)
class Tournament:
    """The plan of a `largest`: what it takes.

    Attributes
    ----------
    name
        Of the correlations, unique in a step.
    shape, axis
        Of the numbers, and along which axis they are compared.
    place
        Whether the winner's place is wanted beside its value.
    """

    name: str
    shape: tuple[int, ...]
    axis: int = -1
    place: bool = False

    def __post_init__(self) -> None:
        if not -len(self.shape) <= self.axis < len(self.shape) or not self.shape[self.axis]:
            raise LocalProtocolError(f"no largest number along axis {self.axis} of an array of shape {self.shape}")

    def levels(self) -> tuple[Level, ...]:
        """Return the levels along the axis."""
        return bracket(self.shape[self.axis])

    def rows(self, level: int) -> tuple[int, ...]:
        """Return the meeting whose bit each product of a level takes: the values', then the places'."""
        here = self.levels()[level]
        places = here.leaves if self.place and level else ()  # at level 0 a place is the bit itself
        return (*range(here.pairs), *places)

    def correlations(self) -> tuple[Correlation, ...]:
        """Return what a step takes."""
        others = prod(self.shape) // self.shape[self.axis]
        made: list[Correlation] = []
        for number, level in enumerate(self.levels()):
            rows = self.rows(number)
            made.append(MsbMask(f"{self.name}.less{number}", (level.pairs, others)))
            made.append(Triple(f"{self.name}.pick{number}", (len(rows), others), rows))
        return tuple(made)


@dataclass(frozen=True, eq=False)
class Largest:
    """The outcome.

    Attributes
    ----------
    value
        The largest numbers, at their scale; the plan's shape without its axis.
    onehot
        1 where the winner stood, else 0, at scale 1, of the plan's shape; None if not asked for.
    index
        The winner's index along the axis, at scale 1, of the value's shape; None if not asked for.
    """

    value: Share
    onehot: Share | None
    index: Share | None


def largest(s: Session, plan: Tournament, x: Share, bundle: Bundle) -> Turns[Largest]:
    """Return [max x] along an axis and, if the plan says so, the winner's place as one-hot and as index; all exact.

        [b] = [x_0 < x_1]                                 for all neighbours (0 before 1) of a level in one batch
        [x] = [x_0] + [b] ([x_1] - [x_0])
        [h] = [h] - [b] [h] behind 0, [b] [h] behind 1    in the round of the line above; b is opened once

    The second wins only if it is larger, and neighbours keep their order, so of equal numbers the first wins.

    Parameters
    ----------
    x
        Of the plan's shape, at any scale.
    bundle
        A step with `plan.correlations()`.

    Domain: |x_i - x_j| < 2^63 in ring units, as for any numbers that `encode` accepts.
    Cost: 9 rounds for each of the ceil(log2 k) levels of k numbers; section 15 for elements.
    Leaks: nothing.
    Ref: [Cat10], [Bea91], protocols, section 15.
    """
    values = np.moveaxis(x.value, plan.axis, 0)
    rest = values.shape[1:]
    values = values.reshape(values.shape[0], -1)
    hot = s.constant(1.0, 1.0, values.shape).value
    for number in range(len(plan.levels())):
        values, hot = yield from _meet(s, plan, number, (values, hot), bundle)
    value = Share(values[0].reshape(rest), x.scale)
    return _outcome(plan, value, hot) if plan.place else Largest(value, None, None)


def _meet(
    s: Session, plan: Tournament, number: int, state: tuple[Ring, Ring], bundle: Bundle
) -> Turns[tuple[Ring, Ring]]:
    """Play a level; the state is the values still in and the places behind them, with the other axes flat."""
    (values, hot), level, rows = state, plan.levels()[number], plan.rows(number)
    first, second = values[0 : 2 * level.pairs : 2], values[1 : 2 * level.pairs : 2]
    bit = yield from msb_turns(s, Share(first - second, 1.0), bundle[f"{plan.name}.less{number}"])
    factors = Share(np.concatenate([second - first, hot[: len(rows) - level.pairs]]), 1.0)
    parts = bundle[f"{plan.name}.pick{number}"]
    opened = yield from turn(lambda r: open_mul(r, bit, factors, parts, rows))
    products = close_mul(s, opened, parts).value
    values = np.concatenate([first + products[: level.pairs], values[2 * level.pairs :]])
    won = products[level.pairs :] if number else bit.value[list(level.leaves)]
    return values, _placed(level, hot, won) if plan.place else hot


def smallest(s: Session, plan: Tournament, x: Share, bundle: Bundle) -> Turns[Largest]:
    """Return [min x] and its place as `largest` does: the largest of -x, negated; of equal numbers the first.

    Domain: as `largest`.
    Cost: that of `largest`.
    Leaks: nothing.
    Ref: [Cat10], [Bea91], protocols, section 15.
    """
    found = yield from largest(s, plan, -x, bundle)
    return Largest(-found.value, found.onehot, found.index)


def _placed(level: Level, hot: Ring, won: Ring) -> Ring:
    """Return the places after a level: b h behind the second, h - b h behind the first."""
    behind = np.array(level.right)[:, None]
    met = np.where(behind, won, hot[: len(level.right)] - won)
    return np.concatenate([met, hot[len(level.right) :]])


def _outcome(plan: Tournament, value: Share, hot: Ring) -> Largest:
    count = plan.shape[plan.axis]
    index = np.arange(count, dtype=np.uint64) @ hot
    onehot = np.moveaxis(hot.reshape(count, *value.shape), 0, plan.axis)
    return Largest(value, Share(onehot, 1.0), Share(index.reshape(value.shape), 1.0))
