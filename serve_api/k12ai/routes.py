"""``/k12ai``: the routes. Each always answers HTTP 200; what becomes of a job comes as messages.

Which of the two dialects is spoken is a setting; a route of the other one refuses whatever it is asked.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from fedray.errors import FedrayError
from fedray.task.folding import dumps
from fedray.task.messages import Message
from fedray.task.places import cause_of, places_of
from fedray.task.service import TaskService
from fedray.task.text import load_json
from serve_api.doors.guard import Visit, Visiting
from serve_api.k12ai.codes import Code
from serve_api.k12ai.desk import Desk
from serve_api.k12ai.dialect import Detail
from serve_api.k12ai.requests import APP, Refused, read_control, read_framework, read_query
from serve_api.k12ai.stats import stats_of
from serve_api.k12ai.telling import API
from serve_api.replies import Problem, json_reply, plain_text
from serve_api.service import Body, Service

__all__ = ["PATHS", "answer", "router"]

router = APIRouter(prefix="/k12ai", tags=["K12AI"])

MOST_BYTES: Final = 64 << 10
"""Of a message that comes in."""

_LONGEST_KEY: Final = 128
_OBJECT: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
}
_CODES: Final = {
    "TokenNeeded": Code.KEY_MISSING,
    "TooLarge": Code.BAD_VALUE,
    "MethodNotAllowed": Code.BAD_VALUE,
    "InternalError": Code.SERVER_FAILED,
}
"""Type of a problem outside of the routes -> how it is said; all others are refusals."""

Key = Annotated[str | None, Query(description="APPID.TYPE, such as k12ai.metrics.")]


class Reply(BaseModel):
    """What a route answers; all else comes as messages."""

    code: int = Field(description="What became of the request.")
    descr: str = Field(default="", description="The code's text; not in the dialect of 2020.")
    message: Any = Field(default=None, description="A sentence or stats; in the dialect of 2020 the code's text.")
    data: Any = Field(default=None, description="A sentence or stats, in the dialect of 2020.")
    detail: dict[str, Any] = Field(default_factory=dict, description="Of an exception: exc_type, exc_text, traceback.")


def _desk(request: Request) -> Desk:
    return cast("Desk", request.app.state.k12ai)


@router.post("/framework/train", response_model=Reply, openapi_extra=_OBJECT)
def train(request: Request, service: Service, body: Body, visit: Visiting) -> Response:
    """Start or stop a training (`train.start`, `train.stop`); it answers at once, the rest comes as messages."""
    return _framework(_desk(request), service, body, "train", visit)


@router.post("/framework/evaluate", response_model=Reply, openapi_extra=_OBJECT)
def evaluate(request: Request, service: Service, body: Body, visit: Visiting) -> Response:
    """Start or stop an evaluation of the project's model (`evaluate.start`, `evaluate.stop`)."""
    return _framework(_desk(request), service, body, "evaluate", visit)


@router.post("/framework/predict", response_model=Reply, openapi_extra=_OBJECT)
def predict(request: Request, service: Service, body: Body, visit: Visiting) -> Response:
    """Start or stop predictions with the project's model (`predict.start`, `predict.stop`)."""
    return _framework(_desk(request), service, body, "predict", visit)


@router.post("/framework/execute", response_model=Reply, openapi_extra=_OBJECT)
def execute(request: Request, service: Service, body: Body, visit: Visiting) -> Response:
    """Do any of the above, in the dialect of 2020."""
    return _framework(_desk(request), service, body, None, visit)


@router.post("/platform/stats", response_model=Reply, openapi_extra=_OBJECT)
def stats(request: Request, service: Service, body: Body, visit: Visiting) -> Response:
    """Answer what nodes and parties use, and tell it as a message of type info too."""
    desk = _desk(request)

    def run() -> object:
        query = read_query(body)
        usage = service.usage()
        jobs = service.jobs.of_tasks(API, sorted({actor.task for actor in usage.actors}))
        found = stats_of(usage, jobs, query.parts, desk.settings)
        service.messages.put(*desk.telling.messages("info", "stats", found, time.time(), None))
        return None if query.later else found

    return _answered(desk, visit, run)


