"""The report of a task: result, cost and leakage, put together from what every party gave back. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fedray.task.plan import TaskPlan
from fedray.task.record import Status

__all__ = ["build_report"]

_COUNTS = ("rounds", "messages", "bytes")


def build_report(
    plan: TaskPlan,
    outcomes: Mapping[int, Mapping[str, Any]],
    *,
    status: Status,
    seconds: float,
    trust_mode: str,
) -> dict[str, object]:
    """Return the report as JSON values.

    Parameters
    ----------
    outcomes
        By member index, what its party gave back: result, cost by phase, reveals, seconds.
    seconds
        Of the whole task.
    """
    by_phase = _by_phase([outcome["cost"] for outcome in outcomes.values()])
    return {
        "task": plan.task,
        "kind": plan.kind.value,
        "status": status.value,
        "trust_mode": trust_mode,
        "seconds": {"total": seconds, **{name: phase["seconds"] for name, phase in by_phase.items()}},
        "cost": {
            "total": {key: sum(phase[key] for phase in by_phase.values()) for key in _COUNTS},
            "by_phase": {
                name: {**{key: phase[key] for key in _COUNTS}, "labels": phase["labels"]}
                for name, phase in by_phase.items()
            },
            "by_party": {plan.names[index]: _sum(outcome["cost"]) for index, outcome in outcomes.items()},
        },
        "leakage": _leakage(plan, outcomes),
        "result": _result(plan, outcomes),
    }


def _by_phase(costs: Sequence[Mapping[str, Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Join the parties' costs: rounds and seconds are those of the slowest, messages and bytes add up."""
    joined: dict[str, dict[str, Any]] = {}
    for cost in costs:
        for name, phase in cost.items():
            into = joined.setdefault(name, {"rounds": 0, "messages": 0, "bytes": 0, "seconds": 0.0, "labels": {}})
            into["rounds"] = max(into["rounds"], phase["rounds"])
            into["seconds"] = max(into["seconds"], phase["seconds"])
            into["messages"] += phase["messages"]
            into["bytes"] += phase["bytes"]
            for label, size in phase["labels"].items():
                into["labels"][label] = into["labels"].get(label, 0) + size
    return joined


def _sum(cost: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {key: sum(phase[key] for phase in cost.values()) for key in _COUNTS}


def _leakage(plan: TaskPlan, outcomes: Mapping[int, Mapping[str, Any]]) -> list[dict[str, object]]:
    """Return, per declared reveal that happened, who learned it; one party's note of an opening is enough."""
    found: list[dict[str, object]] = []
    for reveal in plan.reveals:
        noted = [entry for outcome in outcomes.values() for entry in outcome["reveals"] if entry["tag"] == reveal.tag]
        if not noted:
            continue
        learners = sorted({index for entry in noted for index in entry["to"]})
        found.append(
            {
                "tag": reveal.tag,
                "what": reveal.what,
                "to": [plan.names[index] for index in learners],
                "count": max(entry["count"] for entry in noted),
                "shapes": noted[0]["shapes"],
                "attack": reveal.attack,
            }
        )
    return found


def _result(plan: TaskPlan, outcomes: Mapping[int, Mapping[str, Any]]) -> dict[str, object]:
    main = outcomes.get(plan.main.index)
    return dict(main["result"]) if main else {}
