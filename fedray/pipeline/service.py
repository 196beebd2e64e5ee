"""Everything a server can do with pipelines; the routes call nothing else, and this calls neither Ray nor HTTP.

What a pipeline has come to is worked out from its tasks, as the store tells of them; kept is only what that does not
say: which try of a step counts, and why no task of it could be made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from fedray.errors import Conflict, FedrayError, PlacementError, SpecError, StateError
from fedray.pipeline.advance import Advance
from fedray.pipeline.bodies import bodies, within
from fedray.pipeline.document import PipelineSpec, parse, spec_of, text_of
from fedray.pipeline.plan import StepStatus, own_tasks, task_names
from fedray.pipeline.views import Pipeline, PipelinePage, PipelineStep, view_of
from fedray.task.paging import check_page, one_of
from fedray.task.pipelines import Glance, Kept, PipelineStatus, StoredPipeline
from fedray.task.plan import TaskPlan
from fedray.task.record import Status, name_taken
from fedray.task.service import TaskService
from fedray.task.store import Store
from fedray.task.text import load_json, show

__all__ = ["Pipeline", "PipelinePage", "PipelineService", "PipelineStatus", "PipelineStep", "StepStatus"]

_STANDS = {
    PipelineStatus.RUNNING: "is running",
    PipelineStatus.CANCELLING: "is being cancelled",
    PipelineStatus.FINISHED: "has already finished",
    PipelineStatus.FAILED: "has already failed",
    PipelineStatus.CANCELLED: "has been cancelled",
}


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

    def __init__(self, store: Store, tasks: TaskService, *, clock: Callable[[], float] = time.time) -> None:
        self._store, self._tasks = store, tasks
        self._rows = store.pipelines
        self._advance = Advance(store, tasks, clock)

    def create(self, document: object) -> Pipeline:
        """Create a pipeline; its first steps begin when `step` is called next.

        Parameters
        ----------
        document
            JSON values, see `fedray.pipeline.document.parse`.

        Raises
        ------
        SpecError
            The document is wrong, or a step of it.
        Conflict
            A pipeline has this name, or a task one that a step's would have.
        """
        spec = parse(document)
        self._check_tasks(spec)
        return self._view(self._rows.add(spec.name, text_of(spec)))

    def create_text(self, text: str | bytes) -> Pipeline:
        """Create a pipeline from the text of its document; raises as `create`."""
        return self.create(load_json(text))

    def get(self, name: str) -> Pipeline:
        """Return a pipeline; raises ``NotFound``."""
        return self._view(self._rows.get(name))

    def named(self, names: Sequence[str]) -> dict[str, Pipeline]:
        """Return pipelines by name; those that are not there are left out."""
        return {view.name: view for view in self._views(self._rows.named(names))}

    def at_work(self) -> list[str]:
        """Return the names of the pipelines that have not ended, the oldest first."""
        return [kept.name for kept in self._rows.at_work()]

    def parties(self, name: str) -> frozenset[str]:
        """Return the names of the parties that take part in some step of a pipeline; raises ``NotFound``."""
        steps = spec_of(self._rows.get(name).document).steps
        clients = [client for step in steps for client in step.task["clients"]]
        return self._tasks.parties_at((client["addr"], client["http_port"]) for client in clients)

    def list(
        self, status: str | None = None, search: str | None = None, limit: int = 100, offset: int = 0
    ) -> PipelinePage:
        """Return a page of pipelines, the newest first.

        Parameters
        ----------
        status
            Only pipelines with this one; None takes all.
        search
            Only pipelines whose names contain this text.
        limit, offset
            The page: 1 to 1000 pipelines, after how many.

        Raises
        ------
        SpecError
            An argument is none of these.
        """
        check_page(limit, offset)
        wanted = None if status is None else PipelineStatus(one_of("status", status, tuple(PipelineStatus)))
        found, total = self._rows.page(wanted, search, limit, offset)
        return PipelinePage(self._views(found), total)

    def cancel(self, name: str) -> Pipeline:
        """Cancel the tasks of a pipeline that are at work; the steps after them are skipped.

        Raises
        ------
        NotFound
            No pipeline has this name.
        StateError
            It has ended.
        """
        self._change(name, (PipelineStatus.RUNNING,), lambda kept: replace(kept, status=PipelineStatus.CANCELLING))
        kept = self._rows.get(name)
        if kept.status is PipelineStatus.CANCELLING:  # else whoever advances it was faster
            self._advance.end(kept)
        return self.get(name)

    def resume(self, name: str) -> Pipeline:
        """Let a pipeline go on that failed or was cancelled; what has finished stays.

        A training that has a checkpoint goes on from it; of every other step that failed or was cancelled the task is
        made anew, under another name.

        Raises
        ------
        NotFound
            No pipeline has this name.
        StateError
            It runs, or has finished.
        PlacementError
            A training with a checkpoint cannot go on now; the pipeline stays as it is and may be resumed later.
        """
        self._change(name, (PipelineStatus.FAILED, PipelineStatus.CANCELLED), self._again)
        return self.get(name)

    def remove(self, name: str) -> None:
        """Forget a pipeline that has ended; its tasks stay.

        Raises
        ------
        NotFound
            No pipeline has this name.
        StateError
            It has not ended.
        """
        while True:
            kept = self._rows.get(name)
            if not kept.status.is_final:
                raise _refusal(kept)
            if self._rows.drop(kept):
                return

    def step(self) -> bool:
        """Take all pipelines that run as far as goes now; return whether anything was done.

        To be called again and again: at once while there is something to do, else after a pause. One of which that
        fails holds up no other.
        """
        done, failed = False, None
        for kept in self._rows.at_work():
            try:
                done = self._advance.step(kept) or done
            except Exception as error:  # noqa: BLE001  raised below: the others are advanced first
                failed = failed or error
        if failed is not None:
            raise failed
        return done

    def _check_tasks(self, spec: PipelineSpec) -> None:
        """See that the steps' tasks can be made, as far as is known before any party is asked."""
        places = {step.name: place for place, step in enumerate(spec.steps)}
        plans: dict[str, TaskPlan] = {}
        for step, body in bodies(spec.name, spec.steps, spec.order, {}).items():
            name = body.spec.task_name
            try:
                plans[name] = self._tasks.plan(body.document, plans)
            except SpecError as error:
                raise within(places[step], error) from None
            if self._store.exists(name):
                raise name_taken(name)

    def _change(
        self,
        name: str,
        before: Sequence[PipelineStatus],
        change: Callable[[StoredPipeline], StoredPipeline],
    ) -> None:
        """Change a pipeline that has one of these statuses."""
        while True:
            kept = self._rows.get(name)
            if kept.status not in before:
                raise _refusal(kept)
            if self._rows.change(kept, change(kept)):
                return

    def _again(self, kept: StoredPipeline) -> StoredPipeline:
        """Return a pipeline that has ended as one that goes on."""
        spec = spec_of(kept.document)
        glances = self._rows.glance([*task_names(spec, kept).values()])
        for step, task in own_tasks(spec, kept, glances).items():
            kept = kept.with_step(step, self._tried_again(task, kept.kept(step)))
        return replace(kept, status=PipelineStatus.RUNNING)

    def _tried_again(self, task: Glance | None, known: Kept) -> Kept:
        """Return what is kept of a step that goes on: the same try, or another."""
        others = known.error is not None and known.error["type"] == Conflict.__name__
        broken = task is not None and task.status in (Status.FAILED, Status.CANCELLED)
        if others or (broken and task is not None and not self._goes_on(task)):
            return Kept(known.attempt + 1)
        return replace(known, error=None)

    def _goes_on(self, task: Glance) -> bool:
        """Let a training that failed go on from its checkpoint, if it has one; return whether it does."""
        if not self._store.get(task.name).resumable:
            return False
        try:
            self._tasks.resume(task.name)
        except PlacementError:
            raise  # a node is away for a moment: no reason to do again what is done
        except FedrayError:
            return not self._store.get(task.name).status.is_final  # another may have been faster
        return True

    def _view(self, kept: StoredPipeline) -> Pipeline:
        return self._views([kept])[0]

    def _views(self, found: Sequence[StoredPipeline]) -> tuple[Pipeline, ...]:
        specs = [spec_of(kept.document) for kept in found]
        names = [name for spec, kept in zip(specs, found, strict=True) for name in task_names(spec, kept).values()]
        glances = self._rows.glance(names)
        created = any(task.status is Status.CREATED for task in glances.values())
        pending = self._store.approvals.pending() if created else {}
        waits_for = {name: tuple(one.party for one in pending.get(name, ())) for name in names}
        return tuple(view_of(spec, kept, glances, waits_for) for spec, kept in zip(specs, found, strict=True))


def _refusal(kept: StoredPipeline) -> StateError:
    return StateError(f"Pipeline with name {show(kept.name)} {_STANDS[kept.status]}")
