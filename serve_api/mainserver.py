"""The MainServer API: eight routes that always answer HTTP 200 with ``{"status", "msg"}``.

The words and the order of checks are those of the original system, whose clients must work
unchanged. ``/helloWorld`` alone answers plain text. Parameters that a route does not know are ignored.
"""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qs

from fastapi import APIRouter, Query
from fastapi.responses import PlainTextResponse, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from fedray.errors import NotFound, SpecError
from fedray.task.record import Status
from fedray.task.service import TaskService
from fedray.task.text import show
from fedray.task.views import TaskView
from serve_api.doors.guard import Visiting
from serve_api.replies import Problem, json_reply, plain_text
from serve_api.service import Body, Service
from serve_api.trust import notices

__all__ = ["PATHS", "Envelope", "answer", "router"]

_WORDS: Final = MappingProxyType(
    {
        Status.CREATED: "Created",
        Status.QUEUED: "Running",
        Status.RUNNING: "Running",
        Status.FINISHED: "Finished",
        Status.FAILED: "Failed",
        Status.CANCELLED: "Failed",
    }
)

router = APIRouter(tags=["MainServer"])


class Envelope(BaseModel):
    """What every route of this API answers."""

    status: Literal["ok", "err"] = Field(description="Whether the request was carried out.")
    msg: Any = Field(description="null, a sentence, a word, a number or a list.")


TaskName = Annotated[str | None, Query(description="Name of the task.")]
_DOCUMENT: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "JSON; comments after # and trailing commas are allowed.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["task_name", "clients"],
                    "properties": {
                        "task_name": {"type": "string"},
                        "clients": {"type": "array", "items": {"type": "object"}},
                    },
                }
            }
        },
    }
}


@router.post("/createTask", response_model=Envelope, openapi_extra=_DOCUMENT)
def create_task(service: Service, body: Body, visit: Visiting) -> Response:
    """Create a task; nothing runs yet."""
    view = service.create_text(body)
    visit.about(view.task_name)
    said = notices(view.trust_mode, view.parity, view.public_masks)
    return _ok(" ".join([f"Task with name {view.task_name} created.", *said]))


@router.get("/startTask", response_model=Envelope)
def start_task(service: Service, task_name: TaskName = None) -> Response:
    """Start a created task."""
    return _start(service, task_name)


@router.post("/startTask", response_model=Envelope)
def start_task_by_post(service: Service, body: Body, visit: Visiting, task_name: TaskName = None) -> Response:
    """Start a created task; its name in the query, or in a body of JSON or of a form."""
    name = task_name or _name_in_body(body)
    visit.about(name or "")
    return _start(service, name)


@router.get("/queryStatus", response_model=Envelope)
async def query_status(service: Service, task_name: TaskName = None) -> Response:
    """Answer NotExist, Created, Running, Finished or Failed; a queued task counts as running."""
    name = _required("task_name", task_name)
    found = service.known_status(name)
    try:
        if found is None:  # else no thread: this is what clients ask for most
            found = await run_in_threadpool(service.status, name)
        return _ok(_WORDS[found])
    except NotFound:
        return _ok("NotExist")


@router.get("/queryDataset", response_model=Envelope)
def query_dataset(service: Service, task_name: TaskName = None) -> Response:
    """Answer ``[n_train, n_test]`` of an alignment task."""
    view = _find(service, _required("task_name", task_name))
    if view is None or view.dataset is None:
        return _err("NotExist")
    return _ok(list(view.dataset))


@router.get("/queryTask", response_model=Envelope)
def query_task(
    service: Service,
    task_name: TaskName = None,
    query: Annotated[str | None, Query(description="record, n_batches or status.")] = None,
    client: Annotated[str, Query(description="Place in clients; negative counts from the end.")] = "0",
) -> Response:
    """Answer the record, the number of batches done or the status, as a client of the task knows it."""
    name, asked = _required("task_name", task_name), _required("query", query)
    index = _integer("client", client)
    view = _find(service, name)
    if view is None:
        return _err("Task not exist")
    if not -len(view.members) <= index < len(view.members):
        return _err("Client not exist")
    match asked:
        case "record":
            return _ok(_record(service, name))
        case "n_batches":
            return _ok(view.n_batches or 0)
        case "status":
            return _ok(_WORDS[Status(view.status)])
        case _:
            return _err(f"query: expected record, n_batches or status, got {show(asked)}.")


@router.get("/queryRecord", response_model=Envelope)
def query_record(service: Service, task_name: TaskName = None) -> Response:
    """Answer the record of the task's last client."""
    name = _required("task_name", task_name)
    return _err("Task not exist") if _find(service, name) is None else _ok(_record(service, name))


@router.get("/helloWorld", response_class=PlainTextResponse)
def hello_world() -> str:
    """Greet: the server is alive."""
    return "Hello World! The fedray MainServer is running.\n"


PATHS: Final = frozenset(str(route.path).casefold() for route in router.routes if hasattr(route, "path"))
"""The paths of this API, casefolded."""


def answer(problem: Problem) -> Response:
    """Return a problem in this API's shape: HTTP 200 with status err."""
    return json_reply({"status": "err", "msg": plain_text(problem.sentence())}, headers=problem.headers)


def _ok(msg: object) -> Response:
    return json_reply({"status": "ok", "msg": msg})


def _err(sentence: str) -> Response:
    return json_reply({"status": "err", "msg": plain_text(sentence)})


def _start(service: TaskService, task_name: str | None) -> Response:
    name = _required("task_name", task_name)
    view = service.start(name)
    return _ok(f"Task with name {view.task_name} started.")


def _record(service: TaskService, name: str) -> list[list[object]]:
    """Return the rows; loss and metrics are declared outputs to all, so every client's record is the same."""
    return [list(row) for row in service.record(name).rows]


def _find(service: TaskService, name: str) -> TaskView | None:
    try:
        return service.get(name)
    except NotFound:
        return None


def _required(field: str, value: str | None) -> str:
    if not value:
        raise SpecError(f"{field}: expected a value, the argument is missing or empty.")
    return value


def _integer(field: str, text: str) -> int:
    digits = text.strip().removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 9):
        raise SpecError(f"{field}: expected an integer, got {show(text)}.")
    return int(text)


def _name_in_body(body: bytes) -> str | None:
    """Return ``task_name`` of a JSON or form body, or None when it names none."""
    text = body.decode("utf-8", "replace")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return parse_qs(text).get("task_name", [None])[-1]
    name = document.get("task_name") if isinstance(document, dict) else None
    if name is not None and not isinstance(name, str):
        raise SpecError(f"task_name: expected text, got {type(name).__name__}.")
    return None if name is None else plain_text(name)
