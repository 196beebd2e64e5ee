"""The tasks that this API knows, found by id and by what a listing asks for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fedray.errors import NotFound
from fedray.task.config_bases import Kind
from fedray.task.jobs import Job
from fedray.task.store import Store, StoredTask
from serve_api.paddledtx.faults import Code, Fault
from serve_api.paddledtx.keys import Keys
from serve_api.paddledtx.listing import Listing
from serve_api.paddledtx.shape import PREFIX, native_task, published_task, task_id
from serve_api.paddledtx.wire.task_pb2 import FLTask

__all__ = ["API", "Known", "Ledger"]

API: Final = "paddledtx"

_KINDS: Final = (Kind.LINEAR.value, Kind.SHARED_NN.value, Kind.PREDICT.value)
_PAGE: Final = 1000


@dataclass(frozen=True)
class Known:
    """A task.

    Attributes
    ----------
    task
        As it is said.
    job
        Of a published task; None of one that was made natively.
    """

    task: FLTask
    job: Job | None = None


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

    def get(self, wanted: str) -> Known:
        """Return a task; raises ``Fault`` where there is none with this id."""
        for job in self._store.jobs.of_project(API, wanted):
            found = self._published(job)
            if found is not None:
                return Known(found, job)
        for task in self._native():
            if task_id(task.name) == wanted:
                shaped = self._shaped(task)
                if shaped is not None:
                    return Known(shaped)
        raise Fault(Code.NOT_FOUND, "task not found, there is none with this taskID")

    def taken(self, wanted: str) -> bool:
        """Return whether a task has this id."""
        try:
            self.get(wanted)
        except Fault:
            return False
        return True

    def list(self, listing: Listing) -> list[FLTask]:
        """Return the tasks that a listing asks for, the newest first."""
        if not listing.keys:
            return []
        found = [task for task in self._all() if _fits(task, listing)]
        found.sort(key=lambda task: (-task.publishTime, task.taskID))
        return found[: listing.limit] if listing.limit > 0 else found

    def _all(self) -> Iterator[FLTask]:
        for job in self._store.jobs.of_api(API):
            published = self._published(job)
            if published is not None:
                yield published
        for task in self._native():
            shaped = self._shaped(task)
            if shaped is not None:
                yield shaped

    def _published(self, job: Job) -> FLTask | None:
        """Return a published task; None while it is being made."""
        if job.task is None:
            return None
        approvals = self._store.approvals.of(job.task)
        return published_task(job.about, self._store.get(job.task), approvals, self._address)

    def _native(self) -> Iterator[StoredTask]:
        done, total = 0, 1
        while done < total:
            page, total = self._store.list_tasks(kinds=_KINDS, limit=_PAGE, offset=done)
            done += _PAGE
            yield from (task for task in page if not task.name.startswith(PREFIX))

    def _shaped(self, task: StoredTask) -> FLTask | None:
        trained = None
        if task.kind == Kind.PREDICT:
            try:
                trained = self._store.get(_model(task))
            except NotFound:
                return None
        return native_task(task, trained, self._store.approvals.of(task.name), self._keys, self._address)


def _model(task: StoredTask) -> str:
    members = json.loads(task.plan)["members"]
    return str(next(one["config"]["model"] for one in members if one["role"] == "main_client"))


def _fits(task: FLTask, listing: Listing) -> bool:
    executors = {data.executor for data in task.dataSets}
    if listing.requester:
        whose = task.requester == listing.requester and listing.executor in executors
    else:
        whose = any(key == task.requester or key in executors for key in listing.keys)
    ends = listing.end if listing.end > 0 else task.publishTime
    in_time = listing.start <= task.publishTime <= ends
    return whose and in_time and listing.status in ("", task.status)
