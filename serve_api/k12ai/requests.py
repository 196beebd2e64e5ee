"""What came in, checked and frozen; or why it is refused, in a code of the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fedray.errors import SpecError
from fedray.task.text import load_json, show
from serve_api.k12ai.codes import Code

__all__ = ["STEPS", "Control", "Framework", "Query", "Refused", "read_control", "read_framework", "read_query"]

STEPS: Final = ("train", "evaluate", "predict")
APP: Final = "k12ai"
"""The application of a request that names none."""

_PARTS: Final = ("cpus", "gpus", "disks", "containers")
_LONGEST: Final = 48
_LONGEST_WORD: Final = 128


class Refused(Exception):
    """A request is refused.

    Parameters
    ----------
    code
        Why.
    message
        A sentence, in which what the requester typed may be echoed, shortened.
    """

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message


@dataclass(frozen=True)
class Framework:
    """A request to start or stop something.

    Attributes
    ----------
    step, verb
        ``train``, ``evaluate`` or ``predict``; ``start`` or ``stop``.
    user, service_name, service_uuid
        Whose, by which service, which project.
    params
        What the service is told; None where nothing was.
    app, token
        Of the dialect of 2020: part of its messages.
    """

    step: str
    verb: str
    user: str
    service_name: str
    service_uuid: str
    params: Mapping[str, Any] | None
    app: str = APP
    token: str = ""

    @property
    def op(self) -> str:
        """As the request wrote it."""
        return f"{self.step}.{self.verb}"


@dataclass(frozen=True)
class Query:
    """A request for stats: which parts, and whether they come as a message only."""

    parts: frozenset[str]
    later: bool


@dataclass(frozen=True)
class Control:
    """A request to stop the actor with this id."""

    id: str
    later: bool


def read_framework(body: bytes, step: str | None) -> Framework:
    """Return the request of a framework route.

    Parameters
    ----------
    step
        The one that the route is for; None for ``execute``, which takes all, wants a token, and takes parameters as
        text too.

    Raises
    ------
    Refused
        It is none.
    """
    fields = _object(body)
    words = {name: _word(fields, name) for name in ("op", "user", "service_name", "service_uuid")}
    got, _, verb = words["op"].partition(".")
    if got not in ((step,) if step else STEPS) or verb not in ("start", "stop"):
        raise Refused(Code.BAD_VALUE, f"not support op:{words['op'][:_LONGEST]}")
    for name in ("user", "service_uuid"):
        _check_name(name, words[name])
    app, token = APP, ""
    if step is None:
        token, app = _word(fields, "token"), _word(fields, "appId", APP)
    params = _params(fields.get("service_params"), text=step is None)
    return Framework(got, verb, words["user"], words["service_name"], words["service_uuid"], params, app, token)


def read_query(body: bytes) -> Query:
    """Return a request for stats; raises ``Refused``."""
    fields = _object(body)
    query = fields.get("query") or {}
    if not isinstance(query, dict) or not all(isinstance(flag, bool) for flag in query.values()):
        raise Refused(Code.BAD_VALUE, f"query: expected an object of {', '.join(_PARTS)} with true or false")
    parts = frozenset(part for part in _PARTS if query.get(part, True))
    return Query(parts, _platform(fields))


def read_control(body: bytes) -> Control:
    """Return a request to stop an actor; raises ``Refused``."""
    fields = _object(body)
    op = _word(fields, "op")
    if op != "container.stop":
        raise Refused(Code.BAD_VALUE, f"not support op:{op[:_LONGEST]}")
    later = _platform(fields)
    params = fields.get("params")
    if not isinstance(params, dict):
        raise _missing("params") if params is None else Refused(Code.BAD_VALUE, "params: expected an object with id")
    return Control(_word(params, "id"), later)


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = load_json(body)
    except SpecError as error:
        raise Refused(Code.NOT_JSON, error.message) from error
    if not isinstance(document, dict):
        raise Refused(Code.NOT_JSON, "the body: expected an object") from TypeError("the body is no object")
    return document


def _word(fields: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = fields.get(name, default)
    if value is None:
        raise _missing(name)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_WORD or not value.isprintable():
        wanted = f"expected a text of 1 to {_LONGEST_WORD} printable characters"
        raise Refused(Code.BAD_VALUE, f"{name}: {wanted}, got {show(value)}")
    return value


def _missing(name: str) -> Refused:
    refused = Refused(Code.KEY_MISSING, f"{name}: expected a value, the key is missing")
    refused.__cause__ = KeyError(name)
    return refused


def _check_name(name: str, value: str) -> None:
    """See that a user or a project can be part of a task's name."""
    if len(value) > _LONGEST or set(value) & set("/\\") or value.strip() != value:
        wanted = f"1 to {_LONGEST} characters without / and \\, no blank at either end"
        raise Refused(Code.BAD_VALUE, f"{name}: expected {wanted}, got {show(value)}")


def _params(value: object, *, text: bool) -> Mapping[str, Any] | None:
    if text and isinstance(value, str):
        try:
            value = load_json(value)
        except SpecError as error:
            raise Refused(Code.BAD_VALUE, f"service_params: {error.message}") from error
    return value if isinstance(value, dict) else None


def _platform(fields: Mapping[str, Any]) -> bool:
    """See that a platform request has its name and password, which nobody compares; return whether it is async."""
    for name in ("username", "password"):
        if name not in fields:
            raise _missing(name)
    later = fields.get("async", False)
    if not isinstance(later, bool):
        raise Refused(Code.BAD_VALUE, f"async: expected true or false, got {show(later)}")
    return later
