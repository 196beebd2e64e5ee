"""``/v1/data`` and ``/v1/table``: uploads, downloads, tables."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from fedray.errors import FedrayError
from serve_api.doors.guard import Visiting
from serve_api.fate_flow.answering import answered
from serve_api.fate_flow.book import Job
from serve_api.fate_flow.data import UploadConf, conf_of_query, schema_of
from serve_api.fate_flow.desk import FateDesk, TheDesk
from serve_api.fate_flow.envelope import object_of, reply, required, retcode_of, text_of, whole_of
from serve_api.fate_flow.faults import NOT_FOUND, REFUSED, FateError
from serve_api.fate_flow.jobs import submitted
from serve_api.fate_flow.loading import Source
from serve_api.fate_flow.multipart import file_part, receive
from serve_api.fate_flow.openapi import OBJECT, Reply
from serve_api.service import Body

__all__ = ["STREAMED", "router"]

router = APIRouter(prefix="/v1", tags=["FATE-Flow"])

STREAMED = "/v1/data/upload"
"""The route whose body may be large: it goes to the disk as it comes."""

_MOST_CONF = 1 << 20


@router.post("/data/upload", response_model=Reply)
async def upload(request: Request, desk: TheDesk, visit: Visiting) -> Response:
    """Make a table of an uploaded file, or of one on the server, as a job of role local."""
    try:
        if request.headers.get("content-type", "").casefold().startswith("multipart/"):
            job = await _upload_form(request, desk)
        else:
            body = b"".join([chunk async for chunk in _bounded(request)])
            conf = UploadConf.of({**conf_of_query(request.url.query), **object_of(body)})
            job = await run_in_threadpool(desk.data.upload_here, conf)
    except FateError as error:
        visit.problem = "FateError"
        return reply(error.retcode, error.retmsg)
    except FedrayError as error:
        visit.problem = type(error).__name__
        return reply(retcode_of(error), str(error))
    visit.about(job.id)
    return _begun(job, desk, namespace=_parameter(job, "namespace"), table_name=_parameter(job, "name"))


async def _upload_form(request: Request, desk: FateDesk) -> Job:
    conf = UploadConf.of(conf_of_query(request.url.query))
    folder = await run_in_threadpool(desk.incoming)
    try:
        path = await receive(request.stream(), folder, desk.settings.most_bytes)
    except BaseException:
        shutil.rmtree(folder)
        raise
    return await run_in_threadpool(_upload_part, request.headers["content-type"], desk, conf, path)


def _upload_part(content_type: str, desk: FateDesk, conf: UploadConf, path: Path) -> Job:
    """Begin the job of a received form; its folder, which is this request's alone, goes when the job has ended."""
    try:
        part = file_part(path, content_type)
    except BaseException:
        shutil.rmtree(path.parent)
        raise
    source = Source(path, conf.head, conf.delimiter, part.start, part.end)
    return desk.data.upload(conf, source, lambda: shutil.rmtree(path.parent))


async def _bounded(request: Request) -> Any:
    """Yield the chunks of a body that is no form, as far as it is a configuration."""
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > _MOST_CONF:
            raise FateError(REFUSED, f"the body: expected at most {_MOST_CONF} bytes where it is no form")
        yield chunk


@router.post("/data/download", response_model=Reply, openapi_extra=OBJECT)
def download(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Write a table to the server's disk, as a job of role local."""
    return answered(body, visit, lambda fields: _begun(desk.data.download(fields), desk))


@router.post("/data/upload/history", response_model=Reply, openapi_extra=OBJECT)
def history(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer what was uploaded, the newest first."""

    def run(fields: dict[str, Any]) -> Response:
        limit = whole_of(fields, "limit", 0, -1, 1_000_000)
        job_id = fields.get("job_id")
        return reply(data=desk.data.history(None if job_id is None else str(job_id), limit if limit > 0 else None))

    return answered(body, visit, run)


@router.post("/table/table_info", response_model=Reply, openapi_extra=OBJECT)
def table_info(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer how many rows a table has, and its columns; of one that is not there, none."""

    def run(fields: dict[str, Any]) -> Response:
        namespace, name = _named(fields)
        entry = desk.tables.find(namespace, name)
        told: dict[str, Any] = {"table_name": name, "namespace": namespace, "exist": int(entry is not None)}
        if entry is None:
            return reply(data={**told, "count": 0, "partition": None, "schema": {}})
        return reply(data={**told, "count": entry.rows, "partition": entry.partition, "schema": schema_of(entry)})

    return answered(body, visit, run)


@router.post("/table/delete", response_model=Reply, openapi_extra=OBJECT)
def delete_table(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Delete a table by its name, or the output tables of a job's components."""

    def run(fields: dict[str, Any]) -> Response:
        if fields.get("table_name") is not None and fields.get("namespace") is not None:
            namespace, name = _named(fields)
            if desk.tables.remove(namespace, name) is None:
                raise FateError(NOT_FOUND, "no find table")
            return reply(data={"table_name": name, "namespace": namespace})
        job_id = text_of(fields, "job_id") if fields.get("job_id") is not None else ""
        component = fields.get("component_name")
        try:
            gone = desk.work().clean(job_id, None if component is None else str(component))
        except FateError:
            raise FateError(NOT_FOUND, "no find table") from None
        return reply(data=[{"table_name": one, "namespace": f"output_data_{job_id}"} for one in gone])

    return answered(body, visit, run)


def _named(fields: dict[str, Any]) -> tuple[str, str]:
    """Return namespace and name of the table that a request is about."""
    if fields.get("gen_table_info"):
        role, local = fields.get("role"), fields.get("local")
        if isinstance(role, dict) and isinstance(local, dict):
            ids = "_".join(f"{one}-{'-'.join(map(str, role[one]))}" for one in sorted(role))
            kind = str(fields.get("data_type", ""))
            namespace = f"{local.get('role')}#{local.get('party_id')}#{kind}#{ids}"
            return namespace, str(fields.get("table_name", kind))
    required(fields, "namespace", "table_name")
    return text_of(fields, "namespace"), text_of(fields, "table_name")


def _parameter(job: Job, name: str) -> str:
    role, _ = job.initiator
    (values,) = job.conf["role_parameters"][role].values()
    return str(values[name][0])


def _begun(job: Job, desk: FateDesk, **more: object) -> Response:
    return reply(jobId=job.id, data={**submitted(job, desk.settings.address), **more})
