"""Pipelines as clients see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fedray.errors import error_from_dict
from fedray.pipeline.document import PipelineSpec
from fedray.pipeline.plan import StepStatus, own_tasks, states
from fedray.task.pipelines import Glance, PipelineStatus, StoredPipeline
from fedray.task.record import Status

__all__ = ["Pipeline", "PipelinePage", "PipelineStep", "view_of"]


@dataclass(frozen=True)
class PipelineStep:
    """A step as a client sees it.

    Attributes
    ----------
    name
        Of the step.
    task
        Name of its task; None before that is there.
    status
        As that of the task; ``waiting`` before there is one, ``skipped`` where there will be none.
    message
        Why it failed, or what it waits for, or "".
    kind
        Of the task.
    needs
        The steps that finish before it.
    progress
        As the task has it.
    """

    name: str
    task: str | None
    status: StepStatus
    message: str = ""
    kind: str = ""
    needs: tuple[str, ...] = ()
    progress: Mapping[str, Any] | None = None

    def as_dict(self) -> dict[str, object]:
        """Return the step as it is sent."""
        return {**vars(self), "status": self.status.value, "needs": [*self.needs]}


@dataclass(frozen=True)
class Pipeline:
    """A pipeline as a client sees it; times are Unix milliseconds.

    Attributes
    ----------
    name, status
        Of the pipeline.
    steps
        In the order of the document.
    created_ms, started_ms, ended_ms
        When it was created, when its first task began to run, and when it ended.
    """

    name: str
    status: PipelineStatus
    steps: tuple[PipelineStep, ...]
    created_ms: int
    started_ms: int | None
    ended_ms: int | None

    def as_dict(self) -> dict[str, object]:
        """Return the pipeline as it is sent."""
        return {**vars(self), "status": self.status.value, "steps": [step.as_dict() for step in self.steps]}


@dataclass(frozen=True)
class PipelinePage:
    """Some pipelines, the newest first, and how many there are on all pages."""

    pipelines: tuple[Pipeline, ...]
    total: int


def view_of(
    spec: PipelineSpec,
    kept: StoredPipeline,
    glances: Mapping[str, Glance],
    waits_for: Mapping[str, Sequence[str]],
) -> Pipeline:
    """Return what a client sees of a pipeline.

    Parameters
    ----------
    spec
        The pipeline.
    kept
        What the store keeps of it.
    glances
        How tasks stand, by name.
    waits_for
        The parties whose approval created tasks wait for, by the names of the tasks.
    """
    standing, tasks = states(spec, kept, glances), own_tasks(spec, kept, glances)
    steps = tuple(
        PipelineStep(
            name=step.name,
            task=None if task is None else task.name,
            status=standing[step.name],
            message=_message(kept.kept(step.name).error, task, waits_for),
            kind=step.kind,
            needs=tuple(one.name for one in spec.steps if one.name in step.needs),
            progress=None if task is None else task.progress,
        )
        for step, task in zip(spec.steps, tasks.values(), strict=True)
    )
    begun = [task.started_at for task in tasks.values() if task is not None and task.started_at is not None]
    return Pipeline(
        name=kept.name,
        status=kept.status,
        steps=steps,
        created_ms=_ms(kept.created_at),
        started_ms=_ms(min(begun)) if begun else None,
        ended_ms=None if kept.ended_at is None else _ms(kept.ended_at),
    )


def _message(refused: Mapping[str, str] | None, task: Glance | None, waits_for: Mapping[str, Sequence[str]]) -> str:
    error = refused or (None if task is None else task.error)
    if error is not None:
        return str(error_from_dict(dict(error)))
    parties = () if task is None or task.status is not Status.CREATED else waits_for.get(task.name, ())
    return f"waits for the approval of {', '.join(parties)}" if parties else ""


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
