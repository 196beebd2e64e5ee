"""What Serve's proxy answers by itself: the reads that many clients ask for again and again.

From the proxy to a replica and back costs several times what such an answer does. So the proxy, where it is on the
node of the database, keeps an application of its own over the same store, with the same doors, and asks a replica now
and then how that is set. Everything else goes to the replicas, and so do these reads until one of them has told.

Serve's proxy imports this module while it starts, so it imports little; `middlewares` is named to Serve by the variable
RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from serve_api.pump import Pump

if TYPE_CHECKING:
    from serve_api.deploy import ServerSettings
    from serve_api.paddledtx.desk import PaddleDesk

__all__ = ["POLLED", "Entrance", "Front", "Near", "entrance", "middlewares", "place"]

POLLED: Final = (
    "/querystatus",
    "/querydataset",
    "/querytask",
    "/queryrecord",
    "/api/v1/tasks",
    "/api/v1/tasks/{name}",
    "/api/v1/tasks/{name}/events",
)
"""The paths that are answered here when they are read, casefolded; each needs the store alone."""

ASK_S: Final = 5.0
"""Seconds between two questions to a replica: so long may a change of the server's settings take to come here."""

_ANSWER_S: Final = 5.0
_TEMPLATES: Final = tuple(path.split("/") for path in POLLED)


@dataclass(frozen=True)
class Near:
    """What answers here.

    Attributes
    ----------
    app
        The application, as a replica has it.
    paddledtx
        What answers gRPC; None where the server has none.
    close
        Ends both.
    """

    app: ASGIApp
    paddledtx: PaddleDesk | None
    close: Callable[[], None]


Told = tuple["ServerSettings", str]
"""How the server is set, and the `place` of its replica."""


class Entrance:
    """Knows what answers here, and looks after it.

    Parameters
    ----------
    ask
        Asks a replica; None where there is no server any more; raises where none answers now.
    here
        Returns the `place` of this process.
    build
        Makes what answers, for a server that is set so.
    clock
        Gives seconds, never going back.
    """

    def __init__(
        self,
        ask: Callable[[], Told | None],
        here: Callable[[], str],
        build: Callable[[ServerSettings], Near],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask, self._here, self._build, self._clock = ask, here, build, clock
        self._told: Told | None = None
        self._due = 0.0
        self.near: Near | None = None

    def step(self) -> bool:
        """Ask how the server is set, if it is time to, and build anew what answers if that has changed."""
        if self._clock() < self._due:
            return False
        self._due = self._clock() + ASK_S
        told = self._ask()
        if told != self._told:
            old, self.near = self.near, None  # replicas answer meanwhile
            if old is not None:
                old.close()
            self._told = None
            if told is not None and told[1] == self._here():
                self.near = self._build(told[0])
            self._told = told
        return False


class Front:
    """ASGI middleware of Serve's proxy."""

    def __init__(self, app: ASGIApp, entered: Entrance) -> None:
        self._app, self._entered = app, entered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a polled read, pass on everything else."""
        near = self._entered.near if _polled(scope) else None
        await (self._app if near is None else near.app)(scope, receive, send)


def _polled(scope: Scope) -> bool:
    """Return whether a request reads one of the paths, in any case; what else such a path may be a replica says."""
    if scope["type"] != "http" or scope["method"] != "GET" or scope.get("root_path"):
        return False
    parts = scope["path"].casefold().split("/")
    return any(
        len(parts) == len(fixed) and all(own in ("{name}", part) for own, part in zip(fixed, parts, strict=True))
        for fixed in _TEMPLATES
    )


def middlewares() -> list[Middleware]:
    """Return what Serve puts before its HTTP proxy."""
    return [Middleware(Front, entered=entrance())]


@cache  # Serve calls HTTP's part and gRPC's by their names, in one process; the doors are those of both
def entrance() -> Entrance:
    """Return the entrance of this process, whose replicas are asked from now on."""
    found = Entrance(_ask_replica, place, _build)
    Pump("front", found.step).start()
    return found


def place() -> str:
    """Return the version of this process and the node on which its files are: both must be those of the replicas."""
    import ray

    return f"{version('fedray')} on {ray.get_runtime_context().get_node_id()}"


def _ask_replica() -> Told | None:
    from ray import serve
    from ray.serve.exceptions import RayServeException

    from serve_api.deploy import APP

    try:
        handle = serve.get_app_handle(APP)
    except RayServeException:
        return None
    told: Told = handle.standing.remote().result(timeout_s=_ANSWER_S)
    return told


def _build(settings: ServerSettings) -> Near:
    from fedray.task.store import Store
    from serve_api.app import build_app
    from serve_api.deploy import task_service
    from serve_api.doors.doors import Doors
    from serve_api.paddledtx.desk import PaddleDesk

    store, doors = Store(settings.database_url), Doors(settings.doors)
    service, paddledtx = task_service(settings, store), settings.paddledtx
    app = build_app(lambda: service, version=version("fedray"), doors=doors)
    return Near(app, None if paddledtx is None else PaddleDesk(store, paddledtx, doors), store.close)
