"""Jobs started and stopped: what a framework request does, whatever form it came in."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Mapping
from typing import Any, Final

from fedray.errors import Conflict, FedrayError, NotFound, PlacementError, StateError
from fedray.task.jobs import Job, JobKey
from fedray.task.record import Status
from fedray.task.scoring import Place
from fedray.task.service import TaskService
from serve_api.k12ai.codes import Code
from serve_api.k12ai.dialect import Detail, Dialect, Subject
from serve_api.k12ai.documents import Scoring, training_document, wanted_scoring
from serve_api.k12ai.requests import Framework, Refused
from serve_api.k12ai.telling import API, Pending, Telling, container
from serve_api.service import party_place

__all__ = ["SERVICES", "Work"]

SERVICES: Final = ("k12fl",)
"""The services that there are; each would have forms of its own for its parameters."""


class Work:
    """Starts and stops jobs for one request.

    Parameters
    ----------
    service
        Runs them.
    telling
        Puts outcomes into messages.
    dialect
        The form of outcomes.
    pending
        Takes the rows that tasks are to answer for.
    """

    def __init__(self, service: TaskService, telling: Telling, dialect: Dialect, pending: Pending) -> None:
        self._service, self._telling, self._dialect, self._pending = service, telling, dialect, pending

    def do(self, request: Framework) -> str | None:
        """Carry out a request; return what is said of it, and leave all else to messages.

        Raises
        ------
        Refused
            It names no service or no model.
        FedrayError
            It cannot be started.
        """
        if request.service_name not in SERVICES:
            known = ", ".join(SERVICES)
            raise Refused(Code.NO_SERVICE, f"service name:{request.service_name[:48]} (there is {known})")
        if request.verb == "stop":
            self._stop(request)
            return None
        return self._start(request)

    def _start(self, request: Framework) -> str | None:
        if request.params is None:
            raise Refused(Code.START_FAILED, "service_params: expected an object")
        key = JobKey(API, request.user, request.service_uuid)
        wanted = self._wanted(request, key)
        about = {"service_name": request.service_name, "app": request.app, "token": request.token}
        try:
            job = self._service.jobs.claim(key, request.step, about)
        except Conflict:
            self._tell(request, Code.ALREADY_RUNNING, container(request.step, key))
            return f"{request.op}: it runs already"
        return f"{request.op} task: {self._begin(job, wanted)}"

    def _wanted(self, request: Framework, key: JobKey) -> Scoring:
        params: Mapping[str, Any] = request.params or {}
        if request.step == "train":
            return Scoring(training_document(params, self._resolve))
        model = self._model(key)
        if model is None:
            raise Refused(
                Code.NO_MODEL,
                f"the model of {key.owner}, {key.project} is not found: no train.start of theirs that trains a model "
                "has finished",
            )
        return wanted_scoring(request.step, params, model, self._service.document(model), self._resolve)

    def _model(self, key: JobKey) -> str | None:
        """Return the newest model that was trained under a key and has not been deleted."""
        for job in self._service.jobs.of(key):
            if job.op == "train" and job.status is Status.FINISHED and job.task is not None:
                with contextlib.suppress(NotFound):  # an alignment, say
                    if self._service.models.get(job.task).predicts:
                        return job.task
        return None

    def _begin(self, job: Job, wanted: Scoring) -> str:
        """Create and start the task of a job, and return what is said of it; when that fails, neither is left."""
        task = None
        try:
            task = self._create(job, wanted.document)
            if wanted.ids:
                self._pending.add(task, wanted.ids)
            self._service.jobs.name(job, task)
            waits_for = self._service.start(task).waits_for
        except FedrayError:
            self._service.jobs.release(job)
            if task is not None:
                self._pending.done(task)
                with contextlib.suppress(FedrayError):
                    self._service.cancel(task)
            raise
        return f"{task}, which waits for the approval of {', '.join(waits_for)}" if waits_for else task

    def _create(self, job: Job, document: Mapping[str, Any]) -> str:
        name = f"{job.key.owner}.{job.key.project}" + (f".{job.run}" if job.run > 1 else "")
        try:
            return self._service.create({**document, "task_name": name}).task_name
        except Conflict:  # a task that is no job has it
            return self._service.create({**document, "task_name": f"{name}.{secrets.token_hex(4)}"}).task_name

    def _stop(self, request: Framework) -> None:
        key, now = JobKey(API, request.user, request.service_uuid), time.time()
        jobs = [job for job in self._service.jobs.of(key) if job.op == request.step and job.at_work(now)]
        try:
            for job in jobs:
                if job.task is None:
                    raise PlacementError("it is just being started; try again")
                self._service.cancel(job.task)  # what came of it is told by the event of that
        except StateError:
            jobs = []  # it ended meanwhile
        except FedrayError as error:
            self._tell(request, Code.STOP_FAILED, error.message, error)
            return
        if not jobs:
            self._tell(request, Code.NOT_RUNNING, container(request.step, key))

    def stop_actor(self, actor: str) -> str:
        """Stop the job whose task has the actor with this id, its first 12 digits or all; return what is said of it.

        Raises
        ------
        Refused
            There is none.
        """
        running = self._service.usage().actors if len(actor) >= 12 else ()
        tasks = {one.task for one in running if one.id.startswith(actor.casefold())}
        jobs = self._service.jobs.of_tasks(API, sorted(tasks))
        try:
            for task in jobs:
                self._service.cancel(task)
        except StateError:
            jobs = {}
        if not jobs:
            raise Refused(Code.NOT_FOUND, f"container id {actor} is not found")
        return f"container id {actor} stop success"

    def _tell(self, request: Framework, code: Code, message: str, error: FedrayError | None = None) -> None:
        detail = None if error is None else Detail(type(error).__name__, error.message)
        body = self._dialect.reply(code, message, detail)
        subject = Subject(request.user, request.service_uuid, request.service_name, request.app, request.token)
        self._service.messages.put(*self._telling.messages("error", request.op, body, time.time(), subject))

    def _resolve(self, field: str, party: str) -> Place:
        return party_place(self._service, field, party)
