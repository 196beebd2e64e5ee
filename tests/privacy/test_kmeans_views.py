"""What each party sees of a clustering, and what it costs. These are checks against mistakes, not proofs."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedray.channel import Frame
from fedray.ml import kmeans_design
from fedray.ml.kmeans_design import KMeansDesign, counted_segments, segments
from fedray.parties.estimate import Sizes, estimate
from tests.clusters import design, made_up
from tests.feature_tasks import FeatureTask
from tests.uniform import assert_words_uniform, sent

JSON = {"shapes", "done"}
MAIN, DEALER, ONE, TWO, LABEL = range(5)
COLUMNS = {ONE: 3, TWO: 2, LABEL: 1}
K, STEPS, ROWS = 3, 2, 240
LEVELS = 2  # of a tournament of three
MANY = 40
"""Clusters with which there are enough masked centroids to be looked at."""
MASKED = {"private.train", "weights", "square", "near", "residual", "means", "trunc", "keep", "msb", "deal"}


def task_of(root: Path, **main: object) -> FeatureTask:
    return made_up(root, main={"max_iter": STEPS, "tol": 1e-9, "receiver": TWO, **main})


def outline(view: list[tuple[int, Frame]]) -> dict[int, list[tuple[str, object]]]:
    """Return by sender what came, without values; the length of numbers as text is no shape."""
    made: dict[int, list[tuple[str, object]]] = defaultdict(list)
    for frm, frame in view:
        shapes = None if frame.label in JSON else [(array.dtype.str, array.shape) for array in frame.arrays]
        made[frm].append((frame.label, shapes))
    return made


@pytest.mark.parametrize("changed", [ONE, TWO, LABEL])
def test_another_secret_changes_no_label_sender_or_shape(tmp_path: Path, changed: int) -> None:
    outlines, sizes = [], []
    for name in ("a", "b"):
        task = task_of(tmp_path / name, tol=0)
        if name == "b":
            table = [*task.features, task.label][changed - 2]
            table[:, -1] = np.random.default_rng(9).integers(0, 3, len(table)) * 50.0
            table[:200] = table[0]  # almost all rows alike: clusters of few rows, or none
            task.__post_init__()
        result: Any = task.succeed()[MAIN].result
        sizes.append(result["sizes"])
        outlines.append([outline(view) for view in task.views])
    assert outlines[0] == outlines[1]
    assert sizes[0] is not None
    assert sizes[0] != sizes[1]


def test_what_is_masked_looks_uniform_and_only_what_the_plan_lists_is_opened(tmp_path: Path) -> None:
    """Every byte, by receiver and label: a chi-square far beyond chance fails."""
    task = task_of(tmp_path, clusters=MANY)
    outcomes = task.succeed()
    hidden = {"reveal.cluster_sizes", "reveal.centroids"}  # of small clusters: zeros, as everybody knows
    assert assert_words_uniform(sent(task.views, JSON | hidden)) >= MASKED
    opened = {entry["tag"] for outcome in outcomes.values() for entry in outcome.reveals}
    listed = {reveal.tag for reveal in task.plan().reveals}
    assert opened == listed
    said = {frame.label.removeprefix("reveal.") for view in task.views for _, frame in view if "reveal" in frame.label}
    assert said == listed - {"shapes"}
    assert {frame.label for _, frame in task.views[MAIN]} == JSON
    assert {frame.label for _, frame in task.views[DEALER]} <= {"shapes", "deal.credit"}


def test_planted_values_are_in_no_frame(tmp_path: Path) -> None:
    task = task_of(tmp_path)
    task.features[0][::5, 0] = 123.4375
    task.__post_init__()
    task.succeed()
    mean = task.features[0][:ROWS, 0].mean()
    scaled = [np.float64(x).tobytes() for x in (123.4375, 123.4375 - mean)]
    scaled.append(np.uint64(round((123.4375 - mean) * design(task).scale)).tobytes())
    said = b"".join(array.tobytes() for view in task.views for _, frame in view for array in frame.arrays)
    assert len(said) > 10_000
    assert not any(value in said for value in scaled)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[FeatureTask, Any]:
    task = task_of(tmp_path_factory.mktemp("task"))
    return task, task.succeed()


def others(index: int) -> list[int]:
    return [owner for owner in COLUMNS if owner != index]


@pytest.mark.parametrize("index", COLUMNS)
def test_rounds_are_those_of_the_page(found: tuple[FeatureTask, Any], index: int) -> None:
    cost = found[1][index].cost["train"]["labels"]
    rounds = {label: line["rounds"] for label, line in cost.items() if line["rounds"]}
    looks = STEPS + 1
    assert rounds == {
        "weights": looks,
        "near": looks * 9 * LEVELS,
        "square": looks + STEPS,
        "residual": STEPS,
        "means": 12 * STEPS,
        "trunc": STEPS,
        "keep": STEPS,
        "msb": 8 * STEPS,
        "reveal.converged": STEPS,
    }


def comparison(values: int) -> int:
    """Return the words of a comparison: the values, 62 pairs of three planes, and a plane."""
    return values + (1 + 3 * 62) * math.ceil(values / 64)


def elements(label: str, index: int, numbers: KMeansDesign) -> int:
    """Return the elements that a party says under a label, to all others together: docs/protocols.md, clusters."""
    d, looks = numbers.columns, STEPS + 1
    if label == "weights":
        return looks * K * sum(COLUMNS[owner] for owner in others(index))
    if label == "residual":
        return STEPS * K * ROWS * len(others(index))
    near = LEVELS * comparison(ROWS) + ROWS * (1 + 1) + ROWS * (1 + 1 + K)  # bits, values, and at the end places
    everybody = {
        "square": (looks + STEPS) * d * K,
        "near": looks * near,
        "trunc": STEPS * d * K,
        "keep": STEPS * (K + d * K),
        "msb": STEPS * comparison(1) + comparison(K),
    }
    return 2 * everybody[label]


@pytest.mark.parametrize("index", COLUMNS)
@pytest.mark.parametrize("label", ["weights", "residual", "square", "near", "trunc", "keep", "msb"])
def test_elements_are_those_of_the_page(found: tuple[FeatureTask, Any], index: int, label: str) -> None:
    task, _ = found
    said = [frame for view in task.views for frm, frame in view if frm == index and frame.label == label]
    counted = sum(array.size for frame in said for array in frame.arrays)
    assert counted == elements(label, index, design(task))


def test_the_estimate_is_what_it_costs(found: tuple[FeatureTask, Any]) -> None:
    task, outcomes = found
    plan = task.plan()
    expected = estimate(plan, Sizes((3, 2, 1), (ROWS, 60)))
    rounds = max(sum(phase["rounds"] for phase in outcomes[member.index].cost.values()) for member in plan.data)
    assert expected.rounds == rounds
    sent_bytes = sum(phase["bytes"] for outcome in outcomes.values() for phase in outcome.cost.values())
    assert expected.bytes == pytest.approx(sent_bytes, rel=0.06)
    assert outcomes[MAIN].estimate == expected.as_dict()


def test_the_counted_schedule_is_the_whole_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kmeans_design, "BLOCK_VALUES", 300)  # rows go in three blocks
    numbers = design(task_of(tmp_path, max_iter=7))
    whole: Counter[object] = Counter()
    for segment in segments(numbers):
        whole[segment.steps, segment.correlations] += 1
    counted: Counter[object] = Counter()
    for segment, times in counted_segments(numbers):
        counted[segment.steps, segment.correlations] += times
    assert counted == whole
    assert whole.total() == 1 + 8 * (1 + 3) + 7


def test_an_estimate_takes_no_longer_for_more_iterations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    made = kmeans_design.rows_segments
    monkeypatch.setattr(kmeans_design, "rows_segments", lambda rows, label: looks.append(label) or made(rows, label))
    sizes = Sizes((3, 2, 1), (ROWS, 60))
    two, five, eight = (estimate(task_of(tmp_path, max_iter=steps).plan(), sizes) for steps in (2, 5, 8))
    assert len(looks) == 3
    assert two.bytes < five.bytes
    assert eight.bytes - five.bytes == five.bytes - two.bytes
