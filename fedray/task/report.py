"""The report of a task: result, cost and leakage, put together from what every party gave back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fedray.task.plan import TaskPlan
from fedray.task.record import Status

__all__ = ["build_report"]

Line = Mapping[str, Any]
"""One line of costs: rounds, messages, bytes, seconds."""

_COUNTS = ("rounds", "messages", "bytes")
_SHOWN = 12
"""Digits of a policy's digest."""

_NUMBERS = (*_COUNTS, "seconds")


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
        By member index, what its party gave back: result, cost by phase and label, reveals, seconds.
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
            "total": _sum(by_phase.values(), _COUNTS),
            "by_phase": by_phase,
            "by_party": {
                plan.names[index]: {**_sum(outcome["cost"].values()), "phases": outcome["cost"]}
                for index, outcome in sorted(outcomes.items())
            },
        },
        "leakage": _leakage(plan, outcomes),
        "policies": _policies(plan, outcomes),
        "result": _result(plan, outcomes),
        **_parity(plan, outcomes),
        **({"public_masks": True} if plan.public_masks else {}),
        **_estimate(plan, outcomes),
    }


def _by_phase(costs: Sequence[Mapping[str, Line]]) -> dict[str, dict[str, Any]]:
    """Join the parties' costs by phase and, within it, by label."""
    # in the order of the party that goes through most of them
    names = dict.fromkeys(name for cost in sorted(costs, key=len, reverse=True) for name in cost)
    return {name: _joined([cost[name] for cost in costs if name in cost]) for name in names}


def _joined(phases: Sequence[Line]) -> dict[str, Any]:
    """Join the parties' costs of one phase: messages and bytes add up.

    Rounds and seconds are those of one party, so that its labels add up to them: the party with the most rounds, of
    several the slowest. Others wait for it.
    """
    leading = max(phases, key=lambda phase: (phase["rounds"], phase["seconds"]))
    labels = dict.fromkeys(label for phase in phases for label in phase["labels"])
    return {
        **_line(leading, phases),
        "labels": {
            label: _line(
                leading["labels"].get(label, {}),
                [phase["labels"][label] for phase in phases if label in phase["labels"]],
            )
            for label in labels
        },
    }


def _line(leading: Line, parts: Sequence[Line]) -> dict[str, Any]:
    added = _sum(parts, ("messages", "bytes"))
    return {"rounds": leading.get("rounds", 0), **added, "seconds": leading.get("seconds", 0.0)}


def _sum(parts: Iterable[Line], keys: Sequence[str] = _NUMBERS) -> dict[str, Any]:
    listed = list(parts)
    return {key: sum(part[key] for part in listed) for key in keys}


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


def _policies(plan: TaskPlan, outcomes: Mapping[int, Mapping[str, Any]]) -> dict[str, str]:
    """Return, by party, under which policy it took part."""
    found: dict[str, str] = {}
    for index, outcome in sorted(outcomes.items()):
        told = outcome.get("policy") or {}
        approved = ", approved by its data owner" if told.get("manual") else ""
        policy = f"policy {told['policy'][:_SHOWN]}{approved}" if told.get("policy") else "no policy"
        found[plan.members[index].party.name] = policy
    return found


def _parity(plan: TaskPlan, outcomes: Mapping[int, Mapping[str, Any]]) -> dict[str, object]:
    """Return what the label client found in parity mode, under its name; nothing without that mode."""
    label = outcomes.get(plan.label.index) if plan.label else None
    return {"parity": label["result"]["parity"]} if label and "parity" in label["result"] else {}


def _estimate(plan: TaskPlan, outcomes: Mapping[int, Mapping[str, Any]]) -> dict[str, object]:
    """Return what the main client expected of a training beside what was counted; nothing where it expected nothing."""
    main = outcomes.get(plan.main.index)
    expected = main.get("estimate") if main else None
    if not expected:
        return {}
    counted = {plan.names[index]: _sum(outcome["cost"].values()) for index, outcome in outcomes.items()}
    rounds = max((counted[plan.names[member.index]]["rounds"] for member in plan.data), default=0)
    sent = {
        name: {"expected": size, "counted": counted[name]["bytes"]}
        for name, size in expected["sent"].items()
        if name in counted
    }
    return {
        "estimate": {
            "rounds": {"expected": expected["rounds"], "counted": rounds},
            "bytes": {"expected": expected["bytes"], "counted": sum(cost["bytes"] for cost in counted.values())},
            "sent": sent,
            "memory": expected["memory"],
        }
    }


def _result(plan: TaskPlan, outcomes: Mapping[int, Mapping[str, Any]]) -> dict[str, object]:
    main = outcomes.get(plan.main.index)
    return dict(main["result"]) if main else {}