@router.post("/platform/control", response_model=Reply, openapi_extra=_OBJECT)
def control(request: Request, service: Service, body: Body, visit: Visiting) -> Response:
    """End the job whose actor has the id in params (`container.stop`)."""
    desk = _desk(request)

    def run() -> object:
        wanted = read_control(body)
        refused = None
        try:
            text = desk.work(service).stop_actor(wanted.id)
        except Refused as error:
            refused, text = error, error.message
        service.messages.put(*desk.telling.messages("container.stop", "control", text, time.time(), None))
        if wanted.later:
            return None
        if refused is not None:
            raise refused
        return text

    return _answered(desk, visit, run)


@router.post("/private/message", response_model=int | Reply, openapi_extra=_OBJECT)
def message(service: Service, body: Body) -> Response:
    """Take a message of another service; whoever asks for its type gets it. Answers 1, or 0 where it is none."""
    document = _document(body)
    kind = (document or {}).get("type")
    return _kept(service, document, f"{APP}.{kind}" if isinstance(kind, str) and kind else "")


@router.post("/private/pushmsg", response_model=int | Reply, openapi_extra=_OBJECT)
def push_message(service: Service, body: Body, key: Key = None) -> Response:
    """Take a message under a key; answers 1, or 0 where it is none."""
    return _kept(service, _document(body), key or "")


@router.get("/private/popmsg", response_model=list[dict[str, Any]] | Reply)
def pop_messages(request: Request, service: Service, key: Key = None) -> Response:
    """Answer the messages that wait under a key, oldest first, and remove them; at most 1000 at a time."""
    if not key or len(key) > _LONGEST_KEY:
        return json_reply(_desk(request).dialect.reply(Code.KEY_MISSING, "key: expected APPID.TYPE"))
    return json_reply([json.loads(body) for body in service.messages.take(f"{API}/{key}")])


PATHS: Final = frozenset(str(route.path).casefold() for route in router.routes if hasattr(route, "path"))
"""The paths of this API, casefolded."""


def answer(desk: Desk, problem: Problem) -> Response:
    """Return a problem in this API's shape: HTTP 200 with a code."""
    code = _CODES.get(problem.type, Code.REFUSED)
    return json_reply(desk.dialect.reply(code, plain_text(problem.sentence())), headers=problem.headers)


def _framework(desk: Desk, service: TaskService, body: bytes, step: str | None, visit: Visit) -> Response:
    def run() -> object:
        if (step is None) is not (desk.settings.dialect == "2020"):
            raise Refused(Code.BAD_VALUE, f"not support in the dialect {desk.settings.dialect}")
        request = read_framework(body, step)
        visit.about(f"{request.user}.{request.service_uuid}")
        return desk.work(service).do(request)

    return _answered(desk, visit, run)


def _answered(desk: Desk, visit: Visit, run: Callable[[], object]) -> Response:
    """Answer with what `run` returns, or with why it could not, which the audit log is told too."""
    try:
        return json_reply(desk.dialect.reply(Code.ACCEPTED, run()))
    except Refused as refused:
        cause = cause_of(refused)
        visit.problem = refused.code.name
        detail = None if cause is refused else Detail(type(cause).__name__, _text(cause), places_of(refused))
        return json_reply(desk.dialect.reply(refused.code, refused.message, detail))
    except FedrayError as error:
        visit.problem = type(error).__name__
        detail = Detail(visit.problem, str(error), places_of(error))
        return json_reply(desk.dialect.reply(Code.START_FAILED, str(error), detail))


def _text(cause: BaseException) -> str:
    return cause.message if isinstance(cause, FedrayError) else str(cause)


def _document(body: bytes) -> dict[str, Any] | None:
    """Return the message that a body holds; None where it is none, or too large to be kept."""
    try:
        document = load_json(body) if len(body) <= MOST_BYTES else None
    except FedrayError:
        return None
    return document if isinstance(document, dict) else None


def _kept(service: TaskService, document: dict[str, Any] | None, key: str) -> Response:
    """Keep a message under a key, and say whether it was."""
    fits = document is not None and 0 < len(key) <= _LONGEST_KEY and key.isprintable()
    kept = fits and service.messages.leave(Message(f"{API}/{key}", dumps(document)))
    return json_reply(int(kept))
