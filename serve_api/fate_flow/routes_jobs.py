"""``/v1/job`` and ``/v1/pipeline``: jobs submitted, stopped, queried, told of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import Response

from serve_api.doors.guard import Visiting
from serve_api.fate_flow.answering import answered
from serve_api.fate_flow.archives import attachment, tarred
from serve_api.fate_flow.book import Job
from serve_api.fate_flow.compiled import CompiledJob
from serve_api.fate_flow.desk import FateDesk, TheDesk
from serve_api.fate_flow.dsl import dependencies, read_job
from serve_api.fate_flow.envelope import reply, required, text_of, whole_of
from serve_api.fate_flow.faults import NOT_FOUND, REFUSED, FateError
from serve_api.fate_flow.job import FateJob
from serve_api.fate_flow.jobs import generated_dsl, names_of, object_in, submitted
from serve_api.fate_flow.logs import log_members
from serve_api.fate_flow.openapi import OBJECT, Reply
from serve_api.fate_flow.rows import (
    JOB_FILTERS,
    TASK_FILTERS,
    VIEW_FILTERS,
    Row,
    fits,
    job_rows,
    task_rows,
    usable,
    view_rows,
)
from serve_api.fate_flow.views import tables_read
from serve_api.service import Body

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["FATE-Flow"])

Fields = dict[str, Any]

_NEWEST: Final = 1000
"""Jobs that are looked at where a request names none."""


@router.post("/job/submit", response_model=Reply, openapi_extra=OBJECT)
def submit(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Submit a job: a DSL and its configuration."""

    def run(fields: Fields) -> Response:
        required(fields, "job_runtime_conf")
        job = desk.work().submit(fields.get("job_dsl") or {}, fields["job_runtime_conf"])
        visit.about(job.id)
        return reply(jobId=job.id, data=submitted(job, desk.settings.address))

    return answered(body, visit, run)


