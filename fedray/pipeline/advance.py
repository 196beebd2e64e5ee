"""A pipeline taken as far as goes now: steps begin whose needs are there, and an end is noted.

Whoever does it may die at any moment, and several may do it at once: a step's task is made under a name of its own, so
one of them makes it and one of them starts it, and the others find that.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from fedray.errors import Conflict, FedrayError, NotFound, PlacementError, StateError
from fedray.pipeline.bodies import Body, bodies
from fedray.pipeline.document import PipelineSpec, StepSpec, spec_of
from fedray.pipeline.plan import StepStatus, outcome, own_tasks, ready, states, task_names
from fedray.task.approving import expire
from fedray.task.pipelines import Glance, PipelineStatus, StoredPipeline
from fedray.task.plan import TaskPlan
from fedray.task.record import Status
from fedray.task.service import TaskService
from fedray.task.store import Store

__all__ = ["Advance"]

GOES_ON_S: Final = 5.0
"""Seconds until a failure counts of a training that goes on by itself: it is queued again in this time."""

PATIENCE_S: Final = 15.0
"""Seconds for which a step is tried again that has no room: the supervisor may be starting again."""


class Advance:
    """What advances pipelines.

    Parameters
    ----------
    store
        Keeps the pipelines.
    tasks
        Makes, starts and ends their tasks.
    clock
        Gives Unix time in seconds.
    """

    def __init__(self, store: Store, tasks: TaskService, clock: Callable[[], float] = time.time) -> None:
        self._store, self._tasks, self._clock = store, tasks, clock
        self._rows = store.pipelines
        self._put_off: dict[str, float] = {}

    def step(self, kept: StoredPipeline) -> bool:
        """Take a pipeline as far as goes now; return whether anything was done."""
        if kept.status is PipelineStatus.CANCELLING:
            return self.end(kept)
        spec = spec_of(kept.document)
        names = task_names(spec, kept)
        glances = self._glances(names)
        standing = states(spec, kept, glances)
        unstarted = [step for step in spec.steps if standing[step.name] is StepStatus.CREATED]
        pending = expire(self._store, self._clock()) if unstarted else {}
        begins = [step for step in unstarted if not self._waits(names[step.name], pending)]
        new = ready(spec, standing)
        if begins or new:
            return self._begin_all(kept, spec, begins, new)
        ended = outcome(standing.values())
        return ended is not None and self._rows.change(kept, replace(kept, status=ended))

    def end(self, kept: StoredPipeline) -> bool:
        """Cancel all tasks of a pipeline that is being cancelled; return whether that is done."""
        spec = spec_of(kept.document)
        glances = self._rows.glance([*task_names(spec, kept).values()])
        failed: FedrayError | None = None
        for task in own_tasks(spec, kept, glances).values():
            try:
                self._cancel(task)
            except FedrayError as error:
                failed = failed or error  # in the store it is cancelled; the others are too, before this is told
        done = self._rows.change(kept, replace(kept, status=PipelineStatus.CANCELLED))
        if failed is not None:
            raise failed
        return done

    def _cancel(self, task: Glance | None) -> None:
        if task is not None and not task.status.is_final:
            with contextlib.suppress(StateError):  # it has ended in the meantime
                self._tasks.cancel(task.name)

    def _glances(self, names: Mapping[str, str]) -> dict[str, Glance]:
        found = self._rows.glance([*names.values()])
        return {name: self._without_pause(glance) for name, glance in found.items()}

    def _without_pause(self, glance: Glance) -> Glance:
        """Return a training that failed, and may be about to go on by itself, as one that waits to do so."""
        if glance.status is not Status.FAILED or self._clock() - (glance.ended_at or 0.0) > GOES_ON_S:
            return glance
        attempts = TaskPlan.from_json(self._store.get(glance.name).plan).resume_attempts
        return replace(glance, status=Status.QUEUED) if attempts else glance

    def _waits(self, name: str, pending: Mapping[str, object]) -> bool:
        return name in pending and self._store.approvals.start_wanted(name)

    def _begin_all(
        self, kept: StoredPipeline, spec: PipelineSpec, made: Sequence[StepSpec], new: Sequence[StepSpec]
    ) -> bool:
        """Start the tasks of steps that are made, make and start those of new ones."""
        claimed = kept
        for step in new:
            claimed = claimed.with_step(step.name, replace(kept.kept(step.name), made=True))
        if claimed.steps != kept.steps and not self._rows.change(kept, claimed):
            return True  # it has changed, so what may begin is another thing now
        done = [self._begin(claimed, spec, step) for step in (*made, *new)]
        return any(done)

    def _begin(self, kept: StoredPipeline, spec: PipelineSpec, step: StepSpec) -> bool:
        """Make and start a step's task; what keeps it from that ends the pipeline. Return whether anything was done."""
        name = task_names(spec, kept)[step.name]
        try:
            self._start(name, _body(kept, spec, step))
            self._take_back(kept, name)
        except PlacementError as error:
            if self._clock() - self._put_off.setdefault(name, self._clock()) < PATIENCE_S:
                return False
            self._refuse(kept, step, error)
        except FedrayError as error:
            self._refuse(kept, step, error)
        except SQLAlchemyError:
            raise  # the database is away for a moment: later
        except Exception as error:  # noqa: BLE001 - a fault of ours must not let a pipeline wait for ever
            self._refuse(kept, step, FedrayError(f"internal error: {type(error).__name__}; see the server's log"))
        self._put_off.pop(name, None)
        return True

    def _start(self, name: str, body: Body) -> None:
        try:
            self._tasks.create(body.document)
        except Conflict:
            self._check_own(name, body)
        try:
            self._tasks.start(name)
        except StateError:
            if self._store.get(name).status is Status.CREATED:
                raise  # else another has started it

    def _check_own(self, name: str, body: Body) -> None:
        """See that the task of a step's name is the step's, made a moment ago or before the server started again."""
        if _comparable(self._tasks.document(name)) != _comparable(body.spec.model_dump(mode="json")):
            raise Conflict(f"a task with name {name} is there already, which is no part of this pipeline")

    def _refuse(self, kept: StoredPipeline, step: StepSpec, error: FedrayError) -> None:
        """Keep why a step's task could not be made or started."""
        tried = kept.kept(step.name)
        refused = replace(tried, error=error.as_dict())
        with contextlib.suppress(NotFound):
            seen = self._rows.get(kept.name)
            while seen.status is PipelineStatus.RUNNING and (seen.id, seen.kept(step.name)) == (kept.id, tried):
                if self._rows.change(seen, seen.with_step(step.name, refused)):
                    return
                seen = self._rows.get(kept.name)

    def _take_back(self, kept: StoredPipeline, name: str) -> None:
        """Cancel a task that was made while somebody cancelled the pipeline, and did not see it."""
        try:
            cancelled = self._rows.get(kept.name).status is not PipelineStatus.RUNNING
        except NotFound:
            cancelled = True
        if cancelled:
            self._cancel(self._rows.glance([name]).get(name))


def _body(kept: StoredPipeline, spec: PipelineSpec, step: StepSpec) -> Body:
    """Return a step's task; raises ``SpecError`` where this version of fedray refuses what another one has taken."""
    attempts = {name: known.attempt for name, known in kept.steps.items()}
    return bodies(spec.name, spec.steps, spec.order, attempts)[step.name]


def _comparable(document: Mapping[str, Any]) -> object:
    """Return a task's document without the model of a tag, which is another word in the task that was made."""
    text: dict[str, Any] = json.loads(json.dumps(document))
    for client in text["clients"]:
        client["client_config"].pop("model", None)
    return text
