"""Tasks and their statuses in a database that outlives every process and may be shared by several.

A change of status is a compare-and-set in the database, so of two processes that try, one wins. Every transaction
that writes begins with a write: it takes SQLite's lock at once and not in the middle, where it could not wait for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Self

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from fedray.errors import FedrayError, StateError
from fedray.task.approvals import Approvals
from fedray.task.changes import Changes
from fedray.task.database import open_database
from fedray.task.events import Events
from fedray.task.folding import dumps
from fedray.task.jobs import Jobs
from fedray.task.messages import Messages
from fedray.task.papers import Papers
from fedray.task.pipelines import Pipelines
from fedray.task.record import (
    Event,
    EventKind,
    Status,
    allowed_from,
    name_taken,
    no_such_task,
    refusal,
)
from fedray.task.reports import Reports
from fedray.task.rows import (
    StoredEvent,
    StoredTask,
    event_row,
    filters,
    named,
    task_from_row,
    times,
)
from fedray.task.tables import events, tasks
from fedray.task.tags import Tags
from fedray.task.unchanged import Unchanged, Writes

__all__ = ["Store", "StoredEvent", "StoredTask"]

_STATUS = sa.select(tasks.c.status).where(tasks.c.name == sa.bindparam("name"))
"""Built once: clients ask for a status more often than for all else together."""


class Store:
    """The database of a server.

    Parameters
    ----------
    url
        ``sqlite:////absolute/file.db``, ``sqlite:///relative/file.db`` or ``postgresql://user@host/database``.
    clock
        Gives Unix time in seconds.

    Attributes
    ----------
    tags
        Those of models.
    approvals
        Of tasks, by data owners.
    events, reports
        Of tasks.
    jobs, messages, papers
        Those of other APIs.
    pipelines
        What is kept of them beside their tasks.
    changes
        Tells whether anything has changed.

    Raises
    ------
    SpecError
        The URL is wrong, or another version wrote the database.
    FedrayError
        The database cannot be reached.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.time) -> None:
        self._engine = open_database(url)
        self._clock = clock
        self.tags = Tags(self._engine, clock)
        self.approvals = Approvals(self._engine, clock)
        self.events, self.reports = Events(self._engine), Reports(self._engine)
        self._writes = Writes(self._engine)
        self._statuses: Unchanged[str, Status] = Unchanged(self._writes)
        self.changes = Changes(self._engine, self._writes)
        self.jobs, self.messages = Jobs(self._engine, clock), Messages(self._engine, clock)
        self.papers = Papers(self._engine, clock)
        self.pipelines = Pipelines(self._engine, clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self._writes.close()
        self._engine.dispose()

    def create_task(self, name: str, kind: str, spec: str, plan: str) -> StoredTask:
        """Keep a new task with status ``created``.

        Parameters
        ----------
        name, kind
            Of the task.
        spec, plan
            JSON text of both.

        Raises
        ------
        Conflict
            A task has this name.
        """
        values = {"name": name, "kind": kind, "status": Status.CREATED.value, "spec": spec, "plan": plan}
        try:
            with self._engine.begin() as connection:
                connection.execute(tasks.insert().values(created_at=self._clock(), **values))
        except IntegrityError:
            raise name_taken(name) from None
        return self.get(name)

    def transition(
        self, name: str, to: Status, error: dict[str, str] | None = None, *, before: Status | None = None
    ) -> Status:
        """Change a task's status, if the table of transitions allows it, and return the status before.

        Of several that try at once, one succeeds. A ``status`` event is added in the same transaction.

        Parameters
        ----------
        name
            Of the task.
        to
            The status after.
        error
            ``FedrayError.as_dict()`` of what failed.
        before
            The status that the task must have; None for any that allows the change.

        Raises
        ------
        NotFound
            No task has this name.
        StateError
            Its status does not allow the change.
        """
        allowed = allowed_from(to) if before is None else allowed_from(to) & {before}
        while True:
            # Whoever loses the race looks again; a task changes its status a few times only.
            found = self.get(name).status
            if found not in allowed:
                raise refusal(name, found)
            if self._compare_and_set(name, found, to, error):
                return found

    def get(self, name: str) -> StoredTask:
        """Return a task.

        Raises
        ------
        NotFound
            No task has this name.
        """
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(tasks).where(named(name))).mappings().first()
        if row is None:
            raise no_such_task(name)
        return task_from_row(row)

    def known_status(self, name: str) -> Status | None:
        """Return the status of a task that was asked for since anything was written; else None, without reading."""
        return self._statuses.known(name)

    def status(self, name: str) -> Status:
        """Return the status of a task; raises ``NotFound``."""
        return self._statuses.read(name, lambda: self._status(name))

    def _status(self, name: str) -> Status:
        with self._engine.connect() as connection:
            found = connection.execute(_STATUS, {"name": name}).scalar() if name.isprintable() else None
        if found is None:
            raise no_such_task(name)
        return Status(found)

    def exists(self, name: str) -> bool:
        """Return whether a task has this name."""
        with self._engine.connect() as connection:
            return connection.execute(sa.select(tasks.c.id).where(named(name))).first() is not None

    def list_tasks(
        self,
        status: Status | None = None,
        kinds: Sequence[str] | None = None,
        search: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[list[StoredTask], int]:
        """Return a page of tasks, newest first, and how many there are on all pages.

        Parameters
        ----------
        status, kinds
            Only tasks with this status, of one of these kinds; None takes all.
        search
            Only tasks whose names contain this text, in upper or lower case.
        limit, offset
            The page: how many tasks, after how many.
        """
        wanted = filters(status, kinds, search)
        page = sa.select(tasks).where(*wanted).order_by(tasks.c.id.desc()).limit(limit).offset(offset)
        count = sa.select(sa.func.count()).select_from(tasks).where(*wanted)
        with self._engine.connect() as connection:
            rows = connection.execute(page).mappings().all()
            total = connection.execute(count).scalar_one()
        return [task_from_row(row) for row in rows], total

    def queue(self) -> list[str]:
        """Return the names of the tasks that wait, the next one first."""
        waiting = sa.select(tasks.c.name).where(tasks.c.status == Status.QUEUED.value)
        with self._engine.connect() as connection:
            return list(connection.execute(waiting.order_by(tasks.c.queued_at, tasks.c.id)).scalars())

    def fail_running(self, reason: str) -> list[str]:
        """Let every task that is queued or running fail, as after a restart, and return their names.

        Parameters
        ----------
        reason
            The sentence that becomes the message of their error.
        """
        unfinished = (Status.QUEUED.value, Status.RUNNING.value)
        with self._engine.connect() as connection:
            found = connection.execute(sa.select(tasks.c.name).where(tasks.c.status.in_(unfinished)))
            names = list(found.scalars())
        return [name for name in names if self._fail(name, reason)]

    def _fail(self, name: str, reason: str) -> bool:
        try:
            self.transition(name, Status.FAILED, FedrayError(reason).as_dict())
        except StateError:
            return False  # it ended by itself in the meantime
        return True

    def _compare_and_set(self, name: str, before: Status, to: Status, error: dict[str, str] | None) -> bool:
        now = self._clock()
        values = {"status": to.value, **times(to, now)} | ({"error": dumps(error)} if error else {})
        change = tasks.update().where(tasks.c.name == name, tasks.c.status == before.value)
        counted = change.values(n_events=tasks.c.n_events + 1, **values)
        with self._engine.begin() as connection:
            row = connection.execute(counted.returning(tasks.c.id, tasks.c.n_events)).first()
            if row is None:
                return False
            data: dict[str, object] = {"status": to.value} | ({"error": error} if error else {})
            event = event_row(Event(EventKind.STATUS.value, data, "", now))
            connection.execute(events.insert(), [event | {"task_id": row[0], "seq": row[1]}])
        return True
