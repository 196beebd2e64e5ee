"""A network of sigmoid layers on shares: the steps in which the parties train and test it together.

With one layer this is logistic regression in two rounds a batch.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from fedray.errors import RangeGuardError
from fedray.ml.deep_layers import DeepLayers
from fedray.ml.design import (
    GUARD_SCALE,
    TEST_HARMONICS,
    TEST_SCALE,
    TEST_TABLE_SCALE,
    NetDesign,
)
from fedray.ml.first_layer import FirstLayer
from fedray.ml.parity import Observer
from fedray.ml.schedule import Rows, test_slices
from fedray.ml.tested import HALF_A_ROW, OUT_OF_RANGE, Tested
from fedray.mpc import private, waves
from fedray.mpc.beaver import Opened
from fedray.mpc.dealer import Bundle, Supply
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.mpc.waves import Wave
from fedray.ring import Ring

Float = npt.NDArray[np.float64]


class Network:
    """One computing party's part of a network on shares.

    Parameters
    ----------
    s
        The computing parties.
    design
        The public numbers.
    supply
        My side of the dealer.
    inputs
        My own encoded matrices: ``train`` and ``test`` features at FEATURE_SCALE, ``label`` as integers 0 and 1.
    observer
        Sees the shared values of every step, see `fedray.ml.parity`; None for nobody.
    """

    def __init__(
        self,
        s: Session,
        design: NetDesign,
        supply: Supply,
        inputs: Mapping[str, Ring],
        observer: Observer | None = None,
    ) -> None:
        self._s, self._design, self._supply, self._observer = s, design, supply, observer
        self._labels = inputs.get("label")
        self.first = FirstLayer(s, design, supply, inputs)
        self.deep = DeepLayers(s, design)
        self._rows = Rows(design)
        self.done = 0
        self._given = self._open_weights(supply.step("init"), "train")

    def _open_weights(self, bundle: Bundle, matrix: str) -> tuple[Ring | None, Bundle]:
        with self._s.round("weights") as r:
            offered = self.first.offer(r, bundle, matrix)
        return self.first.accept(offered), bundle

    def train(self, steps: int) -> None:
        """Run `steps` steps of gradient descent.

        Cost: with one layer 2 rounds a step at an owner of features, 1 at the only owner or a party without; each
        later layer adds 5. With mse the longest path is one message longer.
        Leaks: nothing.
        Ref: protocols, sections 7 and 8.
        """
        rows = self._rows.steps(self.done, steps)
        for batch in rows:
            self._step(batch)
        self.done += steps

    def _step(self, rows: npt.NDArray[np.int64]) -> None:
        bundle = self._supply.step("train")
        given, masks = self._given
        z = self.first.product(rows, given, masks, "train")
        self._show(0, "z", z)
        passed: list[tuple[Opened, Share]] = []
        for index in range(1, self._design.depth):
            slope_scale, _ = self._design.slope(index - 1)
            hidden = (
                (waves.sigmoid_wave(waves.HARMONICS), self._design.activation_scale),
                (waves.slope_wave(waves.HARMONICS), slope_scale),
            )
            activation, slope = self._waves(index - 1, z, bundle, *hidden)
            self._show(index - 1, "activation", activation)
            z, opened = self.deep.forward(index, activation, bundle)
            self._show(index, "z", z)
            passed.append((opened, slope))
        residual = self._residual(z, rows, bundle)
        residual = self.deep.backward(residual, passed, bundle)
        self._given = self.first.update(residual, rows, bundle, bundle), bundle
        self._show_weights()

    def _show(self, layer: int, what: str, share: Share) -> None:
        if self._observer is not None:
            self._observer.see(layer, what, share)

    def _show_weights(self) -> None:
        if self._observer is None:
            return
        first = np.vstack([self.first.weights[owner] for owner in self._design.owners])
        deep = [layer.fine for layer in self.deep.layers.values()]
        weights = [Share(first, self._design.scales[0].w), *(fine[:-1] for fine in deep)]
        biases = [self.first.bias, *(Share(fine.value[-1], fine.scale) for fine in deep)]
        for layer, (matrix, bias) in enumerate(zip(weights, biases, strict=True)):
            self._observer.see(layer, "weights", matrix)
            if self._design.bias:
                self._observer.see(layer, "bias", bias)

    def _waves(
        self, index: int, z: Share, bundle: Bundle, *wanted: tuple[Wave, float], table: float | None = None
    ) -> list[Share]:
        parts, scales = bundle[f"wave{index}"], self._design.scales[index]
        with self._s.round(f"layer{index + 1}.z") as r:
            pending = waves.open_masked(r, z, parts)
        return waves.evaluate(self._s, pending.value, scales.period_bits, table or scales.table, parts, wanted)

    def _residual(self, z: Share, rows: npt.NDArray[np.int64], bundle: Bundle) -> Share:
        """Return d loss / d z of the last layer: p - y for bce, 2 (p - y) p' for mse."""
        last = self._design.depth - 1
        scale = self._design.scales[last].residual
        if self._design.loss == "bce":
            (p,) = self._waves(last, z, bundle, (waves.sigmoid_wave(waves.HARMONICS), scale))
            self._show(last, "prediction", p)
            return p - self._label_share(rows, scale)
        # 2 f at a scale is f at twice the scale
        pull, slope = (
            Share(wave.value, scale)
            for wave in self._waves(
                last,
                z,
                bundle,
                (waves.pull_wave(waves.HARMONICS), 2.0 * scale),
                (waves.slope_wave(waves.HARMONICS), 2.0 * scale),
            )
        )
        masked = self.first.masked[self._design.label, "label"]
        residual = pull - private.mul_private(self._s, masked, rows, slope, bundle["label"])
        self._show(last, "residual", residual)
        return residual

    def _label_share(self, rows: npt.NDArray[np.int64], scale: float) -> Share:
        unit = np.uint64(int(np.rint(scale)))
        shape = (rows.size, self._design.widths[-1])
        return Share(np.zeros(shape, np.uint64) if self._labels is None else self._labels[rows] * unit, scale)

    def test(self) -> Tested:
        """Open the predictions of the test rows to the label party, and the count of values out of range to all.

        Cost: with one layer 2 rounds a slice at an owner of features, fewer at the only owner or a party without;
        2 more for each later layer; and 1 a test.
        Leaks: test_predictions to the label party; range_guard to all.
        Ref: protocols, section 6.

        Raises
        ------
        RangeGuardError
            At every party alike: more rows than OUT_OF_RANGE left the sigmoid's domain.
        """
        predictions = []
        outside: list[Share] = []
        for rows in test_slices(self._design):
            p, guards = self._predict(rows)
            opened = self._s.reveal_to(self._design.label, "test_predictions", p)
            predictions.append(opened)
            outside = [a + b for a, b in zip(outside, guards, strict=True)] if outside else guards
        stacked = Share(np.array([guard.value for guard in outside]), outside[0].scale)
        counts = self._s.reveal("range_guard", stacked)
        self._check_range(counts)
        if self._s.rank != self._design.label:
            return Tested(None, counts)
        notes = tuple(
            f"layer {index + 1}: about {count:.0f} test rows lie where the sigmoid is not exact"
            for index, count in enumerate(counts)
            if count > HALF_A_ROW
        )
        return Tested(np.vstack([p for p in predictions if p is not None]), counts, notes)

    def arrays(self) -> dict[str, Ring]:
        """Return my summands of the weights: ``first_<owner>``, ``first_bias``, ``layer_<index>``."""
        made: dict[str, Ring] = {f"first_{owner}": w for owner, w in self.first.weights.items()}
        made["first_bias"] = self.first.bias.value
        return made | {f"layer_{index}": layer.fine.value for index, layer in self.deep.layers.items()}

    def _predict(self, rows: slice) -> tuple[Share, list[Share]]:
        bundle = self._supply.step("test")
        given, _ = self._open_weights(bundle, "test")
        z = self.first.product(rows, given, bundle, "test")
        guards: list[Share] = []
        for index in range(1, self._design.depth):
            activation, guard = self._test_waves(index - 1, z, bundle, self._design.activation_scale)
            guards.append(guard)
            z, _ = self.deep.forward(index, activation, bundle)
        p, guard = self._test_waves(self._design.depth - 1, z, bundle, TEST_SCALE)
        return p, [*guards, guard]

    def _test_waves(self, index: int, z: Share, bundle: Bundle, scale: float) -> tuple[Share, Share]:
        last = index == self._design.depth - 1
        wanted = ((waves.sigmoid_wave(TEST_HARMONICS), scale), (waves.guard_wave(TEST_HARMONICS), GUARD_SCALE))
        p, guard = self._waves(index, z, bundle, *wanted, table=TEST_TABLE_SCALE if last else None)
        return p, guard.sum()

    def _check_range(self, counts: Float) -> None:
        n_test = self._design.rows[1]
        for index, count in enumerate(counts):
            allowed = max(0.5, OUT_OF_RANGE * n_test * self._design.widths[index])
            if count > allowed:
                raise RangeGuardError(
                    f"layer {index + 1} after batch {self.done}: about {count:.0f} of {n_test} test rows have a linear "
                    f"output beyond +-{waves.DOMAIN * waves.HALF_PERIOD:g}, where the sigmoid is not exact; lower "
                    "learning_rate or max_iter, or scale the features"
                )
