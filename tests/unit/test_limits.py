"""Bounds of weights and residuals: what they promise, checked against the worst that a step can do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fedray.errors import SpecError
from fedray.ml.design import FEATURE_LIMIT, LOW_SCALE, NetDesign
from fedray.ml.limits import ACTIVATION, BOUND, DOMAIN, LAST_RESIDUAL, LOOK_EVERY, SLOPE
from fedray.mpc import waves
from fedray.mpc.waves import HARMONICS
from tests.networks import design

designs = st.builds(
    design,
    st.just((3, 2, 0)),
    st.lists(st.integers(1, 300), min_size=2, max_size=5).map(tuple),
    st.sampled_from(["bce", "mse"]),
    learning_rate=st.floats(1e-4, 100.0),
    batch=st.integers(1, 100_000),
    test_every=st.integers(1, 5000),
)


@given(designs)
def test_a_weight_cannot_leave_and_come_back_between_two_looks(made: NetDesign) -> None:
    try:
        scales = made.scales
    except SpecError:
        assume(False)
    limits = made.limits
    residual = LAST_RESIDUAL[made.loss]
    for index in range(made.depth - 1, 0, -1):
        bound, w = limits.weights[index - 1], scales[index].w
        step = made.rate * made.batch * ACTIVATION * residual  # batch rows, each at most rate |activation| |residual|
        assert limits.every * step <= 2 * bound
        assert 2 * bound * w <= DOMAIN
        slope, shift = made.slope(index - 1)
        units = made.widths[index] * 2 * bound * LOW_SCALE * residual * scales[index].residual * SLOPE * slope
        if index - 1 in limits.watched:
            assert limits.every <= LOOK_EVERY
            residual = 1.5 * 2.0 ** (63 - shift) / scales[index - 1].residual  # the most that a truncation gives
        else:
            assert units <= DOMAIN * 1.000001
            residual = units / (scales[index - 1].residual * 2.0**shift)
    assert limits.every <= made.test_every


@given(designs)
def test_looks_are_never_farther_apart_than_that(made: NetDesign) -> None:
    try:
        every = made.limits.every
    except SpecError:
        assume(False)
    seen = [step for step in range(1, 3 * every + 1) if made.looks_after(step) or made.tests_after(step)]
    assert max(np.diff([0, *seen])) <= every


def test_the_series_stay_inside_the_bounds_over_their_whole_period() -> None:
    z = np.linspace(-waves.HALF_PERIOD, waves.HALF_PERIOD, 20_001)
    sigmoid, slope, pull = (wave(HARMONICS)(z) for wave in (waves.sigmoid_wave, waves.slope_wave, waves.pull_wave))
    assert np.max(np.abs(sigmoid)) < ACTIVATION
    assert np.max(np.abs(slope)) < SLOPE
    assert max(np.max(np.abs(sigmoid)), np.max(np.abs(sigmoid - 1.0))) < LAST_RESIDUAL["bce"]
    assert max(np.max(np.abs(2 * pull)), np.max(np.abs(2 * pull - 2 * slope))) < LAST_RESIDUAL["mse"]


@pytest.mark.parametrize("features", [(1, 0), (3, 2), (20, 25), (5000, 4000)])
def test_linear_outputs_of_the_guard_fit_the_ring(features: tuple[int, int]) -> None:
    made = design(features)
    bits, (of_weights, of_bias) = made.guard_bits, made.coarse_shifts
    assert 48 + 10 - of_weights == 38 - of_bias == bits
    assert 1 <= of_bias <= of_weights <= 61
    assert sum(features) * FEATURE_LIMIT * (BOUND / 2.0**48) * 2.0**bits <= DOMAIN
    assert sum(features) * FEATURE_LIMIT * (BOUND / 2.0**48) * 2.0**bits > DOMAIN / 2.5  # and no bit is given away


def test_an_ordinary_network_is_not_looked_at_between_tests() -> None:
    made = design((11, 12, 0), (16, 1), learning_rate=0.1, batch=64, test_every=1001, steps=10_010)
    assert made.limits.watched == ()
    assert made.limits.weights[0] > 50
    assert not any(made.looks_after(step) for step in range(1, 10_011))
    assert not any(design((3, 2), test_every=7, steps=50).looks_after(step) for step in range(1, 51))


def test_a_step_that_could_leave_the_fixed_point_is_refused() -> None:
    made = design((3, 2, 0), (8, 8, 1), learning_rate=100.0, batch=100_000)
    with pytest.raises(SpecError, match="learning_rate 100 with batch_size 100000 could move a weight") as caught:
        _ = made.scales
    assert "lower learning_rate or batch_size" in caught.value.message
