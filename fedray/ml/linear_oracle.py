"""The same linear model in float64 NumPy, on the same batches: what results are held against."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fedray.ml.linear_design import LinearDesign
from fedray.ml.parity import Points
from fedray.ml.twin import Twin

Float = npt.NDArray[np.float64]


def predict(objective: str, z: Float) -> Float:
    """Return the prediction for linear outputs: z, sigmoid z or e^z."""
    if objective == "linear":
        return z
    value: Float = np.exp(z) if objective == "poisson" else np.exp(-np.logaddexp(0.0, -z))
    return value


class LinearOracle(Twin):
    """A linear model, trained in clear.

    Parameters
    ----------
    design
        The public numbers.
    train, test
        All parties' scaled features side by side in the order of ranks, (rows, columns).
    labels
        Of the training rows in the model's units, (rows, 1).
    weights
        Of the training rows, (rows, 1); None weighs all alike.
    units
        Centre and unit of the label: a value of its table is centre + unit times the model's.
    curve
        Whether predictions are the sigmoid of linear outputs, though the training takes it as a line.

    Attributes
    ----------
    w, b
        Weights, shape (columns, 1), and intercept, shape (1,).
    """

    def __init__(
        self,
        design: LinearDesign,
        train: Float,
        labels: Float,
        test: Float,
        weights: Float | None = None,
        units: tuple[float, float] = (0.0, 1.0),
        curve: bool = False,
    ) -> None:
        super().__init__(design)
        self._design, self._train, self._labels, self._test = design, train, labels, test
        self._weights = np.ones_like(labels) if weights is None else weights
        self._units, self._link = units, "logistic" if curve else design.objective
        self.w, self.b = np.zeros((design.columns, 1)), np.zeros(1)
        self._velocity, self._velocity_b = np.zeros_like(self.w), np.zeros(1)

    def predict(self) -> Float:
        """Return the predictions of the test rows in the units of the label's table, shape (n_test, 1)."""
        centre, unit = self._units
        return centre + unit * predict(self._link, self._test @ self.w + self.b)

    def _step(self, rows: npt.NDArray[np.int64]) -> Points:
        design, x = self._design, self._train[rows]
        z = x @ self.w + self.b
        residual = self._weights[rows] * (predict(design.objective, z) - self._labels[rows])
        gradient = x.T @ residual * design.rate + self._penalty(self.w)
        self._velocity = design.momentum * self._velocity - gradient
        self.w = self.w + self._ahead(self._velocity, gradient)
        points = {(0, "z"): z, (0, "residual"): residual, (0, "weights"): self.w}
        if not design.intercept:
            return points
        gradient = residual.sum(axis=0) * design.rate
        if design.penalize_intercept:
            gradient = gradient + self._penalty(self.b)
        self._velocity_b = design.momentum * self._velocity_b - gradient
        self.b = self.b + self._ahead(self._velocity_b, gradient)
        return {**points, (0, "bias"): self.b}

    def _penalty(self, weights: Float) -> Float:
        found: Float = np.sign(weights) if self._design.penalty == "l1" else weights
        return self._design.learning_rate * self._design.alpha * found

    def _ahead(self, velocity: Float, gradient: Float) -> Float:
        return self._design.momentum * velocity - gradient if self._design.nesterov else velocity
