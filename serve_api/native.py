"""``/api/v1``: our own API, with HTTP status codes and one shape of error."""

from __future__ import annotations

from typing import Annotated, Any, Final, cast
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from fedray.errors import FedrayError, StateError
from fedray.task.service import TaskService
from fedray.task.views import TaskView
from serve_api.doors.doors import Doors
from serve_api.doors.guard import Visit, Visiting
from serve_api.native_models import (
    AnswerOut,
    ApprovalsOut,
    AuditOut,
    ErrorOut,
    EventsOut,
    ModelOut,
    ModelsOut,
    PartiesOut,
    QueueOut,
    RecordOut,
    ReportOut,
    TaskOut,
    TasksOut,
)
from serve_api.native_queries import (
    ApproveQuery,
    AuditQuery,
    CreateQuery,
    EventQuery,
    ListQuery,
    ModelQuery,
    RejectQuery,
)
from serve_api.replies import Problem, json_reply, plain_text
from serve_api.service import Body, Service

__all__ = ["PREFIX", "answer", "answers", "router"]

PREFIX: Final = "/api/v1"

_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": ErrorOut, "description": "The server asks for a token, and no valid one came"},
    403: {
        "model": ErrorOut,
        "description": "The token's role, a party's policy, or the page that a browser has open, does not allow it",
    },
    422: {"model": ErrorOut, "description": "A parameter is wrong"},
    429: {"model": ErrorOut, "description": "Too many requests; Retry-After has the seconds to wait"},
    500: {"model": ErrorOut, "description": "The server failed"},
    503: {"model": ErrorOut, "description": "The server cannot read its tokens, or not write its audit log"},
}
_BY_NAME: Final[dict[int | str, dict[str, Any]]] = {404: {"model": ErrorOut, "description": "No such name"}}
_BY_STATE: Final[dict[int | str, dict[str, Any]]] = {
    409: {"model": ErrorOut, "description": "The state does not allow it, or the name is taken"},
    503: {"model": ErrorOut, "description": "A party has no node, or no room is left"},
}
_BY_TAG: Final[dict[int | str, dict[str, Any]]] = {
    400: {"model": ErrorOut, "description": "It cannot be a tag, or the model is deleted"},
}
_BY_REASON: Final[dict[int | str, dict[str, Any]]] = {
    400: {"model": ErrorOut, "description": "The reason is not one line"},
}
_BY_DOCUMENT: Final[dict[int | str, dict[str, Any]]] = {
    400: {"model": ErrorOut, "description": "The document is wrong, or a party cannot use its files"},
    413: {"model": ErrorOut, "description": "The body is too large"},
}
_ANSWERS: Final = {"name": _BY_NAME, "state": _BY_STATE, "document": _BY_DOCUMENT}
_DOCUMENT: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "A task document, the same as that of createTask.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}

_IDS: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "Which rows: ids as the receiver's table has them.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["ids"],
                    "properties": {"ids": {"type": "array", "items": {"type": "string"}}},
                }
            }
        },
    }
}

router = APIRouter(prefix=PREFIX, tags=["native"], responses=_ERRORS)


TaskName = Annotated[str, Path(description="Name of the task.")]
TagName = Annotated[str, Path(description="A tag: 1 to 64 of a-z, 0-9, '.', '_' and '-'.")]


@router.post(
    "/tasks",
    status_code=201,
    response_model=TaskOut,
    responses=_BY_DOCUMENT | _BY_STATE,
    openapi_extra=_DOCUMENT,
)
def create_task(service: Service, body: Body, visit: Visiting, query: Annotated[CreateQuery, Query()]) -> Response:
    """Create a task and, with start=true, start it."""
    view = service.create_text(body)
    visit.about(view.task_name)
    if query.start:
        view = _start_created(service, view.task_name)
    location = f"{PREFIX}/tasks/{quote(view.task_name, safe='')}"
    return json_reply(view.as_dict(), 201, {"Location": location})


@router.get("/tasks", response_model=TasksOut)
def list_tasks(service: Service, query: Annotated[ListQuery, Query()]) -> Response:
    """List tasks, the newest first."""
    page = service.list(query.status, query.kind, query.search, query.limit, query.offset)
    return json_reply({"tasks": [view.as_dict() for view in page.tasks], "total": page.total})


@router.get("/tasks/{name}", response_model=TaskOut, responses=_BY_NAME)
def get_task(service: Service, name: TaskName) -> Response:
    """Answer one task as it stands."""
    return json_reply(service.get(name).as_dict())


@router.post("/tasks/{name}/start", status_code=202, response_model=TaskOut, responses=_BY_NAME | _BY_STATE)
def start_task(service: Service, name: TaskName) -> Response:
    """Start a created task; it waits in the queue until its parties have room."""
    return json_reply(service.start(name).as_dict(), 202)


@router.post("/tasks/{name}/resume", status_code=202, response_model=TaskOut, responses=_BY_NAME | _BY_STATE)
def resume_task(service: Service, name: TaskName) -> Response:
    """Let a training that failed go on from the newest checkpoint that all its clients with data have."""
    return json_reply(service.resume(name).as_dict(), 202)


@router.post("/tasks/{name}/cancel", status_code=202, response_model=TaskOut, responses=_BY_NAME | _BY_STATE)
def cancel_task(service: Service, name: TaskName) -> Response:
    """Cancel a task that has not ended."""
    return json_reply(service.cancel(name).as_dict(), 202)


@router.post(
    "/tasks/{name}/predictions",
    response_model=AnswerOut,
    responses=_BY_NAME | _BY_STATE | _BY_DOCUMENT,
    openapi_extra=_IDS,
)
def ask_task(service: Service, name: TaskName, body: Body) -> Response:
    """Let a running task of kind serve predict rows, by their ids; one list of numbers for each."""
    return json_reply(service.ask(name, body).as_dict())


