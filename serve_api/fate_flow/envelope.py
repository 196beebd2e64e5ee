"""What every reply looks like: a code, a text, and whatever keys an endpoint has; and what every request must have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response

from fedray.errors import NotFound, SpecError
from fedray.task.text import load_json
from serve_api.fate_flow.faults import FateError
from serve_api.replies import Problem, json_reply, plain_text

__all__ = [
    "EXCEPTION",
    "MISSING",
    "SUCCESS",
    "answer",
    "object_of",
    "reply",
    "required",
    "retcode_of",
    "text_of",
    "whole_of",
]

SUCCESS: Final = 0
EXCEPTION: Final = 100
MISSING: Final = 101

Json = Mapping[str, Any]


def reply(retcode: int = SUCCESS, retmsg: str = "success", *, status: int = 200, **keys: object) -> Response:
    """Return a reply; keys that are None are left out, empty ones are said."""
    told = {key: value for key, value in keys.items() if value is not None}
    return json_reply({"retcode": retcode, "retmsg": plain_text(retmsg), **told}, status)


def answer(problem: Problem) -> Response:
    """Return a problem outside of the routes: its HTTP status, with a code that clients print."""
    body = {"retcode": EXCEPTION, "retmsg": plain_text(problem.sentence())}
    return json_reply(body, problem.status, problem.headers)


def retcode_of(error: Exception) -> int:
    """Return the code of an error of ours."""
    return MISSING if isinstance(error, NotFound) else EXCEPTION


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


def required(fields: Json, *names: str, **allowed: Sequence[object]) -> None:
    """See that a request has what it must have.

    Raises
    ------
    FateError
        It has not; in the words of the original.
    """
    missing = [name for name in names if fields.get(name) is None]
    wrong = [f"{name}={tuple(values)}" for name, values in allowed.items() if fields.get(name) not in values]
    if missing or wrong:
        raise FateError(EXCEPTION, f"the following arguments are required: {','.join(missing)} {','.join(wrong)}")


def text_of(fields: Json, name: str, longest: int = 256) -> str:
    """Return a field as text; numbers are taken for their digits, as in party ids.

    Raises
    ------
    FateError
        It is neither, or too long.
    """
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise FateError(EXCEPTION, f"{name}: expected a text")
    text = str(value)
    if not 0 < len(text) <= longest or not text.isprintable():
        raise FateError(EXCEPTION, f"{name}: expected a text of 1 to {longest} printable characters")
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
        raise FateError(EXCEPTION, f"{name}: expected a whole number from {least} to {most}")
    return value
