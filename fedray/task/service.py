"""Everything a server can do with tasks; the routes call nothing else, and this calls neither Ray nor HTTP.

Specifications go down to the ``Runner``; what happened comes back through the store, which every query reads.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping

from fedray.errors import FedrayError, SpecError, StateError
from fedray.task.approvals import Decision
from fedray.task.approving import ApprovalsView, ask_approvals, asked_plan, expire, note, reject, view_approvals, waits
from fedray.task.asking import Answer, answer_of, check_answering, parse_ids
from fedray.task.insecure import check_insecure
from fedray.task.model_rules import check_ready, check_training, model_of
from fedray.task.model_service import ModelService
from fedray.task.models import training_of, without_tag
from fedray.task.plan import TaskPlan, make_plan
from fedray.task.reader import TaskReader
from fedray.task.record import Status, name_taken, refusal
from fedray.task.registry import Registry
from fedray.task.resuming import check_resumable
from fedray.task.runner import Runner
from fedray.task.spec import TaskSpec, parse, parse_text
from fedray.task.store import Store
from fedray.task.text import show
from fedray.task.usage import Usage
from fedray.task.views import PartyView, TaskView

__all__ = ["TaskService"]


class TaskService(TaskReader):
    """The service behind the routes: it answers queries as a `TaskReader`, and acts on tasks.

    Parameters
    ----------
    store
        Keeps the tasks.
    runner
        Runs them.
    registry
        Knows the parties.
    new_seed
        Draws the public common seed of a task.
    clock
        Gives Unix time in seconds.
    trust_mode
        ``lab`` or ``federated``; told in every view.

    Attributes
    ----------
    jobs, messages
        Those of other APIs, as the store keeps them.
    models
        Those of finished trainings.
    """

    def __init__(
        self,
        store: Store,
        runner: Runner,
        registry: Registry,
        *,
        new_seed: Callable[[], str],
        clock: Callable[[], float] = time.time,
        trust_mode: str = "lab",
    ) -> None:
        super().__init__(store, clock=clock, trust_mode=trust_mode)
        self._runner = runner
        self._registry = registry
        self._new_seed = new_seed
        self.jobs, self.messages = store.jobs, store.messages
        self.models = ModelService(store, runner, clock=clock)

    def create(self, document: object) -> TaskView:
        """Create a task; nothing runs yet.

        Parameters
        ----------
        document
            The values of a createTask body.

        Raises
        ------
        SpecError
            The document is wrong.
        Conflict
            A task has this name.
        FedrayError
            A party refuses its part.
        """
        return self._create(parse(document))

    def create_text(self, text: str | bytes) -> TaskView:
        """Create a task from the text of a createTask body; raises as ``create``."""
        return self._create(parse_text(text))

    def plan(self, document: object, coming: Mapping[str, TaskPlan]) -> TaskPlan:
        """Return the plan that a task would have; nothing is kept, and no party is asked.

        Parameters
        ----------
        document
            The values of a createTask body.
        coming
            Trainings that are not there yet, whose models the task may name.

        Raises
        ------
        SpecError
            The document is wrong.
        """
        return self._plan(parse(document), coming)[1]

    def start(self, name: str) -> TaskView:
        """Put a created task in the queue; one that needs approvals starts by itself when it has them all.

        Raises
        ------
        NotFound
            No task has this name.
        StateError
            It was started before.
        FedrayError
            It cannot run now; it stays as it is and may be started later.
        """
        expire(self._store, self._clock())
        task = self._store.get(name)
        if task.status is not Status.CREATED:
            raise refusal(name, task.status)
        plan = TaskPlan.from_json(task.plan)
        trained = training_of(self._store, plan)
        if trained is not None:
            check_ready(plan, *trained)
        ask_approvals(self._store, plan, self._runner.ready(plan), self._clock())
        if waits(self._store, name):
            return self.get(name)
        self._store.transition(name, Status.QUEUED, before=Status.CREATED)
        self._hand_over(plan, self._runner.submit)
        return self.get(name)

    def approvals(self, name: str) -> ApprovalsView:
        """Return how a task stands with the data owners of its parties, and its plan; raises ``NotFound``."""
        expire(self._store, self._clock())
        return view_approvals(self._store, name)

    def approve(self, name: str, party: str, *, who: str = "", digest: str | None = None) -> ApprovalsView:
        """Let a party's data owner approve a task; the last approval starts it, if it was to start.

        Parameters
        ----------
        party
            Its name.
        who
            Name of the token with which it is said, or "".
        digest
            Of the plan that was looked at; None takes the task's.

        Raises
        ------
        NotFound
            No task has this name.
        StateError
            It is not just created, or the party is not asked, or has said something already.
        Conflict
            The digest is that of another plan.
        FedrayError
            The party's node could not keep the approval; nothing is noted.
        """
        expire(self._store, self._clock())
        plan = asked_plan(self._store, name, party, digest)
        self._runner.approve(plan, party, who)
        if not self._store.approvals.decide(name, party, Decision.APPROVED, who):
            raise StateError(f"party: {show(party)} has approved task {show(name)} already")
        note(self._store, name, party, "the data owner has approved the task", self._clock())
        if self._store.approvals.start_wanted(name):
            self._start_approved(name)
        return view_approvals(self._store, name)

    def reject(self, name: str, party: str, reason: str, *, who: str = "") -> ApprovalsView:
        """Let a party's data owner reject a task, also one that he has approved, while it has not begun: it fails.

        Raises
        ------
        NotFound, StateError
            As `approve`.
        SpecError
            The reason is not one short line.
        """
        expire(self._store, self._clock())
        reject(self._store, asked_plan(self._store, name, party, None), party, reason, who)
        return view_approvals(self._store, name)

    def resume(self, name: str) -> TaskView:
        """Put a training that failed in the queue again, to go on from its checkpoint.

        Raises
        ------
        NotFound
            No task has this name.
        StateError
            It has not failed, or keeps no checkpoints.
        FedrayError
            Its clients with data have no checkpoint in common, or it cannot run now; it stays as it is.
        """
        task = self._store.get(name)
        plan = check_resumable(task)
        self._runner.ready(plan)
        self._runner.checkpoint(plan)
        self._store.transition(name, Status.QUEUED, before=Status.FAILED)
        self._hand_over(plan, self._runner.resume)
        return self.get(name)

    def cancel(self, name: str) -> TaskView:
        """End a task that has not ended.

        Raises
        ------
        NotFound
            No task has this name.
        StateError
            It has ended.
        """
        # The store first: whatever the runner reports while it ends the task comes too late to change this.
        before = self._store.transition(name, Status.CANCELLED)
        if before is not Status.CREATED:
            self._runner.cancel(name)
        return self.get(name)

    def ask(self, name: str, body: str | bytes) -> Answer:
        """Let a running task answer a request for predictions.

        Parameters
        ----------
        body
            A JSON object with a list ``ids`` of texts.

        Raises
        ------
        NotFound
            No task has this name.
        SpecError
            The body is wrong, or no row that the task answers for has some id.
        StateError
            The task answers no requests, does not run, or has answered all that it may.
        PlacementError
            Too many requests wait, the task is still starting, or nobody answered in time.
        """
        task = self._store.get(name)
        plan = TaskPlan.from_json(task.plan)
        check_answering(plan, task.status)
        ids = parse_ids(body)
        return answer_of(plan, self._runner.ask(plan, ids))

    def parties(self) -> tuple[PartyView, ...]:
        """Return the parties of the registry; none when every address is a party on this machine."""
        offered = set(self._runner.offered())
        return tuple(
            PartyView(party.name, party.addr, party.http_port, party.resource, party.resource in offered)
            for party in self._registry.parties()
        )

    def parties_at(self, places: Iterable[tuple[str, int]]) -> frozenset[str]:
        """Return the names of the parties at some addresses and ports; of one that is unknown there is none."""
        found: set[str] = set()
        for addr, http_port in places:
            with contextlib.suppress(SpecError):
                found.add(self._registry.resolve(addr, http_port).name)
        return frozenset(found)

    def usage(self) -> Usage:
        """Return what the nodes and the tasks' parties use now: processors, memory, disks, GPUs."""
        return self._runner.usage()

    def queue(self) -> tuple[str, ...]:
        """Return the names of the tasks that wait at the runner, the next one first."""
        return tuple(self._runner.queue())

    def _create(self, spec: TaskSpec) -> TaskView:
        if self._store.exists(spec.task_name):
            raise name_taken(spec.task_name)  # before the parties are asked; the store decides in the end
        spec, plan = self._plan(spec, {})
        standings = self._runner.check(plan)
        self._store.create_task(spec.task_name, spec.kind.value, spec.model_dump_json(), plan.to_json())
        ask_approvals(self._store, plan, standings, self._clock())
        return self.get(spec.task_name)

    def _plan(self, spec: TaskSpec, coming: Mapping[str, TaskPlan]) -> tuple[TaskSpec, TaskPlan]:
        spec = without_tag(self._store, spec)
        plan = make_plan(spec, self._registry, self._new_seed())
        check_insecure(plan, self._trust_mode, one_machine=self._registry.is_local)
        training = coming.get(model_of(plan) or "")
        trained = training_of(self._store, plan) if training is None else (training, Status.CREATED)
        if trained is not None:
            check_training(plan, *trained)
        return spec, plan

    def _hand_over(self, plan: TaskPlan, submit: Callable[[TaskPlan], None]) -> None:
        try:
            submit(plan)
        except Exception as exc:
            # Nobody will run it, so it must not stay in the queue, whatever went wrong.
            known = exc if isinstance(exc, FedrayError) else FedrayError("the task could not be handed to its runner")
            with contextlib.suppress(StateError):
                self._store.transition(plan.task, Status.FAILED, known.as_dict())
            raise

    def _start_approved(self, name: str) -> None:
        """Start a task that waited; whoever approved it is not told what keeps it from starting, its events are."""
        if name in self._store.approvals.pending():
            return
        try:
            self.start(name)
        except FedrayError as error:
            if self._store.get(name).status is Status.CREATED:
                self._store.approvals.drop_start(name)
                text = f"approved, but it could not start, so start it again: {error.message}"
                note(self._store, name, error.party, text, self._clock())
