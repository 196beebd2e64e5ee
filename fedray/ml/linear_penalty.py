"""The penalty of a linear model on shares, beside the decay of L2, which rides in the weights' own update.

L1 takes the signs of secret weights, by the exact comparison. Where costs are compared with the penalty, each weight
comes once more in the units of the residuals: for L2 so that its square is its part of the cost, for L1 so that its
magnitude is. Both ride in the rounds that a step has anyway.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fedray.errors import SpecError
from fedray.ml.linear_design import LinearDesign
from fedray.mpc.beaver import OpenedProduct, OpenedSquare, close_mul, close_square, open_mul, open_square
from fedray.mpc.compare import MsbMask, msb
from fedray.mpc.correlation import Correlation, SquareMask, Triple, TruncMask
from fedray.mpc.dealer import Bundle
from fedray.mpc.session import Round, Session
from fedray.mpc.share import Share
from fedray.mpc.trunc import MOST, OpenedTrunc, close_trunc, open_trunc
from fedray.ring import Ring

__all__ = ["SIGN_ROUNDS", "LinearPenalty", "check_penalty", "largest_weight", "penalty_masks", "sign_steps"]

SIGN_ROUNDS = 8

MOST_FACTOR_BITS = 12
FACTOR_ROOM = 2.0**57
"""Ring units of 1.0 times its factor: weights up to 16 stay in range then, those of finer numbers fewer bits of it."""

SIGN, SQUARE, PRODUCT = "sign", "penalty.square", "penalty.product"


COARSEST_SIGN = 2.0**6
"""Least ring units that an L1 penalty takes from a weight in a step."""

LARGEST_SIGN = 2.0**60
"""Ring units that it must stay below."""

SHIFTS = range(1, MOST + 1)
"""Bits that a truncation may take off."""


def check_penalty(design: LinearDesign) -> None:
    """Check that the fixed point holds the penalty, in the update and in the costs; pure.

    Raises
    ------
    SpecError
        learning_rate_init times alpha is too small or too large for it.
    """
    if design.takes_signs:
        sign_steps(design)
    _sized(design)


def sign_steps(design: LinearDesign) -> tuple[Ring, Ring]:
    """Return what a weight's sign takes from its velocity, and from itself: ring units, shape (penalized, 1).

    Raises
    ------
    SpecError
        learning_rate_init times alpha is too small or too large for the fixed point.
    """
    factors, scales = design.factors, design.scales
    step = design.learning_rate * design.alpha
    if step * scales.w < COARSEST_SIGN:
        raise SpecError(
            f"alpha {design.alpha:g} with learning_rate_init {design.learning_rate:g} is finer than the fixed point; "
            f"use 0, or at least {COARSEST_SIGN / scales.w / design.learning_rate:.2g}"
        )
    units = np.array([scales.w] * design.columns + [scales.intercept])[: design.penalized, None]
    taken = [np.rint(part * units) for part in (step, step * factors.step / factors.gradient)]
    if max(float(part.max(initial=0.0)) for part in taken) >= LARGEST_SIGN:
        raise SpecError(
            f"learning_rate_init {design.learning_rate:g} times alpha {design.alpha:g} is more than the fixed point "
            "holds; lower one of them"
        )
    return taken[0].astype(np.uint64), taken[1].astype(np.uint64)


@dataclass(frozen=True)
class Sized:
    """How some weights come to the units of the residuals: times a factor, less the low bits.

    Attributes
    ----------
    name
        Of the truncation.
    place
        Of the weights in their column.
    factor, shift
        Whole numbers: what comes out is factor / 2^shift of the ring element.
    """

    name: str
    place: slice
    factor: int
    shift: int


def _sized(design: LinearDesign) -> tuple[Sized, ...]:
    """Return how the weights that have a penalty are sized for the cost; nothing where it has no part in the cost."""
    if not (design.alpha > 0 and design.cost_penalty and design.cost_tol is not None):
        return ()
    strength = design.alpha * design.batch / design.slope  # of cost = slope / (2 batch) (sum r^2 + strength ...)
    scale = design.scales.residual
    unit = 2.0 * strength * scale**2 if design.penalty == "l1" else math.sqrt(strength) * scale
    places = [("penalty.weights", slice(0, design.columns), design.scales.w)]
    if design.penalize_intercept:
        places.append(("penalty.intercept", slice(design.columns, design.columns + 1), design.scales.intercept))
    sized = tuple(_size(name, place, scale, unit / scale) for name, place, scale in places)
    if any(one.shift not in SHIFTS for one in sized):
        much = min(one.shift for one in sized) < SHIFTS.start
        raise SpecError(
            f"learning_rate_init {design.learning_rate:g} with alpha {design.alpha:g} makes a penalty too "
            f"{'large' if much else 'small'} for the fixed point of the costs; {'lower' if much else 'raise'} one of "
            "them, or leave cost_penalty out"
        )
    return sized


def _size(name: str, place: slice, scale: float, ratio: float) -> Sized:
    bits = max(1, min(MOST_FACTOR_BITS, math.floor(math.log2(FACTOR_ROOM / scale))))
    shift = bits - 1 - math.floor(math.log2(ratio))
    return Sized(name, place, round(ratio * 2.0**shift), shift)


def largest_weight(design: LinearDesign, limit: float) -> float:
    """Return the ring units within which all weights stay below `limit` when they are sized for the cost."""
    return limit / max((one.factor for one in _sized(design)), default=1)


def penalty_masks(design: LinearDesign) -> tuple[Correlation, ...]:
    """Return what the penalty of one step takes, beside that of the decay of L2."""
    count, made = design.penalized, list[Correlation]()
    if design.takes_signs:
        made.append(MsbMask(SIGN, (2 * count, 1)))
    sized = _sized(design)
    made += [TruncMask(one.name, (one.place.stop - one.place.start, 1), one.shift) for one in sized]
    if sized:
        made.append(Triple(PRODUCT, (count, 1)) if design.penalty == "l1" else SquareMask(SQUARE, (count, 1)))
    return tuple(made)


class LinearPenalty:
    """One party's part of the penalty.

    Parameters
    ----------
    s
        The computing parties.
    design
        The public numbers.
    """

    def __init__(self, s: Session, design: LinearDesign) -> None:
        self._s, self._design, self._sized = s, design, _sized(design)

    def signs(self, w: Ring, bundle: Bundle) -> Ring | None:
        """Return my summands of the signs of the weights that have an L1 penalty, 1, 0 or -1; None without one.

        Cost: 8 rounds; that of `msb` for twice the weights.
        Leaks: nothing.
        Ref: protocols, section 9.
        """
        if not self._design.takes_signs:
            return None
        mine = w[: self._design.penalized]
        beyond = msb(self._s, Share(np.concatenate([mine, np.uint64(0) - mine]), 1.0), bundle[SIGN]).value
        negative, positive = beyond[: len(mine)], beyond[len(mine) :]
        signs: Ring = positive - negative
        return signs

    def open_sizes(self, r: Round, w: Ring, bundle: Bundle) -> list[OpenedTrunc]:
        """Open what brings the weights to the units of the residuals, in the round `r`.

        Cost: n (n - 1) elements for each weight with a penalty, in the caller's round; nothing where costs do not have
        the penalty.
        Leaks: nothing.
        Ref: protocols, section 5.
        """
        return [
            open_trunc(r, Share(w[one.place] * np.uint64(one.factor), 1.0), one.shift, bundle[one.name])
            for one in self._sized
        ]

    def close_sizes(self, opened: list[OpenedTrunc], bundle: Bundle) -> Ring | None:
        """Return my summands of the weights in those units; local."""
        parts = zip(opened, self._sized, strict=True)
        found = [close_trunc(self._s, one, bundle[sized.name]).value for one, sized in parts]
        return np.concatenate(found) if found else None

    def open_cost(
        self, r: Round, sizes: Ring | None, signs: Ring | None, bundle: Bundle
    ) -> OpenedProduct | OpenedSquare | None:
        """Open what makes the penalty's part of a cost, in the round `r`: squares of the weights, or magnitudes.

        Cost: n (n - 1) elements for each weight with a penalty, twice as many for L1, in the caller's round; nothing
        where costs do not have the penalty.
        Leaks: nothing.
        Ref: [Bea91].
        """
        if sizes is None:
            return None
        if signs is None:
            return open_square(r, Share(sizes, 1.0), bundle[SQUARE])
        return open_mul(r, Share(signs, 1.0), Share(sizes, 1.0), bundle[PRODUCT])

    def close_cost(self, opened: OpenedProduct | OpenedSquare | None, bundle: Bundle) -> Ring:
        """Return my summand of the penalty's part of a cost, in squared units of the residuals, shape (1,); local."""
        if opened is None:
            return np.zeros(1, np.uint64)
        if isinstance(opened, OpenedSquare):
            parts = close_square(self._s, opened, bundle[SQUARE]).value
        else:
            parts = close_mul(self._s, opened, bundle[PRODUCT]).value
        total: Ring = parts.sum(axis=0, dtype=np.uint64)
        return total
