"""The fixed point of a linear model whose costs are compared: features and residuals alike fine, in a smaller range.

A difference of two costs is as exact as features and residuals are, and those of neighbouring batches come close to any
tolerance. With z at 2^56 at most, z = x w and residual = rate w / x, both are alike fine where x^3 is about 2^56 rate.
"""

from __future__ import annotations

import math

from fedray.errors import SpecError

__all__ = ["FINE_FEATURE_LIMIT", "cost_units", "fine_scales", "tolerance_units"]

OUTPUT_BITS = 56
"""Of linear outputs, so that outputs may be some 48 and labels some 16; see `LinearDesign.reach`."""

LEAST_FEATURE_BITS = 10

FINE_FEATURE_LIMIT = 2.0**10
"""Largest magnitude of a scaled feature; of a million rows that are scaled by their deviation none is larger."""


def fine_scales(rate: float) -> tuple[float, float, float, int]:
    """Return the scales of features, weights and residual, and the bits that the residual is truncated by."""
    bits = max(LEAST_FEATURE_BITS, (OUTPUT_BITS + math.log2(rate)) / 3.0)
    shift = round(2.0 * bits - math.log2(rate))
    x, w = math.sqrt(2.0**shift * rate), 2.0 ** (OUTPUT_BITS - math.ceil(bits + 0.5))
    return x, w, x * w / 2.0**shift, shift


def cost_units(cost: float, slope: float, batch: int, residual: float) -> int:
    """Return a cost as a sum of squared residuals in ring units: cost = slope / 2 times the mean of the squares.

    Parameters
    ----------
    residual
        Scale of the residuals.
    """
    return math.ceil(cost * 2.0 * batch / slope * residual**2)


def tolerance_units(cost_tol: float, slope: float, batch: int, residual: float) -> int:
    """Return the largest change of a cost that is less than a tolerance, in those units.

    Raises
    ------
    SpecError
        The tolerance is finer than the fixed point.
    """
    found = cost_units(cost_tol, slope, batch, residual) - 1
    if found < 1:
        least = 2.0 * cost_tol / (found + 1)
        raise SpecError(
            f"cost_tol {cost_tol:g} with batch_size {batch} is finer than the fixed point; use at least {least:.2g}, "
            "or null for no stop"
        )
    return found
