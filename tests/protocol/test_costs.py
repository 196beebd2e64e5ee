"""The cost lines of a whole task: logistic regression costs what docs/protocols.md, section 7, says, to the byte."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

from fedray.channel.cost import LOCAL
from fedray.parties import alignment
from fedray.task.record import Status
from fedray.task.report import build_report
from tests.tasks import Training, made_up

STEPS, TESTS, BATCH, N_TRAIN, N_TEST = 6, 2, 16, 96, 24
COLUMNS = {2: 3, 3: 2}  # of the owners of features
WEIGHTS = 6  # of five features and the additive term
LABEL = 4
COMPUTING = (2, 3, LABEL)
PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"


def frame(label: str, *shapes: tuple[int, ...]) -> int:
    """Return the bytes of a frame: its head, the form of label, types and shapes, and elements of 8 bytes."""
    form = len(label) + sum(2 + 8 * len(shape) for shape in shapes)
    return 8 + 8 * math.ceil(form / 8) + sum(8 * math.prod(shape) for shape in shapes)


def comparison(values: int) -> int:
    """Return the bytes of the frames of a comparison: the values, 62 pairs of three planes by level, and a plane."""
    words = math.ceil(values / 64)  # a plane has a bit for each value
    levels = sum(frame("guard", *[(pairs, words)] * 3) for pairs in (31, 16, 8, 4, 2, 1))
    return frame("guard", (values,)) + levels + frame("guard", (words,))


def costs(task: Training) -> dict[int, dict[str, Any]]:
    return {index: outcome.cost for index, outcome in task.succeed().items()}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, Any]]:
    return costs(made_up(tmp_path_factory.mktemp("task")))


def others(index: int) -> list[int]:
    """Return the owners of features other than this party."""
    return [owner for owner in COLUMNS if owner != index]


def wire(found: dict[int, dict[str, Any]], index: int, phase: str, label: str) -> int:
    """Return the bytes of the frames alone: those on the wire less 40 for each envelope."""
    line = found[index][phase]["labels"][label]
    return int(line["bytes"] - 40 * line["messages"])


@pytest.mark.parametrize("index", COMPUTING)
def test_rounds_of_logistic_regression(found: dict[int, dict[str, Any]], index: int) -> None:
    rounds = {
        phase: {label: line["rounds"] for label, line in cost["labels"].items() if line["rounds"]}
        for phase, cost in found[index].items()
    }
    owner = index in COLUMNS
    assert rounds["train"] == ({"layer1.z": STEPS, "residual": STEPS} if owner else {"layer1.z": STEPS})
    once = {"layer1.z": TESTS, "trunc": TESTS, "guard": 8 * TESTS, "reveal.range_guard": TESTS}
    assert rounds["test"] == ({"weights": 2 * TESTS, **once} if owner else once)  # for test rows and training rows


@pytest.mark.parametrize("index", COMPUTING)
def test_bytes_of_logistic_regression(found: dict[int, dict[str, Any]], index: int) -> None:
    z = 2 * STEPS * frame("layer1.z", (BATCH, 1))
    residual = STEPS * sum(frame("residual", (BATCH, 1), (COLUMNS[owner], 1)) for owner in others(index))
    weights = sum(frame("weights", (COLUMNS[owner], 1)) for owner in others(index))
    predictions = 0 if index == LABEL else TESTS * frame("reveal.test_predictions", (N_TEST, 1))
    assert wire(found, index, "train", "layer1.z") == z
    assert wire(found, index, "train", "residual") == residual
    assert wire(found, index, "share", "weights") == weights
    of_test = sum(frame("weights", *[(COLUMNS[owner], 1)] * 2) for owner in others(index))  # exact, and for the guard
    assert wire(found, index, "test", "weights") == TESTS * (of_test + weights)
    assert wire(found, index, "test", "trunc") == 2 * TESTS * frame("trunc", (sum(COLUMNS.values()), 1), (1,))
    assert wire(found, index, "test", "guard") == 2 * TESTS * comparison(2 * (N_TEST + N_TRAIN + WEIGHTS))
    assert wire(found, index, "test", "layer1.z") == 2 * TESTS * frame("layer1.z", (N_TEST, 1))
    assert wire(found, index, "test", "reveal.test_predictions") == predictions
    assert wire(found, index, "test", "reveal.range_guard") == 2 * TESTS * frame("reveal.range_guard", (1, 4))
    if index in COLUMNS:
        for matrix, rows in (("train", N_TRAIN), ("test", N_TEST)):
            label = f"private.{matrix}"
            assert wire(found, index, "share", label) == 2 * frame(label, (rows, COLUMNS[index]))
    credit = found[index]["train"]["labels"].get("deal.credit", {"bytes": 0})
    assert (credit["bytes"] > 0) == (index == LABEL)


@pytest.mark.parametrize("index", COLUMNS)
def test_messages_of_an_owner_in_training(found: dict[int, dict[str, Any]], index: int) -> None:
    labels = found[index]["train"]["labels"]
    assert {label: line["messages"] for label, line in labels.items()} == {
        "layer1.z": 2 * STEPS,  # to both
        "residual": STEPS,  # to the other owner; the next weights ride in it
        LOCAL: 0,
    }
    assert labels["layer1.z"]["bytes"] == 2 * STEPS * (40 + frame("layer1.z", (BATCH, 1)))


def test_seconds_are_where_a_party_waits(found: dict[int, dict[str, Any]]) -> None:
    for index in COMPUTING:
        assert found[index]["train"]["labels"]["layer1.z"]["seconds"] > 0
        assert found[index]["read"]["labels"].keys() == {LOCAL}
    assert found[1]["deal"]["labels"][LOCAL]["seconds"] > 0


def test_every_label_is_explained(found: dict[int, dict[str, Any]], tmp_path: Path) -> None:
    deep = costs(made_up(tmp_path, main={"in_dim": 3, "layers": [2, 1]}, labeler={"loss": "mse"}))
    seen = {
        re.sub(r"\d+", "N", label)
        for cost in [*found.values(), *deep.values()]
        for phase in cost.values()
        for label in phase["labels"]
    }
    table = PAGE.read_text(encoding="utf-8").split("| label |")[1].split("\n\n")[0]
    told = set(re.findall(r"`([\w.]+)`", "\n".join(row.split("|")[1] for row in table.splitlines()[2:])))
    seen |= {alignment._CONTRIBUTION, alignment._TOKENS, alignment._COMMON, alignment._DONE}
    assert seen <= told, seen - told
    assert {"layerN.z", "residual", "deal", "local", "mul.private"} <= seen


def test_the_report_of_the_task_has_the_same_lines(found: dict[int, dict[str, Any]], tmp_path: Path) -> None:
    plan = made_up(tmp_path).plan()
    outcomes = {index: {"result": {}, "cost": cost, "reveals": [], "seconds": 1.0} for index, cost in found.items()}
    made: dict[str, Any] = build_report(plan, outcomes, status=Status.FINISHED, seconds=1.0, trust_mode="lab")
    for index, cost in found.items():
        assert made["cost"]["by_party"][plan.names[index]]["phases"] == cost
    train = made["cost"]["by_phase"]["train"]
    assert train["rounds"] == 2 * STEPS
    assert train["labels"]["residual"]["bytes"] == sum(
        found[index]["train"]["labels"]["residual"]["bytes"] for index in COMPUTING
    )
