"""The public numbers of a network: scales that fit together, a schedule that both sides make alike."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fedray.errors import SpecError
from fedray.ml.design import LOW_SCALE, NetDesign
from fedray.ml.initial import initial_weights
from fedray.ml.schedule import LONGEST_SEGMENT, Rows, matrices, segments
from fedray.mpc.waves import HALF_PERIOD
from tests.networks import design

designs = st.builds(
    design,
    st.just((3, 2, 0)),
    st.lists(st.integers(1, 20), min_size=1, max_size=4).map(tuple),
    st.sampled_from(["bce", "mse"]),
    learning_rate=st.floats(1e-5, 100.0),
    batch=st.integers(1, 100_000),
)


@given(designs)
def test_scales_meet_exactly(made: NetDesign) -> None:
    try:
        scales = made.scales
    except SpecError:
        assume(False)
    for layer in scales:
        assert layer.residual == made.rate * layer.w / layer.x  # a gradient arrives in units of w
        assert 2.0**layer.period_bits == 2 * HALF_PERIOD * layer.z
        assert layer.period_bits <= 64
        assert 2.0**layer.low_shift * layer.low == layer.w
        assert layer.residual >= 2.0**8 * layer.table
    for index in range(made.depth - 1):
        slope, shift = made.slope(index)
        assert 1 <= shift <= 61
        assert slope >= 2.0**8 * scales[index].table
        back = scales[index + 1].residual * LOW_SCALE * slope
        assert math.isclose(back, scales[index].residual * 2.0**shift, rel_tol=1e-12)


@pytest.mark.parametrize("widths", [(1,), (8, 1)])
def test_a_learning_rate_too_fine_is_refused_with_a_number_that_works(widths: tuple[int, ...]) -> None:
    made = design((3, 0), widths, learning_rate=1e-6, batch=10_000)
    with pytest.raises(SpecError, match="learning_rate 1e-06 with batch_size 10000 is finer") as caught:
        _ = made.scales
    least = float(caught.value.message.split("at least ")[1].split(",")[0])
    assert design((3, 0), widths, learning_rate=least * 1.05, batch=10_000).scales
    with pytest.raises(SpecError):
        _ = design((3, 0), widths, learning_rate=least / 1.2, batch=10_000).scales


@given(designs, st.integers(1, 200), st.integers(1, 80))
def test_schedule_covers_every_step_once(made: NetDesign, steps: int, every: int) -> None:
    made = design(made.features, made.widths, made.loss, steps=steps, test_every=every, batch=8)
    labels, done, tested = [], 0, []
    for segment in segments(made):
        labels.append(segment.label)
        assert all(len(rows) == segment.steps for rows in segment.rows.values())
        if segment.label.startswith("guard/"):
            assert made.looks_after(done)
        if segment.label.startswith("train/"):
            assert segment.label == f"train/{done}"
            assert segment.steps <= LONGEST_SEGMENT
            np.testing.assert_array_equal(segment.rows["this"], Rows(made).steps(done, segment.steps))
            np.testing.assert_array_equal(segment.rows["next"], Rows(made).steps(done + 1, segment.steps))
            done += segment.steps
        elif segment.label.endswith("/coarse"):
            assert segment.label == f"test/{done}/coarse"
            tested.append(done)
    assert labels[0] == "init"
    assert len(set(labels)) == len(labels)
    assert done == steps
    expected = [min(k * every, steps) for k in range(1, -(-steps // every) + 1)]
    assert tested == expected
    assert made.tests == len(expected)


def test_rows_do_not_depend_on_how_they_are_asked_for() -> None:
    made = design((3, 0), rows=(50, 7))
    whole = Rows(made).steps(0, 150)
    assert whole.shape == (150, 32)
    assert whole.min() == 0
    assert whole.max() == 49
    for first, count in [(0, 1), (63, 1), (63, 2), (64, 64), (10, 140)]:
        np.testing.assert_array_equal(Rows(made).steps(first, count), whole[first : first + count])
    assert (Rows(design((3, 0), rows=(50, 7), seed="other")).steps(0, 150) != whole).any()


def test_matrices() -> None:
    made = matrices(design((3, 0, 2, 0), (4, 2), "mse", label=1))
    assert [(m.owner, m.matrix, m.shape) for m in made] == [
        (0, "train", (240, 3)),
        (0, "test", (90, 3)),
        (2, "train", (240, 2)),
        (2, "test", (90, 2)),
        (1, "label", (240, 2)),
    ]
    assert len(matrices(design((3, 0)))) == 2


def test_initial_weights() -> None:
    (zero,) = initial_weights(design((3, 2)))
    assert zero.shape == (5, 1)
    assert not zero.any()
    first, second = initial_weights(design((30, 20), (40, 10)))
    assert (first.shape, second.shape) == ((50, 40), (40, 10))
    for w in (first, second):
        bound = math.sqrt(6 / sum(w.shape))
        assert bound * 0.95 < np.max(np.abs(w)) <= bound
        assert abs(np.mean(w)) < bound / 5
    again, _ = initial_weights(design((30, 20), (40, 10)))
    np.testing.assert_array_equal(first, again)
    assert (initial_weights(design((30, 20), (40, 10), seed="other"))[0] != first).all()
