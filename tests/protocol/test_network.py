"""Networks on shares against the same training in float64, at every kind of party and loss."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from fedray.channel import codec
from tests.networks import Problem, design, weights
from tests.trainings import masks_used

# features by party (the label is at the last unless said), widths, loss, largest error of predictions and weights
CASES: dict[str, tuple[tuple[int, ...], tuple[int, ...], str, dict[str, Any], float, float]] = {
    "lr bce, one feature client": ((5, 0), (1,), "bce", {}, 3e-4, 5e-4),
    "lr bce, two feature clients": ((5, 4, 0), (1,), "bce", {}, 3e-4, 5e-4),
    "lr mse, label with features": ((3, 2), (1,), "mse", {}, 2e-3, 4e-3),
    "lr mse, four parties, label third": ((2, 3, 0, 4), (1,), "mse", {"label": 2}, 2e-3, 4e-3),
    "lr bce, label first, all features": ((4, 1), (1,), "bce", {"label": 0}, 3e-4, 5e-4),
    "8-1 bce": ((5, 4, 0), (8, 1), "bce", {}, 2e-3, 4e-3),
    "8-1 mse": ((4, 3), (8, 1), "mse", {}, 6e-3, 8e-3),
    "6-5-2 bce, label first": ((0, 5), (6, 5, 2), "bce", {"label": 0}, 2e-3, 4e-3),
    "lr without bias": ((3, 2), (1,), "bce", {"bias": False}, 3e-4, 5e-4),
    "4-1 without bias": ((3, 2), (4, 1), "bce", {"bias": False}, 2e-3, 4e-3),
    "two outputs in one layer": ((2, 3, 0), (2,), "bce", {}, 3e-4, 5e-4),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_against_float64(case: tuple[tuple[int, ...], tuple[int, ...], str, dict[str, Any], float, float]) -> None:
    features, widths, loss, other, of_predictions, of_weights = case
    made = design(features, widths, loss, **other)
    problem = Problem.made_up(made)
    results = problem.on_shares().all()[: len(features)]
    oracle, expected = problem.in_clear()
    for rank, (_, tests) in enumerate(results):
        assert len(tests) == made.tests == 3
        if rank != made.label:
            assert all(tested.predictions is None for tested in tests)
    for tested, predictions in zip(results[made.label][1], expected, strict=True):
        assert tested.predictions is not None
        assert tested.predictions.shape == (90, widths[-1])
        assert np.max(np.abs(tested.predictions - predictions)) < of_predictions
    learned = weights(made, [network for network, _ in results])
    for found, w, b in zip(learned, oracle.weights, oracle.biases, strict=True):
        assert np.max(np.abs(found - np.vstack([w, b[None]]))) < of_weights
        assert np.max(np.abs(w)) > 0.3  # it did learn: the bound is far below what is compared


def test_shares_tell_nothing_alone() -> None:
    """Neither party's summand of a weight is near the weight, whoever holds the features."""
    made = design((30, 20))
    results = Problem.made_up(made).on_shares().all()[:2]
    learned = weights(made, [network for network, _ in results])[0]
    for network, _ in results:
        for w in network.first.weights.values():
            alone = w.view(np.int64) / made.scales[0].w
            assert np.median(np.abs(alone)) > 1000 * np.max(np.abs(learned))


def test_runs_differ_in_masks_and_agree_in_results() -> None:
    made = design((3, 2))
    problem = Problem.made_up(made)
    runs = [problem.on_shares() for _ in range(2)]
    shares = [run.all()[0][0].first.weights[0] for run in runs]
    assert not (shares[0] == shares[1]).any()
    learned = [weights(made, [network for network, _ in run.all()[:2]])[0] for run in runs]
    assert np.max(np.abs(learned[0] - learned[1])) < 5e-4


def test_every_mask_is_used_once(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = Problem.made_up(design((3, 2, 0), (4, 1), "mse"))
    used = masks_used(monkeypatch, lambda: problem.on_shares().all())
    assert len(used) > 60
    assert set(used.values()) == {1}
    assert len({stream for stream, _ in used}) == 6  # the dealer's end of three keys, and the parties'


@pytest.mark.parametrize(
    ("widths", "loss"), [((1,), "bce"), ((1,), "mse"), ((5, 1), "bce"), ((5, 4, 2), "mse"), ((5, 1, 2), "bce")]
)
def test_rounds(widths: tuple[int, ...], loss: str) -> None:
    made = design((3, 2, 0), widths, loss, test_every=18)
    played = Problem.made_up(made).on_shares()
    played.all()
    more, of_one = made.depth - 1, widths[1:].count(1)
    slices = 2
    looks = sum(made.looks_after(step) for step in range(1, made.steps + 1))
    assert looks == 0
    for rank, channel in enumerate(played.channels[:3]):
        per_step, per_slice, per_look = (2, 2, 1) if rank < 2 else (1, 1, 0)
        of_test = 1 + slices * (per_slice + 2 * more) + (per_look + 2 * more) + 8 + 1
        assert channel.cost.phases["train"].rounds == made.steps * (per_step + 5 * more - of_one)
        assert channel.cost.phases["test"].rounds == made.tests * of_test


def payload(label: str, *shapes: tuple[int, ...]) -> int:
    return len(codec.encode(codec.Frame(label, tuple(np.zeros(shape, np.uint64) for shape in shapes))))


@pytest.mark.parametrize("last", [1, 2])
def test_bytes_of_training(last: int) -> None:
    made = design((3, 2, 0), (5, last), "mse")
    played = Problem.made_up(made).on_shares()
    played.all()
    found: Counter[str] = Counter()
    for channel in played.channels[:3]:
        found.update(channel.cost.phases["train"].labels)
    b, pairs = made.batch, 6
    early, late = ([(b, 5)], {}) if last == 1 else ([], {"mul": pairs * payload("mul", (b, 5), (b, 5))})
    expected = {
        "layer1.z": pairs * payload("layer1.z", (b, 5)),
        "layer2.z": pairs * payload("layer2.z", (b, last)),
        "layer.open": pairs * payload("layer.open", (b, 6), (6, last), *early),
        "layer.residual": pairs * payload("layer.residual", (b, last)),
        **late,
        "trunc": pairs * payload("trunc", (b, 5), (6, last)),
        "mul.private": 2 * payload("mul.private", (b, last)),
        "residual": sum(2 * payload("residual", (b, 5), (columns, 5)) for columns in (3, 2)),
    }
    credit = found.pop("deal.credit")
    assert {label: size // made.steps for label, size in found.items()} == expected
    assert all(size % made.steps == 0 for size in found.values())
    assert credit <= made.steps * payload("deal.credit")
