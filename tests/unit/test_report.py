"""The report: costs joined over parties, and a leakage list of what was really opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fedray.task.record import Status
from fedray.task.report import build_report
from tests.tasks import made_up


def cost(rounds: int, sent: int, seconds: float, **labels: int) -> dict[str, Any]:
    return {"rounds": rounds, "messages": sent, "bytes": 10 * sent, "seconds": seconds, "labels": labels}


OUTCOMES: dict[int, dict[str, Any]] = {
    0: {"result": {"loss": 0.5}, "cost": {"train": cost(0, 1, 9.0, a=1)}, "reveals": [], "seconds": 9.0},
    2: {
        "result": {"loss": 0.1},
        "cost": {"train": cost(7, 2, 3.0, a=4, b=5), "test": cost(1, 1, 0.5)},
        "reveals": [
            {"tag": "test_predictions", "to": [3], "count": 3, "shapes": [[24, 1]]},
            {"tag": "shapes", "to": [0, 1, 3], "count": 1, "shapes": [[]]},
        ],
        "seconds": 9.0,
    },
    3: {
        "result": {},
        "cost": {"train": cost(5, 3, 4.0, b=6)},
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


def test_costs_add_up_and_rounds_are_the_slowest_partys(tmp_path: Path) -> None:
    made, names = report(tmp_path, OUTCOMES)
    assert made["cost"]["by_phase"]["train"] == {
        "rounds": 7,
        "messages": 6,
        "bytes": 60,
        "labels": {"a": 5, "b": 11},
    }
    assert made["cost"]["total"] == {"rounds": 8, "messages": 7, "bytes": 70}
    assert made["cost"]["by_party"][names[2]] == {"rounds": 8, "messages": 3, "bytes": 30}
    assert made["seconds"] == {"total": 10.0, "train": 9.0, "test": 0.5}


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
    total = made["cost"]["total"]["bytes"]
    assert total == sum(party["bytes"] for party in made["cost"]["by_party"].values())
    assert total > sum(sum(phase["labels"].values()) for phase in made["cost"]["by_phase"].values())
