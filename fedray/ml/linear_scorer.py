"""Predicting new rows with a linear model that a training kept, on shares."""

from __future__ import annotations

from collections.abc import Mapping

from fedray.ml.features import Features
from fedray.ml.guard_plan import Compare
from fedray.ml.linear_curves import curve_of
from fedray.ml.linear_design import LinearDesign
from fedray.ml.linear_outputs import LinearOutputs
from fedray.ml.linear_schedule import prediction_plan
from fedray.ml.linear_weights import LinearWeights
from fedray.ml.schedule import prediction_matrices
from fedray.ml.scored import PREDICTIONS, Limit, OutputGuard, Scored, stacked
from fedray.ml.tested import OUT_OF_RANGE
from fedray.mpc.dealer import Supply
from fedray.mpc.session import Session
from fedray.ring import Ring


class LinearScorer:
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
        My own new rows, encoded at the design's scale, as ``test``; nothing where I have no features.
    arrays
        My summands of the weights, as `LinearModel.arrays` gave them.
    """

    def __init__(
        self, s: Session, design: LinearDesign, supply: Supply, inputs: Mapping[str, Ring], arrays: Mapping[str, Ring]
    ) -> None:
        self._s, self._design, self._supply = s, design, supply
        self._weights = LinearWeights(s, design)
        self._weights.put(arrays)
        self._outputs = LinearOutputs(s, design, Features(s, supply, prediction_matrices(design), inputs))
        curve = curve_of(design.objective)
        limit = Limit(curve.domain, 1, OUT_OF_RANGE) if curve else Limit(design.output_reach, 1, 0.0)
        self._guard = OutputGuard(s, design.rows[1], [limit])

    def predict(self, receiver: int) -> Scored:
        """Open the predictions of all rows to one party, and to all how many linear outputs are out of range.

        Cost: as a test of the model without training rows.
        Leaks: predictions to the receiver; range_guard to all.
        Ref: protocols, sections 6 and 17.

        Raises
        ------
        RangeGuardError
            At every party alike: linear outputs left the range in which the arithmetic is right.
        """
        coarse, opened = self._weights.coarse(self._supply.step("test")), []
        for part in prediction_plan(self._design).at(0):
            if isinstance(part, Compare):
                self._guard.compare(self._supply.step("test")["range"])
                continue
            exact, to_guard = self._supply.step("test"), self._supply.step("test")
            guarded, z = self._outputs.of(part, [(to_guard, coarse), (exact, self._weights.columns)])
            self._guard.watch(0, guarded)
            opened.append(self._s.reveal_to(receiver, PREDICTIONS, self._outputs.predicted(z, exact)))
        return Scored(stacked(opened), self._guard.reveal())
