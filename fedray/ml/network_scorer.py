"""Predicting new rows with a network that a training kept, on shares."""

from __future__ import annotations

from collections.abc import Mapping

from fedray.ml.deep_layers import DeepLayers
from fedray.ml.design import NetDesign
from fedray.ml.features import Features
from fedray.ml.first_layer import FirstLayer
from fedray.ml.guard import Z_LIMIT
from fedray.ml.guard_plan import Compare
from fedray.ml.network_outputs import NetworkOutputs
from fedray.ml.schedule import prediction_matrices, prediction_plan
from fedray.ml.scored import PREDICTIONS, Limit, OutputGuard, Scored, stacked
from fedray.ml.tested import OUT_OF_RANGE
from fedray.mpc.dealer import Supply
from fedray.mpc.session import Session
from fedray.ring import Ring


class NetworkScorer:
    """One computing party's part.

    Parameters
    ----------
    s
        The computing parties.
    design
        The numbers of the training, with the new rows as its test rows.
    supply
        My side of the dealer.
    inputs
        My own new rows, encoded at FEATURE_SCALE, as ``test``; nothing where I have no features.
    arrays
        My summands of the weights, as `Network.arrays` gave them.
    """

    def __init__(
        self, s: Session, design: NetDesign, supply: Supply, inputs: Mapping[str, Ring], arrays: Mapping[str, Ring]
    ) -> None:
        self._s, self._design, self._supply = s, design, supply
        self._first = FirstLayer(s, design, Features(s, supply, prediction_matrices(design), inputs))
        deep = DeepLayers(s, design)
        self._first.put(arrays)
        deep.put(arrays)
        self._outputs = NetworkOutputs(s, design, self._first, deep)
        limits = [Limit(Z_LIMIT, width, OUT_OF_RANGE) for width in design.widths]
        self._guard = OutputGuard(s, design.rows[1], limits)

    def predict(self, receiver: int) -> Scored:
        """Open the predictions of all rows to one party, and to all how many linear outputs are out of range.

        Cost: as a test of the network without training rows.
        Leaks: predictions to the receiver; range_guard to all.
        Ref: protocols, sections 6 and 8.

        Raises
        ------
        RangeGuardError
            At every party alike: linear outputs left the range in which the arithmetic is right.
        """
        coarse, opened = self._first.coarse(self._supply.step("test")), []
        for part in prediction_plan(self._design).at(0):
            if isinstance(part, Compare):
                self._guard.compare(self._supply.step("test")["range"])
                continue
            exact, to_guard = self._supply.step("test"), self._supply.step("test")
            p = self._outputs.predict(part, exact, to_guard, coarse, self._guard.watch)
            opened.append(self._s.reveal_to(receiver, PREDICTIONS, p))
        return Scored(stacked(opened), self._guard.reveal())
