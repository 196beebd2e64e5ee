"""Two-sided p-values against SciPy's."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from fedray.features.student import two_sided


@pytest.mark.parametrize("freedom", [1.0, 2.0, 3.5, 10.0, 31.0, 500.0, 20_000.0, 1e6])
@pytest.mark.parametrize("t", [0.0, 1e-200, 1e-9, 0.1, 0.7, 1.0, 1.96, 3.3, 8.0, 30.0])
def test_of_student(t: float, freedom: float) -> None:
    expected = 2.0 * stats.t.sf(t, freedom)
    assert two_sided(t, freedom) == two_sided(-t, freedom) == pytest.approx(expected, rel=1e-8, abs=1e-290)


@pytest.mark.parametrize("z", [0.0, 0.5, 1.96, 5.0, 30.0])
def test_of_the_normal_distribution(z: float) -> None:
    assert two_sided(z, math.inf) == two_sided(-z, math.inf) == pytest.approx(2.0 * stats.norm.sf(z), rel=1e-12)
    assert two_sided(z, 2e7) == pytest.approx(2.0 * stats.t.sf(z, 2e7), rel=1e-4)
