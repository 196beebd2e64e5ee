"""What every party does on its own node without a team: look at its part of a task, list checkpoints, delete.

What reads tables is imported where it looks: every party's process loads this module, with the supervisor's class.
"""

from __future__ import annotations

import time
from typing import Any

import ray
from ray.exceptions import RayError

from actors.own_root import own_root
from actors.placement import offers
from fedray.errors import FedrayError, PlacementError, error_from_dict
from fedray.parties.checkpoints import Checkpoints, Mark
from fedray.policy.approvals import approve
from fedray.policy.gate import look
from fedray.task.folders import check_folders
from fedray.task.plan import TaskPlan
from fedray.task.standing import Standing

__all__ = ["approve_at", "checkpoints_at", "forget_at", "look_at"]

LOOK_S = 30.0


def look_at(plan: TaskPlan, root: str, *, ready: bool) -> list[Standing]:
    """Let each party look at its part of a plan; one Ray task for each party's resource.

    Returns
    -------
    list
        How the party of each member stands to the task, by member.

    Raises
    ------
    FedrayError
        Two parties write into one folder; the first error that a party finds; and whatever its policy does not allow.
    """
    check_folders(plan)
    text, resources = plan.to_json(), _resources(plan)
    known = offers()
    asked = [_look.options(**known.options(resource)).remote(text, resource, root, ready) for resource in resources]
    answers = _answers(asked)
    for answer in answers:
        if "error" in answer:
            raise error_from_dict(answer["error"])
    told = {index: standing for answer in answers for index, standing in answer["standings"].items()}
    return [Standing.from_dict(told[member.index]) for member in plan.members]


def approve_at(plan: TaskPlan, party: str, who: str, root: str) -> None:
    """Let a party keep, on its own node, that its data owner approves a plan.

    Raises
    ------
    FedrayError
        It could not.
    """
    text = plan.to_json()
    resources = sorted({member.party.resource for member in plan.members if member.party.name == party})
    known = offers()
    asked = [_approve.options(**known.options(one)).remote(text, one, party, who, root) for one in resources]
    for found in _answers(asked):
        if found is not None:
            raise error_from_dict(found)


def checkpoints_at(plan: TaskPlan, root: str) -> dict[str, list[Mark]]:
    """Return, by the data clients' names, which checkpoints of a training each has.

    Raises
    ------
    FedrayError
        A party could not look, as its key is gone or another.
    """
    text, resources = plan.to_json(), _resources(plan)
    known = offers()
    asked = [_checkpoints.options(**known.options(party)).remote(text, party, root) for party in resources]
    found: dict[int, list[dict[str, object]]] = {}
    for answer in _answers(asked):
        if "error" in answer:
            raise error_from_dict(answer["error"])
        found |= answer["marks"]
    return {
        plan.names[member.index]: [mark for told in found[member.index] if (mark := Mark.from_dict(told))]
        for member in plan.data
    }


def forget_at(plan: TaskPlan, root: str) -> list[dict[str, Any]]:
    """Let every data client of a training delete its part of the model and its checkpoints; return their receipts.

    Raises
    ------
    FedrayError
        A party could not; others may have, and say so when they are asked again.
    """
    text, resources = plan.to_json(), _resources(plan)
    known = offers()
    asked = [_forget.options(**known.options(resource)).remote(text, resource, root) for resource in resources]
    answers = _answers(asked)
    for answer in answers:
        if "error" in answer:
            raise error_from_dict(answer["error"])
    return sorted((receipt for answer in answers for receipt in answer["receipts"]), key=lambda one: one["index"])


def _resources(plan: TaskPlan) -> list[str]:
    return sorted({member.party.resource for member in plan.members})


def _answers(asked: list[Any]) -> list[Any]:
    done, late = ray.wait(asked, num_returns=len(asked), timeout=LOOK_S)
    if late:
        for ref in late:
            ray.cancel(ref, force=True)
        raise PlacementError(f"a party's node did not answer within {LOOK_S:g} s; see whether it is overloaded")
    try:
        return list(ray.get(done))
    except RayError as error:
        raise PlacementError(f"a party's node failed while it looked at the task ({type(error).__name__})") from None


@ray.remote(num_cpus=0, max_retries=1)
def _look(plan: str, resource: str, root: str, ready: bool) -> dict[str, Any]:
    """Check the members that run on this node's resource; return how they stand, or the first error."""
    from fedray.parties.check import check_member

    task, standings = TaskPlan.from_json(plan), {}
    for member in task.members:
        if member.party.resource == resource:
            own = own_root(member.party.root or root)
            try:
                standings[member.index] = look(task, member, own, ready=ready).as_dict()
                check_member(member, own, ready=ready)
            except FedrayError as error:
                return {"error": error.as_dict()}
    return {"standings": standings}


@ray.remote(num_cpus=0, max_retries=1)
def _approve(plan: str, resource: str, party: str, who: str, root: str) -> dict[str, str] | None:
    """Keep the approval of a party's members that run on this node's resource; return the first error."""
    task = TaskPlan.from_json(plan)
    for member in task.members:
        if member.party.resource == resource and member.party.name == party:
            try:
                approve(task, member, own_root(member.party.root or root), who, time.time())
            except FedrayError as error:
                return error.as_dict()
    return None


@ray.remote(num_cpus=0, max_retries=1)
def _forget(plan: str, resource: str, root: str) -> dict[str, Any]:
    """Delete the parts of the data clients that run on this node's resource; return receipts or the first error."""
    from fedray.parties.forget import forget_part

    training, receipts = TaskPlan.from_json(plan), []
    for member in training.data:
        if member.party.resource == resource:
            try:
                receipts.append(forget_part(training, member, own_root(member.party.root or root)))
            except FedrayError as error:
                return {"error": error.as_dict()}
    return {"receipts": receipts}


@ray.remote(num_cpus=0, max_retries=1)
def _checkpoints(plan: str, resource: str, root: str) -> dict[str, Any]:
    """Return, by index, the marks of the data clients that run on this node's resource, or the first error."""
    training, found = TaskPlan.from_json(plan), {}
    for member in training.data:
        if member.party.resource == resource:
            own = own_root(member.party.root or root)
            try:
                found[member.index] = [mark.as_dict() for mark in Checkpoints(training, member, own).marks()]
            except FedrayError as error:
                return {"error": error.at(member.party.name, "").as_dict()}
    return {"marks": found}
