"""How a route reaches the service: by the application's state, so that routes are plain functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, cast

from fastapi import Depends, Request

from fedray.errors import SpecError, StateError
from fedray.pipeline.service import PipelineService
from fedray.task.scoring import Place
from fedray.task.service import TaskService
from fedray.task.text import show

__all__ = ["Body", "GetService", "Pipelines", "Service", "party_place"]

GetService = Callable[[], TaskService]


async def _service(request: Request) -> TaskService:
    get_service = cast("GetService", request.app.state.get_service)
    return get_service()


async def _pipelines(request: Request) -> PipelineService:
    service = cast("PipelineService | None", request.app.state.pipelines)
    if service is None:
        raise StateError("this server runs no pipelines")
    return service


async def _body(request: Request) -> bytes:
    return await request.body()


Service = Annotated[TaskService, Depends(_service)]
"""A parameter of a route: the service of the application."""

Pipelines = Annotated[PipelineService, Depends(_pipelines)]
"""A parameter of a route: the pipelines of the application."""

Body = Annotated[bytes, Depends(_body)]
"""A parameter of a route: the body as it came, of any content type, at most `limits.MAX_BODY_BYTES`."""


def party_place(service: TaskService, field: str, party: str) -> Place:
    """Return where a party is: its name in the registry, or ADDR:PORT; raises ``SpecError`` that names the field."""
    known = {view.name: (view.addr, view.http_port) for view in service.parties()}
    addr, _, port = party.rpartition(":")
    if party in known:
        return known[party]
    if addr and port.isascii() and port.isdecimal() and len(port) < 6:
        return addr, int(port)
    names = f"one of {', '.join(known)}" if known else "ADDR:PORT"
    raise SpecError(f"{field}: expected a party, {names}, got {show(party)}")
