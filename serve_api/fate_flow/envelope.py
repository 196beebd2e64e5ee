"""What every reply looks like: a code, a text, and whatever keys an endpoint has; and what every request must have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from fedray.errors import NotFound, SpecError
from fedray.task.text import load_json
from serve_api.fate_flow.faults import NOT_FOUND, REFUSED, FateError
from serve_api.replies import Problem, json_reply, plain_text

__all__ = [
    "answer",
    "object_of",
    "reply",
    "required",
    "retcode_of",
    "text_of",
    "whole_of",
]

Json = Mapping[str, Any]


def reply(retcode: int = 0, retmsg: str = "success", *, status: int = 200, **keys: object) -> Response:
    """Return a reply; keys that are None are left out, empty ones are said."""
    told = {key: value for key, value in keys.items() if value is not None}
    return json_reply({"retcode": retcode, "retmsg": plain_text(retmsg), **told}, status)


def answer(problem: Problem) -> Response:
    """Return a problem outside of the routes: its HTTP status, with a code that clients print."""
    body = {"retcode": REFUSED, "retmsg": plain_text(problem.sentence())}
    return json_reply(body, problem.status, problem.headers)


def retcode_of(error: Exception) -> int:
    """Return the code of an error of ours."""
    return NOT_FOUND if isinstance(error, NotFound) else REFUSED


def object_of(body: bytes) -> dict[str, Any]:
    """Return the object that a body holds, an empty one for no body.

    Raises
    ------
    SpecError
        It holds something else.
    """
    if not body.strip():
        return {}
    found = load_json(body)
    if not isinstance(found, dict):
        raise SpecError("the body: expected an object")
    return found


def required(fields: Json, *names: str) -> None:
    """See that a request has what it must have.

    Raises
    ------
    FateError
        It has not; in the words of the original.
    """
    missing = [name for name in names if fields.get(name) is None]
    if missing:
        raise FateError(REFUSED, f"the following arguments are required: {','.join(missing)} ")


def text_of(fields: Json, name: str, longest: int = 256) -> str:
    """Return a field as text; numbers are taken for their digits, as in party ids.

    Raises
    ------
    FateError
        It is neither, or too long.
    """
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise FateError(REFUSED, f"{name}: expected a text")
    text = str(value)
    if not 0 < len(text) <= longest or not text.isprintable():
        raise FateError(REFUSED, f"{name}: expected a text of 1 to {longest} printable characters")
    return text


def whole_of(fields: Json, name: str, default: int, least: int, most: int) -> int:
    """Return a field as a whole number, also where it came as text.

    Raises
    ------
    FateError
        It is none, or out of range.
    """
    value = fields.get(name, default)
    if isinstance(value, str) and value.removeprefix("-").isascii() and value.removeprefix("-").isdecimal():
        value = int(value[:20])
    if type(value) is not int or not least <= value <= most:
        raise FateError(REFUSED, f"{name}: expected a whole number from {least} to {most}")
    return value
