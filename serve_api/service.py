"""How a route reaches the service: by the application's state, so that routes are plain functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, cast

from fastapi import Depends, Request

from fedray.task.service import TaskService

__all__ = ["Body", "GetService", "Service"]

GetService = Callable[[], TaskService]


def _service(request: Request) -> TaskService:
    get_service = cast("GetService", request.app.state.get_service)
    return get_service()


async def _body(request: Request) -> bytes:
    return await request.body()


Service = Annotated[TaskService, Depends(_service)]
"""A parameter of a route: the service of the application."""

Body = Annotated[bytes, Depends(_body)]
"""A parameter of a route: the body as it came, of any content type, at most `limits.MAX_BODY_BYTES`."""
