"""The door: each request is looked at before anything reads its body, and what it did is written down.

The middleware asks who it is and how often it comes; `authorise`, which every route depends on, asks whether this one
may do that. So a route is judged as the router has chosen it, never by a second reading of its path.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Final, cast

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, State
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fedray.errors import DataError, NotFound
from fedray.pipeline.service import PipelineService
from serve_api.doors.doors import Doors, token_needed
from serve_api.doors.origins import from_another_page, known_host
from serve_api.doors.rates import caller_at
from serve_api.doors.roles import OPEN_PATHS, PIPELINES, Right, Role, right_to
from serve_api.doors.tokens import Token
from serve_api.limits import route_path
from serve_api.replies import Problem, Refuse
from serve_api.service import GetService

__all__ = ["Guard", "Refusal", "Visit", "Visiting", "authorise", "visit_of"]

_KEY: Final = "fedray.visit"
_REFUSALS: Final = frozenset(
    {"TokenNeeded", "Forbidden", "ForeignHost", "ForeignPage", "TooManyRequests", "TooLarge", "AuditFailed"}
)
"""Types of problems that are refusals of the door; MainServer routes answer HTTP 200 with them too."""
_NO_ANSWER: Final = 599
_PRICE_S: Final = MappingProxyType({True: 0.0, False: 1.0})
"""Seconds of a caller's requests that one takes: with a wrong token many, so that there are few."""
_LONGEST_NAME: Final = 128
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})

_log = logging.getLogger("fedray.api")


class Refusal(Exception):
    """A route may not be used by this caller."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass
class Visit:
    """A request, as the audit log will know it.

    Attributes
    ----------
    address
        The peer's IP address, or "".
    what
        Method and route, never the path as it came: a stranger may have written anything there.
    token
        Of the caller; None without one.
    subject
        The task or model that it is about.
    party
        The party for which it speaks, or "".
    asked
        Number of the entry that says that a change was asked for; 0 where none was.
    problem
        Type of what went wrong, or "".
    brief
        Whether its end is written down only if it was none that was asked for.
    locked
        Whether it needs a token.
    closed
        Whether its end is written down.
    """

    address: str
    what: str
    token: Token | None = None
    subject: str = ""
    party: str = ""
    asked: int = 0
    problem: str = ""
    brief: bool = False
    locked: bool = False
    closed: bool = False

    @property
    def caller(self) -> str:
        """Who it is, for limits: a token, or an address."""
        return caller_at(self.address) if self.token is None else f"token {self.token.name}"

    def about(self, name: str) -> None:
        """Note which task or model it is about."""
        self.subject = name[:_LONGEST_NAME]

    def speaks_for(self, party: str) -> None:
        """Note for which party it speaks.

        Raises
        ------
        Refusal
            The caller is a data owner of other parties.
        """
        if self.token is not None and self.token.role is Role.DATA_OWNER and party not in self.token.parties:
            raise Refusal(_forbidden(f"expected a party of this token, {', '.join(self.token.parties)}, got another"))
        self.party = party[:_LONGEST_NAME]

    def entry(self, outcome: str) -> dict[str, object]:
        """Return the fields of an entry; empty ones are left out."""
        role = "" if self.token is None else self.token.role.value
        who = "" if self.token is None else self.token.name
        caller = {"who": who, "role": role, "from": self.address}
        fields = {**caller, "what": self.what, "subject": self.subject, "party": self.party}
        return {**{key: value for key, value in fields.items() if value}, "outcome": outcome}


def visit_of(scope: Scope) -> Visit | None:
    """Return the visit of a request; None outside the door."""
    return cast("Visit | None", scope.get(_KEY))


def _visit(request: Request) -> Visit:
    return visit_of(request.scope) or Visit("", "")


async def _visiting(request: Request) -> Visit:
    return _visit(request)  # no thread for this, as FastAPI takes one for what is no coroutine


Visiting = Annotated[Visit, Depends(_visiting)]
"""A parameter of a route: the visit, to note what it is about."""


class Guard:
    """Refuses who may not come in, and writes down how each change and each refusal ended."""

    def __init__(self, app: ASGIApp, doors: Doors, refuse: Refuse, route: Callable[[str], str]) -> None:
        self._app = app
        self._doors = doors
        self._refuse = refuse
        self._route = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at a request, pass it on or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = self._route(route_path(scope))
        method = scope["method"] if scope["method"] in _METHODS else "(another method)"
        visit = Visit((scope.get("client") or ("",))[0], f"{method} {path or '(no route)'}")
        inside = {**scope, _KEY: visit}

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and not visit.closed:
                if _counts(visit):
                    await run_in_threadpool(self._close, visit, message["status"])
                visit.closed = True
            await send(message)

        problem = self._problem(Headers(scope=scope), visit, path.casefold() in OPEN_PATHS)
        answer = self._app if problem is None else self._refuse(inside, problem)
        try:
            await answer(inside, receive, watched)
        finally:
            if visit.asked and not visit.closed:  # it broke, or the client left: the change may have happened
                visit.problem = visit.problem or "NoAnswer"
                self._close(visit, _NO_ANSWER)

    def _problem(self, headers: Headers, visit: Visit, is_open: bool) -> Problem | None:
        doors = self._doors
        try:
            visit.locked = doors.locked()
            if not is_open:
                if not visit.locked and not known_host(headers.get("host", ""), doors.names):
                    return _foreign_host()
                if from_another_page(headers):
                    return _foreign_page()
            return self._who(headers, visit, visit.locked and not is_open)
        except DataError as error:
            _log.error("no token can be looked at: %s", error)
            return Problem(503, "TokensUnreadable", "The server cannot read its tokens; its log says why.")

    def _who(self, headers: Headers, visit: Visit, needed: bool) -> Problem | None:
        """Find the caller, and let it wait where it comes too often."""
        problem = None
        if needed:
            visit.token, problem = self._doors.caller(headers.getlist("authorization"))
        known = visit.token is not None and problem is None
        wait_s = self._doors.rates.wait(visit.caller if known else caller_at(visit.address), _PRICE_S[problem is None])
        return _too_many(wait_s) if wait_s else problem

    def _close(self, visit: Visit, status: int) -> None:
        """Write how a change or a refusal ended."""
        visit.closed = True
        if not _counts(visit):
            return
        missed = 0
        if not visit.asked:
            if self._doors.entries.wait(visit.caller):
                return  # counted, for the caller's next entry
            missed = self._doors.entries.forgive(visit.caller)
        ended = "failed" if status >= 500 else "refused" if visit.problem else "done"
        more = {"why": visit.problem, "of": visit.asked, "missed": missed}
        try:
            self._doors.note(**visit.entry(ended), **{key: value for key, value in more.items() if value})
        except DataError as error:
            _log.error("%s; %s was not written down", error, visit.what)


def _counts(visit: Visit) -> bool:
    """Return whether a visit's end is written down: of changes, but brief ones that went well, and of refusals."""
    return bool(visit.problem) or not visit.brief if visit.asked else visit.problem in _REFUSALS


