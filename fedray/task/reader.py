"""What a server answers about its tasks: every query reads the store and never a party."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fedray.task.approvals import Approval
from fedray.task.approving import expire
from fedray.task.metrics import Metrics
from fedray.task.paging import MAX_PAGE, check_page, one_of
from fedray.task.record import RecordTable, Status
from fedray.task.spec import Kind
from fedray.task.store import Store, StoredEvent, StoredTask
from fedray.task.views import TaskPage, TaskView, view_of

__all__ = ["TaskReader"]


class TaskReader:
    """Answers queries about tasks; of those that wait for approvals it ends the ones whose time is over.

    Parameters
    ----------
    store
        Keeps the tasks.
    clock
        Gives Unix time in seconds.
    trust_mode
        ``lab`` or ``federated``; told in every view.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time, trust_mode: str = "lab") -> None:
        self._store = store
        self._clock = clock
        self._trust_mode = trust_mode
        self._metrics = Metrics(store)

    def get(self, name: str) -> TaskView:
        """Return a task; raises ``NotFound``."""
        task, pending = self._store.get(name), {}
        if task.status is Status.CREATED:  # the others wait for no approval, which could be late
            pending = expire(self._store, self._clock())
            task = self._store.get(name)
        return self._view(task, self._store.queue() if task.status is Status.QUEUED else (), pending)

    def known_status(self, name: str) -> Status | None:
        """Return the status of a task where it is at hand; None where `status` has to look."""
        found = self._store.known_status(name)
        return None if found is Status.CREATED else found  # one that was created may have expired

    def status(self, name: str) -> Status:
        """Return the status of a task, which many clients ask for again and again; raises ``NotFound``."""
        found = self._store.status(name)
        if found is Status.CREATED:
            expire(self._store, self._clock())
            found = self._store.status(name)
        return found

    def document(self, name: str) -> dict[str, Any]:
        """Return the document of a task, with its defaults filled in; raises ``NotFound``."""
        document: dict[str, Any] = json.loads(self._store.get(name).spec)
        return document

    def list(
        self,
        status: str | None = None,
        kind: str | None = None,
        search: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> TaskPage:
        """Return a page of tasks, newest first.

        Parameters
        ----------
        status, kind
            Only tasks with these; None takes all.
        search
            Only tasks whose names contain this text.
        limit, offset
            The page: 1 to 1000 tasks, after how many.

        Raises
        ------
        SpecError
            An argument is none of these.
        """
        check_page(limit, offset)
        wanted = None if status is None else Status(one_of("status", status, tuple(Status)))
        if kind is not None:
            one_of("kind", kind, tuple(Kind))
        kinds = None if kind is None else (kind,)
        pending = expire(self._store, self._clock())
        found, total = self._store.list_tasks(wanted, kinds, search, limit, offset)
        queue = self._store.queue()
        return TaskPage(tuple(self._view(task, queue, pending) for task in found), total)

    def events(self, name: str, after: int = 0, limit: int = MAX_PAGE) -> tuple[StoredEvent, ...]:
        """Return the events behind the one with id ``after``, oldest first; raises ``NotFound``, ``SpecError``."""
        check_page(limit, after, "after")
        return tuple(self._store.events.of(name, after, limit))

    def record(self, name: str) -> RecordTable:
        """Return the record of a task, one row per test; raises ``NotFound``."""
        return self._store.events.record(name)

    def report(self, name: str) -> dict[str, object]:
        """Return the report of a task; raises ``NotFound``, or ``StateError`` while there is none."""
        return self._store.reports.get(name)

    def metrics(self) -> str:
        """Return what all tasks did, as text that Prometheus reads."""
        return self._metrics.text()

    def _view(self, task: StoredTask, queue: Sequence[str], pending: Mapping[str, Sequence[Approval]]) -> TaskView:
        waits = (
            pending.get(task.name, ()) if task.status is Status.CREATED else ()
        )  # it may have begun since they were read
        return view_of(task, queue, self._clock(), self._trust_mode, tuple(one.party for one in waits))
