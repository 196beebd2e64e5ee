"""``/v1``: the routes of FATE-Flow. Each answers HTTP 200 with a code and a text, but where a file is asked for."""

from __future__ import annotations

from typing import Final

from serve_api.fate_flow import routes_data, routes_jobs, routes_models, routes_tracking
from serve_api.fate_flow.envelope import answer

__all__ = ["PATHS", "ROUTERS", "STREAMED", "answer"]

ROUTERS: Final = (routes_data.router, routes_jobs.router, routes_tracking.router, routes_models.router)
"""All of them."""

PATHS: Final = frozenset(
    str(route.path).casefold() for router in ROUTERS for route in router.routes if hasattr(route, "path")
)
"""The paths of this API, casefolded."""

STREAMED: Final = frozenset({routes_data.STREAMED, routes_models.STREAMED})
"""Routes that read the body themselves and bound it."""
