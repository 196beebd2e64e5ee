"""A schedule from some step on is the rest of the whole one: same batches, same correlations, same tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fedray.ml import linear_schedule, schedule
from fedray.mpc.schedule import Segment
from fedray.trees import schedule as tree_schedule
from tests import linears, networks, trees

FEATURES = (2, 1)
LEARNING: dict[str, tuple[Any, Any]] = {
    "linear": (linears.design(FEATURES, "linear"), linear_schedule.segments),
    "logistic": (linears.design(FEATURES, "logistic", momentum=0.9, alpha=0.1), linear_schedule.segments),
    "one layer": (networks.design(FEATURES), schedule.segments),
    "two layers": (networks.design(FEATURES, (3, 1), "mse"), schedule.segments),
}


def steps(segments: Iterator[Segment]) -> list[tuple[str, Any, Any]]:
    """Return what each step takes: which it is, rows of private matrices, correlations."""
    found = []
    for segment in segments:
        name, _, first = segment.label.partition("/")
        for at in range(segment.steps):
            rows = {key: tuple(indices[at]) for key, indices in segment.rows.items()}
            found.append((f"train/{int(first) + at}" if name == "train" else segment.label, rows, segment.correlations))
    return found


@pytest.mark.parametrize("kind", LEARNING)
def test_the_rest_of_a_schedule(kind: str) -> None:
    made, segments = LEARNING[kind]
    whole = steps(segments(made))
    for done in range(1, made.steps):
        (label, rows, _), *rest = steps(segments(made, done))
        assert label == "init"
        assert rest[0][0] == f"train/{done}"
        assert rest == whole[len(whole) - len(rest) :]
        assert rows["next"] == rest[0][1]["this"] if "this" in rest[0][1] else True


def test_the_rest_of_the_trees() -> None:
    made = trees.design(FEATURES, steps=5, test_every=2, subsample=0.5, colsample=0.7, weighted=True)
    whole = steps(tree_schedule.segments(made))
    for done in range(1, made.steps):
        rest = steps(tree_schedule.segments(made, done))
        assert rest[0][0] == f"tree/{done}/rows/0"
        assert rest == whole[len(whole) - len(rest) :]
