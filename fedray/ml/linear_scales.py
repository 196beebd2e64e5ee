"""The fixed-point scales of a linear model, once they are chosen."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["INTERCEPT_BITS", "INTERCEPT_FACTOR", "LinearScales"]

INTERCEPT_BITS = 4
INTERCEPT_FACTOR = 1 << INTERCEPT_BITS
"""z's scale over the intercept's."""


@dataclass(frozen=True)
class LinearScales:
    """Ring units per 1.0.

    Attributes
    ----------
    x, w
        Features and weights.
    residual
        d loss / d z, in units that make a gradient meet `w` after a multiplication by `Factors.gradient`.
    shift
        Bits by which the residual of the squared error is truncated; 0 for the others.
    """

    x: float
    w: float
    residual: float
    shift: int = 0

    @property
    def z(self) -> float:
        """Linear outputs."""
        return self.x * self.w

    @property
    def intercept(self) -> float:
        """The intercept; finer than the weights, since it has no feature to multiply."""
        return self.z / INTERCEPT_FACTOR

    @property
    def intercept_gradient(self) -> int:
        """Factor that makes the sum of the residuals a gradient of the intercept."""
        return round(self.x**2 / INTERCEPT_FACTOR)
