"""The two forms in which replies and messages are written: that of the seed document, and that of 2020."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from fedray.task.places import Place
from serve_api.k12ai.codes import LATER, SEED, Code
from serve_api.k12ai.requests import APP
from serve_api.k12ai.settings import K12Settings
from serve_api.replies import plain_text

__all__ = ["Detail", "Dialect", "Subject", "dialect_of"]

VERSION: Final = "0.1.0"

Json = dict[str, Any]
Progress = Callable[[], float | None]
"""Tells which part of its steps a job has done, 0 to 1; None where that is not known."""


@dataclass(frozen=True)
class Subject:
    """Whose job a message is about."""

    user: str
    service_uuid: str
    service_name: str
    app: str = APP
    token: str = ""


@dataclass(frozen=True)
class Detail:
    """An exception, without a value: its type, our sentence about it, lines of code."""

    type: str
    text: str
    places: Sequence[Mapping[str, Any] | Place] = ()

    def as_dict(self, *, legacy: bool) -> Json:
        """Return it as it is sent; with the original's spelling beside the right one, if asked for."""
        places = [place.as_dict() if isinstance(place, Place) else dict(place) for place in self.places]
        frames = [{**place, "souce": place["source"]} if legacy else place for place in places]
        found: Json = {"exc_type": self.type, "exc_text": plain_text(self.text), "traceback": frames}
        return {**found, "trackback": frames} if legacy else found


class Dialect(Protocol):
    """How replies and messages are written."""

    def reply(self, code: Code, message: object = None, detail: Detail | None = None) -> Json:
        """Return a reply, or the body of a message of type error."""

    def message(self, kind: str, op: str, body: object, at: float, subject: Subject | None) -> Json:
        """Return a message about a job, or about the platform where there is no subject."""

    def metrics(self, step: str, values: Mapping[str, object], progress: Progress | None = None) -> object:
        """Return the body of a message of type metrics; `progress` tells how far the job is, to who wants to know."""

    def state(self, code: Code, value: str, way: str) -> tuple[str, object] | None:
        """Return type and body of the message that a job has come so far; None where an error says it already."""


def dialect_of(settings: K12Settings) -> Dialect:
    """Return the dialect that is set."""
    return _Later(settings) if settings.dialect == "2020" else _Seed(settings)


class _Seed:
    def __init__(self, settings: K12Settings) -> None:
        self._settings = settings

    def reply(self, code: Code, message: object = None, detail: Detail | None = None) -> Json:
        number, text = SEED[code]
        if code is Code.ACCEPTED:
            number = self._settings.success_code
        return {"code": number, "descr": text, **_rest("message", message, detail, self._settings)}

    def message(self, kind: str, op: str, body: object, at: float, subject: Subject | None) -> Json:
        whose = {} if subject is None else {"user": subject.user, "service_uuid": subject.service_uuid}
        tag = "platform" if subject is None else "framework"
        return {
            "version": VERSION,
            "type": kind,
            "tag": tag,
            "op": op,
            **whose,
            **_when(at, self._settings),
            kind: body,
        }

    def metrics(self, step: str, values: Mapping[str, object], progress: Progress | None = None) -> object:  # noqa: ARG002
        return dict(values)

    def state(self, code: Code, value: str, way: str) -> tuple[str, object] | None:  # noqa: ARG002
        return "status", {"value": value, **({"way": way} if way else {})}


class _Later:
    def __init__(self, settings: K12Settings) -> None:
        self._settings = settings

    def reply(self, code: Code, message: object = None, detail: Detail | None = None) -> Json:
        number, english, chinese = LATER[code]
        said = {"en": english, "cn": chinese}
        return {"code": number, "message": said, **_rest("data", message, detail, self._settings)}

    def message(self, kind: str, op: str, body: object, at: float, subject: Subject | None) -> Json:
        whose: Json = {"tag": "platform", "appId": APP}
        if subject is not None:
            whose = {"tag": subject.service_name, "appId": subject.app, "token": subject.token}
            whose |= {"user": subject.user, "service_uuid": subject.service_uuid}
        kind = "result" if kind == "info" else kind
        server = self._settings.server
        when = _when(at, self._settings)
        return {"version": VERSION, "type": kind, **whose, "op": op, "server": server, **when, "data": body}

    def metrics(self, step: str, values: Mapping[str, object], progress: Progress | None = None) -> object:
        batch, done = values.get("batch"), None if progress is None else progress()
        shown = {**values, **({} if done is None else {"progress": done})}
        return [_scalar(step, title, batch, value) for title, value in shown.items() if title != "batch"]

    def state(self, code: Code, value: str, way: str) -> tuple[str, object] | None:  # noqa: ARG002
        return ("error", self.reply(code)) if code in (Code.STARTING, Code.RUNNING, Code.FINISHED) else None


def _rest(key: str, message: object, detail: Detail | None, settings: K12Settings) -> Json:
    told = {} if message is None else {key: plain_text(message) if isinstance(message, str) else message}
    return {**told, **({} if detail is None else {"detail": detail.as_dict(legacy=settings.legacy_spelling)})}


def _when(at: float, settings: K12Settings) -> Json:
    local = datetime.fromtimestamp(at).strftime(settings.datetime)  # of the server, as the original
    return {"timestamp": int(at * 1000), "datetime": local}


def _scalar(step: str, title: str, at: object, value: object) -> Json:
    name = hashlib.sha256(f"scalar {step} {title}".encode()).hexdigest()[:16]
    payload = {"x": {"label": "batch", "value": at}, "y": [{"label": title, "value": value}]}
    return {"_id_": name, "category": step, "type": "scalar", "data": {"title": title, "payload": payload}}
