"""Jobs of other APIs: tasks that a client of theirs knows by its own name and a project, run after run.

A job is claimed before its task is made, so that of several requests to begin the same thing one wins.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from fedray.errors import Conflict
from fedray.task.folding import dumps
from fedray.task.messages import Message, insert_messages
from fedray.task.record import Status
from fedray.task.tables import jobs, tasks

__all__ = ["Job", "JobKey", "Jobs"]

BEGINS_S: Final = 120.0
"""Seconds that a job may take until its task is there; whoever claimed it has died after that."""

_AT_WORK: Final = (Status.CREATED, Status.QUEUED, Status.RUNNING)
_MOST_BEHIND: Final = 100


@dataclass(frozen=True)
class JobKey:
    """By what the client of an API knows its jobs."""

    api: str
    owner: str
    project: str


@dataclass(frozen=True)
class Job:
    """One run.

    Attributes
    ----------
    id
        Its place among all jobs.
    key
        Whose it is.
    run
        1, 2, 3... among the jobs of this key.
    op
        What it does, in the words of the API.
    task
        The name of its task; None until that is there.
    about
        JSON values that the API keeps with it.
    told
        The last event of the task that has been told on.
    status
        Of the task; None until that is there.
    made_at
        Unix time of the claim.
    """

    id: int
    key: JobKey
    run: int
    op: str
    task: str | None
    about: Mapping[str, Any]
    told: int
    status: Status | None
    made_at: float

    def at_work(self, now: float) -> bool:
        """Return whether it is beginning, waits for its turn or for approvals, or runs."""
        begins = self.status is None and now - self.made_at < BEGINS_S
        return begins or self.status in _AT_WORK


class Jobs:
    """The jobs in the database of a server.

    Parameters
    ----------
    engine
        The store's.
    clock
        Gives Unix time in seconds.
    """

    def __init__(self, engine: sa.Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._clock = engine, clock

    def claim(self, key: JobKey, op: str, about: Mapping[str, object]) -> Job:
        """Begin a job.

        Raises
        ------
        Conflict
            One of this key that does the same is at work.
        """
        values = {**vars(key), "op": op, "about": dumps(dict(about)), "told": 0}
        while True:
            found = self.of(key)
            if any(job.op == op and job.at_work(self._clock()) for job in found):
                raise Conflict(f"{op} of {key.owner}, {key.project} is already running")
            run, now = max((job.run for job in found), default=0) + 1, self._clock()
            try:
                with self._engine.begin() as connection:
                    added = connection.execute(jobs.insert().values(**values, run=run, made_at=now))
            except IntegrityError:
                continue  # another was faster, perhaps with something else
            (place,) = added.inserted_primary_key or (0,)
            return Job(place, key, run, op, None, about, 0, None, now)

    def name(self, job: Job, task: str) -> None:
        """Note the task of a job."""
        with self._engine.begin() as connection:
            connection.execute(jobs.update().where(jobs.c.id == job.id).values(task=task))

    def release(self, job: Job) -> None:
        """Forget a job that could not begin."""
        with self._engine.begin() as connection:
            connection.execute(jobs.delete().where(jobs.c.id == job.id))

    def of(self, key: JobKey) -> list[Job]:
        """Return the jobs of a key, the newest first."""
        return self._find(*(jobs.c[name] == value for name, value in vars(key).items()))

    def of_api(self, api: str) -> list[Job]:
        """Return all jobs of an API, the newest first."""
        return self._find(jobs.c.api == api)

    def of_project(self, api: str, project: str) -> list[Job]:
        """Return the jobs of an API in a project, of whatever owner, the newest first."""
        return self._find(jobs.c.api == api, jobs.c.project == project)

    def of_tasks(self, api: str, names: Sequence[str]) -> dict[str, Job]:
        """Return the jobs of an API by the names of their tasks, of these tasks."""
        return {job.task: job for job in self._find(jobs.c.api == api, jobs.c.task.in_(names)) if job.task}

    def behind(self, api: str) -> list[Job]:
        """Return jobs of an API whose tasks have events that have not been told on, the oldest first."""
        return self._find(jobs.c.api == api, jobs.c.told < tasks.c.n_events, order=jobs.c.id, limit=_MOST_BEHIND)

    def tell(self, job: Job, told: int, batch: Sequence[Message]) -> bool:
        """Keep the messages that tell of a job's events up to one; return False if another has done it."""
        mine = (jobs.c.id == job.id) & (jobs.c.told == job.told)
        with self._engine.begin() as connection:
            if connection.execute(jobs.update().where(mine).values(told=told)).rowcount != 1:
                return False
            insert_messages(connection, batch, self._clock())
        return True

    def _find(
        self,
        *wanted: sa.ColumnElement[bool],
        order: sa.ColumnElement[Any] = jobs.c.id.desc(),  # noqa: B008 - an expression, never changed
        limit: int | None = None,
    ) -> list[Job]:
        joined = sa.select(jobs, tasks.c.status).join(tasks, tasks.c.name == jobs.c.task, isouter=True)
        with self._engine.connect() as connection:
            rows = connection.execute(joined.where(*wanted).order_by(order).limit(limit)).mappings().all()
        return [_job(row) for row in rows]


def _job(row: sa.RowMapping) -> Job:
    key = JobKey(row["api"], row["owner"], row["project"])
    status = None if row["status"] is None else Status(row["status"])
    about = json.loads(row["about"])
    return Job(row["id"], key, row["run"], row["op"], row["task"], about, row["told"], status, row["made_at"])