@router.post("/job/stop", response_model=Reply, openapi_extra=OBJECT)
def stop(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Stop a job; one that has ended stays as it is."""

    def run(fields: Fields) -> Response:
        job_id = text_of(fields, "job_id")
        return reply(retmsg=desk.work().stop(job_id), jobId=job_id)

    return answered(body, visit, run)


@router.post("/job/query", response_model=Reply, openapi_extra=OBJECT)
def query(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer the rows of jobs, one for each party, the newest first."""

    def run(fields: Fields) -> Response:
        filters = usable(fields, JOB_FILTERS)
        found = [] if not filters else _job_rows(desk, filters)
        if not found:
            raise FateError(NOT_FOUND, "find job failed")
        return reply(data=found)

    return answered(body, visit, run)


@router.post("/job/list/job", response_model=Reply, openapi_extra=OBJECT)
def list_jobs(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer the newest jobs, as their initiators see them."""

    def run(fields: Fields) -> Response:
        limit = whole_of(fields, "limit", 20, -1, 100_000)
        jobs = desk.book.all(limit if limit > 0 else None)
        stands = zip(jobs, desk.states.all(jobs), strict=True)
        rows = [_first(job_rows(job, state, desk.settings.address), job) for job, state in stands]
        return reply(data={"jobs": rows, "count": len(rows)})

    return answered(body, visit, run)


@router.post("/job/update", response_model=Reply, openapi_extra=OBJECT)
def update(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Keep a note of a party on a job."""

    def run(fields: Fields) -> Response:
        for name in ("job_id", "role", "party_id", "notes"):
            if name not in fields:
                raise FateError(REFUSED, f"'{name}'")
        notes = fields["notes"]
        if not isinstance(notes, str) or len(notes) > 4096:
            raise FateError(REFUSED, "notes: expected a text of at most 4096 characters")
        desk.work().note(text_of(fields, "job_id"), text_of(fields, "role"), text_of(fields, "party_id"), notes)
        return reply()

    return answered(body, visit, run)


@router.post("/job/config", response_model=Reply, openapi_extra=OBJECT)
def config(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer DSL and configuration of a job."""

    def run(fields: Fields) -> Response:
        rows = _job_rows(desk, usable(fields, JOB_FILTERS))
        job = desk.book.get(rows[0]["f_job_id"]) if rows else None
        if job is None:
            raise FateError(NOT_FOUND, "find job failed")
        told = {
            "job_id": job.id,
            "dsl": job.dsl,
            "runtime_conf": job.conf,
            "train_runtime_conf": job.train_conf,
            "model_info": {"model_id": job.model_id, "model_version": job.model_version},
        }
        return reply(data=told)

    return answered(body, visit, run)


@router.get("/job/log", response_model=Reply)
def log(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer the logs of a job as a tar.gz; they hold no value of any table."""

    def run(fields: Fields) -> Response:
        job_id = text_of(fields, "job_id")
        job = desk.book.get(job_id)
        if job is None:
            raise FateError(NOT_FOUND, f"can not found job: {job_id}")
        members = log_members(desk.service, job, desk.states.of(job), desk.tracking().said(job))
        return tarred(members, f"job_{job_id}_log.tar.gz")

    return answered(body, visit, run, stream=True)


@router.post("/job/task/query", response_model=Reply, openapi_extra=OBJECT)
def query_tasks(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer the rows of jobs' tasks that have begun, one for each component and party."""

    def run(fields: Fields) -> Response:
        filters = usable(fields, TASK_FILTERS)
        found = [row for row in _task_rows(desk, _jobs(desk, filters)) if fits(row, filters)]
        if not found:
            raise FateError(NOT_FOUND, "find task failed")
        return reply(data=found)

    return answered(body, visit, run)


@router.post("/job/list/task", response_model=Reply, openapi_extra=OBJECT)
def list_tasks(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer the tasks of the newest jobs."""

    def run(fields: Fields) -> Response:
        limit = whole_of(fields, "limit", 20, -1, 100_000)
        jobs = desk.book.all(limit if limit > 0 else None)
        rows = _task_rows(desk, jobs)[: limit if limit > 0 else None]
        return reply(data={"tasks": rows, "count": len(rows)})

    return answered(body, visit, run)


@router.post("/job/data/view/query", response_model=Reply, openapi_extra=OBJECT)
def query_views(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer which tables the components of jobs have read."""

    def run(fields: Fields) -> Response:
        filters = usable(fields, VIEW_FILTERS)
        jobs = _jobs(desk, filters) if filters else []
        rows = [row for job in jobs for row in view_rows(job, desk.states.of(job), tables_read(job, desk.tables))]
        found = [row for row in rows if fits(row, filters)]
        if not found:
            raise FateError(NOT_FOUND, "find data view failed")
        return reply(data=found)

    return answered(body, visit, run)


@router.post("/job/clean", response_model=Reply, openapi_extra=OBJECT)
def clean(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Let metrics and output tables of a job be gone; one that runs is stopped."""

    def run(fields: Fields) -> Response:
        job_id, component = text_of(fields, "job_id"), fields.get("component_name")
        work = desk.work()
        work.clean(job_id, None if component is None else str(component))
        work.stop(job_id)
        return reply()

    return answered(body, visit, run)


@router.post("/job/clean/queue", response_model=Reply)
def clean_queue(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Stop the jobs that wait."""

    def run(_: Fields) -> Response:
        gone = desk.work().stop_waiting()
        if not gone:
            raise FateError(REFUSED, "There are no jobs in the queue")
        return reply(data=dict.fromkeys(gone, 0))

    return answered(body, visit, run)


@router.post("/job/dsl/generate", response_model=Reply, openapi_extra=OBJECT)
def generate(desk: TheDesk, body: Body, visit: Visiting) -> Response:  # noqa: ARG001  the right to it is asked as for all
    """Make the DSL of a prediction from that of a training and a list of components."""

    def run(fields: Fields) -> Response:
        required(fields, "cpn_str", "train_dsl")
        dsl = generated_dsl(object_in("train_dsl", fields["train_dsl"]), names_of("cpn_str", fields["cpn_str"]))
        name = fields.get("filename")
        if not isinstance(name, str):
            return reply(data=dsl)
        return attachment(json.dumps(dsl, indent=4).encode(), "application/json", text_of(fields, "filename"))

    return answered(body, visit, run)


@router.post("/pipeline/dag/dependency", response_model=Reply, openapi_extra=OBJECT)
def dependency(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer the components of a job in an order in which they may run, and which needs which."""

    def run(fields: Fields) -> Response:
        required(fields, "role", "party_id")
        return reply(data=dependencies(_fate_job(desk, fields)))

    return answered(body, visit, run)


def _fate_job(desk: FateDesk, fields: Fields) -> FateJob:
    """Return the job that a request names, or brings along."""
    if fields.get("job_id") is None:
        required(fields, "job_dsl", "job_runtime_conf")
        return read_job(fields["job_dsl"], fields["job_runtime_conf"])
    job_id = text_of(fields, "job_id")
    job = desk.book.get(job_id)
    if job is None or job.compiled is None:
        raise FateError(REFUSED, f"query job {job_id} failed")
    return CompiledJob.from_json(job.compiled).job


def _jobs(desk: FateDesk, filters: Fields) -> list[Job]:
    """Return the jobs that may fit filters: the one of an id, or the newest."""
    job_id = filters.get("job_id")
    if isinstance(job_id, str | int):
        found = desk.book.get(str(job_id))
        return [] if found is None else [found]
    return desk.book.all(_NEWEST)


def _job_rows(desk: FateDesk, filters: Fields) -> list[Row]:
    jobs = _jobs(desk, filters)
    stands = zip(jobs, desk.states.all(jobs), strict=True)
    rows = (row for job, state in stands for row in job_rows(job, state, desk.settings.address))
    return [row for row in rows if fits(row, filters)]


def _task_rows(desk: FateDesk, jobs: Sequence[Job]) -> list[Row]:
    stands = zip(jobs, desk.states.all(jobs), strict=True)
    return [row for job, state in stands for row in task_rows(job, state, desk.settings.address)]


def _first(rows: list[Row], job: Job) -> Row:
    return next(row for row in rows if (row["f_role"], row["f_party_id"]) == job.initiator)
