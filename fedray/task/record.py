"""What became of a task: its status and the table of allowed changes, its events, its record rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Self

from fedray.errors import Conflict, NotFound, SpecError, StateError

__all__ = [
    "METRICS",
    "RECORD_COLUMNS",
    "TRAIN_PHASE",
    "TRANSITIONS",
    "Event",
    "EventKind",
    "RecordTable",
    "Status",
    "allowed_from",
    "name_taken",
    "no_such_task",
    "record_columns",
    "refusal",
]


class Status(StrEnum):
    """Where a task is in its life."""

    CREATED = "created"
    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the task has ended; a failed training may go on, but only when it is resumed."""
        return self in (Status.FINISHED, Status.FAILED, Status.CANCELLED)


TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.CREATED: frozenset({Status.QUEUED, Status.FAILED, Status.CANCELLED}),
    Status.QUEUED: frozenset({Status.RUNNING, Status.FAILED, Status.CANCELLED}),
    Status.RUNNING: frozenset({Status.FINISHED, Status.FAILED, Status.CANCELLED, Status.QUEUED}),
    Status.FINISHED: frozenset(),
    Status.FAILED: frozenset({Status.QUEUED}),
    Status.CANCELLED: frozenset(),
}
"""Status -> what may follow it.

A created task fails where a data owner does not approve it. Only a training that goes on from a checkpoint is queued
again.
"""

_STANDS = {
    Status.CREATED: "has not been started",
    Status.QUEUED: "is already running",
    Status.RUNNING: "is already running",
    Status.FINISHED: "has already finished",
    Status.FAILED: "has already failed",
    Status.CANCELLED: "has been cancelled",
}


def allowed_from(to: Status) -> frozenset[Status]:
    """Return the statuses that ``to`` may follow."""
    return frozenset(status for status, following in TRANSITIONS.items() if to in following)


def refusal(name: str, current: Status) -> StateError:
    """Return the error for a change that the task's status does not allow."""
    return StateError(f"Task with name {_shown(name)} {_STANDS[current]}")


def no_such_task(name: str) -> NotFound:
    """Return the error for a name that no task has, in the words of the MainServer API."""
    return NotFound(f"Task with name {_shown(name)} not exist")


def name_taken(name: str) -> Conflict:
    """Return the error for a name that another task has, in the words of the MainServer API."""
    return Conflict(f"Task with name {_shown(name)} already exists")


def _shown(name: str) -> str:
    # A name comes from a query and may be anything; one that a task can have is at most 128 characters.
    return "".join(char if char.isprintable() else "?" for char in name[:128])


class EventKind(StrEnum):
    """What an event tells."""

    STATUS = "status"
    PHASE = "phase"
    PROGRESS = "progress"
    RECORD = "record"
    DATASET = "dataset"
    NOTE = "note"
    RESUMED = "resumed"
    ERROR = "error"
    TRACE = "trace"


@dataclass(frozen=True)
class Event:
    """Something that happened at a party; never an id, a share or a value of a table.

    Attributes
    ----------
    kind
        One of ``EventKind``.
    data
        JSON values. ``progress``: phase, done, total, perhaps loss and n_batches; ``record``: row (seconds, batches
        done, loss, metrics) and columns; ``dataset``: n_train, n_test; ``status``: status; ``error``:
        the error's dict; ``phase`` and ``note``: phase, text; ``resumed``: n_batches, text; ``trace``: the type of
        the exception that ends a party's part, and ``places``, lines of code.
    party
        Display name of the party, or "" for the server.
    time_s
        Unix time in seconds.
    """

    kind: str
    data: dict[str, object] = field(default_factory=dict)
    party: str = ""
    time_s: float = 0.0

    def as_dict(self) -> dict[str, object]:
        """Return the event as it is sent."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Self:
        """Return the event that ``as_dict`` wrote.

        Raises
        ------
        SpecError
            A field is missing or of another type.
        """
        kind, inside, party, time_s = (data.get(name) for name in ("kind", "data", "party", "time_s"))
        if not isinstance(kind, str) or not isinstance(inside, dict) or not isinstance(party, str):
            raise SpecError("event: expected kind and party to be text and data an object")
        if isinstance(time_s, bool) or not isinstance(time_s, int | float):
            raise SpecError("event: expected time_s to be a number of seconds")
        return cls(kind, inside, party, float(time_s))


TRAIN_PHASE = "train"
"""The phase whose progress counts batches."""

METRICS: Mapping[str, tuple[str, ...]] = {
    "auc": ("auc",),
    "auc_ks": ("auc", "ks"),
    "metrics_pack1": ("accuracy", "f1", "precision", "recall", "log_loss", "auc", "ks"),
    "regression": ("rmse", "mae", "r2"),
    "poisson": ("deviance", "d2"),
}
"""Metric of a label client -> the numbers that it gives, in order."""

RECORD_COLUMNS = ("time", "n_batches", "loss")
"""The first columns of every record: seconds since the start, batches done, mean loss on the test rows."""


def record_columns(metric: str) -> list[str]:
    """Return the columns of the record of a task with this metric.

    Raises
    ------
    SpecError
        No such metric.
    """
    if metric not in METRICS:
        raise SpecError(f"metric: expected one of {', '.join(METRICS)}, got {_shown(metric)[:80]}")
    return [*RECORD_COLUMNS, *METRICS[metric]]


@dataclass(frozen=True)
class RecordTable:
    """The record of a task: one row per test.

    Attributes
    ----------
    columns
        ``record_columns`` of the task's metric; empty before the first row.
    rows
        In the order of the tests; null stands for a number that is not finite.
    """

    columns: list[str]
    rows: list[list[float | None]]

    def as_dict(self) -> dict[str, object]:
        """Return the table as it is sent."""
        return asdict(self)
