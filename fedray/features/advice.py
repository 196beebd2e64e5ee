"""What correlations say of columns: how far the others explain one, and which may be left out. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["MOST_INFLATED", "advise", "inflation"]

Float = npt.NDArray[np.float64]

MOST_INFLATED = 1e6
"""The largest factor that is told: a column that is a sum of multiples of others has no finite one."""


def inflation(correlation: Float) -> Float:
    """Return the variance inflation factor of each column: 1 / (1 - R^2), R^2 of its regression on all others.

    They are the diagonal of the inverse. Eigenvalues near 0 are lifted to 1e-6, so that columns which depend on each
    other get a factor of up to 1e6, and the others their own.

    Parameters
    ----------
    correlation
        Symmetric, shape (d, d), 1 on the diagonal.
    """
    if not len(correlation):
        return np.zeros(0)
    values, vectors = np.linalg.eigh(correlation)
    factors: Float = np.clip((vectors**2 / np.maximum(values, 1.0 / MOST_INFLATED)).sum(axis=1), 1.0, MOST_INFLATED)
    return factors


def advise(correlation: Float, correlation_max: float | None, vif_max: float | None) -> list[int]:
    """Return the columns to leave out, in this order, so that the others keep both bounds.

    One at a time: the column with the largest factor above `vif_max`; when there is none, of the pair with the largest
    correlation above `correlation_max` the column that is correlated with the others more.
    """
    left, out = list(range(len(correlation))), []
    while len(left) > 1:
        now = correlation[np.ix_(left, left)]
        worst = _most_inflated(now, vif_max)
        if worst is None:
            worst = _most_correlated(now, correlation_max)
        if worst is None:
            break
        out.append(left.pop(worst))
    return out


def _most_inflated(correlation: Float, vif_max: float | None) -> int | None:
    if vif_max is None:
        return None
    factors = inflation(correlation)
    worst = int(factors.argmax())
    return worst if factors[worst] > vif_max else None


def _most_correlated(correlation: Float, correlation_max: float | None) -> int | None:
    if correlation_max is None:
        return None
    sizes = np.abs(correlation - np.diag(np.diag(correlation)))
    one, other = np.unravel_index(int(sizes.argmax()), sizes.shape)
    if sizes[one, other] <= correlation_max:
        return None
    means = sizes.mean(axis=1)
    return int(one if means[one] > means[other] else other)
