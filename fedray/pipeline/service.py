"""Everything a server can do with pipelines; the routes call nothing else, and this calls neither Ray nor HTTP.

What a pipeline has come to is worked out from its tasks, as the store tells of them; kept is only what that does not
say: which try of a step counts, and why no task of it could be made. So whoever advances a pipeline may die at any
moment, and several may do it at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from fedray.task.service import TaskService
from fedray.task.store import Store

__all__ = ["Pipeline", "PipelinePage", "PipelineService", "PipelineStatus", "PipelineStep", "StepStatus"]


class PipelineStatus(StrEnum):
    """Where a pipeline is in its life."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


class StepStatus(StrEnum):
    """How a step stands: as its task does, but before and without one."""

    WAITING = "waiting"
    CREATED = "created"
    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class PipelineStep:
    """A step as a client sees it: ``task`` is the name of its task, None before that is there."""

    name: str
    task: str | None
    status: StepStatus
    message: str = ""


@dataclass(frozen=True)
class Pipeline:
    """A pipeline as a client sees it; times are Unix milliseconds."""

    name: str
    status: PipelineStatus
    steps: tuple[PipelineStep, ...]
    created_ms: int
    started_ms: int | None
    ended_ms: int | None


@dataclass(frozen=True)
class PipelinePage:
    """Some pipelines, the newest first, and how many there are on all pages."""

    pipelines: tuple[Pipeline, ...]
    total: int


class PipelineService:
    """The service behind the routes.

    Parameters
    ----------
    store
        Keeps the pipelines.
    tasks
        Makes and ends their tasks.
    clock
        Gives Unix time in seconds.
    """

    def __init__(self, store: Store, tasks: TaskService, *, clock: Callable[[], float] = time.time) -> None: ...

    def create(self, document: object) -> Pipeline: ...
    def get(self, name: str) -> Pipeline: ...
    def list(
        self, status: str | None = None, search: str | None = None, limit: int = 100, offset: int = 0
    ) -> PipelinePage: ...
    def cancel(self, name: str) -> Pipeline: ...
    def resume(self, name: str) -> Pipeline: ...
    def remove(self, name: str) -> None: ...
    def step(self) -> bool:
        """Advance the pipelines that run, as far as goes now; return whether anything was done (for a ``Pump``)."""
