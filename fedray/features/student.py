"""Two-sided p-values of Student's t and of the normal distribution, without SciPy, which no feature client loads."""

from __future__ import annotations

import math

__all__ = ["two_sided"]

_TINY = 1e-300
_LAST = 1e-15
_MOST = 10_000
"""Terms of the continued fraction; it takes some sqrt(freedom) of them."""

_NORMAL = 1e7
"""Degrees of freedom from which t is the normal distribution, to some 1e-7 of the p-value."""


def two_sided(t: float, freedom: float) -> float:
    """Return the probability of a value as far from 0 as t, or farther.

    Parameters
    ----------
    freedom
        Degrees of freedom, above 0; infinite for the normal distribution.
    """
    if freedom >= _NORMAL:
        return math.erfc(abs(t) / math.sqrt(2.0))
    x, rest = freedom / (freedom + t * t), t * t / (freedom + t * t)
    if rest == 0.0:
        return 1.0
    a, b = freedom / 2.0, 0.5
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest)
    )  # of the regularised incomplete beta function I_x(a, b)
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(x, a, b) / a
    return 1.0 - front * _fraction(rest, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """Return the continued fraction of the incomplete beta function, by Lentz's method."""
    c, d = 1.0, 1.0 / _away(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, _MOST):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 / _away(1.0 + term * d)
            c = _away(1.0 + term / c)
            value *= c * d
        if abs(c * d - 1.0) < _LAST:
            break
    return value


def _away(x: float) -> float:
    return x if abs(x) > _TINY else _TINY
