"""The fixed point of a linear model whose losses are compared."""

from __future__ import annotations

import math

import pytest

from fedray.errors import SpecError
from fedray.ml.linear_fine import cost_units, fine_scales, tolerance_units


@pytest.mark.parametrize("rate", [100.0, 0.025, 0.00625, 1e-6])
def test_a_gradient_arrives_in_the_units_of_the_weights(rate: float) -> None:
    x, w, residual, shift = fine_scales(rate)
    assert x * residual == pytest.approx(w * rate, rel=1e-12)
    assert residual == x * w / 2.0**shift
    assert 2.0**54 < x * w <= 2.0**56
    assert min(x, residual) >= 2.0**9


def test_a_loss_in_ring_units() -> None:
    assert cost_units(0.5, 1.0, 4, 8.0) == 256  # half of the mean of four squares of 1, each 64 units
    assert tolerance_units(0.5, 1.0, 4, 8.0) == 255
    assert tolerance_units(0.5, 0.25, 4, 8.0) == 1023


def test_a_tolerance_that_is_too_fine_is_refused_with_one_that_is_not() -> None:
    with pytest.raises(
        SpecError, match=r"cost_tol 1e-09 with batch_size 4 is finer than the fixed point; use at least"
    ):
        tolerance_units(1e-9, 1.0, 4, 8.0)
    assert math.isfinite(tolerance_units(1e-2, 1.0, 4, 8.0))
