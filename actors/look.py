"""Let every party look at its part of a task on its own node, before anything of the task exists."""

from __future__ import annotations

from pathlib import Path

import ray
from ray.exceptions import RayError

from actors.placement import SHARE
from fedray.data.root import DataRoot
from fedray.errors import FedrayError, PlacementError, error_from_dict
from fedray.parties.check import check_member
from fedray.task.plan import TaskPlan

__all__ = ["look_at"]

LOOK_S = 30.0


def look_at(plan: TaskPlan, root: str, *, ready: bool) -> None:
    """Raise the first error that a party finds in its part of the plan; one Ray task for each party's resource."""
    text = plan.to_json()
    resources = sorted({member.party.resource for member in plan.members})
    asked = [_look.options(resources={resource: SHARE}).remote(text, resource, root, ready) for resource in resources]
    done, late = ray.wait(asked, num_returns=len(asked), timeout=LOOK_S)
    if late:
        for ref in late:
            ray.cancel(ref, force=True)
        raise PlacementError(f"a party's node did not answer within {LOOK_S:g} s; see whether it is overloaded")
    try:
        answers = ray.get(done)
    except RayError as error:
        raise PlacementError(f"a party's node failed while it looked at the task ({type(error).__name__})") from None
    for found in answers:
        if found is not None:
            raise error_from_dict(found)


@ray.remote(num_cpus=0, max_retries=1)
def _look(plan: str, resource: str, root: str, ready: bool) -> dict[str, str] | None:
    """Check the members that run on this node's resource; return the first error."""
    for member in TaskPlan.from_json(plan).members:
        if member.party.resource == resource:
            try:
                check_member(member, DataRoot(Path(member.party.root or root)), ready=ready)
            except FedrayError as error:
                return error.as_dict()
    return None
