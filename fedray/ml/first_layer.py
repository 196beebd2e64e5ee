"""The first layer: private features of several owners times shared weights, Z = sum_i X_i W_i + b."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fedray.ml.design import FEATURE_SCALE, NetDesign
from fedray.ml.features import Features
from fedray.ml.initial import initial_weights
from fedray.ml.schedule import matrices
from fedray.mpc.dealer import Bundle, Supply
from fedray.mpc.private import MaskedMatrix, Rows
from fedray.mpc.session import Pending, Round, Session
from fedray.mpc.share import Share
from fedray.ring import Ring


class FirstLayer:
    """One party's summands of the first layer's weights, and its masked copy of everybody's features.

    Parameters
    ----------
    inputs
        My own encoded matrices by name (train, test, label), where I own them.
    """

    def __init__(self, s: Session, design: NetDesign, supply: Supply, inputs: Mapping[str, Ring]) -> None:
        self._s, self._design = s, design
        self._features = Features(s, supply, matrices(design), inputs)
        start, bounds = initial_weights(design)[0], np.cumsum((0, *design.features))
        scales = design.scales[0]
        self.weights: dict[int, Ring] = {
            owner: s.constant(start[bounds[owner] : bounds[owner + 1]], scales.w).value for owner in design.owners
        }
        self.bias = s.constant(np.zeros(design.widths[0]), scales.z)

    @property
    def masked(self) -> Mapping[tuple[int, str], MaskedMatrix]:
        """My part of each private matrix, by owner and name."""
        return self._features.masked

    def offer(self, r: Round, bundle: Bundle, matrix: str) -> dict[int, Pending]:
        """Send every owner its weights' masked summands, in the round `r`."""
        return self._features.offer(r, self.weights, bundle, matrix)

    def accept(self, offered: dict[int, Pending]) -> Ring | None:
        """Return what came for me as an owner: the sum of the others' masked summands."""
        return self._features.accept(offered)

    def product(self, rows: Rows, given: Ring | None, bundle: Bundle, matrix: str) -> Share:
        """Return [Z] for some rows, shape (B, h); local."""
        z = self.bias.value + self._features.product(rows, self.weights, given, bundle, matrix)
        return Share(z, self._design.scales[0].z)

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
        # the residual's sum at scale residual is the bias' gradient at scale w / x; z's scale is x times w
        by_bias = d.sum(axis=0, dtype=np.uint64) * np.uint64(int(FEATURE_SCALE**2))
        self.bias = Share(self.bias.value - by_bias, self.bias.scale)
