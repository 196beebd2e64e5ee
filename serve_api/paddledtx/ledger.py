"""The tasks that this API knows, found by id and by what a listing asks for.

Messages are kept until the store's stamp changes, and then only those tasks are read whose standing has: lists are
asked for far more often than tasks begin or end.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from fedray.errors import NotFound
from fedray.task.approvals import Approval
from fedray.task.changes import Mark
from fedray.task.config_bases import Kind
from fedray.task.jobs import Job
from fedray.task.store import Store, StoredTask
from serve_api.paddledtx.faults import Code, Fault
from serve_api.paddledtx.keys import Keys
from serve_api.paddledtx.listing import Listing
from serve_api.paddledtx.shape import PREFIX, native_task, published_task
from serve_api.paddledtx.wire.task_pb2 import FLTask, FLTasks

__all__ = ["API", "Known", "Ledger", "Tasks"]

API: Final = "paddledtx"

_MOST_LISTS: Final = 64
_KINDS: Final = (Kind.LINEAR.value, Kind.SHARED_NN.value, Kind.PREDICT.value)

Seen = tuple[Mark, tuple[Approval, ...], int | None]
"""What a task's message depends on, beside the keys: its mark, its approvals, and the published task's job."""


@dataclass(frozen=True)
class Known:
    """A task.

    Attributes
    ----------
    task
        As it is said; not to be changed.
    job
        Of a published task; None of one that was made natively.
    """

    task: FLTask
    job: Job | None = None


class Tasks(Protocol):
    """Tasks that can be told of."""

    def get(self, wanted: str) -> Known:
        """Return a task; raises ``Fault`` where there is none with this id."""

    def list(self, listing: Listing) -> FLTasks:
        """Return the tasks that a listing asks for, the newest first; neither list nor tasks are to be changed."""


@dataclass(frozen=True)
class _Kept:
    """The tasks as they were at a stamp: by name what was seen and what is said of it, None of what is left out."""

    stamp: object
    keys: object
    by_name: dict[str, tuple[Seen, Known | None]] = field(default_factory=dict)
    by_id: dict[str, Known] = field(default_factory=dict)
    newest_first: tuple[FLTask, ...] = ()
    lists: dict[Listing, FLTasks] = field(default_factory=dict)

    def get(self, wanted: str) -> Known:
        found = self.by_id.get(wanted)
        if found is None:
            raise Fault(Code.NOT_FOUND, "task not found, there is none with this taskID")
        return found

    def list(self, listing: Listing) -> FLTasks:
        if not listing.keys:
            return FLTasks()
        wanted = _without_idle_bounds(listing, self.newest_first)
        found = self.lists.get(wanted)
        if found is None:
            found = _list(wanted, self.newest_first)
            if len(self.lists) >= _MOST_LISTS:
                self.lists.clear()
            self.lists[wanted] = found
        return found


class Ledger:
    """The tasks of a server.

    Parameters
    ----------
    store
        Keeps them.
    keys
        Whose they are.
    address
        Where clients reach the executors of all parties: this server's gRPC port.
    """

    def __init__(self, store: Store, keys: Keys, address: str) -> None:
        self._store, self._keys, self._address = store, keys, address
        self._kept = _Kept(None, None)
        self._lock = threading.Lock()

    def get(self, wanted: str) -> Known:
        """Return a task; raises ``Fault`` where there is none with this id."""
        return self._now().get(wanted)

    def taken(self, wanted: str) -> bool:
        """Return whether a task has this id."""
        return wanted in self._now().by_id

    def list(self, listing: Listing) -> FLTasks:
        """Return the tasks that a listing asks for, the newest first; neither list nor tasks are to be changed."""
        return self._now().list(listing) if listing.keys else FLTasks()

    def at_hand(self) -> Tasks | None:
        """Return the tasks if no task and no key was written since they were read; else None, without reading."""
        kept = self._kept
        if kept.stamp is None or self._store.changes.known_stamp() != kept.stamp:
            return None
        return kept if self._keys.known() == kept.keys else None

    def _now(self) -> _Kept:
        """Return the tasks as they are now, or were later than this call began."""
        stamp, keys = self._store.changes.stamp(), self._keys.all()
        kept = self._kept
        if (kept.stamp, kept.keys) == (stamp, keys):
            return kept
        with self._lock:
            if (self._kept.stamp, self._kept.keys) != (stamp, keys):
                self._kept = self._read(stamp, keys)
            return self._kept

    def _read(self, stamp: object, keys: object) -> _Kept:
        before = self._kept.by_name if self._kept.keys == keys else {}
        made = [job for job in self._store.jobs.of_api(API) if job.task is not None]
        newest = {job.key.project: job for job in reversed(made)}  # of the runs of a task that was started again
        jobs = {job.task: job for job in newest.values()}
        approvals = self._store.approvals.all()
        by_name: dict[str, tuple[Seen, Known | None]] = {}
        for name, mark in self._store.changes.marks(_KINDS).items():
            job, asked = jobs.get(name), approvals.get(name, ())
            seen = (mark, asked, None if job is None else job.id)
            old = before.get(name)
            by_name[name] = old if old is not None and old[0] == seen else (seen, self._known(name, job, asked))
        known = [one for _, one in by_name.values() if one is not None]
        ordered = sorted((one.task for one in known), key=lambda task: (-task.publishTime, task.taskID))
        return _Kept(stamp, keys, by_name, {one.task.taskID: one for one in known}, tuple(ordered))

    def _known(self, name: str, job: Job | None, approvals: tuple[Approval, ...]) -> Known | None:
        task = self._store.get(name)
        if job is not None:
            return Known(published_task(job.about, task, approvals, self._address), job)
        if name.startswith(PREFIX):
            return None  # it is being published, or was started again under another name
        try:
            trained = self._store.get(_model(task)) if task.kind == Kind.PREDICT else None
        except NotFound:
            return None
        shaped = native_task(task, trained, approvals, self._keys, self._address)
        return None if shaped is None else Known(shaped)


def _model(task: StoredTask) -> str:
    members = json.loads(task.plan)["members"]
    return str(next(one["config"]["model"] for one in members if one["role"] == "main_client"))


def _list(listing: Listing, newest_first: tuple[FLTask, ...]) -> FLTasks:
    found = [task for task in newest_first if _fits(task, listing)]
    return FLTasks(fLTasks=found[: listing.limit] if listing.limit > 0 else found)


def _without_idle_bounds(listing: Listing, newest_first: tuple[FLTask, ...]) -> Listing:
    """Return the same without an end that keeps no task out: clients write the time of the call there."""
    newest = newest_first[0].publishTime if newest_first else 0
    return replace(listing, end=0) if listing.end >= newest else listing


def _fits(task: FLTask, listing: Listing) -> bool:
    executors = {data.executor for data in task.dataSets}
    if listing.requester:
        whose = task.requester == listing.requester and listing.executor in executors
    else:
        whose = any(key == task.requester or key in executors for key in listing.keys)
    ends = listing.end if listing.end > 0 else task.publishTime
    in_time = listing.start <= task.publishTime <= ends
    return whose and in_time and listing.status in ("", task.status)
