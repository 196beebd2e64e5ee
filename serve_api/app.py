"""The ASGI application: every API over one service, one way to fail, documentation that works offline.

It is built without Ray; whoever deploys it passes the way to the service.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Scope

from fedray.errors import FedrayError
from fedray.pipeline.service import PipelineService
from fedray.task.text import show
from serve_api import mainserver, native, pipelines
from serve_api.docs_page import docs_page
from serve_api.doors.doors import Doors
from serve_api.doors.guard import Guard, Refusal, authorise, visit_of
from serve_api.fate_flow import routes as fate_flow
from serve_api.fate_flow.desk import FateDesk
from serve_api.k12ai import routes as k12ai
from serve_api.k12ai.desk import Desk
from serve_api.k12ai.settings import K12Settings
from serve_api.limits import AnyCasePaths, BodyLimit, PlainFailures, route_path
from serve_api.paddledtx import routes as paddledtx
from serve_api.paddledtx.desk import PaddleDesk
from serve_api.replies import Problem
from serve_api.service import GetService, Service

__all__ = ["build_app"]

_DESCRIPTION = (
    "Trains models on vertically split data by secret sharing. The MainServer routes always answer HTTP 200 with "
    "`{status, msg}`; the routes under `/api/v1` use HTTP status codes and `{error: {type, message, party, phase}}`; "
    "those under `/k12ai` answer HTTP 200 with `{code, descr, message, detail}`, those under `/v1/task` with "
    "`{code, message, data}`, FATE-Flow's others under `/v1` answer `{retcode, retmsg, data}`."
)


_ROUTERS: Final = (mainserver.router, native.router, pipelines.router, k12ai.router)
"""Those of every server."""


class Health(BaseModel):
    """That the server answers."""

    status: Annotated[str, Field(description='Always "ok".')]
    version: Annotated[str, Field(description="Version of fedray.")]


def build_app(
    get_service: GetService,
    *,
    version: str,
    doors: Doors | None = None,
    k12ai_desk: Desk | None = None,
    paddledtx_desk: PaddleDesk | None = None,
    pipeline_service: PipelineService | None = None,
    fate_desk: FateDesk | None = None,
) -> FastAPI:
    """Build the application.

    Parameters
    ----------
    get_service
        Returns the service that the routes call; called once per request, so it may be made late.
    version
        The version that ``/healthz`` and the documentation show.
    doors
        Who may come in; left out, whoever can reach it, but no page that a browser has open.
    k12ai_desk
        What the K12AI API shares with its messages; left out, one as set by default.
    paddledtx_desk
        What the PaddleDTX routes share with gRPC; left out, there are no such routes.
    pipeline_service
        What the routes of pipelines call; left out, these refuse.
    fate_desk
        What the FATE-Flow routes have in common; left out, there are no such routes.

    Returns
    -------
    FastAPI
        An ASGI application; it holds no state but the way to the service.
    """
    app = FastAPI(
        title="fedray",
        version=version,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(authorise)],
    )
    app.state.get_service = get_service
    app.state.doors = doors = doors or Doors()
    app.state.k12ai = k12ai_desk or Desk(get_service, K12Settings())
    app.state.paddledtx = paddledtx_desk
    app.state.pipelines = pipeline_service
    app.state.fate = fate_desk
    chosen = (((paddledtx.router,), paddledtx_desk), (fate_flow.ROUTERS, fate_desk))
    routers = (*_ROUTERS, *(router for some, desk in chosen if desk is not None for router in some))
    for router in routers:
        app.include_router(router)
    _add_own_routes(app, version)
    _add_failures(app)
    _add_middleware(app, doors, routers)
    return app


def _add_own_routes(app: FastAPI, version: str) -> None:
    @app.get("/healthz", tags=["server"])
    def healthz() -> Health:
        """Answer that the server is alive."""
        return Health(status="ok", version=version)

    @app.get("/metrics", tags=["server"], response_class=PlainTextResponse)
    def metrics(service: Service) -> PlainTextResponse:
        """Answer tasks by status, the queue, and what finished tasks took, by kind and phase, for Prometheus."""
        return PlainTextResponse(service.metrics(), media_type="text/plain; version=0.0.4")

    @app.get("/docs", include_in_schema=False)
    def docs(request: Request) -> HTMLResponse:
        """Show this API, without any resource from elsewhere."""
        root: str = request.scope.get("root_path", "")
        policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return HTMLResponse(docs_page(app.openapi(), root), headers=policy)


def _add_middleware(app: FastAPI, doors: Doors, routers: Sequence[APIRouter]) -> None:
    """Wrap the routes; the last one added is the first to see a request."""
    routes = [*(route for router in routers for route in router.routes), *app.routes]
    templates = [path for route in routes if (path := getattr(route, "path", ""))]
    fate = app.state.fate is not None
    # FATE's own clients double slashes
    squeezed = fate_flow.PATHS if fate else frozenset[str]()
    paths = AnyCasePaths(app, _refuse, templates, squeezed)
    app.add_middleware(BodyLimit, refuse=_refuse, passed=fate_flow.STREAMED if fate else frozenset[str]())
    app.add_middleware(AnyCasePaths, refuse=_refuse, templates=templates, squeezed=squeezed)
    app.add_middleware(Guard, doors=doors, refuse=_refuse, route=paths.template)
    app.add_middleware(PlainFailures, refuse=_refuse)


def _add_failures(app: FastAPI) -> None:
    @app.exception_handler(FedrayError)
    def known(request: Request, error: FedrayError) -> Response:
        return _refuse(request.scope, Problem.of(error))

    @app.exception_handler(Refusal)
    def shut(request: Request, error: Refusal) -> Response:
        return _refuse(request.scope, error.problem)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        message = "; ".join(_sentence(part) for part in error.errors()[:5])
        return _refuse(request.scope, Problem(422, "SpecError", message))

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        return _refuse(request.scope, _refusal(request, error))

    @app.exception_handler(ClientDisconnect)
    def gone(request: Request, error: ClientDisconnect) -> Response:  # noqa: ARG001  nobody reads it
        return Response(status_code=499)


def _refuse(scope: Scope, problem: Problem) -> Response:
    """Answer in the shape of the API that owns the path, and note for the audit log what was wrong."""
    visit = visit_of(scope)
    if visit is not None:
        visit.problem = problem.type
    path = route_path(scope).casefold().rstrip("/")
    if path in k12ai.PATHS:
        return k12ai.answer(scope["app"].state.k12ai, problem)
    if path in paddledtx.PATHS and scope["app"].state.paddledtx is not None:
        return paddledtx.answer(problem)
    if path.replace("//", "/") in fate_flow.PATHS and scope["app"].state.fate is not None:
        return fate_flow.answer(problem)
    return mainserver.answer(problem) if path in mainserver.PATHS else native.answer(problem)


def _refusal(request: Request, error: HTTPException) -> Problem:
    path = show(route_path(request.scope))
    if error.status_code == 404:
        return Problem(404, "NoRoute", f"No route has the path {path}; GET /docs lists the routes.")
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        message = f"{path}: expected the method {allowed}, got {show(request.method)}."
        return Problem(405, "MethodNotAllowed", message, headers=error.headers or {})
    return Problem(error.status_code, "Refused", f"{path}: {error.detail}", headers=error.headers or {})


def _sentence(part: dict[str, Any]) -> str:
    """Return one finding of pydantic in our form: which parameter, what was expected, what came."""
    where = ".".join(str(step) for step in part["loc"])
    if part["type"] == "extra_forbidden":
        return f"{where}: no such parameter"
    expected = part["msg"].removeprefix("Input should be ")
    return f"{where}: expected {expected}, got {show(part['input'])}"
