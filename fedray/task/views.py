"""Tasks and parties as clients see them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from fedray.task.record import Status
from fedray.task.rows import StoredTask

__all__ = ["PartyView", "TaskPage", "TaskView", "view_of"]


@dataclass(frozen=True)
class TaskView:
    """A task as a client sees it; times are Unix seconds; with `parity` all features go to the label client.

    With `public_masks` nothing is hidden from anybody who sees what the parties say.

    A failed one that is `resumable` can go on from the `checkpoint` after so many steps; a created one `waits_for` the
    approval of the data owners of these parties.
    """

    task_name: str
    kind: str
    status: Status
    created_at: float
    started_at: float | None
    ended_at: float | None
    elapsed_s: float | None
    error: dict[str, str] | None
    progress: dict[str, object] | None
    n_batches: int
    dataset: tuple[int, int] | None
    queue_position: int | None
    members: tuple[dict[str, object], ...]
    trust_mode: str
    parity: bool
    checkpoint: int | None
    resumable: bool
    waits_for: tuple[str, ...] = ()
    public_masks: bool = False

    def as_dict(self) -> dict[str, object]:
        """Return the view as it is sent; ``queue_position`` counts from 1."""
        return {
            **vars(self),
            "status": self.status.value,
            "dataset": None if self.dataset is None else [*self.dataset],
            "members": [*self.members],
            "waits_for": [*self.waits_for],
        }


@dataclass(frozen=True)
class TaskPage:
    """Some tasks, newest first, and how many there are on all pages."""

    tasks: tuple[TaskView, ...]
    total: int


@dataclass(frozen=True)
class PartyView:
    """A party of the registry, and whether a node offers it now."""

    name: str
    addr: str
    http_port: int
    resource: str
    offered: bool

    def as_dict(self) -> dict[str, object]:
        """Return the view as it is sent."""
        return dict(vars(self))


def view_of(
    task: StoredTask, queue: Sequence[str], now: float, trust_mode: str, waits_for: tuple[str, ...] = ()
) -> TaskView:
    """Return what a client sees of a task.

    Parameters
    ----------
    task
        As the store knows it.
    queue
        The names of the tasks that wait, the next one first.
    now
        Unix time in seconds.
    trust_mode
        Of the server.
    waits_for
        The parties whose approval is asked for.
    """
    members = json.loads(task.plan)["members"]  # our own text: a list of tasks need not check every plan again
    waiting = task.status is Status.QUEUED and task.name in queue
    return TaskView(
        task_name=task.name,
        kind=task.kind,
        status=task.status,
        created_at=task.created_at,
        started_at=task.started_at,
        ended_at=task.ended_at,
        elapsed_s=_elapsed(task, now),
        error=task.error,
        progress=task.progress,
        n_batches=task.n_batches,
        dataset=task.dataset,
        queue_position=queue.index(task.name) + 1 if waiting else None,
        members=tuple(
            {"index": member["index"], "role": member["role"], "party": member["party"]["name"]} for member in members
        ),
        trust_mode=trust_mode,
        parity=any(member["config"].get("parity") is True for member in members),
        public_masks=any(member["config"].get("public_masks") is True for member in members),
        checkpoint=None if task.status in (Status.FINISHED, Status.CANCELLED) else task.checkpoint,
        resumable=task.resumable,
        waits_for=waits_for,
    )


def _elapsed(task: StoredTask, now: float) -> float | None:
    if task.started_at is None:
        return None
    return (now if task.ended_at is None else task.ended_at) - task.started_at
