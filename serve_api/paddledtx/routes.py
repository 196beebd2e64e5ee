"""``/v1/task``: the gateway. Each route answers HTTP 200 with a code, and its data as Go's JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from fastapi import APIRouter, Request
from fastapi.responses import Response
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

from fedray.errors import FedrayError, SpecError
from fedray.task.text import load_json
from serve_api.paddledtx.desk import PaddleDesk
from serve_api.paddledtx.faults import Code, Fault, fault_of
from serve_api.paddledtx.go_json import as_go, go_text
from serve_api.paddledtx.listing import listing_of
from serve_api.paddledtx.wire.task_pb2 import GetTaskRequest, ListTaskRequest, TaskRequest
from serve_api.replies import Problem, plain_text
from serve_api.service import Body, Service

__all__ = ["PATHS", "answer", "router"]

router = APIRouter(prefix="/v1/task", tags=["PaddleDTX"])

_OBJECT: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
}
_RPC: Final = {"NoRoute": "Unimplemented", "MethodNotAllowed": "Unimplemented", "TooLarge": "ResourceExhausted"}
Wanted = TypeVar("Wanted", bound=Message)


@router.post("/list", openapi_extra=_OBJECT)
def list_tasks(request: Request, body: Body) -> Response:
    """List the tasks of a requester or an executor, newest first; the names of the newer layout."""
    calls = _desk(request).calls
    return _answered(lambda: calls.listed(listing_of(_read(ListTaskRequest, body))))


@router.post("/getbyid", openapi_extra=_OBJECT)
def get_task(request: Request, body: Body) -> Response:
    """Answer a task by its taskID."""
    calls = _desk(request).calls
    return _answered(lambda: calls.get_task(_read(GetTaskRequest, body).SerializeToString()))


@router.post("/predictres/get", openapi_extra=_OBJECT)
def get_result(request: Request, body: Body) -> Response:
    """Answer the rows of a prediction to its requester, who signs the request."""
    calls = _desk(request).calls
    return _answered(lambda: calls.predict_result(_read(TaskRequest, body).SerializeToString()))


@router.post("/publish", openapi_extra=_OBJECT)
def publish(request: Request, service: Service, body: Body) -> Response:
    """Publish a task, signed by its requester; an extension of ours."""
    return _answered(lambda: _desk(request).life(service).publish(_document(body)))


@router.post("/confirm", openapi_extra=_OBJECT)
def confirm(request: Request, service: Service, body: Body) -> Response:
    """Confirm a task, or reject it, signed by an executor; an extension of ours."""
    return _answered(lambda: _desk(request).life(service).confirm(_document(body)))


@router.post("/start", openapi_extra=_OBJECT)
def start(request: Request, service: Service, body: Body) -> Response:
    """Start a task, signed by its requester; an extension of ours."""
    return _answered(lambda: _desk(request).life(service).start(_document(body)))


PATHS: Final = frozenset(str(route.path).casefold() for route in router.routes if hasattr(route, "path"))
"""The paths of this API, casefolded."""


def answer(problem: Problem) -> Response:
    """Return a problem outside of the routes in this API's shape: HTTP 200 with a code."""
    kind = _RPC.get(problem.type, "PermissionDenied" if problem.status in (401, 403, 429) else "Internal")
    text = f"rpc error: code = {kind} desc = {plain_text(problem.sentence())}"
    return _reply(Code.INTERNAL, text, None, dict(problem.headers))


def _desk(request: Request) -> PaddleDesk:
    return cast("PaddleDesk", request.app.state.paddledtx)


def _document(body: bytes) -> dict[str, Any]:
    """Return the object that a body holds."""
    try:
        document = load_json(body)
    except SpecError as error:
        raise _invalid(error.message) from None
    if not isinstance(document, dict):
        raise _invalid("expected an object")
    return document


def _read(kind: type[Wanted], body: bytes) -> Wanted:
    """Return the message that a body holds; unknown names are ignored."""
    try:
        return ParseDict(_document(body), kind(), ignore_unknown_fields=True)
    except (ParseError, ValueError, TypeError, AttributeError):
        raise _invalid(f"the body is no {kind.DESCRIPTOR.name}") from None


def _invalid(why: str) -> Fault:
    return Fault(Code.INTERNAL, f"rpc error: code = InvalidArgument desc = {why}")


def _answered(call: Callable[[], Message]) -> Response:
    try:
        return _reply(Code.SUCCESS, "", as_go(call()))
    except Fault as fault:
        return _reply(fault.code, fault.message, None)
    except FedrayError as error:
        found = fault_of(error)
        return _reply(found.code, found.message, None)


def _reply(code: Code, message: str, data: object, headers: dict[str, str] | None = None) -> Response:
    text = go_text({"code": code.value, "message": plain_text(message), "data": data})
    return Response(text, 200, {"Cache-Control": "no-store", **(headers or {})}, "application/json")
