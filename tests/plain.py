"""References in plain Python integers and NumPy: slow, short, and written without looking at the engine's code."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from fedray.ring import Ring

Float = npt.NDArray[np.float64]

MODULUS = 1 << 64
EDGES = (
    0,
    1,
    2,
    (1 << 32) - 1,
    1 << 32,
    (1 << 53) - 1,
    (1 << 53) + 1,
    (1 << 62) - 1,
    1 << 62,
    (1 << 63) - 1,
    1 << 63,
    (1 << 63) + 1,
    MODULUS - 2,
    MODULUS - 1,
)


def matmul(a: Ring, b: Ring) -> Ring:
    """Return a @ b modulo 2^64 by Python's integers."""
    rows, columns = a.tolist(), b.T.tolist()
    made = [[sum(x * y for x, y in zip(row, column, strict=True)) % MODULUS for column in columns] for row in rows]
    return np.array(made, dtype=np.uint64).reshape(a.shape[0], b.shape[1])


def signed(x: Ring) -> list[int]:
    """Return ring elements as signed Python integers, flat."""
    return [int(value) for value in x.view(np.int64).reshape(-1)]


def sigmoid(z: Float) -> Float:
    """Return 1 / (1 + e^-z), without overflow."""
    return np.exp(-np.logaddexp(0.0, -z))


def slope(z: Float) -> Float:
    """Return the derivative of sigmoid."""
    p: Float = sigmoid(z) * sigmoid(-z)
    return p


def sine_of(turns: float, k: int = 1) -> tuple[float, float]:
    """Return sin and cos of 2 pi k turns, the multiple of the turn taken exactly."""
    part = math.remainder(k * turns, 1.0)
    return math.sin(2 * math.pi * part), math.cos(2 * math.pi * part)


def least_squares(basis: Float, target: Float, ridge: float, weights: Float | None = None) -> Float:
    """Return the coefficients that minimise sum w (basis c - target)^2 + ridge |c|^2."""
    w = np.ones(len(target)) if weights is None else weights
    gram = basis.T @ (basis * w[:, None])
    return np.asarray(np.linalg.solve(gram + ridge * np.eye(len(gram)), basis.T @ (w * target)), dtype=np.float64)


def z_values(x: Float, y: Float, w: Float, intercept: float | None, objective: str) -> tuple[Float, float]:
    """Return coefficients over their standard errors, and the intercept's: by the inverse of X^T W X, as textbooks do.

    Parameters
    ----------
    x, y, w
        Shapes (rows, columns), (rows, 1), (columns, 1).
    intercept
        None where there is none.
    objective
        "logistic", with W = p (1 - p), or "linear", with the residuals' variance over rows less coefficients.
    """
    wide = x if intercept is None else np.hstack([x, np.ones((len(x), 1))])
    all_w = w[:, 0] if intercept is None else np.append(w[:, 0], intercept)
    outputs = wide @ all_w
    weights = slope(outputs) if objective == "logistic" else np.ones(len(x))
    covariance = np.linalg.inv(wide.T @ (weights[:, None] * wide))
    if objective == "linear":
        covariance = covariance * ((y[:, 0] - outputs) ** 2).sum() / (len(x) - wide.shape[1])
    z = all_w / np.sqrt(np.diag(covariance))
    return z[: x.shape[1]], float(z[-1])
