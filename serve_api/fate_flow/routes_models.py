"""``/v1/model``: models deployed, loaded, bound, told of, exported, imported."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from serve_api.doors.guard import Visiting
from serve_api.fate_flow import exporting
from serve_api.fate_flow.answering import answered
from serve_api.fate_flow.archives import attachment, part_of
from serve_api.fate_flow.desk import FateDesk, TheDesk
from serve_api.fate_flow.envelope import reply, required, text_of
from serve_api.fate_flow.faults import NOT_FOUND, REFUSED, FateError
from serve_api.fate_flow.job import PartyId
from serve_api.fate_flow.jobs import names_of, object_in, submitted
from serve_api.fate_flow.keeping import Keeping
from serve_api.fate_flow.models import Model
from serve_api.fate_flow.multipart import cut, receive
from serve_api.fate_flow.openapi import OBJECT, Reply
from serve_api.fate_flow.telling import detail, predict_conf, query_rows
from serve_api.service import Body

__all__ = ["STREAMED", "router"]

router = APIRouter(prefix="/v1/model", tags=["FATE-Flow"])

STREAMED = "/v1/model/import"
"""The route whose body may be large: it goes to the disk as it comes."""

Fields = dict[str, Any]
_MOST_FIELD = 64 << 10
_MOST_MODEL = 32 << 20


@router.post("/load", response_model=Reply, openapi_extra=OBJECT)
def load(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """See that a model can be used for predictions on this server, and note that it was loaded."""

    def run(fields: Fields) -> Response:
        model, why = _to_load(desk, fields)
        if model is None:
            roles = fields.get("role")
            told = detail(roles if isinstance(roles, dict) else {}, REFUSED, why)
            return reply(NOT_FOUND, "failed", jobId=desk.ids.next(), data=told)
        desk.models.loaded(model)
        return reply(jobId=desk.ids.next(), data=detail(desk.models.trained(model).roles, 0, "success"))

    return answered(body, visit, run)


@router.post("/bind", response_model=Reply, openapi_extra=OBJECT)
def bind(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Note that a model is the one of a service."""

    def run(fields: Fields) -> Response:
        if not fields.get("service_id"):
            raise FateError(NOT_FOUND, "no service id")
        service = text_of(fields, "service_id")
        model, why = _to_load(desk, fields)
        if model is None:
            raise FateError(REFUSED, why)
        desk.models.bound(model, service)
        return reply(retmsg=f"service id is {service}")

    return answered(body, visit, run)


