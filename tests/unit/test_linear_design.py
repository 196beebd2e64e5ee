"""The numbers of a linear model: scales that make a step exact, integers of an update, what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neural_network._stochastic_optimizers import SGDOptimizer

from fedray.errors import SpecError
from fedray.ml.linear_design import LinearDesign
from fedray.ml.linear_oracle import LinearOracle
from fedray.ml.linear_penalty import check_penalty, sign_steps
from fedray.ml.linear_scales import INTERCEPT_FACTOR
from fedray.ml.linear_schedule import period_bits, segments, train_correlations
from fedray.ml.schedule import Rows

OBJECTIVES = ("linear", "logistic", "poisson")


def design(objective: str, **other: Any) -> LinearDesign:
    numbers: dict[str, Any] = {"batch": 64, "test_batch": 50, "test_every": 7, "steps": 17, "learning_rate": 0.01}
    return LinearDesign((3, 0, 2), 1, (100, 60), objective, **{**numbers, **other})


@given(
    st.sampled_from(OBJECTIVES),
    st.floats(0.02, 10.0),
    st.integers(1, 500),
    st.sampled_from([0.0, 0.5, 0.9, 0.95, 0.99]),
    st.booleans(),
)
def test_a_gradient_arrives_in_the_units_of_the_weights(
    objective: str, rate: float, batch: int, momentum: float, nesterov: bool
) -> None:
    made = design(objective, learning_rate=rate, batch=batch, momentum=momentum, nesterov=nesterov)
    scales, factors = made.scales, made.factors
    # X^T d at x times residual, times the factor, is rate X^T d at w; so is the intercept's at its own scale
    assert math.isclose(scales.x * scales.residual * factors.gradient, made.rate * scales.w, rel_tol=2.0**-8)
    per_row = scales.intercept_gradient * scales.residual * factors.gradient
    assert math.isclose(per_row, made.rate * scales.intercept, rel_tol=2.0**-8)
    assert math.isclose(factors.step / factors.gradient, 1.0 + (momentum if nesterov else 0.0), rel_tol=1e-12)
    assert 2.0**10 <= scales.x < 2.0**10.5 + 1
    assert scales.z == scales.intercept * INTERCEPT_FACTOR
    if objective == "linear":
        assert math.isclose(scales.residual * 2.0**scales.shift, scales.z, rel_tol=1e-12)
        assert made.reach >= 100.0
    else:
        assert scales.residual == round(scales.residual)
        assert period_bits(made) == 64


@given(st.sampled_from(OBJECTIVES), st.floats(1e-7, 1.0), st.floats(0.01, 0.999), st.booleans())
def test_factors_of_momentum_and_penalty(objective: str, alpha: float, momentum: float, nesterov: bool) -> None:
    factors = design(objective, learning_rate=0.5, alpha=alpha, momentum=momentum, nesterov=nesterov).factors
    keep, carry = (number / 2.0**factors.momentum_shift for number in (factors.keep, factors.carry))
    decay, drain = (number / 2.0**factors.decay_shift for number in (factors.decay, factors.drain))
    assert math.isclose(keep, momentum, abs_tol=2.0**-18)
    assert math.isclose(carry, momentum**2 if nesterov else momentum, abs_tol=2.0**-18)
    assert math.isclose(decay, 0.5 * alpha, rel_tol=2.0**-12)
    assert math.isclose(drain, 0.5 * alpha * (1.0 + momentum if nesterov else 1.0), rel_tol=2.0**-12)
    assert factors.step >= factors.gradient


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.8, False), (0.9, True)])
def test_the_update_is_that_of_scikit_learns_networks(momentum: float, nesterov: bool) -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(100, 5)), (rng.random((100, 1)) < 0.4).astype(np.float64)
    made = design("logistic", learning_rate=0.3, momentum=momentum, nesterov=nesterov, alpha=0.05, seed="s")
    oracle = LinearOracle(made, x, y, x)
    w, b = np.zeros((5, 1)), np.zeros(1)
    optimizer = SGDOptimizer([w, b], 0.3, "constant", momentum, nesterov)
    for rows in Rows(made).steps(0, 9):
        residual = (1.0 / (1.0 + np.exp(-(x[rows] @ w + b))) - y[rows]) / len(rows)
        optimizer.update_params([w, b], [x[rows].T @ residual + 0.05 * w, residual.sum(axis=0)])
    oracle.train(9)
    np.testing.assert_allclose(oracle.w, w, atol=1e-12)
    np.testing.assert_allclose(oracle.b, b, atol=1e-12)


def test_without_momentum_and_penalty_nothing_is_truncated() -> None:
    names = [correlation.name for correlation in train_correlations(design("logistic"))]
    assert names == ["wave", "B0", "B2", "F0", "F2"]
    names = [correlation.name for correlation in train_correlations(design("linear", alpha=0.1, momentum=0.5))]
    assert names == ["residual", "momentum", "decay", "B0", "B2", "F0", "F2"]


def test_the_schedule_has_a_test_after_every_so_many_steps() -> None:
    labels = [segment.label for segment in segments(design("poisson"))]
    test = ["coarse", "0/exact", "0/guard", "1/exact", "1/guard", "2/guard", "3"]
    tests = [f"test/{done}/{part}" for done in (7, 14, 17) for part in test]
    assert labels == ["init", "train/0", *tests[:7], "train/7", *tests[7:14], "train/14", *tests[14:]]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_rate_too_fine_is_refused_and_the_advice_works(objective: str) -> None:
    with pytest.raises(SpecError, match="learning_rate_init 1e-12 with batch_size 64 is finer") as caught:
        _ = design(objective, learning_rate=1e-12, momentum=0.9, nesterov=True).scales
    least = float(caught.value.message.split("use at least ")[1].split(",")[0])
    _ = design(objective, learning_rate=1.05 * least, momentum=0.9, nesterov=True).scales
    with pytest.raises(SpecError):
        _ = design(objective, learning_rate=0.9 * least, momentum=0.9, nesterov=True).scales


def test_a_penalty_that_overshoots_or_is_nothing_is_refused() -> None:
    with pytest.raises(SpecError, match=r"learning_rate_init 0\.5 times alpha 2 is 1 or more"):
        _ = design("linear", learning_rate=0.5, alpha=2.0).factors
    with pytest.raises(
        SpecError, match=r"alpha 1e-13 with learning_rate_init 0\.5 is finer than the fixed point; use 0"
    ):
        _ = design("linear", learning_rate=0.5, alpha=1e-13).factors


def test_an_l1_penalty_beyond_the_fixed_point_is_refused() -> None:
    numbers: dict[str, Any] = {"learning_rate": 2.0, "penalty": "l1", "penalize_intercept": True}
    with pytest.raises(SpecError, match="learning_rate_init 2 times alpha 600 is more than the fixed point holds"):
        check_penalty(design("logistic", alpha=600.0, **numbers))  # 2^64 units of the intercept
    held = sign_steps(design("logistic", alpha=31.0, **numbers))[1]
    assert held[-1, 0] == 62 * 2**54


def test_a_penalty_that_no_truncation_brings_to_the_costs_is_refused() -> None:
    costs: dict[str, Any] = {"penalty": "l1", "learning_rate": 10.0, "cost_tol": 0.01, "cost_penalty": True}
    with pytest.raises(SpecError, match=r"learning_rate_init 10 with alpha 1000 makes a penalty too large .* lower"):
        check_penalty(design("linear", alpha=1000.0, **costs))
    check_penalty(design("linear", alpha=10.0, **costs))
    check_penalty(design("linear", alpha=1000.0, **{**costs, "cost_penalty": False}))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_usual_numbers_are_accepted(objective: str) -> None:
    """Defaults and their neighbours, weighted or not, at small and large batches."""
    for batch in (1, 64, 1024, 4096):
        made = design(objective, batch=batch, learning_rate=0.03, momentum=0.9, nesterov=True, alpha=1e-4)
        assert objective == "linear" or made.table <= made.scales.residual
        assert np.isfinite(made.scales.z)
    _ = design("logistic", batch=1024, momentum=0.9, nesterov=True, weighted=True).scales