@router.get("/tasks/{name}/approvals", response_model=ApprovalsOut, responses=_BY_NAME)
def task_approvals(service: Service, name: TaskName) -> Response:
    """Answer the plan of a task, its digest, and what the data owners have said of it."""
    return json_reply(service.approvals(name).as_dict())


@router.post("/tasks/{name}/approve", response_model=ApprovalsOut, responses=_BY_NAME | _BY_STATE)
def approve_task(
    service: Service, name: TaskName, visit: Visiting, query: Annotated[ApproveQuery, Query()]
) -> Response:
    """Approve a created task for a party whose policy asks for it; the last approval starts it, if it was to start."""
    visit.speaks_for(query.party)
    return json_reply(service.approve(name, query.party, who=_who(visit), digest=query.digest).as_dict())


@router.post("/tasks/{name}/reject", response_model=ApprovalsOut, responses=_BY_NAME | _BY_STATE | _BY_REASON)
def reject_task(service: Service, name: TaskName, visit: Visiting, query: Annotated[RejectQuery, Query()]) -> Response:
    """Reject a created task for a party whose policy asks for approvals; the task fails."""
    visit.speaks_for(query.party)
    return json_reply(service.reject(name, query.party, query.reason, who=_who(visit)).as_dict())


@router.get("/tasks/{name}/events", response_model=EventsOut, responses=_BY_NAME)
def task_events(service: Service, name: TaskName, query: Annotated[EventQuery, Query()]) -> Response:
    """Answer the events after an id; ask again with the last id to follow a task."""
    events = service.events(name, query.after, query.limit)
    return json_reply({"events": [event.as_dict() for event in events]})


@router.get("/tasks/{name}/record", responses=_BY_NAME, response_model=RecordOut)
def task_record(service: Service, name: TaskName) -> Response:
    """Answer the record: seconds since start, batches done, loss, metrics."""
    record = service.record(name)
    return json_reply({"columns": list(record.columns), "rows": [list(row) for row in record.rows]})


@router.get("/tasks/{name}/report", responses=_BY_NAME, response_model=ReportOut)
def task_report(service: Service, name: TaskName) -> Response:
    """Answer result, cost and leakage of a task."""
    return json_reply(service.report(name))


@router.get("/models", response_model=ModelsOut)
def list_models(service: Service, query: Annotated[ModelQuery, Query()]) -> Response:
    """List the models of finished trainings, the newest first."""
    page = service.models.list(query.search, query.limit, query.offset)
    return json_reply({"models": [view.as_dict() for view in page.models], "total": page.total})


@router.get("/models/{name}", response_model=ModelOut, responses=_BY_NAME)
def get_model(service: Service, name: TaskName) -> Response:
    """Answer one model: who has its parts, how good it was, how it was trained."""
    return json_reply(service.models.get(name).as_dict())


@router.put("/models/{name}/tags/{tag}", response_model=ModelOut, responses=_BY_NAME | _BY_TAG)
def tag_model(service: Service, name: TaskName, tag: TagName) -> Response:
    """Let a tag point to a model, and to no other any more; a document names the model by @ and the tag."""
    return json_reply(service.models.tag(name, tag).as_dict())


@router.delete("/models/{name}/tags/{tag}", response_model=ModelOut, responses=_BY_NAME)
def untag_model(service: Service, name: TaskName, tag: TagName) -> Response:
    """Remove a tag of a model."""
    return json_reply(service.models.untag(name, tag).as_dict())


@router.delete("/models/{name}", response_model=ModelOut, responses=_BY_NAME | _BY_STATE)
def delete_model(service: Service, name: TaskName) -> Response:
    """Let every party delete its part of a model, or checkpoints of a failed training; answers with receipts."""
    return json_reply(service.models.delete(name).as_dict())


@router.get("/parties", response_model=PartiesOut)
def parties(service: Service) -> Response:
    """List the parties that tasks may name."""
    return json_reply({"parties": [party.as_dict() for party in service.parties()]})


@router.get("/queue", response_model=QueueOut)
def queue(service: Service) -> Response:
    """List the tasks that wait, the next one first."""
    return json_reply({"queue": list(service.queue())})


@router.get("/audit", response_model=AuditOut, responses=_BY_STATE)
def audit(request: Request, query: Annotated[AuditQuery, Query()]) -> Response:
    """Answer entries of the audit log after a number; ask again with the last number for more."""
    log = cast("Doors", request.app.state.doors).log
    if log is None:
        raise StateError("this server keeps no audit log")
    head = log.head()
    return json_reply({"entries": log.entries(query.after, query.limit), "head": {"seq": head.seq, "hash": head.hash}})


def answers(*why: str) -> dict[int | str, dict[str, Any]]:
    """Return what routes of this API answer when they refuse: any of them, or for these reasons."""
    if not why:
        return _ERRORS
    return {status: shape for reason in why for status, shape in _ANSWERS[reason].items()}


def answer(problem: Problem) -> Response:
    """Return a problem in this API's shape, with its HTTP status."""
    error = {
        "type": problem.type,
        "message": plain_text(problem.message),
        "party": plain_text(problem.party),
        "phase": problem.phase,
    }
    return json_reply({"error": error}, problem.status, problem.headers)


def _who(visit: Visit) -> str:
    return "" if visit.token is None else visit.token.name


def _start_created(service: TaskService, name: str) -> TaskView:
    """Start a task just created; when that fails, say that the task is there all the same."""
    try:
        return service.start(name)
    except FedrayError as error:
        message = f"The task is created but not started: {error.message}"
        raise type(error)(message, error.party, error.phase) from error
