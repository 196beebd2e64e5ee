"""What a pipeline has come to, and what comes next: pure functions of its steps and of how their tasks stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from fedray.pipeline.document import PipelineSpec, StepSpec, task_name
from fedray.task.pipelines import Glance, PipelineStatus, StoredPipeline

__all__ = ["StepStatus", "outcome", "own_tasks", "ready", "states", "task_names"]


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


_AT_WORK: Final = (StepStatus.CREATED, StepStatus.QUEUED, StepStatus.RUNNING)
_BROKEN: Final = (StepStatus.FAILED, StepStatus.CANCELLED)


def task_names(spec: PipelineSpec, kept: StoredPipeline) -> dict[str, str]:
    """Return the name of each step's task: that of the try that counts."""
    return {step.name: task_name(spec.name, step.name, kept.kept(step.name).attempt) for step in spec.steps}


def own_tasks(spec: PipelineSpec, kept: StoredPipeline, glances: Mapping[str, Glance]) -> dict[str, Glance | None]:
    """Return how each step's task stands; None where it has none, though a task of another may have its name."""
    names = task_names(spec, kept)
    return {step: glances.get(name) if kept.kept(step).made else None for step, name in names.items()}


def states(spec: PipelineSpec, kept: StoredPipeline, glances: Mapping[str, Glance]) -> dict[str, StepStatus]:
    """Return how each step stands.

    Parameters
    ----------
    spec
        The pipeline.
    kept
        What the store keeps of it.
    glances
        How tasks stand, by name.
    """
    without = StepStatus.SKIPPED if kept.status.is_final else StepStatus.WAITING
    found: dict[str, StepStatus] = {}
    for step, task in own_tasks(spec, kept, glances).items():
        if kept.kept(step).error is not None:
            found[step] = StepStatus.FAILED
        else:
            found[step] = without if task is None else StepStatus(task.status.value)
    return found


def ready(spec: PipelineSpec, standing: Mapping[str, StepStatus]) -> list[StepSpec]:
    """Return the steps that may begin: none any more when one has failed or was cancelled."""
    if any(status in _BROKEN for status in standing.values()):
        return []
    waiting = [step for step in spec.order if standing[step.name] is StepStatus.WAITING]
    return [step for step in waiting if all(standing[name] is StepStatus.FINISHED for name in step.needs)]


def outcome(standing: Iterable[StepStatus]) -> PipelineStatus | None:
    """Return what a pipeline has come to; None while a step is at work or may begin."""
    found = set(standing)
    if not found.isdisjoint(_AT_WORK):
        return None
    if StepStatus.FAILED in found:
        return PipelineStatus.FAILED
    if StepStatus.CANCELLED in found:
        return PipelineStatus.CANCELLED
    return PipelineStatus.FINISHED if found == {StepStatus.FINISHED} else None
