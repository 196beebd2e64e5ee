"""ASGI middleware that every API shares: size of bodies, case of paths, failures nobody foresaw.

Each is plain ASGI, so that it sees a request before any framework has read it and also guards the
routes that others add later. All answer through `Refuse`, in the shape of the API that was asked.
"""

from __future__ import annotations

import logging
import re
import secrets
import traceback
from collections import deque
from collections.abc import Collection, Iterable
from pathlib import PurePath
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_api.replies import Problem, Refuse

__all__ = ["MAX_BODY_BYTES", "AnyCasePaths", "BodyLimit", "PlainFailures", "route_path"]

MAX_BODY_BYTES: Final = 1 << 20
_DRAIN_BYTES: Final = 16 << 20  # a client reads our refusal only once it has sent what it meant to send

_SLASHES: Final = re.compile("/{2,}")

_log = logging.getLogger("fedray.api")


def route_path(scope: Scope) -> str:
    """Return the path of a request below the place where the application is mounted."""
    path: str = scope.get("path", "")
    root: str = scope.get("root_path", "")
    return path.removeprefix(root) if root else path


class BodyLimit:
    """Refuses bodies over `max_bytes`, counted as they arrive, whatever their header claims.

    A body within the limit is read whole before the application sees the request. Those of the `passed` paths are
    left to their routes, which bound them by themselves.
    """

    def __init__(
        self, app: ASGIApp, refuse: Refuse, max_bytes: int = MAX_BODY_BYTES, passed: Collection[str] = ()
    ) -> None:
        self._app = app
        self._refuse = refuse
        self._max_bytes = max_bytes
        self._passed = passed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, then pass the request on or refuse it."""
        if scope["type"] != "http" or route_path(scope) in self._passed:
            await self._app(scope, receive, send)
            return
        try:
            body = await self._read(scope, receive)
        except ClientDisconnect:
            return
        if body is None:
            await self._refuse(scope, self._problem())(scope, receive, send)
            return
        waiting: deque[Message] = deque([{"type": "http.request", "body": body, "more_body": False}])

        async def replay() -> Message:
            return waiting.popleft() if waiting else await receive()

        await self._app(scope, replay, send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """Return the body, or None when it is too large."""
        headers = Headers(scope=scope)
        declared = headers.get("content-length", "")
        too_large = declared.isdecimal() and int(declared[:19]) > self._max_bytes
        if too_large and "expect" in headers:
            return None  # asked first: nothing is on its way yet
        chunks: list[bytes] = []
        size = 0
        more = True
        while more and size <= _DRAIN_BYTES:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            too_large = too_large or size > self._max_bytes
            if too_large:
                chunks.clear()
            else:
                chunks.append(chunk)
            more = message.get("more_body", False)
        return None if too_large else b"".join(chunks)

    def _problem(self) -> Problem:
        return Problem(413, "TooLarge", f"request body: expected at most {self._max_bytes} bytes, more came.")


class AnyCasePaths:
    """Maps the fixed parts of a path to the case in which its route is written.

    Parts in braces, such as the name in ``/api/v1/tasks/{name}``, stay as they came; so does a path
    that fits no template. A slash at the end is dropped. An encoded slash is refused: after decoding
    it could not be told from a slash between parts. In the `squeezed` paths, which are casefolded and have no
    braces, slashes may be doubled.
    """

    def __init__(self, app: ASGIApp, refuse: Refuse, templates: Iterable[str], squeezed: Collection[str] = ()) -> None:
        self._app = app
        self._refuse = refuse
        self._templates = [tuple(template.split("/")) for template in templates]
        self._squeezed = squeezed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under its known path."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        raw: bytes = (scope.get("raw_path") or b"").partition(b"?")[0]
        path = route_path(scope)
        if b"%2f" in raw.lower():
            message = "path: expected a task name without '/', got an encoded slash (%2F)."
            await self._refuse(scope, Problem(400, "SpecError", message))(scope, receive, send)
            return
        known = self.known(path)
        if known != path:
            scope = {**scope, "path": scope.get("root_path", "") + known}
        await self._app(scope, receive, send)

    def known(self, path: str) -> str:
        """Return `path` in the case of the template that it fits."""
        path = self._single(path)
        template = self._template(path)
        if not template:
            return path
        return "/".join(part if _open(fixed) else fixed for fixed, part in zip(template, _parts(path), strict=True))

    def template(self, path: str) -> str:
        """Return the template that `path` fits, in any case; "" where it fits none."""
        return "/".join(self._template(self._single(path)))

    def _single(self, path: str) -> str:
        if "//" not in path:
            return path
        single = _SLASHES.sub("/", path)
        return single if single.casefold().rstrip("/") in self._squeezed else path

    def _template(self, path: str) -> tuple[str, ...]:
        parts = _parts(path)
        return next((template for template in self._templates if _fits(template, parts)), ())


def _parts(path: str) -> list[str]:
    parts = path.split("/")
    return parts[:-1] if len(parts) > 2 and not parts[-1] else parts


def _open(part: str) -> bool:
    return part.startswith("{")


def _fits(template: tuple[str, ...], parts: list[str]) -> bool:
    if len(template) != len(parts):
        return False
    pairs = zip(template, parts, strict=True)
    return all(bool(part) if _open(fixed) else fixed.casefold() == part.casefold() for fixed, part in pairs)


class PlainFailures:
    """Answers failures nobody foresaw with one sentence and a number under which the log has the place.

    The log holds types and places only: the text of a foreign exception may quote the request.
    """

    def __init__(self, app: ASGIApp, refuse: Refuse) -> None:
        self._app = app
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and answer for what it raises."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:  # noqa: BLE001  the last line of defence; logged, and answered below
            number = secrets.token_hex(4)
            _log.error("failure %s in %s: %s", number, scope.get("method", ""), _places(error))
            if not started:
                await self._refuse(scope, _unforeseen(number))(scope, receive, send)


def _unforeseen(number: str) -> Problem:
    message = f"The server failed on this request; its log has the details under number {number}."
    return Problem(500, "InternalError", message)


def _places(error: BaseException) -> str:
    """Return the types of an exception and of its causes, and where each was raised, without their texts."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    way = " > ".join(f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
    deeper = error.__cause__ or error.__context__
    after = f"; caused by {_places(deeper)}" if deeper is not None else ""
    return f"{type(error).__name__} at {way}{after}"
