"""Linear models on shares against the same training in float64, at every kind of party, objective and option."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fedray.errors import RangeGuardError, TaskAborted
from fedray.ml.linear_model import LinearModel
from tests.linears import Linear, design, learned
from tests.trainings import masks_used

NESTEROV: dict[str, Any] = {"momentum": 0.9, "nesterov": True, "learning_rate": 0.02}
HEAVY: dict[str, Any] = {"momentum": 0.8, "learning_rate": 0.05}
# features by party (the label is at the last unless said), objective, options, largest error of weights
CASES: dict[str, tuple[tuple[int, ...], str, dict[str, Any], float]] = {
    "logistic": ((5, 4, 0), "logistic", {}, 5e-4),
    "logistic, label with features, no intercept": ((3, 2), "logistic", {"intercept": False}, 5e-4),
    "logistic, penalty": ((3, 2), "logistic", {"alpha": 0.1}, 5e-4),
    "logistic, L1 and Nesterov": ((3, 2), "logistic", {**NESTEROV, "alpha": 0.02, "penalty": "l1"}, 1e-3),
    "logistic, heavy ball": ((3, 0, 2), "logistic", {**HEAVY, "label": 1}, 1e-3),
    "logistic, Nesterov and penalty": ((5, 0), "logistic", {**NESTEROV, "alpha": 0.01}, 1e-3),
    "logistic, weighted": ((3, 2), "logistic", {"weighted": True}, 1e-3),
    "logistic, all": ((2, 3, 0, 4), "logistic", {**NESTEROV, "alpha": 0.01, "weighted": True, "label": 2}, 4e-3),
    "linear": ((5, 4, 0), "linear", {}, 1e-4),
    "linear, label with features, no intercept": ((3, 2), "linear", {"intercept": False}, 1e-4),
    "linear, Nesterov and penalty": ((3, 2), "linear", {**NESTEROV, "alpha": 0.1}, 1e-4),
    "linear, L1 of all weights": ((5, 0), "linear", {"alpha": 0.02, "penalty": "l1", "penalize_intercept": True}, 1e-4),
    "linear, L2 of all weights": ((3, 2), "linear", {**HEAVY, "alpha": 0.1, "penalize_intercept": True}, 1e-4),
    "linear, heavy ball, a fine rate": ((3, 2), "linear", {"momentum": 0.99, "learning_rate": 2e-5}, 1e-4),
    "poisson": ((5, 4, 0), "poisson", {}, 1e-3),
    "poisson, Nesterov and penalty": ((3, 2), "poisson", {**NESTEROV, "alpha": 0.1}, 1e-3),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_against_float64(case: tuple[tuple[int, ...], str, dict[str, Any], float]) -> None:
    features, objective, other, bound = case
    made = design(features, objective, **other)
    problem = Linear.made_up(made)
    results = problem.on_shares().all()[: len(features)]
    oracle, expected = problem.in_clear()
    for rank, (_, tests) in enumerate(results):
        assert len(tests) == made.tests == 3
        if rank != made.label:
            assert all(tested.predictions is None for tested in tests)
    for tested, predictions in zip(results[made.label][1], expected, strict=True):
        assert tested.predictions is not None
        assert tested.predictions.shape == (90, 1)
        size = 1.0 + np.abs(predictions) if objective == "poisson" else 1.0
        assert np.max(np.abs(tested.predictions - predictions) / size) < 4 * bound
    w, b = learned(made, [model for model, _ in results])
    assert np.max(np.abs(w - oracle.w)) < bound
    assert np.max(np.abs(b - oracle.b)) < bound
    assert np.max(np.abs(oracle.w)) > 15 * bound  # it did learn: the bound is far below what is compared
    if not made.intercept:
        assert b == 0.0


def test_shares_tell_nothing_alone() -> None:
    made = design((3, 2), **NESTEROV, alpha=0.1)
    models = [model for model, _ in Linear.made_up(made).on_shares().all()[:2]]
    w, _ = learned(made, models)
    for model in models:
        for column in (model.weights.w, model.weights.v):
            assert np.median(np.abs(column.view(np.int64) / made.scales.w)) > 100 * np.max(np.abs(w))


def test_every_mask_is_used_once(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = Linear.made_up(design((3, 2, 0), **NESTEROV, alpha=0.1, weighted=True))
    used = masks_used(monkeypatch, lambda: problem.on_shares().all())
    assert len(used) > 40
    assert set(used.values()) == {1}


ROUNDS: dict[str, tuple[str, dict[str, Any], int]] = {
    "logistic": ("logistic", {}, 1),
    "logistic, penalty and Nesterov": ("logistic", {**NESTEROV, "alpha": 0.1}, 3),
    "logistic, weighted": ("logistic", {"weighted": True}, 1),
    "linear, penalty": ("linear", {"alpha": 0.1}, 2),
    "linear, L1": ("linear", {"alpha": 0.02, "penalty": "l1"}, 1),
    "linear, heavy ball": ("linear", HEAVY, 2),
    "poisson, penalty and heavy ball": ("poisson", {"momentum": 0.5, "learning_rate": 0.01, "alpha": 0.1}, 3),
}


@pytest.mark.parametrize("case", ROUNDS.values(), ids=ROUNDS.keys())
def test_rounds_and_elements(case: tuple[str, dict[str, Any], int]) -> None:
    """Two rounds a batch at an owner of features, ten with L1; weighted rows make one message more.

    What momentum and penalty open rides in the frame of the linear outputs: as many arrays more as they are.
    """
    objective, other, arrays = case
    made = design((3, 2, 0), objective, **other)
    played = Linear.made_up(made).on_shares()
    played.all()
    shapes = {(made.batch, 1), (made.columns + 1, 1), (made.columns, 1)}
    for rank, channel in enumerate(played.channels[:3]):
        curve = objective != "linear"
        per_step, per_slice, sample = (2, 1 + curve, 1) if rank < 2 else (1, 1, 0)
        assert channel.cost.phases["train"].rounds == made.steps * (per_step + 8 * made.takes_signs)
        assert channel.cost.phases["test"].rounds == made.tests * (1 + 2 * per_slice + sample + 8 + 1)
        frames = [frame.arrays for _, frame in played.views[rank] if frame.label == "linear.z"]
        in_training = [found for found in frames if found[-1].shape[0] == made.batch]
        assert len(in_training) == 2 * made.steps
        for found in in_training:
            assert len(found) == arrays
            assert {array.shape for array in found} <= shapes


def test_only_weighted_rows_are_sent_to_the_label_party() -> None:
    labels = {}
    for weighted in (False, True):
        played = Linear.made_up(design((3, 2), weighted=weighted)).on_shares()
        played.all()
        labels[weighted] = {frame.label for _, frame in played.views[1]}
    assert labels[True] - labels[False] == {"mul.private"}


GUARDS: dict[str, tuple[str, dict[str, Any], str]] = {
    "logistic": ("logistic", {"learning_rate": 100.0, "batch": 2}, "objective logistic after batch 5: "),
    "linear": ("linear", {"learning_rate": 4.0}, "objective linear after batch"),
    "linear, momentum": ("linear", {"learning_rate": 1.0, "momentum": 0.95}, "objective linear after batch"),
    "poisson": ("poisson", {"learning_rate": 4.0}, "objective poisson after batch"),
}


@pytest.mark.parametrize("case", GUARDS.values(), ids=GUARDS.keys())
def test_range_guard_fires_at_every_party(case: tuple[str, dict[str, Any], str]) -> None:
    objective, other, words = case
    made = design((5, 4, 0), objective, **{"test_every": 5, "steps": 100, **other})
    played = Linear.made_up(made, factor=4.0).on_shares()
    computing = [played.errors[rank] for rank in range(3)]
    assert {type(error) for error in computing} <= {RangeGuardError, TaskAborted}
    guards = [error for error in computing if isinstance(error, RangeGuardError)]
    assert guards
    for error in guards:
        assert words in error.message
        assert "lower learning_rate_init" in error.message


def test_range_guard_sees_what_the_series_does_not() -> None:
    """Linear outputs moved by a whole period: every prediction is as before, and none is right."""
    made = design((3, 2), test_every=2, steps=4)

    def spoil(model: LinearModel) -> None:
        if model._s.rank == 0:
            column = model.weights.w.copy()
            column[-1] += np.uint64(round(64.0 * made.scales.intercept))
            model.weights.w = column

    played = Linear.made_up(made).on_shares(before=spoil)
    guards = [error for error in played.errors.values() if isinstance(error, RangeGuardError)]
    assert guards
    for error in guards:
        assert "after batch 2: 90 of 90 test rows" in error.message
        assert "; 240 of 240 training rows" in error.message


def test_range_guard_sees_weights_that_no_row_shows() -> None:
    """A velocity beyond the truncation's range: its column is zero in every test row."""
    made = design((3, 2), momentum=0.5, alpha=0.01, test_every=2, steps=4)
    problem = Linear.made_up(made)
    problem.test[:, 0] = 0.0

    def spoil(model: LinearModel) -> None:
        if model._s.rank == 0:
            column = model.weights.v.copy()
            column[0] += np.uint64(int(0.97 * 2.0**62))
            model.weights.v = column

    played = problem.on_shares(before=spoil)
    guards = [error for error in played.errors.values() if isinstance(error, RangeGuardError)]
    assert guards
    for error in guards:
        assert "1 weights or velocities left the range of the fixed point" in error.message


def test_range_guard_is_quiet_on_ordinary_data() -> None:
    for objective in ("linear", "logistic", "poisson"):
        results = Linear.made_up(design((5, 4, 0), objective, **NESTEROV, alpha=0.1)).on_shares().all()[:3]
        for _, tests in results:
            for tested in tests:
                assert tested.notes == ()
                assert tested.out_of_range.tolist() == [0.0, 0.0, 0.0]
