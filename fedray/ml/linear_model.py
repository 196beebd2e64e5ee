"""A linear model on shares: regression by squared error, logistic and Poisson regression, two rounds a batch.

Penalty and momentum ride in the rounds that the step has anyway, see `fedray.ml.linear_weights`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from fedray.errors import RangeGuardError
from fedray.ml.design import GUARD_SCALE, TEST_HARMONICS, TEST_SCALE
from fedray.ml.features import Features
from fedray.ml.linear_curves import curve_of
from fedray.ml.linear_design import INTERCEPT_FACTOR, LinearDesign
from fedray.ml.linear_schedule import RING_BITS, guarded_columns, matrices, period_bits
from fedray.ml.linear_weights import LinearWeights
from fedray.ml.parity import Observer
from fedray.ml.schedule import Rows, test_slices
from fedray.ml.tested import HALF_A_ROW, OUT_OF_RANGE, Tested
from fedray.mpc import private, waves
from fedray.mpc.dealer import Bundle, Supply
from fedray.mpc.session import Pending, Round, Session
from fedray.mpc.share import Share
from fedray.mpc.trunc import close_trunc, open_trunc
from fedray.mpc.waves import Wave
from fedray.ring import Ring, encode

Float = npt.NDArray[np.float64]


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
        My own encoded matrices: ``train`` and ``test`` features, ``label`` at the design's label_scale, shape
        (n_train, 1), and ``weight``, the rows' weights at CLASS_WEIGHT_SCALE.
    observer
        Sees the shared values of every step, see `fedray.ml.parity`; None for nobody.
    """

    def __init__(
        self,
        s: Session,
        design: LinearDesign,
        supply: Supply,
        inputs: Mapping[str, Ring],
        observer: Observer | None = None,
    ) -> None:
        self._s, self._design, self._supply, self._observer = s, design, supply, observer
        self._labels = inputs.get("label")
        self._features = Features(s, supply, matrices(design), inputs)
        self._curve = curve_of(design.objective)
        self._period = period_bits(design)
        self._rows = Rows(design)
        self.weights = LinearWeights(s, design)
        self.done = 0
        self._given = self._open_weights(supply.step("init"), "train")

    def _open_weights(self, bundle: Bundle, matrix: str) -> tuple[Ring | None, Bundle]:
        with self._s.round("weights") as r:
            offered = self._features.offer(r, self.weights.by_owner(), bundle, matrix)
        return self._features.accept(offered), bundle

    def train(self, steps: int) -> None:
        """Run `steps` steps of gradient descent.

        Cost: 2 rounds a step at an owner of features, 1 at the only owner or a party without, whatever the penalty and
        the momentum; with weighted rows the longest path is one message longer.
        Leaks: nothing.
        Ref: protocols, section 17.
        """
        for rows in self._rows.steps(self.done, steps):
            self._step(rows)
        self.done += steps

    def _step(self, rows: npt.NDArray[np.int64]) -> None:
        bundle, weights = self._supply.step("train"), self.weights
        given, masks = self._given
        z = self._linear_output(rows, given, masks, "train")
        self._show("z", z)
        residual = self._residual(z, rows, bundle)
        self._show("residual", residual)
        weights.learn(self._features.gradient_elsewhere(rows, bundle))
        weights.learn_intercept(residual.value)
        with self._s.round("residual") as r:
            opened = self._features.send_residual(r, residual.value, bundle)
            offered = self._features.offer(r, weights.by_owner(), bundle, "train")
        if self._s.rank in opened:
            weights.learn({self._s.rank: self._features.gradient_here(rows, opened, bundle)})
        self._given = self._features.accept(offered), bundle
        self._show_weights()

    def _linear_output(
        self, rows: npt.NDArray[np.int64] | slice, given: Ring | None, masks: Bundle, matrix: str
    ) -> Share:
        product = self._features.product(rows, self.weights.by_owner(), given, masks, matrix)
        return Share(product + self.weights.intercept * np.uint64(INTERCEPT_FACTOR), self._design.scales.z)

    def _residual(self, z: Share, rows: npt.NDArray[np.int64], bundle: Bundle) -> Share:
        """Return d loss / d z of each row; momentum and penalty move the weights by the way."""
        labels = Share(
            np.zeros(z.shape, np.uint64) if self._labels is None else self._labels[rows], self._design.label_scale
        )
        curve = self._curve
        with self._s.round("linear.z") as r:
            lows = self.weights.open_lows(r, bundle)
            close = (
                self._open_curve(r, z, curve.quick, bundle) if curve else self._open_difference(r, z - labels, bundle)
            )
        self.weights.drift(lows, bundle)
        return self._weighed(close() - labels, rows, bundle) if curve else close()

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
        scales = self._design.scales
        self._show("weights", Share(self.weights.w[:-1], scales.w))
        if self._design.intercept:
            self._show("bias", Share(self.weights.intercept, scales.intercept))

    def arrays(self) -> dict[str, Ring]:
        """Return my summands of the weights: ``weights_<owner>`` and ``intercept``."""
        made = {f"weights_{owner}": w for owner, w in self.weights.by_owner().items()}
        return {**made, "intercept": self.weights.intercept}

    def test(self) -> Tested:
        """Open the predictions of the test rows to the label party, and the count of values out of range to all.

        Cost: 2 rounds a slice at an owner of features, fewer at the only owner or a party without; and 1 a test.
        Leaks: test_predictions to the label party; range_guard to all.
        Ref: protocols, section 6.

        Raises
        ------
        RangeGuardError
            At every party alike: values left the range in which the series or the truncations are right.
        """
        predictions, outside = [], [self._s.constant(0.0, GUARD_SCALE)] * 2
        for rows in test_slices(self._design):
            predicted, counts = self._predict(rows)
            predictions.append(self._s.reveal_to(self._design.label, "test_predictions", predicted))
            outside = [a + b for a, b in zip(outside, counts, strict=True)]
        stacked = Share(np.array([count.value for count in outside]), GUARD_SCALE)
        found = self._s.reveal("range_guard", stacked)
        notes = self._check_range(float(found[0]), float(found[1]))
        opened = [p for p in predictions if p is not None]
        return Tested(np.vstack(opened) if opened else None, found, notes)

    def _predict(self, rows: slice) -> tuple[Share, list[Share]]:
        """Return predictions, and how many linear outputs and how many weights are out of range."""
        bundle = self._supply.step("test")
        given, _ = self._open_weights(bundle, "test")
        z = self._linear_output(rows, given, bundle, "test")
        guarded = z if self._curve else Share(z.value * np.uint64(2), z.scale)  # half of the ring, to truncate z - y
        with self._s.round("linear.z") as r:
            masked = waves.open_masked(r, guarded, bundle["wave"])
            columns = self._open_columns(r, bundle) if rows.start == 0 else None
        wanted = [(waves.guard_wave(TEST_HARMONICS), GUARD_SCALE)]
        if self._curve:
            wanted.append((self._curve.exact, TEST_SCALE))
        table, parts = self._design.test_table, bundle["wave"]
        guard, *found = waves.evaluate(self._s, masked.value, self._period, table, parts, wanted)
        return (found[0] if found else z), [guard.sum(), self._count_columns(columns, bundle)]

    def _open_columns(self, r: Round, bundle: Bundle) -> Pending | None:
        """Open weights and velocities where a step truncates them, so that half of the ring is their range."""
        factors = self._design.factors
        held = [(self.weights.w, factors.decay_shift), (self.weights.v, factors.momentum_shift)]
        columns = [column * np.uint64(2) for column, shift in held if shift]
        if not guarded_columns(self._design):
            return None
        return waves.open_masked(r, Share(np.hstack(columns), self._design.scales.w), bundle["weights"])

    def _count_columns(self, opened: Pending | None, bundle: Bundle) -> Share:
        if opened is None:
            return self._s.constant(0.0, GUARD_SCALE)
        wanted = [(waves.guard_wave(TEST_HARMONICS), GUARD_SCALE)]
        table, parts = self._design.test_table, bundle["weights"]
        (guard,) = waves.evaluate(self._s, opened.value, RING_BITS, table, parts, wanted)
        return guard.sum()

    def _check_range(self, rows: float, weights: float) -> tuple[str, ...]:
        design, n_test = self._design, self._design.rows[1]
        place = f"objective {design.objective} after batch {self.done}: about"
        advice = "lower learning_rate_init, momentum or max_iter, or scale the features"
        limit = self._curve.domain if self._curve else waves.DOMAIN * design.reach
        beyond = f"of {n_test} test rows have a linear output beyond +-{limit:.3g}, where the arithmetic is not exact"
        if weights > HALF_A_ROW:
            raise RangeGuardError(
                f"{place} {weights:.0f} weights or velocities left the range of the fixed point; {advice}"
            )
        if rows > max(HALF_A_ROW, OUT_OF_RANGE * n_test * (self._curve is not None)):
            raise RangeGuardError(f"{place} {rows:.0f} {beyond}; {advice}")
        return (f"about {rows:.0f} {beyond}",) if rows > HALF_A_ROW else ()


def encoded(design: LinearDesign, features: Mapping[str, Float]) -> dict[str, Ring]:
    """Return features in real units as `LinearModel` takes them."""
    return {part: encode(x, design.scales.x, f"a {part} feature") for part, x in features.items()}
