"""PaddleDTX's linear-vl and logistic-vl in float64, from their published rules: what ours are held against."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_diabetes, load_iris

Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Emulated:
    """What a training ends with: the round in which it stops, intercept and weights, and the scaling of columns.

    The margin is how close a change of the cost came to the amplitude: what rounds by less stops in the same round.
    """

    round: int
    intercept: float
    weights: Float
    mean: Float
    std: Float
    margin: float

    def scores(self, x: Float) -> Float:
        """Return intercept and weighted sum of rows in the units of their table."""
        return self.intercept + (x - self.mean) / self.std @ self.weights


def emulate(
    x: Float,
    y: Float,
    *,
    logistic: bool,
    alpha: float = 0.1,
    amplitude: float = 1e-4,
    batch: int = 4,
    penalty: float = 0.0,
    norm: str = "l2",
    intercept_too: bool = False,
) -> Emulated:
    """Train as the original does; rows are in the order of their ids as byte strings.

    Parameters
    ----------
    y
        0 and 1 for logistic, any numbers for linear, which standardises them.
    penalty
        The original's lambda: lambda w / m, or with the norm ``l1`` lambda sgn w / m, of the m rows of a batch in the
        gradient; in the cost of linear too.
    intercept_too
        Whether the intercept has it, as in the original.
    """
    mean, std = x.mean(axis=0), x.std(axis=0)
    columns = np.hstack([np.ones((len(x), 1)), (x - mean) / std])
    y = y if logistic else (y - y.mean()) / y.std()
    w, before, order = np.zeros(columns.shape[1]), 0.0, list(range(len(x)))
    penalty, has = penalty / batch, np.array([float(intercept_too), *np.ones(x.shape[1])])
    k, segments, margin = 0, len(x) // batch, np.inf
    while True:
        if k % segments == 0:
            order = [order[p] for p in _places(len(x), k)]
        rows = order[k % segments * batch :][:batch]
        u = columns[rows] @ w
        if logistic:
            residual = 0.5 + u / 4 - y[rows]
            cost = -float(np.mean(np.log(0.5) + (y[rows] - 0.5) * u - u**2 / 8))
        else:
            residual = u - y[rows]
            size = np.abs(w) if norm == "l1" else w**2 / 2
            cost = float(np.mean(residual**2)) / 2 + penalty * float(has @ size)
        margin = min(margin, abs(abs(cost - before) - amplitude)) if k else margin
        if k and abs(cost - before) < amplitude:
            return Emulated(k, float(w[0]), w[1:], mean, std, margin)
        before = cost if k else 0.0
        w = w - alpha * (columns[rows].T @ residual / batch + penalty * has * (np.sign(w) if norm == "l1" else w))
        k += 1


def _places(rows: int, k: int) -> list[int]:
    return sorted(range(rows), key=lambda place: hashlib.sha256(f"{place}+{k}".encode()).digest())


def in_order_of_ids(*arrays: Float) -> tuple[Float, ...]:
    """Return rows with the ids 1, 2, ... in the order of their ids as byte strings: 1, 10, 100, 101, ... ."""
    order = sorted(range(len(arrays[0])), key=lambda row: str(row + 1).encode())
    return tuple(array[order] for array in arrays)


def iris() -> tuple[Float, Float, Float, Float]:
    """Return the Iris rows that the original's example trains with, and those that it predicts; labels of setosa."""
    x, kind = load_iris(return_X_y=True)
    y = (kind == 0).astype(np.float64)
    trains = np.arange(150) % 50 < 45
    return x[trains], y[trains], x[~trains], y[~trains]


def diabetes() -> tuple[Float, Float]:
    """Return a regression's rows and labels: ten columns, in units of their own."""
    x, y = load_diabetes(return_X_y=True, scaled=False)
    return x, y
