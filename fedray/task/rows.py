"""Rows of the tables as frozen values, and the conditions by which tasks are found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from fedray.task.folding import dumps
from fedray.task.record import Event, Status, no_such_task
from fedray.task.tables import tasks

__all__ = [
    "StoredEvent",
    "StoredTask",
    "event_from_row",
    "event_row",
    "filters",
    "id_of",
    "named",
    "task_from_row",
    "times",
]


@dataclass(frozen=True)
class StoredTask:
    """A task as the store knows it; times are Unix seconds, ``spec`` and ``plan`` JSON text."""

    name: str
    kind: str
    status: Status
    spec: str
    plan: str
    created_at: float
    queued_at: float | None
    started_at: float | None
    ended_at: float | None
    error: dict[str, str] | None
    progress: dict[str, object] | None
    dataset: tuple[int, int] | None
    n_batches: int
    n_events: int

    @property
    def checkpoint(self) -> int | None:
        """Steps after which the clients with data have a checkpoint, as far as they told; None where there is none."""
        told = (self.progress or {}).get("checkpoint")
        return told if isinstance(told, int) else None

    @property
    def resumable(self) -> bool:
        """Whether the task was broken off, and can go on from a checkpoint."""
        return self.status is Status.FAILED and self.checkpoint is not None


@dataclass(frozen=True)
class StoredEvent:
    """An event with its place among the task's events: 1, 2, 3..."""

    id: int
    event: Event

    def as_dict(self) -> dict[str, object]:
        """Return the event as it is sent."""
        return {"id": self.id, **self.event.as_dict()}


def named(name: str) -> sa.ColumnElement[bool]:
    """Return the condition for the task of this name."""
    # PostgreSQL refuses NUL and lone surrogates with an error; no task has such a name.
    return tasks.c.name == name if name.isprintable() else sa.false()


def id_of(engine: sa.Engine, name: str) -> int:
    """Return the number by which other tables know a task; raises ``NotFound``."""
    with engine.connect() as connection:
        found = connection.execute(sa.select(tasks.c.id).where(named(name))).scalar()
    if found is None:
        raise no_such_task(name)
    return int(found)


def filters(status: Status | None, kinds: Sequence[str] | None, search: str | None) -> list[sa.ColumnElement[bool]]:
    """Return the conditions for tasks of this status, one of these kinds, this text in the name; None takes all."""
    wanted: list[sa.ColumnElement[bool]] = []
    if status is not None:
        wanted.append(tasks.c.status == status.value)
    if kinds is not None:
        wanted.append(tasks.c.kind.in_([kind for kind in kinds if kind.isprintable()]))
    if search:
        wanted.append(tasks.c.name.icontains(search, autoescape=True) if search.isprintable() else sa.false())
    return wanted


def times(to: Status, now: float) -> dict[str, object]:
    """Return the columns that keep when a task came to this status."""
    if to.is_final:
        return {"ended_at": now}
    if to is Status.QUEUED:  # perhaps again: what was said of the last run's end is no longer so
        return {"queued_at": now, "started_at": None, "ended_at": None, "error": None}
    return {"started_at": now}


def event_row(event: Event) -> dict[str, object]:
    """Return the columns of an event but for its task and place."""
    return {
        "kind": str(event.kind),
        "data": dumps(event.data),
        "party": event.party,
        "time_s": float(event.time_s),
    }


def task_from_row(row: sa.RowMapping) -> StoredTask:
    """Return the task that a row holds."""
    dataset = json.loads(row["dataset"] or "null")
    return StoredTask(
        name=row["name"],
        kind=row["kind"],
        status=Status(row["status"]),
        spec=row["spec"],
        plan=row["plan"],
        created_at=row["created_at"],
        queued_at=row["queued_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        error=json.loads(row["error"] or "null"),
        progress=json.loads(row["progress"] or "null"),
        dataset=None if dataset is None else (dataset[0], dataset[1]),
        n_batches=row["n_batches"],
        n_events=row["n_events"],
    )


def event_from_row(row: sa.RowMapping) -> StoredEvent:
    """Return the event that a row holds."""
    event = Event(row["kind"], json.loads(row["data"]), row["party"], row["time_s"])
    return StoredEvent(row["seq"], event)
