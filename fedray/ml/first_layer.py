"""The first layer: private features of several owners times shared weights, Z = sum_i X_i W_i + b."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fedray.ml.design import FIRST_BIAS_SCALE, NetDesign
from fedray.ml.features import Columns, Features
from fedray.ml.initial import initial_weights
from fedray.ml.scored import kept_array
from fedray.mpc.dealer import Bundle
from fedray.mpc.private import MaskedMatrix, Rows
from fedray.mpc.session import Pending, Round, Session
from fedray.mpc.share import Share
from fedray.mpc.trunc import trunc
from fedray.ring import Ring


class FirstLayer:
    """One party's summands of the first layer's weights, and its masked copy of everybody's features.

    Parameters
    ----------
    features
        All private matrices.
    """

    def __init__(self, s: Session, design: NetDesign, features: Features) -> None:
        self._s, self._design, self._features = s, design, features
        start, scales, self._places = initial_weights(design)[0], design.scales[0], design.places
        self.weights: dict[int, Ring] = {
            owner: s.constant(start[place], scales.w).value for owner, place in self._places.items()
        }
        self._bias = s.constant(np.zeros(design.widths[0]), FIRST_BIAS_SCALE)

    def put(self, arrays: Mapping[str, Ring]) -> None:
        """Take the summands that a training kept, as `arrays` gave them; local."""
        width = self._design.widths[0]
        self.weights = {
            owner: kept_array(arrays, f"first_{owner}", (place.stop - place.start, width))
            for owner, place in self._places.items()
        }
        self._bias = Share(kept_array(arrays, "first_bias", (width,)), FIRST_BIAS_SCALE)

    @property
    def masked(self) -> Mapping[tuple[int, str], MaskedMatrix]:
        """My part of each private matrix, by owner and name."""
        return self._features.masked

    @property
    def bias(self) -> Share:
        """[b] at the scale of the linear outputs; it is kept with fewer bits, which are all that it has."""
        return self._bias.lift(round(self._design.scales[0].z / FIRST_BIAS_SCALE))

    def arrays(self) -> dict[str, Ring]:
        """Return my summands as they are kept: ``first_<owner>`` and ``first_bias``."""
        return {**{f"first_{owner}": w for owner, w in self.weights.items()}, "first_bias": self._bias.value}

    @property
    def columns(self) -> Columns:
        """Weights and additive term as they are trained."""
        return Columns(self.weights, self.bias)

    def kept(self) -> list[Share]:
        """Return what is kept of weights and additive term, for the guard."""
        stacked = np.vstack([self.weights[owner] for owner in self._design.owners])
        return [Share(stacked, self._design.scales[0].w), self._bias]

    def coarse(self, bundle: Bundle) -> Columns:
        """Return weights and additive term with fewer bits: linear outputs of any size fit the ring, see `guard_bits`.

        Cost: 1 round; n (n - 1) (|W| + |b|) elements.
        Leaks: nothing.
        Ref: protocols, sections 5 and 6.
        """
        weights, bias = trunc(
            self._s, self.kept(), self._design.coarse_shifts, [bundle["coarse.weights"], bundle["coarse.bias"]]
        )
        by_owner = {owner: weights.value[place] for owner, place in self._places.items()}
        return Columns(by_owner, bias)

    def offer(self, r: Round, bundle: Bundle, matrix: str, columns: Columns | None = None) -> dict[int, Pending]:
        """Send every owner its weights' masked summands, in the round `r`."""
        return self._features.offer(r, columns.weights if columns else self.weights, bundle, matrix)

    def accept(self, offered: dict[int, Pending]) -> Ring | None:
        """Return what came for me as an owner: the sum of the others' masked summands."""
        return self._features.accept(offered)

    def product(
        self, rows: Rows, given: Ring | None, bundle: Bundle, matrix: str, columns: Columns | None = None
    ) -> Share:
        """Return [Z] for some rows, shape (B, h); local."""
        return self._features.output(rows, columns or self.columns, given, bundle, matrix)

    def update(self, residual: Share, rows: Rows, bundle: Bundle, following: Bundle) -> Ring | None:
        """Subtract the gradient from all weights; return what the owner needs for its next product.

        The others' summands do not wait for the answer, so their next opening rides in the same message.

        Cost: 1 round; |d| + |W| elements from each other party to each owner.
        Leaks: nothing.
        Ref: protocols, section 7.
        """
        d = residual.value
        for owner, gradient in self._features.gradient_elsewhere(rows, bundle).items():
            self.weights[owner] = self.weights[owner] - gradient
        with self._s.round("residual") as r:
            opened = self._features.send_residual(r, d, bundle)
            offered = self.offer(r, following, "train")
        if self._s.rank in opened:
            gradient = self._features.gradient_here(rows, opened, bundle)
            self.weights[self._s.rank] = self.weights[self._s.rank] - gradient
        if self._design.bias:
            self._update_bias(d)
        return self.accept(offered)

    def _update_bias(self, d: Ring) -> None:
        # the residual's sum is the additive term's gradient at scale w / x, FIRST_BIAS_SCALE
        self._bias = Share(self._bias.value - d.sum(axis=0, dtype=np.uint64), self._bias.scale)
