"""The same network in float64 NumPy, on the same batches from the same weights: what results are held against."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fedray.ml.design import NetDesign
from fedray.ml.initial import initial_weights
from fedray.ml.parity import Point, Points
from fedray.ml.twin import Twin

Float = npt.NDArray[np.float64]


class Oracle(Twin):
    """A network of sigmoid layers with biases, trained in clear.

    Parameters
    ----------
    design
        The public numbers.
    train, labels, test
        All parties' scaled features side by side in the order of ranks, (rows, columns), and the labels
        (rows, outputs).
    """

    def __init__(self, design: NetDesign, train: Float, labels: Float, test: Float) -> None:
        super().__init__(design)
        self._design, self._train, self._labels, self._test = design, train, labels, test
        self.weights = initial_weights(design)
        self.biases = [np.zeros(width) for width in design.widths]

    def predict(self) -> Float:
        """Return the predictions of the test rows, shape (n_test, outputs)."""
        return self._forward(self._test)[1][-1]

    def _forward(self, x: Float) -> tuple[list[Float], list[Float]]:
        """Return the linear outputs of every layer, and the input followed by the outputs of every layer."""
        linear: list[Float] = []
        layers = [x]
        for w, b in zip(self.weights, self.biases, strict=True):
            linear.append(layers[-1] @ w + b)
            layers.append(1.0 / (1.0 + np.exp(-linear[-1])))
        return linear, layers

    def _step(self, rows: npt.NDArray[np.int64]) -> Points:
        y = self._labels[rows]
        linear, layers = self._forward(self._train[rows])
        p = layers[-1]
        residual = p - y if self._design.loss == "bce" else 2.0 * (p - y) * p * (1.0 - p)
        points: dict[Point, Float] = {(index, "z"): z for index, z in enumerate(linear)}
        points |= {(index, "activation"): made for index, made in enumerate(layers[1:-1])}
        seen = ("prediction", p) if self._design.loss == "bce" else ("residual", residual)
        points[self._design.depth - 1, seen[0]] = seen[1]
        for index in reversed(range(self._design.depth)):
            below = layers[index]
            gradient, by_bias = below.T @ residual, residual.sum(axis=0)
            back = residual @ self.weights[index].T
            self.weights[index] = self.weights[index] - self._design.rate * gradient
            if self._design.bias:
                self.biases[index] = self.biases[index] - self._design.rate * by_bias
            residual = back * below * (1.0 - below)
        return points | self._learned()

    def _learned(self) -> dict[Point, Float]:
        points: dict[Point, Float] = {(index, "weights"): w for index, w in enumerate(self.weights)}
        if self._design.bias:
            points |= {(index, "bias"): b for index, b in enumerate(self.biases)}
        return points
