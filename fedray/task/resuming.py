"""Trainings that were broken off, as the store tells of them: which can go on, and which were given up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fedray.errors import StateError
from fedray.task.models import ModelView, view_of_model
from fedray.task.plan import TaskPlan
from fedray.task.record import Event, EventKind, Status, refusal
from fedray.task.rows import StoredTask
from fedray.task.store import Store
from fedray.task.text import show

__all__ = ["check_resumable", "checkpointed", "note_given_up"]


def check_resumable(task: StoredTask) -> TaskPlan:
    """Return the plan of a task that failed and keeps checkpoints.

    Raises
    ------
    StateError
        It has not failed, or it keeps none.
    """
    if task.status is not Status.FAILED:
        raise refusal(task.name, task.status)
    plan = TaskPlan.from_json(task.plan)
    if not plan.checkpoint_every:
        raise StateError(
            f"Task with name {show(task.name)} keeps no checkpoints, so it cannot go on; create it again under another "
            "name, for a training with checkpoint_every above 0"
        )
    return plan


def checkpointed(store: Store, name: str) -> StoredTask | None:
    """Return a task that ended before it had finished and left checkpoints; None where it is no such task."""
    task = store.get(name)
    left = task.status in (Status.FAILED, Status.CANCELLED) and task.checkpoint is not None
    return task if left else None


def note_given_up(store: Store, task: StoredTask, now: float, receipts: Sequence[Mapping[str, object]]) -> ModelView:
    """Note that the parties have deleted the checkpoints of a task, and return what is left: no model."""
    left = {name: value for name, value in (task.progress or {}).items() if name != "checkpoint"}
    store.events.add(task.name, [Event(EventKind.PROGRESS.value, left, "", now)])
    view = view_of_model(store, task)
    return replace(view, trained_at=None, predicts=False, deleted_at=now, receipts=tuple(receipts))
