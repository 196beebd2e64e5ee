"""What a task was to cost, against what whole tasks of every kind of training then cost."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import fedray.ml.metrics  # noqa: F401 - it loads slowly: here, not while the other parties wait for the label client
from fedray.errors import SpecError
from fedray.parties.context import PartyOutcome
from fedray.parties.estimate import Sizes, estimate
from fedray.task.record import Status
from fedray.task.report import build_report
from serve_api.cli.main import build_cli
from tests import linear_tasks, tasks, tree_tasks
from tests.predictions import Prediction
from tests.tasks import Training

NEAR = 0.06
"""Heads of frames are taken at an average, which shows in tasks as small as these; exact sums do not vary."""

DEEP = {"in_dim": 3, "layers": [2, 1]}
EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "tasks"

TASKS: dict[str, Callable[[Path], Training]] = {
    "logistic": tasks.made_up,
    "network": lambda root: tasks.made_up(root, main=DEEP),
    "network, mse": lambda root: tasks.made_up(root, main=DEEP, labeler={"loss": "mse"}),
    "linear": lambda root: linear_tasks.made_up(root, "linear"),
    "poisson": lambda root: linear_tasks.made_up(root, "poisson"),
    "L1 in the loss": lambda root: linear_tasks.made_up(
        root, "linear", alpha=0.01, penalty="l1", penalize_intercept=True, cost_tol=1e-9, cost_penalty=True
    ),
    "label with features": lambda root: linear_tasks.made_up(root, "logistic", own=2, momentum=0.9),
    "one owner": lambda root: linear_tasks.made_up(root, "logistic", features=(4,)),
    "trees": tree_tasks.made_up,
    "trees, one owner": lambda root: tree_tasks.made_up(root, features=(4,), objective="reg:squarederror"),
}


def sizes(task: Training) -> Sizes:
    label = task.label.shape[1] - 1
    return Sizes((*(table.shape[1] for table in task.features), label), (task.n_train, len(task.label) - task.n_train))


def counted(outcome: PartyOutcome, what: str) -> int:
    return sum(int(phase[what]) for phase in outcome.cost.values())  # type: ignore[call-overload]


@pytest.mark.parametrize("kind", TASKS)
def test_rounds_are_as_expected_and_bytes_nearly(kind: str, tmp_path: Path) -> None:
    task = TASKS[kind](tmp_path)
    outcomes, plan = task.succeed(), task.plan()
    expected = estimate(plan, sizes(task))
    rounds = max(counted(outcomes[member.index], "rounds") for member in plan.data)
    assert abs(expected.rounds - rounds) <= (kind == "trees, one owner"), "whose first histogram nothing comes before"
    sent = {plan.names[index]: counted(outcome, "bytes") for index, outcome in outcomes.items()}
    assert expected.bytes == pytest.approx(sum(sent.values()), rel=NEAR)
    for name, size in expected.sent.items():
        assert size == pytest.approx(sent[name], rel=2 * NEAR), name
    assert outcomes[plan.main.index].estimate == expected.as_dict(), "the main client comes to the same"
    check_report(plan, outcomes, {"expected": expected.rounds, "counted": rounds})


def check_report(plan: Any, outcomes: Mapping[int, PartyOutcome], rounds: dict[str, int]) -> None:
    given = {index: asdict(outcome) for index, outcome in outcomes.items()}
    report: dict[str, Any] = build_report(plan, given, status=Status.FINISHED, seconds=1.0, trust_mode="lab")
    told = report["estimate"]
    assert told["rounds"] == rounds
    assert told["bytes"]["counted"] == report["cost"]["total"]["bytes"]
    assert told["memory"].keys() == set(plan.names)


def test_an_alignment_is_bounded(tmp_path: Path) -> None:
    plan = estimated(EXAMPLES / "align.json", 24000, "10,13,0")
    assert plan["rounds"] == 2
    assert plan["sent"]["127.0.0.1:8084"] == 16 * 24576 + 2 * 96  # 3 * 2^13 tokens, two heads
    assert plan["sent"]["127.0.0.1:8377"] == 3 * 16 * 24000


def test_seconds_are_rounds_and_the_longest_line() -> None:
    slow = estimated(EXAMPLES / "train.json", 24000, "10,13,0", "--latency-ms", "100", "--megabytes-per-s", "1")
    assert slow["seconds"] == pytest.approx(0.1 * slow["rounds"] + max(slow["sent"].values()) / 1e6)


def estimated(file: Path, rows: int, columns: str, *more: str) -> Any:
    done = CliRunner().invoke(
        build_cli(), ["estimate", str(file), "--rows", str(rows), "--columns", columns, "--json", *more]
    )
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def test_what_is_not_known_is_refused(tmp_path: Path) -> None:
    task = tasks.made_up(tmp_path)
    with pytest.raises(SpecError, match="expected columns of 3 clients with data, got those of 2"):
        estimate(task.plan(), Sizes((3, 2), (96, 24)))
    predicting = Prediction(tmp_path, task.features, task.label, task.n_train).plan()
    with pytest.raises(SpecError, match="no estimates of tasks of kind predict; there are of alignment, shared_nn"):
        estimate(predicting, Sizes((3, 2, 0), (0, 24)))
