"""How a job and its tasks stand: worked out from its pipeline, or from what is noted of a chore."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from fedray.pipeline.service import Pipeline, PipelineStep
from fedray.task.folding import dumps
from serve_api.fate_flow.book import Book, Job

__all__ = ["JobState", "Pipelines", "States", "TaskState", "readers"]

_ENDS: Final = {"finished": "success", "failed": "failed", "cancelled": "canceled", "cancelling": "canceled"}
_STEPS: Final = {
    "waiting": "waiting",
    "created": "waiting",
    "queued": "waiting",
    "running": "running",
    "finished": "success",
    "failed": "failed",
    "cancelled": "canceled",
    "skipped": "canceled",
}


_MADE_WITHIN_MS: Final = 60_000
"""From a job's row to its pipeline, which is made after it; one that has none later never got it."""


class Pipelines(Protocol):
    """What is needed of the service of pipelines."""

    def create(self, document: object) -> Pipeline:
        """Create a pipeline, which begins by itself."""

    def get(self, name: str) -> Pipeline:
        """Return a pipeline; raises ``NotFound``."""

    def named(self, names: Sequence[str]) -> Mapping[str, Pipeline]:
        """Return pipelines by name; those that are not there are left out."""

    def at_work(self) -> Sequence[str]:
        """Return the names of those that have not ended."""

    def cancel(self, name: str) -> Pipeline:
        """End a pipeline; raises ``StateError`` where it has ended."""


def readers(pipelines: Pipelines, book: Book, file: str, now: int) -> list[str]:
    """Return the ids of the jobs that have not ended and read a file of raw data; now is Unix milliseconds."""
    young = {job.pipeline: job for job in book.since(now - _MADE_WITHIN_MS) if job.pipeline is not None}
    there = pipelines.named(list(young))
    being_made = [job for name, job in young.items() if name not in there]
    at_work = [book.of_pipeline(name) for name in pipelines.at_work()]  # last: what was made meanwhile is among them
    jobs = {job.id: job for job in (*at_work, *being_made) if job is not None}
    return [job.id for job in jobs.values() if file in dumps((job.compiled or {})["pipeline"])]


@dataclass(frozen=True)
class TaskState:
    """A component of a job, as all its parties see it.

    Attributes
    ----------
    component, module
        Which.
    parties
        Role and id of those that take part.
    status, message
        In FATE's words; why it failed.
    tasks
        Names of its tasks, as far as they are there.
    """

    component: str
    module: str
    parties: tuple[tuple[str, str], ...]
    status: str
    message: str = ""
    tasks: tuple[str, ...] = ()


@dataclass(frozen=True)
class JobState:
    """A job; times are Unix milliseconds."""

    status: str
    progress: int
    started_ms: int | None
    ended_ms: int | None
    tasks: tuple[TaskState, ...]

    def task(self, component: str) -> TaskState | None:
        """Return a component; None where there is none."""
        return next((task for task in self.tasks if task.component == component), None)


class States:
    """Tells how jobs stand.

    Parameters
    ----------
    pipelines
        The service of pipelines.
    now
        Gives Unix milliseconds.
    """

    def __init__(self, pipelines: Pipelines, now: Callable[[], int]) -> None:
        self._pipelines, self._now = pipelines, now

    def of(self, job: Job) -> JobState:
        """Return how a job stands now."""
        return self.all([job])[0]

    def all(self, jobs: Sequence[Job]) -> list[JobState]:
        """Return how jobs stand now; their pipelines are asked for at once."""
        found = self._pipelines.named([job.pipeline for job in jobs if job.pipeline is not None])
        return [self._of(job, found) for job in jobs]

    def _of(self, job: Job, pipelines: Mapping[str, Pipeline]) -> JobState:
        if job.compiled is None:
            return _of_chore(job)
        if job.pipeline is None:  # nothing had to run
            tasks = tuple(replace(task, status="success") for task in _tasks(job, {}))
            return JobState("success", 100, job.created_ms, job.created_ms, tasks)
        pipeline = pipelines.get(job.pipeline)
        if pipeline is None:
            if self._now() - job.created_ms < _MADE_WITHIN_MS:
                return JobState("waiting", 0, None, None, _tasks(job, {}))
            return JobState("failed", 0, job.created_ms, job.created_ms, _tasks(job, {}))
        tasks = _tasks(job, {step.name: step for step in pipeline.steps})
        begun = any(task.status not in ("waiting", "canceled") and task.tasks for task in tasks)
        status = _ENDS.get(pipeline.status.value, "running" if begun else "waiting")
        if status == "canceled" and job.timed_out:
            status = "timeout"
        done = sum(task.status == "success" for task in tasks)
        progress = 100 if status == "success" else min(99, 100 * done // max(1, len(tasks)))
        started = None if status == "waiting" else pipeline.started_ms or pipeline.created_ms
        return JobState(status, progress, started, pipeline.ended_ms, tasks)


def _of_chore(job: Job) -> JobState:
    chore = job.chore or {}
    (component,) = job.dsl["components"]
    module = job.dsl["components"][component]["module"]
    task = TaskState(component, module, job.parties, chore["status"], chore["message"])
    return JobState(chore["status"], chore["progress"], chore["started_ms"], chore["ended_ms"], (task,))


def _tasks(job: Job, steps: Mapping[str, PipelineStep]) -> tuple[TaskState, ...]:
    found = []
    for part in job.parts:
        own = [steps[name] for name in part.steps if name in steps]
        needed = [steps[name] for name in part.needs if name in steps]
        status = _status([step.status.value for step in own], [step.status.value for step in needed])
        if status == "canceled":
            status = _stopped(job, begun=any(step.task and step.status.value == "cancelled" for step in own))
        message = next((step.message for step in own if step.message), "")
        names = tuple(step.task for step in own if step.task)
        found.append(TaskState(part.component, part.module, part.parties, status, message, names))
    return tuple(found)


def _stopped(job: Job, *, begun: bool) -> str:
    """Return the status of a component that was stopped: FATE 1.4 has no word for it."""
    if not begun:
        return "canceled" if job.new_shapes else "waiting"
    return "timeout" if job.timed_out else "canceled" if job.new_shapes else "failed"


def _status(own: Sequence[str], needed: Sequence[str]) -> str:
    """Return the status of a component, of its own steps and of those that it needs."""
    if own:
        told = [_STEPS[status] for status in own]
        for status in ("failed", "canceled", "running"):
            if status in told:
                return status
        if set(told) == {"success"}:
            return "success"
        return "running" if "success" in told else "waiting"
    if all(status == "finished" for status in needed):
        return "success"
    return "canceled" if {"failed", "cancelled", "skipped"} & set(needed) else "waiting"
