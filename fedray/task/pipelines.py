"""Pipelines in the database: their documents, how they stand, and which try of each step counts.

A change is a compare-and-set on a version, so of two that change a pipeline at once one wins and the other looks again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from fedray.errors import Conflict, NotFound
from fedray.task.folding import dumps
from fedray.task.record import Status
from fedray.task.tables import pipelines, tasks
from fedray.task.text import show

__all__ = ["Glance", "Kept", "PipelineStatus", "Pipelines", "StoredPipeline"]

_AT_ONCE = 500
"""Names in one query: databases bound how many values a query has."""


class PipelineStatus(StrEnum):
    """Where a pipeline is in its life."""

    RUNNING = "running"
    CANCELLING = "cancelling"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether it has ended; a failed or cancelled one may go on, but only when it is resumed."""
        return self not in (PipelineStatus.RUNNING, PipelineStatus.CANCELLING)


@dataclass(frozen=True)
class Kept:
    """What is kept of a step.

    Attributes
    ----------
    attempt
        Which try counts: 1, 2, 3...
    made
        Whether its task was about to be made: a task of this name before was another's.
    error
        ``FedrayError.as_dict()`` of what kept its task from being made or started.
    """

    attempt: int = 1
    made: bool = False
    error: Mapping[str, str] | None = None


@dataclass(frozen=True)
class StoredPipeline:
    """A pipeline as the store knows it; times are Unix seconds, ``document`` JSON text, ``steps`` those not as new."""

    id: int
    name: str
    document: str
    status: PipelineStatus
    steps: Mapping[str, Kept]
    version: int
    created_at: float
    ended_at: float | None

    def kept(self, step: str) -> Kept:
        """Return what is kept of a step."""
        return self.steps.get(step, Kept())

    def with_step(self, step: str, kept: Kept) -> StoredPipeline:
        """Return the same pipeline with something else kept of a step."""
        return replace(self, steps={**self.steps, step: kept})


@dataclass(frozen=True)
class Glance:
    """How a task stands, without its documents; times are Unix seconds."""

    name: str
    status: Status
    error: Mapping[str, str] | None
    progress: Mapping[str, Any] | None
    started_at: float | None
    ended_at: float | None


class Pipelines:
    """The pipelines in the database of a server.

    Parameters
    ----------
    engine
        The store's.
    clock
        Gives Unix time in seconds.
    """

    def __init__(self, engine: sa.Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._clock = engine, clock

    def add(self, name: str, document: str) -> StoredPipeline:
        """Keep a new pipeline, which runs.

        Raises
        ------
        Conflict
            One has this name.
        """
        values = {"name": name, "document": document, "status": PipelineStatus.RUNNING.value, "steps": "{}"}
        try:
            with self._engine.begin() as connection:
                connection.execute(pipelines.insert().values(created_at=self._clock(), **values))
        except IntegrityError:
            raise Conflict(f"Pipeline with name {show(name)} already exists") from None
        return self.get(name)

    def get(self, name: str) -> StoredPipeline:
        """Return a pipeline; raises ``NotFound``."""
        found = self._find(_named(name))
        if not found:
            raise NotFound(f"Pipeline with name {show(name)} not exist")
        return found[0]

    def named(self, names: Sequence[str]) -> list[StoredPipeline]:
        """Return those of these names that are there."""
        known = [name for name in names if name.isprintable()]
        some = (known[start : start + _AT_ONCE] for start in range(0, len(known), _AT_ONCE))
        return [kept for part in some for kept in self._find(pipelines.c.name.in_(part))]

    def at_work(self) -> list[StoredPipeline]:
        """Return those that have not ended, the oldest first."""
        working = [status.value for status in PipelineStatus if not status.is_final]
        return self._find(pipelines.c.status.in_(working), order=pipelines.c.id.asc())

    def page(
        self, status: PipelineStatus | None, search: str | None, limit: int, offset: int
    ) -> tuple[list[StoredPipeline], int]:
        """Return a page of pipelines, the newest first, and how many there are; parameters as `Store.list_tasks`."""
        wanted = [] if status is None else [pipelines.c.status == status.value]
        if search:
            wanted.append(pipelines.c.name.icontains(search, autoescape=True) if search.isprintable() else sa.false())
        with self._engine.connect() as connection:
            total = connection.execute(sa.select(sa.func.count()).select_from(pipelines).where(*wanted)).scalar_one()
        return self._find(*wanted, limit=limit, offset=offset), total

    def change(self, seen: StoredPipeline, changed: StoredPipeline) -> bool:
        """Keep status and steps of a changed pipeline, unless another changed it since it was seen; return whether."""
        mine = (pipelines.c.id == seen.id) & (pipelines.c.version == seen.version)
        ended_at = None
        if changed.status.is_final:
            ended_at = seen.ended_at or self._clock()
        values = {
            "status": changed.status.value,
            "steps": dumps({name: vars(kept) for name, kept in changed.steps.items()}),
            "version": seen.version + 1,
            "ended_at": ended_at,
        }
        with self._engine.begin() as connection:
            return connection.execute(pipelines.update().where(mine).values(**values)).rowcount == 1

    def drop(self, seen: StoredPipeline) -> bool:
        """Forget a pipeline, unless another changed it since it was seen; return whether."""
        mine = (pipelines.c.id == seen.id) & (pipelines.c.version == seen.version)
        with self._engine.begin() as connection:
            return connection.execute(pipelines.delete().where(mine)).rowcount == 1

    def glance(self, names: Sequence[str]) -> dict[str, Glance]:
        """Return how tasks stand, by name; those that are not there are left out."""
        shown = (tasks.c[part] for part in ("name", "status", "error", "progress", "started_at", "ended_at"))
        found = sa.select(*shown)
        rows: list[sa.RowMapping] = []
        with self._engine.connect() as connection:
            for start in range(0, len(names), _AT_ONCE):
                some = tasks.c.name.in_(names[start : start + _AT_ONCE])
                rows += connection.execute(found.where(some)).mappings().all()
        return {row["name"]: _glance(row) for row in rows}

    def _find(
        self,
        *wanted: sa.ColumnElement[bool],
        order: sa.ColumnElement[Any] = pipelines.c.id.desc(),  # noqa: B008 - an expression, never changed
        limit: int | None = None,
        offset: int | None = None,
    ) -> list[StoredPipeline]:
        found = sa.select(pipelines).where(*wanted).order_by(order).limit(limit).offset(offset)
        with self._engine.connect() as connection:
            rows = connection.execute(found).mappings().all()
        return [_pipeline(row) for row in rows]


def _named(name: str) -> sa.ColumnElement[bool]:
    # PostgreSQL refuses NUL and lone surrogates with an error; no pipeline has such a name.
    return pipelines.c.name == name if name.isprintable() else sa.false()


def _pipeline(row: sa.RowMapping) -> StoredPipeline:
    steps = {name: Kept(**kept) for name, kept in json.loads(row["steps"]).items()}
    return StoredPipeline(**{**row, "status": PipelineStatus(row["status"]), "steps": steps})


def _glance(row: sa.RowMapping) -> Glance:
    values = {"error": json.loads(row["error"] or "null"), "progress": json.loads(row["progress"] or "null")}
    return Glance(**{**row, **values, "status": Status(row["status"])})
