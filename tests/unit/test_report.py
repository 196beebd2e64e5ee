"""The report: costs joined over parties, and a leakage list of what was really opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fedray.task.record import Status
from fedray.task.report import build_report
from tests.tasks import made_up


def line(rounds: int, sent: int, seconds: float) -> dict[str, Any]:
    return {"rounds": rounds, "messages": sent, "bytes": 10 * sent, "seconds": seconds}


def cost(**labels: dict[str, Any]) -> dict[str, Any]:
    """Return a party's cost of one phase."""
    return {**{key: sum(part[key] for part in labels.values()) for key in line(0, 0, 0.0)}, "labels": labels}


OUTCOMES: dict[int, dict[str, Any]] = {
    0: {
        "result": {"loss": 0.5},
        "cost": {"train": cost(a=line(0, 1, 8.5), local=line(0, 0, 0.5))},
        "reveals": [],
        "seconds": 9.0,
    },
    2: {
        "result": {"loss": 0.1},
        "cost": {
            "train": cost(a=line(4, 1, 1.5), b=line(3, 1, 1.0), local=line(0, 0, 0.5)),
            "test": cost(a=line(1, 1, 0.5)),
        },
        "reveals": [
            {"tag": "test_predictions", "to": [3], "count": 3, "shapes": [[24, 1]]},
            {"tag": "shapes", "to": [0, 1, 3], "count": 1, "shapes": [[]]},
        ],
        "seconds": 9.0,
    },
    3: {
        "result": {},
        "cost": {"train": cost(b=line(5, 2, 3.0), c=line(0, 1, 0.0), local=line(0, 0, 1.0))},
        "reveals": [
            {"tag": "test_predictions", "to": [3], "count": 3, "shapes": [[24, 1]]},
            {"tag": "shapes", "to": [0, 1, 2], "count": 1, "shapes": [[]]},
        ],
        "seconds": 9.0,
    },
}


def report(root: Path, outcomes: dict[int, dict[str, Any]]) -> tuple[dict[str, Any], tuple[str, ...]]:
    plan = made_up(root, features=(2,)).plan()
    made: dict[str, Any] = build_report(plan, outcomes, status=Status.FINISHED, seconds=10.0, trust_mode="lab")
    return made, plan.names


def test_a_phases_rounds_and_seconds_are_those_of_the_party_that_leads_it(tmp_path: Path) -> None:
    made, names = report(tmp_path, OUTCOMES)
    assert made["cost"]["by_phase"]["train"] == {
        "rounds": 7,
        "messages": 6,
        "bytes": 60,
        "seconds": 3.0,
        "labels": {
            "a": {"rounds": 4, "messages": 2, "bytes": 20, "seconds": 1.5},
            "local": {"rounds": 0, "messages": 0, "bytes": 0, "seconds": 0.5},
            "b": {"rounds": 3, "messages": 3, "bytes": 30, "seconds": 1.0},
            "c": {"rounds": 0, "messages": 1, "bytes": 10, "seconds": 0.0},
        },
    }
    assert made["cost"]["total"] == {"rounds": 8, "messages": 7, "bytes": 70}
    assert {key: made["cost"]["by_party"][names[2]][key] for key in line(0, 0, 0)} == line(8, 3, 3.5)
    assert made["cost"]["by_party"][names[2]]["phases"] == OUTCOMES[2]["cost"]
    assert made["seconds"] == {"total": 10.0, "train": 3.0, "test": 0.5}


def test_of_parties_with_equal_rounds_the_slowest_leads(tmp_path: Path) -> None:
    phases = {index: {"read": cost(local=line(0, 0, float(index)))} for index in (2, 3)}
    outcomes = {index: {"result": {}, "cost": cost, "reveals": [], "seconds": 1.0} for index, cost in phases.items()}
    made, _ = report(tmp_path, outcomes)
    assert made["cost"]["by_phase"]["read"]["seconds"] == 3.0


