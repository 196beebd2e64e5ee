"""A network of sigmoid layers on shares: the steps in which the parties train and test it together.

With one layer this is logistic regression in two rounds a batch.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from fedray.ml.deep_layers import DeepLayers
from fedray.ml.design import NetDesign
from fedray.ml.features import Columns, Features
from fedray.ml.first_layer import FirstLayer
from fedray.ml.guard import Guard
from fedray.ml.guard_plan import Compare, Slice, network_plan
from fedray.ml.network_outputs import NetworkOutputs
from fedray.ml.parity import Observer
from fedray.ml.saved import Saved
from fedray.ml.schedule import Rows, matrices
from fedray.ml.tested import Tested
from fedray.mpc import private, waves
from fedray.mpc.beaver import Opened
from fedray.mpc.dealer import Bundle, Supply
from fedray.mpc.session import Session
from fedray.mpc.share import Share
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
    saved
        Where to go on; None to begin.
    """

    def __init__(
        self,
        s: Session,
        design: NetDesign,
        supply: Supply,
        inputs: Mapping[str, Ring],
        observer: Observer | None = None,
        saved: Saved | None = None,
    ) -> None:
        self._s, self._design, self._supply, self._observer = s, design, supply, observer
        self._labels = inputs.get("label")
        self.first = FirstLayer(s, design, Features(s, supply, matrices(design), inputs))
        self.deep = DeepLayers(s, design)
        self._outputs = NetworkOutputs(s, design, self.first, self.deep)
        self._guard, self._plan = Guard(s, design), network_plan(design)
        self._rows = Rows(design)
        self.done = 0
        if saved is not None:
            self._go_on(saved)
        first = supply.step("init")
        self._given = self._outputs.open_weights((first, "train", self.first.columns))[0], first

    def _go_on(self, saved: Saved) -> None:
        self.done = saved.done
        self.first.put(saved.arrays)
        self.deep.put(saved.arrays)
        self._guard.restore(saved.arrays, saved.done)

    def train(self, steps: int) -> None:
        """Run `steps` steps of gradient descent.

        Cost: with one layer 2 rounds a step at an owner of features, 1 at the only owner or a party without; each
        later layer adds 5, one of one output 4. With mse the longest path is one message longer. A look at the weights
        takes 8, after every `design.limits.every` steps without a test; with one layer there is none.
        Leaks: nothing.
        Ref: protocols, sections 6, 7 and 8.
        """
        for batch in self._rows.steps(self.done, steps):
            self._step(batch)
            self.done += 1
            if self._design.looks_after(self.done):
                self._watch_deep()
                self._guard.compare(self._supply.step("guard")["range"])

    def _watch_deep(self) -> None:
        for index, layer in self.deep.layers.items():
            self._guard.watch_weights(index, [layer.fine])
        for index, product in self.deep.products.items():
            self._guard.watch_residual(index, product)

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
            activation, slope = self._outputs.waves(index - 1, z, bundle, *hidden)
            self._show(index - 1, "activation", activation)
            z, opened = self.deep.forward(index, activation, bundle, slope)
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

    def _residual(self, z: Share, rows: npt.NDArray[np.int64], bundle: Bundle) -> Share:
        """Return d loss / d z of the last layer: p - y for bce, 2 (p - y) p' for mse."""
        last = self._design.depth - 1
        scale = self._design.scales[last].residual
        if self._design.loss == "bce":
            (p,) = self._outputs.waves(last, z, bundle, (waves.sigmoid_wave(waves.HARMONICS), scale))
            self._show(last, "prediction", p)
            return p - self._label_share(rows, scale)
        # 2 f at a scale is f at twice the scale
        pull, slope = (
            Share(wave.value, scale)
            for wave in self._outputs.waves(
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
        """Open the predictions of the test rows to the label party, and counts of values out of range to all.

        The guard looks at all test rows, at `guard_plan.SAMPLE` training rows or after the last step all of them, at
        all weights, and at residuals where they are not bounded by the weights.

        Cost: 1 round for the weights; with one layer 2 rounds a slice of test rows at an owner of features and 1 a
        slice of training rows, fewer at the only owner or a party without; 2 more for each later layer; 8 for a
        comparison of up to some 260,000 values; and 1 for the counts.
        Leaks: test_predictions to the label party; range_guard to all.
        Ref: protocols, section 6.

        Raises
        ------
        RangeGuardError
            At every party alike: rows, weights or residuals left the range in which the arithmetic is right.
        """
        self._guard.watch_weights(0, self.first.kept())
        self._watch_deep()
        coarse = self.first.coarse(self._supply.step("test"))
        predictions = []
        for part in self._plan.at(self.done):
            if isinstance(part, Compare):
                self._guard.compare(self._supply.step("test")["range"])
            elif part.matrix == "test":
                exact, to_guard = self._supply.step("test"), self._supply.step("test")
                p = self._outputs.predict(part, exact, to_guard, coarse, self._watch_test)
                predictions.append(self._s.reveal_to(self._design.label, "test_predictions", p))
            else:
                self._look_at(part, coarse)
        counts, notes = self._guard.reveal(self.done)
        opened = [p for p in predictions if p is not None]
        return Tested(np.vstack(opened) if opened else None, counts.sum(axis=1), notes if opened else ())

    def arrays(self) -> dict[str, Ring]:
        """Return my summands of the weights.

        ``first_<owner>``, ``first_bias``, and of each later layer ``layer_<index>`` and ``low_<index>``, as it is kept
        and as it is multiplied.
        """
        return {**self.first.arrays(), **self.deep.arrays()}

    def state(self) -> dict[str, Ring]:
        """Return what `saved` takes: my summands of the weights, and of what the guard has counted so far."""
        return {**self.arrays(), **self._guard.state()}

    def _watch_test(self, layer: int, z: Share) -> None:
        self._guard.watch_outputs(layer, "test", z)

    def _look_at(self, part: Slice, coarse: Columns) -> None:
        """Bring training rows through all layers for the guard, with the series of training; nothing is opened."""
        bundle = self._supply.step("test")
        (given,) = self._outputs.open_weights((bundle, "train", coarse))
        z = self.first.product(part.rows, given, bundle, "train", coarse)
        self._guard.watch_outputs(0, "train", z)
        for index in range(1, self._design.depth):
            wave = waves.sigmoid_wave(waves.HARMONICS), self._design.activation_scale
            bits = self._design.guard_period_bits if index == 1 else None
            (activation,) = self._outputs.waves(index - 1, z, bundle, wave, bits=bits)
            z, _ = self.deep.forward(index, activation, bundle)
            self._guard.watch_outputs(index, "train", z)
