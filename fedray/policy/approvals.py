"""Approvals of a party's data owner, kept on the party's own node: one small file for each client of a task.

The name of the file has the digest of the plan in it, so an approval is of this plan and of no other.
"""

from __future__ import annotations

import json
from pathlib import Path

from fedray.data.private_file import replace_file
from fedray.data.root import DataRoot
from fedray.errors import DataError
from fedray.task.plan import Member, TaskPlan

__all__ = ["approve", "is_approved"]

_FOLDER = "approvals"


def approve(plan: TaskPlan, member: Member, root: DataRoot, who: str, now: float) -> None:
    """Keep that the data owner of a member approves a plan.

    Parameters
    ----------
    who
        Name of the token with which it was said, or "".
    now
        Unix time in seconds.

    Raises
    ------
    DataError
        It cannot be written.
    """
    facts = {**_facts(plan, member), "who": who, "time_s": now}
    folder = root.state_dir(_FOLDER)
    try:
        replace_file(folder / _name(plan, member), json.dumps(facts).encode())
    except OSError as error:
        reason = error.strerror
    else:
        return
    raise DataError(f"the approval cannot be kept ({reason}); check space and permissions", member.party.name)


def is_approved(plan: TaskPlan, member: Member, root: DataRoot) -> bool:
    """Return whether the data owner of a member has approved this very plan."""
    try:
        facts = json.loads((root.state_dir(_FOLDER, create=False) / _name(plan, member)).read_text(encoding="utf-8"))
    except (DataError, OSError, ValueError):
        return False
    mine = _facts(plan, member)
    return isinstance(facts, dict) and all(facts.get(word) == value for word, value in mine.items())


def _facts(plan: TaskPlan, member: Member) -> dict[str, object]:
    return {"plan": plan.digest, "task": plan.task, "index": member.index, "party": member.party.name}


def _name(plan: TaskPlan, member: Member) -> Path:
    return Path(f"{plan.digest}-{member.index}.json")
