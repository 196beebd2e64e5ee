"""Jobs submitted, stopped, noted, cleaned."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fedray.errors import FedrayError, NotFound, SpecError, StateError
from fedray.task.service import TaskService
from fedray.task.text import load_json
from serve_api.fate_flow.book import Book, Job, Part
from serve_api.fate_flow.chores import ENDS, Chores
from serve_api.fate_flow.compiled import CompiledJob
from serve_api.fate_flow.compiling import compile_job
from serve_api.fate_flow.conf import read_conf
from serve_api.fate_flow.dsl import read_job
from serve_api.fate_flow.faults import NOT_FOUND, REFUSED, FateError
from serve_api.fate_flow.models import Models
from serve_api.fate_flow.numbers import JobIds, model_id
from serve_api.fate_flow.places import PartyPlaces
from serve_api.fate_flow.predicting import predict_dsl
from serve_api.fate_flow.states import Pipelines, States
from serve_api.fate_flow.tables import TableBook
from serve_api.fate_flow.time_limits import TimeLimits

__all__ = ["Work", "generated_dsl", "names_of", "object_in", "submitted"]

Json = Mapping[str, Any]


class Work:
    """What changes jobs, for one request.

    Parameters
    ----------
    service, pipelines
        Run them.
    book, tables, models, chores, limits
        Of the API.
    ids
        Makes ids of jobs.
    now
        Gives Unix milliseconds.
    """

    def __init__(
        self,
        service: TaskService,
        pipelines: Pipelines,
        book: Book,
        tables: TableBook,
        models: Models,
        chores: Chores,
        limits: TimeLimits,
        ids: JobIds,
        now: Callable[[], int],
    ) -> None:
        self._service, self._pipelines, self._book, self._tables = service, pipelines, book, tables
        self._models, self._chores, self._limits, self._ids, self._now = models, chores, limits, ids, now
        self._states = States(pipelines, now)

    def submit(self, dsl: Json, conf: Json) -> Job:
        """Submit a job; it begins by itself.

        Raises
        ------
        FateError
            It is none, or its model cannot be used.
        FedrayError
            Its tasks are refused; there is no job then.
        """
        head, trained = read_conf(conf), None
        if head.job_type == "predict":
            model = self._models.to_predict_with(head.model_id, head.model_version)
            dsl = dsl or model.predict_dsl or {}
            trained = self._models.trained(model)
        job = read_job(dsl, conf)
        job_id = self._ids.next()
        before = None if trained is None else CompiledJob.from_json(trained.compiled or {})
        compiled = compile_job(job, job_id, self._tables, before, PartyPlaces(self._service))
        kept = self._row(compiled, trained)
        self._book.add(kept)  # first: a server that ends in between leaves a job that failed, no pipeline of nobody's
        self._limits.watch(kept)
        if compiled.pipeline is not None:
            try:
                self._pipelines.create(compiled.pipeline)
            except FedrayError:
                self._book.remove(kept.id)
                raise
            self._cancel_if_stopped(kept.id)
        return kept

    def _row(self, compiled: CompiledJob, trained: Job | None) -> Job:
        job, now = compiled.job, self._now()
        train = trained is None
        model = model_id(job.roles) if train else job.model_id
        version = compiled.job_id if train else job.model_version
        parts = tuple(
            Part(
                one.component.name,
                one.component.module,
                tuple((party.role, party.party_id) for party in one.component.parties),
                one.steps,
                one.needs,
            )
            for one in compiled.components
        )
        return Job(
            id=compiled.job_id,
            op="train" if train else "predict",
            initiator=(job.initiator.role, job.initiator.party_id),
            roles=job.roles,
            dsl=job.dsl,
            conf=_with_model(job.conf, model, version),
            model_id=model,
            model_version=version,
            created_ms=now,
            updated_ms=now,
            train_conf={} if trained is None else trained.conf,
            compiled=compiled.to_json(),
            parts=parts,
            pipeline=None if compiled.pipeline is None else compiled.pipeline["name"],
        )

    def stop(self, job_id: str) -> str:
        """Stop a job, and return what is said of it.

        Raises
        ------
        FateError
            There is none.
        """
        job = self._book.get(job_id)
        if job is None:
            raise FateError(REFUSED, f"can not found job: {job_id}")
        state = self._states.of(job)
        if state.status in ENDS:
            return "kill job success"
        if job.chore is not None:
            self._chores.stop(job_id)
        elif job.pipeline is not None:
            with contextlib.suppress(StateError, NotFound):  # it ended meanwhile, or is not there yet
                self._book.change(job_id, stopped=True)  # first: whoever is making the pipeline looks at it afterwards
                self._pipelines.cancel(job.pipeline)
        return "cancel job success" if state.status == "waiting" else "kill job success"

    def _cancel_if_stopped(self, job_id: str) -> None:
        """Cancel a pipeline that was made after its job was stopped."""
        job = self._book.get(job_id)
        if job is not None and job.stopped and job.pipeline is not None:
            with contextlib.suppress(StateError):  # whoever stopped it found the pipeline
                self._pipelines.cancel(job.pipeline)

    def stop_waiting(self) -> list[str]:
        """Stop the jobs that wait, and return their ids."""
        jobs = self._book.all()
        waiting = [job.id for job, state in zip(jobs, self._states.all(jobs), strict=True) if state.status == "waiting"]
        for job_id in waiting:
            self.stop(job_id)
        return waiting

    def note(self, job_id: str, role: str, party_id: str, notes: str) -> None:
        """Keep a note of a party on a job.

        Raises
        ------
        FateError
            There is no such job, or no such party of it.
        """
        job = self._book.get(job_id)
        if job is None or (role, party_id) not in job.parties:
            raise FateError(NOT_FOUND, "find job failed")
        key = f"{role}#{party_id}"
        self._book.update(job_id, lambda one: replace(one, notes={**one.notes, key: notes}))

    def clean(self, job_id: str, component: str | None) -> list[str]:
        """Let the metrics and output tables of a job's components be gone, and return which.

        The tasks of the core, their reports and models, stay.

        Raises
        ------
        FateError
            There are none.
        """
        job = self._book.get(job_id)
        names = [] if job is None else [one for one in job.dsl["components"] if component in (None, one)]
        if not names:
            raise FateError(REFUSED, "no found task")
        self._book.update(job_id, lambda one: replace(one, cleaned=tuple({*one.cleaned, *names})))
        return names


def submitted(job: Job, address: str) -> dict[str, Any]:
    """Return what is said of a job that was submitted; paths are names only, this server keeps no such files."""
    role, party_id = job.initiator
    board = f"http://{address}/index.html#/dashboard?job_id={job.id}&role={role}&party_id={party_id}"
    folder = f"jobs/{job.id}"
    return {
        "job_id": job.id,
        "board_url": board,
        "job_dsl_path": f"{folder}/job_dsl.json",
        "job_runtime_conf_path": f"{folder}/job_runtime_conf.json",
        "job_runtime_conf_on_party_path": f"{folder}/{role}/job_runtime_on_party_conf.json",
        "pipeline_dsl_path": f"{folder}/pipeline_dsl.json",
        "train_runtime_conf_path": f"{folder}/train_runtime_conf.json",
        "logs_directory": f"logs/{job.id}",
        "model_info": {"model_id": job.model_id, "model_version": job.model_version},
    }


def generated_dsl(dsl: Json, components: Sequence[str] | None) -> Json:
    """Return the DSL of a prediction from that of a training of DSL 2, whatever its parties; raises ``FateError``."""
    conf = {
        "dsl_version": 2,
        "initiator": {"role": "guest", "party_id": 0},
        "role": {"guest": [0], "host": [1], "arbiter": [2]},
        "job_parameters": {"common": {"job_type": "train"}},
    }
    return predict_dsl(read_job(dsl, conf), components)


def object_in(field: str, value: object) -> dict[str, Any]:
    """Return an object that may come as text.

    Raises
    ------
    FateError
        It is none.
    """
    try:
        found = load_json(value) if isinstance(value, str) else value
    except SpecError as error:
        raise FateError(REFUSED, f"{field}: {error.message}") from None
    if not isinstance(found, dict):
        raise FateError(REFUSED, f"{field}: expected an object, or its JSON")
    return found


def names_of(field: str, value: object) -> list[str] | None:
    """Return the names of a list that may come as text, None for an empty one; raises ``FateError``."""
    listed = value.strip(" []\n").split(",") if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise FateError(REFUSED, f"{field}: expected names of components")
    return [one.strip() for one in listed if one.strip()] or None


def _with_model(conf: Json, model: str, version: str) -> dict[str, Any]:
    parameters = conf["job_parameters"]
    told = {"model_id": model, "model_version": version}
    if isinstance(parameters.get("common"), dict):
        return {**conf, "job_parameters": {**parameters, "common": {**parameters["common"], **told}}}
    return {**conf, "job_parameters": {**parameters, **told}}