_bearer: Final = HTTPBearer(auto_error=False, description="Only where the server asks for tokens.")


async def authorise(request: Request, _: Annotated[Any, Depends(_bearer)]) -> None:
    """Let a caller use this route, or not; what changes something is written down before it happens.

    Raises
    ------
    Refusal
        The caller's role does not have the right, or the audit log cannot be written.
    """
    doors = cast("Doors", request.app.state.doors)
    visit = _visit(request)
    path: str = getattr(request.scope.get("route"), "path", "")
    right = right_to(request.method, path)
    visit.about(str(request.path_params.get("name") or request.query_params.get("task_name") or ""))
    if visit.locked:
        await _check(request, visit, right, path)
    if right.changes:
        body = b"" if right.brief else await request.body()
        digest = {"digest": hashlib.sha256(body).hexdigest()} if body else {}
        visit.brief = right.brief
        try:
            visit.asked = await run_in_threadpool(doors.note, **visit.entry("asked"), **digest)
        except DataError as error:
            raise Refusal(Problem(503, "AuditFailed", f"Nothing was done, because {error.message}.")) from None


async def _check(request: Request, visit: Visit, right: Right, path: str) -> None:
    if right.roles is None:
        return
    if visit.token is None:
        raise Refusal(token_needed())
    if visit.token.role not in right.roles:
        may = ", ".join(sorted(right.roles))
        raise Refusal(_forbidden(f"expected a token with the role {may}, got one with the role {visit.token.role}"))
    if visit.token.role is Role.DATA_OWNER and right.changes:
        what = "pipeline" if path.startswith(PIPELINES) else "task"  # names of the two may be the same
        await run_in_threadpool(_check_party, visit.token, visit.subject, what, request.app.state)


def _check_party(token: Token, name: str, what: str, state: State) -> None:
    """Let a data owner act on the tasks of its own parties only, and on pipelines with such a task."""
    try:
        members = _parties(name, what, state)
    except NotFound:
        return  # the route says so
    if members.isdisjoint(token.parties):
        ours = ", ".join(token.parties)
        raise Refusal(_forbidden(f"expected a {what} in which {ours} takes part, got one of other parties"))


def _parties(name: str, what: str, state: State) -> frozenset[str]:
    if what == "task":
        get_service = cast("GetService", state.get_service)
        return frozenset(str(member["party"]) for member in get_service().get(name).members)
    pipelines = cast("PipelineService | None", state.pipelines)
    return frozenset() if pipelines is None else pipelines.parties(name)


def _forbidden(why: str) -> Problem:
    return Problem(403, "Forbidden", f"{why[0].upper()}{why[1:]}.")


def _foreign_host() -> Problem:
    message = (
        "Host: expected localhost, an IP address or a name given with --allow-host, got another name; without tokens a "
        "name that may be made to point here is refused."
    )
    return Problem(403, "ForeignHost", message)


def _foreign_page() -> Problem:
    return Problem(403, "ForeignPage", "A browser sent this request for a page of another site; that is refused.")


def _too_many(wait_s: float) -> Problem:
    seconds = math.ceil(wait_s)
    message = f"Too many requests; expected the next in {seconds} s."
    return Problem(429, "TooManyRequests", message, headers={"Retry-After": str(seconds)})
