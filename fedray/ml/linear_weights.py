"""Weights and velocities of a linear model on shares, and their update.

One column for the weights of all owners in the order of ranks, the intercept as last row, at scale w and the
intercept's own; a second column of the same shape for the velocities, where there is momentum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fedray.ml.features import Columns
from fedray.ml.linear_design import LinearDesign
from fedray.ml.linear_penalty import sign_steps
from fedray.ml.linear_scales import INTERCEPT_BITS, INTERCEPT_FACTOR
from fedray.ml.scored import kept_array
from fedray.mpc.dealer import Bundle
from fedray.mpc.session import Round, Session
from fedray.mpc.share import Share
from fedray.mpc.trunc import OpenedTrunc, close_trunc, open_trunc, trunc
from fedray.ring import Ring


@dataclass(frozen=True, eq=False)
class Lows:
    """Truncations of velocities and weights that are under way; None where there are none."""

    velocity: OpenedTrunc | None
    weights: OpenedTrunc | None


class LinearWeights:
    """One party's summands; zero at the start.

    Attributes
    ----------
    w, v
        Shape (columns + 1, 1); never written to.
    """

    def __init__(self, s: Session, design: LinearDesign) -> None:
        self._s, self._design, self._factors = s, design, design.factors
        self._places = design.places
        self.w: Ring = np.zeros((design.columns + 1, 1), np.uint64)
        self.v = self.w

    def put(self, arrays: Mapping[str, Ring]) -> None:
        """Take the summands that a training kept, as `LinearModel.arrays` gave them; local."""
        places = self._places.items()
        kept = [kept_array(arrays, f"weights_{owner}", (place.stop - place.start, 1)) for owner, place in places]
        self.w = np.vstack([*kept, kept_array(arrays, "intercept", (1,))[None]])

    def state(self) -> dict[str, Ring]:
        """Return my summands as they are updated: ``w``, and with momentum ``v``."""
        return {"w": self.w, "v": self.v} if self._factors.momentum_shift else {"w": self.w}

    def restore(self, arrays: Mapping[str, Ring]) -> None:
        """Take what `state` gave; local."""
        self.v = kept_array(arrays, "v", self.w.shape) if self._factors.momentum_shift else self.v
        self.w = kept_array(arrays, "w", self.w.shape)

    def by_owner(self) -> dict[int, Ring]:
        """Return my summands of the weights of each owner's features, shape (columns, 1) each."""
        return {owner: self.w[place] for owner, place in self._places.items()}

    @property
    def intercept(self) -> Ring:
        """My summand of the intercept, shape (1,)."""
        last: Ring = self.w[-1]
        return last

    @property
    def columns(self) -> Columns:
        """Weights and intercept as they are trained."""
        return Columns(self.by_owner(), Share(self.intercept, self._design.scales.intercept).lift(INTERCEPT_FACTOR))

    def coarse(self, bundle: Bundle) -> Columns:
        """Return weights and intercept with so few bits that linear outputs of any size fit the ring.

        Cost: 1 round; n (n - 1) elements for each weight and the intercept.
        Leaks: nothing.
        Ref: protocols, sections 5 and 6.
        """
        shift, scales = self._design.coarse_shift, self._design.scales
        shares = [Share(self.w[:-1], scales.w), Share(self.w[-1:], scales.intercept)]
        parts = [bundle["coarse.weights"], bundle["coarse.intercept"]]
        weights, intercept = trunc(self._s, shares, [shift, shift - INTERCEPT_BITS], parts)
        by_owner = {owner: weights.value[place] for owner, place in self._places.items()}
        return Columns(by_owner, Share(intercept.value[0], scales.z / 2.0**shift))

    def watched(self) -> list[Ring]:
        """Return the columns of weights, and of velocities where there are any, for the guard."""
        return [self.w, self.v] if self._factors.momentum_shift else [self.w]

    def open_lows(self, r: Round, bundle: Bundle) -> Lows:
        """Open what the next update takes in low precision, in the round `r`.

        Cost: n (n - 1) elements for each weight with an L2 penalty and each velocity, in the caller's round.
        Leaks: nothing.
        Ref: protocols, sections 5 and 17.
        """
        factors, scale = self._factors, self._design.scales.w
        velocity = weights = None
        if factors.momentum_shift:
            velocity = open_trunc(r, Share(self.v, scale), factors.momentum_shift, bundle["momentum"])
        if factors.decay_shift:
            penalized = self.w[: self._design.penalized]
            weights = open_trunc(r, Share(penalized, scale), factors.decay_shift, bundle["decay"])
        return Lows(velocity, weights)

    def drift(self, lows: Lows, signs: Ring | None, bundle: Bundle) -> None:
        """Take the part of the update that no gradient has a part in: momentum and penalty; local.

        Parameters
        ----------
        signs
            Of the weights that have an L1 penalty, see `fedray.ml.linear_penalty`; None without one.
        """
        factors, free = self._factors, len(self.w) - self._design.penalized
        if lows.velocity is not None:
            low = close_trunc(self._s, lows.velocity, bundle["momentum"]).value
            self.v = low * _ring(factors.keep)
            self.w = self.w + low * _ring(factors.carry)
        if lows.weights is not None:
            shrink = np.pad(close_trunc(self._s, lows.weights, bundle["decay"]).value, ((0, free), (0, 0)))
            self.v = self.v - shrink * _ring(factors.decay)
            self.w = self.w - shrink * _ring(factors.drain)
        if signs is not None:
            decay, drain = sign_steps(self._design)
            self.v = _less(self.v, slice(len(signs)), signs * decay)
            self.w = _less(self.w, slice(len(signs)), signs * drain)

    def learn(self, gradients: Mapping[int, Ring]) -> None:
        """Subtract gradients of some owners' weights, once for each owner in a step; local."""
        for owner, gradient in gradients.items():
            self._subtract(self._places[owner], gradient)

    def learn_intercept(self, residual: Ring) -> None:
        """Subtract the intercept's gradient, from my summand of the residual of shape (batch, 1); local."""
        if self._design.intercept:
            total = residual.sum(axis=0, dtype=np.uint64)[None]
            self._subtract(slice(-1, None), total * _ring(self._design.scales.intercept_gradient))

    def _subtract(self, place: slice, gradient: Ring) -> None:
        # a gradient comes in the units of the weights over `Factors.gradient`
        self.w = _less(self.w, place, gradient * _ring(self._factors.step))
        if self._factors.momentum_shift:
            self.v = _less(self.v, place, gradient * _ring(self._factors.gradient))


def _less(column: Ring, place: slice, change: Ring) -> Ring:
    made = column.copy()
    made[place] -= change
    return made


def _ring(factor: int) -> np.uint64:
    return np.uint64(factor)
