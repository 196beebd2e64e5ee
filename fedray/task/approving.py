"""Approvals of tasks by the data owners of parties whose policy asks for them; no HTTP and no Ray.

A created task that needs them stays created. Who starts it meanwhile is remembered, and the last approval starts it. A
rejection, or the end of the time that a party's policy gives, ends it: failed, with the party's name.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fedray.errors import Conflict, PolicyError, SpecError, StateError
from fedray.task.approvals import Approval, Decision
from fedray.task.plan import TaskPlan
from fedray.task.record import Event, EventKind, Status, refusal
from fedray.task.standing import Standing
from fedray.task.store import Store
from fedray.task.text import show

__all__ = [
    "ApprovalState",
    "ApprovalsView",
    "ask_approvals",
    "asked_plan",
    "expire",
    "note",
    "reject",
    "view_approvals",
]

MOST_REASON = 200
HOUR_S = 3600.0


class ApprovalState(StrEnum):
    """How a task stands with the data owners; the words of other platforms' interfaces are made of it."""

    NOT_NEEDED = "not needed"
    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True)
class ApprovalsView:
    """What a data owner sees before he says yes or no.

    Attributes
    ----------
    task_name, status
        Of the task.
    state
        How it stands with the data owners.
    digest
        Of the plan: an approval is of this one.
    start_wanted
        Whether the task starts by itself when all have approved.
    approvals
        Of each party that is asked.
    plan
        The plan itself, with every client's configuration and all values that may be opened, without data roots.
    """

    task_name: str
    status: Status
    state: ApprovalState
    digest: str
    start_wanted: bool
    approvals: tuple[Approval, ...]
    plan: dict[str, Any]

    def as_dict(self) -> dict[str, object]:
        """Return the view as it is sent."""
        approvals = [approval.as_dict() for approval in self.approvals]
        return {**vars(self), "status": self.status.value, "state": self.state.value, "approvals": approvals}


def ask_approvals(store: Store, plan: TaskPlan, standings: Iterable[Standing], now: float) -> None:
    """Ask the parties whose policy wants it to approve a created task, and no others."""
    wanted = {one.party: now + one.approval_hours * HOUR_S for one in standings if one.manual}
    if wanted or store.approvals.of(plan.task):
        store.approvals.ask(plan.task, wanted)


def waits(store: Store, name: str) -> bool:
    """Return whether a task that is to start waits for approvals; then the last one of them starts it."""
    if not store.approvals.of(name):
        return False
    store.approvals.want_start(name)  # before looking, so that an approval at this moment sees it
    return name in store.approvals.pending()


def view_approvals(store: Store, name: str) -> ApprovalsView:
    """Return how a task stands with the data owners; raises ``NotFound``."""
    task = store.get(name)
    plan, found = TaskPlan.from_json(task.plan), store.approvals.of(name)
    return ApprovalsView(
        task_name=name,
        status=task.status,
        state=_state(found, task.status),
        digest=plan.digest,
        start_wanted=task.status is Status.CREATED and store.approvals.start_wanted(name),
        approvals=found,
        plan=json.loads(plan.without_roots().to_json()),
    )


def asked_plan(store: Store, name: str, party: str, digest: str | None) -> TaskPlan:
    """Return the plan of a created task that a party is asked to approve.

    Raises
    ------
    NotFound
        No task has this name.
    StateError
        It is no longer just created, or this party is not asked.
    Conflict
        The digest is that of another plan than the task's.
    """
    task = store.get(name)
    if task.status is not Status.CREATED:
        raise refusal(name, task.status)
    plan = TaskPlan.from_json(task.plan)
    if digest is not None and digest != plan.digest:
        raise Conflict(f"the plan of task {show(name)} is another than the one that was looked at; look at it again")
    asked = [one.party for one in store.approvals.of(name)]
    if party not in asked:
        listed = ", ".join(asked) or "nobody"
        raise StateError(f"party: {show(party)} is not asked to approve task {show(name)}; asked is {listed}")
    return plan


def reject(store: Store, plan: TaskPlan, party: str, reason: str, who: str) -> None:
    """End a created task because a party's data owner does not want it.

    Raises
    ------
    SpecError
        The reason is not one line of at most MOST_REASON characters.
    StateError
        The task began or ended in the meantime.
    """
    if not reason.strip() or len(reason) > MOST_REASON or not reason.isprintable():
        raise SpecError(f"reason: expected one line of 1 to {MOST_REASON} printable characters")
    error = PolicyError(f"the data owner has rejected the task: {reason}", party)
    store.transition(plan.task, Status.FAILED, error.as_dict(), before=Status.CREATED)
    store.approvals.decide(plan.task, party, Decision.REJECTED, who, reason)
    store.approvals.drop_start(plan.task)


def expire(store: Store, now: float) -> dict[str, tuple[Approval, ...]]:
    """End the created tasks for whose approval the time is over; return what the others still wait for, by name."""
    pending = store.approvals.pending()
    for name, waiting in list(pending.items()):
        late = [one.party for one in waiting if one.expires_at <= now]
        if late:
            del pending[name]
            error = PolicyError("the data owner has not approved the task in time; create it again", late[0])
            with contextlib.suppress(StateError):  # it began or ended at this moment
                store.transition(name, Status.FAILED, error.as_dict(), before=Status.CREATED)
    return pending


def note(store: Store, name: str, party: str, text: str, now: float) -> None:
    """Tell something of a task's approvals in its events."""
    store.events.add(name, [Event(EventKind.NOTE.value, {"phase": "approval", "text": text}, party, now)])


def _state(approvals: Sequence[Approval], status: Status) -> ApprovalState:
    decisions = {one.decision for one in approvals}
    if Decision.REJECTED in decisions:
        return ApprovalState.REJECTED
    if None in decisions:
        return ApprovalState.EXPIRED if status is Status.FAILED else ApprovalState.WAITING
    return ApprovalState.APPROVED if decisions else ApprovalState.NOT_NEEDED