@router.post("/transfer", response_model=Reply, openapi_extra=OBJECT)
def transfer(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer what a party has of a model: by component and buffer, JSON in base64."""

    def run(fields: Fields) -> Response:
        required(fields, "name", "namespace")
        version = text_of(fields, "name")
        role, _, rest = text_of(fields, "namespace").partition("#")
        party_id, _, model_id = rest.partition("#")
        found = _buffers(desk, desk.models.get(model_id, version), PartyId(role, party_id))
        return reply(data=exporting.transferred(found))

    return answered(body, visit, run)


@router.post("/store", response_model=Reply, openapi_extra=OBJECT)
def store(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Keep a party's exported model in the server's state folder, as a job of role local."""

    def run(fields: Fields) -> Response:
        model, party = _named(desk, fields)
        content = exporting.packed(model, desk.models.trained(model), party, _buffers(desk, model, party))
        job = Keeping(desk).store(model, party, content, force=bool(fields.get("force_update")))
        return reply(jobId=job.id, data=submitted(job, desk.settings.address))

    return answered(body, visit, run)


@router.post("/restore", response_model=Reply, openapi_extra=OBJECT)
def restore(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Take a party's model from the server's state folder again, as a job of role local."""

    def run(fields: Fields) -> Response:
        required(fields, "role", "party_id", "model_id", "model_version")
        party = PartyId(text_of(fields, "role"), text_of(fields, "party_id"))
        job = Keeping(desk).restore(text_of(fields, "model_id"), text_of(fields, "model_version"), party)
        return reply(jobId=job.id, data=submitted(job, desk.settings.address))

    return answered(body, visit, run)


@router.get("/export", response_model=Reply)
def export(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer what a party has of a model, as a zip; shares stay with their parties."""

    def run(fields: Fields) -> Response:
        model, party = _named(desk, fields)
        content = exporting.packed(model, desk.models.trained(model), party, _buffers(desk, model, party))
        return attachment(content, "application/zip", exporting.archive_name(model, party))

    return answered(body, visit, run, stream=True)


@router.post("/import", response_model=Reply)
async def import_model(request: Request, desk: TheDesk, visit: Visiting) -> Response:
    """Take a model that this server has exported, where it has forgotten that version."""
    folder = await run_in_threadpool(desk.incoming)
    try:
        path = await receive(request.stream(), folder, min(_MOST_MODEL, desk.settings.most_bytes))
        return await run_in_threadpool(_import, request.headers.get("content-type", ""), desk, path)
    except FateError as error:
        visit.problem = "FateError"
        return reply(error.retcode, error.retmsg)
    finally:
        await run_in_threadpool(shutil.rmtree, folder)


def _import(content_type: str, desk: FateDesk, path: Path) -> Response:
    fields: Fields = {}
    file_part = None
    for part in cut(path, content_type):
        if part.filename is not None:
            file_part = part
        elif part.end - part.start <= _MOST_FIELD:
            with path.open("rb") as file:
                file.seek(part.start)
                fields[part.name] = file.read(part.end - part.start).decode("utf-8", "replace")
    required(fields, "role", "party_id", "model_id", "model_version")
    party = PartyId(fields["role"], fields["party_id"])
    if file_part is None:
        raise FateError(REFUSED, "the body: expected a part with the file")
    Keeping(desk).take(
        exporting.unpacked(part_of(path, file_part.start, file_part.end, exporting.MOST_BYTES), party),
        fields["model_id"],
        fields["model_version"],
        party,
    )
    return reply()


@router.post("/deploy", response_model=Reply, openapi_extra=OBJECT)
def deploy(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Make a version of a model that predictions may use."""

    def run(fields: Fields) -> Response:
        required(fields, "model_id", "model_version")
        model = desk.models.get(text_of(fields, "model_id"), text_of(fields, "model_version"))
        given = fields.get("predict_dsl", fields.get("dsl"))
        dsl = None if given is None else object_in("predict_dsl", given)
        names = None if fields.get("cpn_list") is None else names_of("cpn_list", fields["cpn_list"])
        deployed = desk.models.deploy(model, desk.ids.next(), names, dsl)
        told = detail(desk.models.trained(model).roles, 0, "success")
        ids = {"model_id": deployed.model_id, "model_version": deployed.version}
        return reply(data={**told, **ids}, jobId=deployed.version)

    return answered(body, visit, run)


@router.post("/get/predict/dsl", response_model=Reply, openapi_extra=OBJECT)
def get_predict_dsl(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer the DSL of predictions with a model; with `filename` as a file."""

    def run(fields: Fields) -> Response:
        model = _deployed(desk, fields)
        return _json_or_file(dict(model.predict_dsl or {}), fields)

    return answered(body, visit, run)


@router.post("/get/predict/conf", response_model=Reply, openapi_extra=OBJECT)
def get_predict_conf(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer a configuration for predictions with a model, its tables to be filled in; with `filename` as a file."""

    def run(fields: Fields) -> Response:
        model = _deployed(desk, fields)
        return _json_or_file(predict_conf(model, desk.models.trained(model)), fields)

    return answered(body, visit, run)


@router.post("/query", response_model=Reply, openapi_extra=OBJECT)
def query(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer the versions of models, one row for each party."""

    def run(fields: Fields) -> Response:
        found = query_rows(desk, fields)
        if not found:
            raise FateError(REFUSED, "Query model info failed, can not find model. Check the parameters and try again.")
        return reply(retmsg="Query model info successfully.", data=found)

    return answered(body, visit, run)


@router.post("/migrate", response_model=Reply, openapi_extra=OBJECT)
def migrate(desk: TheDesk, body: Body, visit: Visiting) -> Response:  # noqa: ARG001  the right to it is asked as for all
    """Refuse: parties of a model cannot be given other ids, since their shares are of these parties."""

    def run(_: Fields) -> Response:
        raise FateError(REFUSED, "not supported: the parts of a model belong to the parties that trained it")

    return answered(body, visit, run)


@router.post("/model_tag/create", response_model=Reply, openapi_extra=OBJECT)
def tag(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Give a model a tag."""
    return answered(body, visit, lambda fields: _tagged(desk, fields, add=True))


@router.post("/model_tag/remove", response_model=Reply, openapi_extra=OBJECT)
def untag(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Take a tag from a model."""
    return answered(body, visit, lambda fields: _tagged(desk, fields, add=False))


@router.post("/model_tag/retrieve", response_model=Reply, openapi_extra=OBJECT)
def tags(desk: TheDesk, body: Body, visit: Visiting) -> Response:
    """Answer the tags of a model."""

    def run(fields: Fields) -> Response:
        found = _of_job(desk, fields).tags
        return reply(data={"tags": [{"name": one, "description": ""} for one in found], "count": len(found)})

    return answered(body, visit, run)


def _tagged(desk: FateDesk, fields: Fields, *, add: bool) -> Response:
    name = text_of(fields, "tag_name", 100)
    model = _of_job(desk, fields)
    if not add and name not in model.tags:
        raise FateError(REFUSED, "the model has no tag of this name")
    desk.models.tagged(model, name, add=add)
    return reply(retmsg="Adding tag to model successfully." if add else "Removing tag from model successfully.")


def _of_job(desk: FateDesk, fields: Fields) -> Model:
    job = desk.book.get(text_of(fields, "job_id"))
    if job is None or job.op != "train":
        raise FateError(REFUSED, "Can not found model by job id.")
    return desk.models.get(job.model_id, job.id)


def _to_load(desk: FateDesk, fields: Fields) -> tuple[Model | None, str]:
    """Return the model that a request to load or bind names, or why there is none."""
    try:
        if fields.get("job_id") is not None and not fields.get("job_parameters"):
            return _of_job(desk, fields), ""
        required(fields, "initiator", "role", "job_parameters")
        parameters = object_in("job_parameters", fields["job_parameters"])
        parameters = object_in("common", parameters.get("common", parameters))
        return desk.models.get(text_of(parameters, "model_id"), text_of(parameters, "model_version")), ""
    except FateError as error:
        if error.retmsg.startswith("the following arguments"):
            raise
        return None, error.retmsg


def _deployed(desk: FateDesk, fields: Fields) -> Model:
    required(fields, "model_id", "model_version")
    return desk.models.to_predict_with(text_of(fields, "model_id"), text_of(fields, "model_version"))


def _named(desk: FateDesk, fields: Fields) -> tuple[Model, PartyId]:
    """Return the model that a request names, and the party whose part it is about."""
    required(fields, "role", "party_id", "model_id", "model_version")
    model = desk.models.get(text_of(fields, "model_id"), text_of(fields, "model_version"))
    return model, PartyId(text_of(fields, "role"), text_of(fields, "party_id"))


def _buffers(desk: FateDesk, model: Model, party: PartyId) -> dict[tuple[str, str, str], bytes]:
    job = desk.models.trained(model)
    if (party.role, party.party_id) not in job.parties:
        raise FateError(REFUSED, f"{party} has no part in this model")
    return exporting.buffers(desk.tracking(), job, party)


def _json_or_file(value: Fields, fields: Fields) -> Response:
    if not isinstance(fields.get("filename"), str):
        return reply(data=value)
    return attachment(json.dumps(value, indent=4).encode(), "application/json", text_of(fields, "filename"))