def check_sums(cost: dict[str, Any]) -> None:
    """Fail unless every number is the sum of the lines below it."""
    for numbers in ("rounds", "messages", "bytes", "seconds"):
        for phase in cost["by_phase"].values():
            assert sum(part[numbers] for part in phase["labels"].values()) == pytest.approx(phase[numbers], abs=1e-9)
        for party in cost["by_party"].values():
            assert sum(part[numbers] for part in party["phases"].values()) == pytest.approx(party[numbers], abs=1e-9)
            for phase in party["phases"].values():
                parts = phase["labels"].values()
                assert sum(part[numbers] for part in parts) == pytest.approx(phase[numbers], abs=1e-9)
    for numbers in ("rounds", "messages", "bytes"):
        assert cost["total"][numbers] == sum(phase[numbers] for phase in cost["by_phase"].values())
    for numbers in ("messages", "bytes"):
        assert cost["total"][numbers] == sum(party[numbers] for party in cost["by_party"].values())


def test_parties_are_in_the_order_of_the_task_and_phases_as_they_come(tmp_path: Path) -> None:
    made, names = report(tmp_path, dict(reversed(OUTCOMES.items())))
    assert list(made["cost"]["by_party"]) == [names[0], names[2], names[3]]
    assert list(made["cost"]["by_phase"]) == ["train", "test"]
    assert list(made["seconds"]) == ["total", "train", "test"]


def test_lines_add_up(tmp_path: Path) -> None:
    made, _ = report(tmp_path, OUTCOMES)
    check_sums(made["cost"])


def test_result_is_the_main_clients(tmp_path: Path) -> None:
    made, _ = report(tmp_path, OUTCOMES)
    assert made["result"] == {"loss": 0.5}
    assert (made["task"], made["kind"], made["status"], made["trust_mode"]) == ("t", "shared_nn", "finished", "lab")


def test_leakage_lists_what_was_opened_and_to_whom(tmp_path: Path) -> None:
    made, names = report(tmp_path, OUTCOMES)
    by_tag = {entry["tag"]: entry for entry in made["leakage"]}
    assert set(by_tag) == {"shapes", "test_predictions"}
    assert by_tag["test_predictions"]["to"] == [names[3]]
    assert by_tag["test_predictions"]["count"] == 3
    assert by_tag["test_predictions"]["shapes"] == [[24, 1]]
    assert "features" in by_tag["test_predictions"]["attack"]
    assert by_tag["shapes"]["to"] == list(names)
    assert all(entry["what"].endswith(".") for entry in made["leakage"])


def test_without_outcomes(tmp_path: Path) -> None:
    made, _ = report(tmp_path, {})
    assert made["cost"] == {"total": {"rounds": 0, "messages": 0, "bytes": 0}, "by_phase": {}, "by_party": {}}
    assert made["leakage"] == []
    assert made["result"] == {}


def test_of_a_real_run(tmp_path: Path) -> None:
    task = made_up(tmp_path)
    outcomes = task.succeed()
    plan = task.plan()
    as_sent = {
        index: {"result": o.result, "cost": o.cost, "reveals": o.reveals, "seconds": o.seconds}
        for index, o in outcomes.items()
    }
    made: dict[str, Any] = build_report(plan, as_sent, status=Status.FINISHED, seconds=1.0, trust_mode="local")
    listed = {entry["tag"]: entry for entry in made["leakage"]}
    assert set(listed) == {"shapes", "test_predictions", "test_loss", "test_metrics", "range_guard"}
    assert listed["test_predictions"]["to"] == [plan.names[4]]
    assert listed["test_predictions"]["count"] == 2
    assert listed["range_guard"]["to"] == list(plan.names[2:])
    assert listed["test_loss"]["to"] == [plan.names[0], plan.names[2], plan.names[3]]
    check_sums(made["cost"])
    assert set(made["cost"]["by_party"]) == set(plan.names)
    for index, outcome in outcomes.items():
        assert 0 < made["cost"]["by_party"][plan.names[index]]["seconds"] <= outcome.seconds
        for phase in outcome.cost.values():
            assert phase["labels"]["local"]["seconds"] >= 0  # type: ignore[index]
