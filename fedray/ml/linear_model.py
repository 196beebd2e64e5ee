"""A linear model on shares: regression by squared error, logistic and Poisson regression, two rounds a batch.

Momentum and an L2 penalty ride in the rounds that the step has anyway, see `fedray.ml.linear_weights`, and so do costs.
An L1 penalty takes rounds of its own, see `fedray.ml.linear_penalty`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from fedray.ml.features import Features
from fedray.ml.guard_plan import Compare
from fedray.ml.linear_costs import LinearCosts
from fedray.ml.linear_curves import curve_of
from fedray.ml.linear_design import LinearDesign
from fedray.ml.linear_guard import LinearGuard
from fedray.ml.linear_outputs import LinearOutputs
from fedray.ml.linear_penalty import LinearPenalty
from fedray.ml.linear_schedule import guard_plan, matrices, period_bits
from fedray.ml.linear_weights import LinearWeights
from fedray.ml.parity import Observer
from fedray.ml.saved import Saved
from fedray.ml.schedule import Rows
from fedray.ml.scored import stacked
from fedray.ml.tested import Tested
from fedray.mpc import private, waves
from fedray.mpc.dealer import Bundle, Supply
from fedray.mpc.session import Round, Session
from fedray.mpc.share import Share
from fedray.mpc.trunc import close_trunc, open_trunc
from fedray.mpc.waves import Wave
from fedray.ring import Ring


class LinearModel:
    """One computing party's part of a linear model on shares.

    Parameters
    ----------
    s
        The computing parties.
    design
        The public numbers.
    supply
        My side of the dealer.
    inputs
        My own encoded matrices: ``train`` and ``test`` features at scale x, ``label`` at the design's label_scale,
        shape (n_train, 1), and ``weight``, the rows' weights at CLASS_WEIGHT_SCALE.
    observer
        Sees the shared values of every step, see `fedray.ml.parity`; None for nobody.
    saved
        Where to go on; None to begin.
    """

    def __init__(
        self,
        s: Session,
        design: LinearDesign,
        supply: Supply,
        inputs: Mapping[str, Ring],
        observer: Observer | None = None,
        saved: Saved | None = None,
    ) -> None:
        self._s, self._design, self._supply, self._observer = s, design, supply, observer
        self._labels = inputs.get("label")
        self._features = Features(s, supply, matrices(design), inputs)
        self._outputs = LinearOutputs(s, design, self._features)
        self._curve = curve_of(design.objective)
        self._period = period_bits(design)
        self._rows = Rows(design)
        self.weights = LinearWeights(s, design)
        self._guard, self._plan = LinearGuard(s, design), guard_plan(design)
        self._costs, self._penalty = LinearCosts(s, design), LinearPenalty(s, design)
        self.done = 0
        if saved is not None:
            self.done = saved.done
            self.weights.restore(saved.arrays)
            self._costs.restore(saved.arrays)
        first = supply.step("init")
        with s.round("weights") as r:
            offered = self._features.offer(r, self.weights.by_owner(), first, "train")
        self._given = self._features.accept(offered), first

    def train(self, steps: int) -> None:
        """Run `steps` steps of gradient descent.

        Cost: 2 rounds a step at an owner of features, 1 at the only owner or a party without, whatever the momentum; 8
        more with an L1 penalty; with weighted rows the longest path is one message longer.
        Leaks: nothing.
        Ref: protocols, section 17.
        """
        for rows in self._rows.steps(self.done, steps):
            self._step(rows)
        self.done += steps

    def _step(self, rows: npt.NDArray[np.int64]) -> None:
        bundle, weights = self._supply.step("train"), self.weights
        began = weights.w
        given, masks = self._given
        z = self._features.output(rows, weights.columns, given, masks, "train")
        self._show("z", z)
        signs = self._penalty.signs(began, bundle)
        residual, sizes = self._residual(z, signs, rows, bundle)
        self._show("residual", residual)
        weights.learn(self._features.gradient_elsewhere(rows, bundle))
        weights.learn_intercept(residual.value)
        with self._s.round("residual") as r:
            opened = self._features.send_residual(r, residual.value, bundle)
            offered = self._features.offer(r, weights.by_owner(), bundle, "train")
            squared = self._costs.open(r, residual, bundle)
            penalty = self._penalty.open_cost(r, sizes, signs, bundle)
        self._costs.close(squared, bundle, began, self._penalty.close_cost(penalty, bundle))
        if self._s.rank in opened:
            weights.learn({self._s.rank: self._features.gradient_here(rows, opened, bundle)})
        self._given = self._features.accept(offered), bundle
        self._show_weights()

    def _residual(
        self, z: Share, signs: Ring | None, rows: npt.NDArray[np.int64], bundle: Bundle
    ) -> tuple[Share, Ring | None]:
        """Return d loss / d z of each row, and the weights in its units for costs that have the penalty.

        Momentum and penalty move the weights by the way.
        """
        labels = Share(
            np.zeros(z.shape, np.uint64) if self._labels is None else self._labels[rows], self._design.label_scale
        )
        curve = self._curve
        with self._s.round("linear.z") as r:
            lows = self.weights.open_lows(r, bundle)
            opened = self._penalty.open_sizes(r, self.weights.w, bundle)
            close = (
                self._open_curve(r, z, curve.quick, bundle) if curve else self._open_difference(r, z - labels, bundle)
            )
        self.weights.drift(lows, signs, bundle)
        residual = self._weighed(close() - labels, rows, bundle) if curve else close()
        return residual, self._penalty.close_sizes(opened, bundle)

    def _open_difference(self, r: Round, difference: Share, bundle: Bundle) -> Callable[[], Share]:
        parts = bundle["residual"]
        opened = open_trunc(r, difference, self._design.scales.shift, parts)
        return lambda: close_trunc(self._s, opened, parts)

    def _open_curve(self, r: Round, z: Share, wave: Wave, bundle: Bundle) -> Callable[[], Share]:
        parts, table, wanted = bundle["wave"], self._design.table, [(wave, self._design.label_scale)]
        masked = waves.open_masked(r, z, parts)
        return lambda: waves.evaluate(self._s, masked.value, self._period, table, parts, wanted)[0]

    def _weighed(self, residual: Share, rows: npt.NDArray[np.int64], bundle: Bundle) -> Share:
        if not self._design.weighted:
            return residual
        masked = self._features.masked[self._design.label, "weight"]
        product = private.mul_private(self._s, masked, rows, residual, bundle["weight"])
        return Share(product.value, self._design.scales.residual)

    def _show(self, what: str, share: Share) -> None:
        if self._observer is not None:
            self._observer.see(0, what, share)

    def _show_weights(self) -> None:
        if self._observer is None:
            return
        scales = self._design.scales
        self._show("weights", Share(self.weights.w[:-1], scales.w))
        if self._design.intercept:
            self._show("bias", Share(self.weights.intercept, scales.intercept))

    def arrays(self) -> dict[str, Ring]:
        """Return my summands of the weights: ``weights_<owner>`` and ``intercept``."""
        made = {f"weights_{owner}": w for owner, w in self.weights.by_owner().items()}
        return {**made, "intercept": self.weights.intercept}

    def state(self) -> dict[str, Ring]:
        """Return what `saved` takes: my summands of weights and velocities, and of costs that wait."""
        return {**self.weights.state(), **self._costs.state()}

    def test(self) -> Tested:
        """Open the predictions of the test rows to the label party, and counts of values out of range to all.

        Where costs are compared that comes first, and what is tested is the model that the training ends with.

        Cost: 1 round for coarse weights; 1 a slice of test rows, 2 with a curve, and 1 a slice of training rows, at an
        owner of features, fewer at the only owner or a party without; 8 for a comparison of up to some 260,000 values;
        and 1 for the counts; 9 more where costs are compared.
        Leaks: test_predictions to the label party; range_guard to all; cost_stop to the parties with data.
        Ref: protocols, sections 6 and 17.

        Raises
        ------
        RangeGuardError
            At every party alike: rows or weights left the range in which the arithmetic is right.
        """
        found = self._costs.look(self._supply, self.done)
        if found is not None:
            self.weights.w = found.weights
        coarse = self.weights.coarse(self._supply.step("test"))
        predictions: list[npt.NDArray[np.float64] | None] = []
        self._guard.watch_weights(*self.weights.watched())
        for part in self._plan.at(self.done):
            if isinstance(part, Compare):
                self._guard.compare(self._supply.step("test")["range"])
                continue
            exact = self._supply.step("test") if part.matrix == "test" else None
            wanted = [(self._supply.step("test"), coarse), *([(exact, self.weights.columns)] if exact else [])]
            guarded, *given = self._outputs.of(part, wanted)
            self._guard.watch_outputs(part.matrix, guarded)
            if exact:
                predicted = self._outputs.predicted(given[0], exact)
                predictions.append(self._s.reveal_to(self._design.label, "test_predictions", predicted))
        counts, notes = self._guard.reveal(self.done)
        self.done = self.done if found is None else found.step
        return Tested(self._stacked(predictions), counts, notes, found is not None)

    def _stacked(self, opened: list[npt.NDArray[np.float64] | None]) -> npt.NDArray[np.float64] | None:
        """Return what was opened to me, below each other; at the label party also where there are no test rows."""
        if self._s.rank == self._design.label and not self._design.rows[1]:
            return np.empty((0, 1))
        return stacked(opened)
