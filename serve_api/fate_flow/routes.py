"""``/v1``: the routes of FATE-Flow. Each answers HTTP 200 with a code and a text, but where a file is asked for."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from serve_api.fate_flow import routes_data, routes_jobs, routes_models, routes_tracking
from serve_api.fate_flow.envelope import answer

__all__ = ["PATHS", "STREAMED", "answer", "router"]

router = APIRouter()
for _part in (routes_data, routes_jobs, routes_tracking, routes_models):
    router.include_router(_part.router)

PATHS: Final = frozenset(str(route.path).casefold() for route in router.routes if hasattr(route, "path"))
"""The paths of this API, casefolded."""

STREAMED: Final = frozenset({routes_data.STREAMED, routes_models.STREAMED})
"""Routes that read the body themselves and bound it."""
