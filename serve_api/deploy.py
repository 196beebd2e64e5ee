"""The MainServer on Ray Serve: stateless replicas over the store, a supervisor actor beside them."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import ray
from fastapi import FastAPI
from google.protobuf.message import Message
from ray import serve
from ray.exceptions import RayError
from ray.serve.config import HTTPOptions, gRPCOptions
from ray.serve.schema import LoggingConfig
from starlette.concurrency import run_in_threadpool

from actors.cluster import leave, start_or_join
from actors.logs import LogSetting, log_to
from actors.runner import RayRunner
from actors.supervision import get_or_create, stop_supervisor
from fedray.data.private_file import make_folder
from fedray.errors import DataError, LocalProtocolError, PlacementError
from fedray.pipeline.service import PipelineService
from fedray.task.registry import Registry
from fedray.task.service import TaskService
from fedray.task.store import Store
from serve_api.app import build_app
from serve_api.doors.doors import Doors
from serve_api.doors.settings import DoorSettings
from serve_api.fate_flow.desk import FateDesk
from serve_api.fate_flow.settings import FateSettings
from serve_api.front import place
from serve_api.k12ai.desk import Desk
from serve_api.k12ai.settings import K12Settings
from serve_api.paddledtx.desk import GrpcContext, PaddleDesk
from serve_api.paddledtx.settings import PaddleSettings
from serve_api.pump import Pump

__all__ = ["DEPLOYMENT", "MainServer", "ServerSettings", "prepare", "start", "stop", "task_service"]

APP = "fedray"
CONTROLLER = "SERVE_CONTROLLER_ACTOR"
NODE_LABEL = "ray.io/node-id"
DEPLOYMENT: Mapping[str, Any] = {
    "name": "MainServer",
    "num_replicas": 1,
    "max_ongoing_requests": 200,
    "graceful_shutdown_timeout_s": 10,
    "health_check_period_s": 2,
    "health_check_timeout_s": 10,
    "logging_config": LoggingConfig(log_level="WARNING", enable_access_log=False),
}
"""How replicas are kept, however they were started; a config file of Serve may say otherwise."""

log = logging.getLogger("fedray.deploy")


@dataclass(frozen=True)
class ServerSettings:
    """What a server is started with.

    Attributes
    ----------
    root
        Data root of parties for which the registry names none.
    host, port
        Where HTTP listens.
    registry
        Path of fedray.toml; None makes every address a party on this machine.
    database
        URL of the store.
    address
        Of a running Ray to join; None starts one.
    per_node
        Tasks that may run on a node at a time.
    tls
        Files of certificate and key; None speaks HTTP without TLS.
    doors
        Who may come in.
    k12ai
        How the K12AI API is set.
    paddledtx
        How the PaddleDTX API is set; None serves none.
    fate
        How the FATE-Flow API is set; None serves none.
    """

    root: Path
    host: str = "127.0.0.1"
    port: int = 8380
    registry: Path | None = None
    database: str = ""
    address: str | None = None
    per_node: int = 4
    tls: tuple[Path, Path] | None = None
    doors: DoorSettings = field(default_factory=DoorSettings)
    k12ai: K12Settings = field(default_factory=K12Settings)
    paddledtx: PaddleSettings | None = None
    fate: FateSettings | None = None

    @property
    def database_url(self) -> str:
        """The store's URL: by default a SQLite file in the data root's state folder."""
        return self.database or f"sqlite:///{self.root / '.fedray' / 'fedray.sqlite'}"

    def resolved(self) -> ServerSettings:
        """Return the same for a process with another working directory."""
        registry = None if self.registry is None else self.registry.resolve()
        return replace(self, root=self.root.resolve(), registry=registry)


class MainServer:
    """One replica: the HTTP application over the store."""

    def __init__(self, settings: ServerSettings) -> None:
        log_to(settings.root, LogSetting.from_environment(os.environ))
        store = Store(settings.database_url)
        self._settings = settings
        self._service = task_service(settings, store)
        self._doors = Doors(settings.doors)
        self._k12ai = Desk(lambda: self._service, settings.k12ai)
        paddledtx, fate = settings.paddledtx, settings.fate
        self._paddledtx = None if paddledtx is None else PaddleDesk(store, paddledtx, self._doors)
        self._pipelines = PipelineService(store, self._service)
        self._fate = None if fate is None else FateDesk(store.papers, lambda: self._service, self._pipelines, fate)
        limits = () if self._fate is None else (Pump("time limits of FATE's jobs", self._fate.limits.step),)
        for pump in (*self._k12ai.pumps(store), Pump("pipelines", self._pipelines.step), *limits):
            pump.start()

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Return the ASGI application of this replica."""
        return build_app(
            lambda: self._service,
            version=version("fedray"),
            doors=self._doors,
            k12ai_desk=self._k12ai,
            paddledtx_desk=self._paddledtx,
            pipeline_service=self._pipelines,
            fate_desk=self._fate,
        )

    async def standing(self) -> tuple[ServerSettings, str]:
        """Tell Serve's proxy how the server is set, and where."""
        return self._settings, place()

    async def ListTask(self, request: bytes, grpc_context: GrpcContext) -> Message:  # noqa: N802 - gRPC's names
        """Answer `task.Task/ListTask`."""
        return await self._answer("ListTask", request, grpc_context)

    async def GetTaskById(self, request: bytes, grpc_context: GrpcContext) -> Message:  # noqa: N802
        """Answer `task.Task/GetTaskById`."""
        return await self._answer("GetTaskById", request, grpc_context)

    async def GetPredictResult(self, request: bytes, grpc_context: GrpcContext) -> Message:  # noqa: N802
        """Answer `task.Task/GetPredictResult`."""
        return await self._answer("GetPredictResult", request, grpc_context)

    async def StartTask(self, request: bytes, grpc_context: GrpcContext) -> Message:  # noqa: N802
        """Answer `task.Task/StartTask`."""
        return await self._answer("StartTask", request, grpc_context)

    async def _answer(self, method: str, request: bytes, context: GrpcContext) -> Message:
        """Answer in a thread, since the store waits for its disk."""
        if self._paddledtx is None:
            raise LocalProtocolError("the PaddleDTX API is not served")
        return await run_in_threadpool(self._paddledtx.answer, method, request, context)


def task_service(settings: ServerSettings, store: Store) -> TaskService:
    """Return the service of a server that is set so."""
    parties = Registry.local() if settings.registry is None else Registry.from_toml(settings.registry)
    return TaskService(store, RayRunner(), parties, new_seed=lambda: secrets.token_hex(16))


def prepare(settings: ServerSettings) -> None:
    """Make the root's folders, and read the registry and the database, before any process is started.

    Raises
    ------
    DataError
        The root cannot be written.
    SpecError
        The registry or the database's URL is wrong.
    FedrayError
        The database cannot be reached.
    """
    try:
        for folder in ("raw", "generated", ".fedray"):
            make_folder(settings.root / folder)
            if not os.access(settings.root / folder, os.W_OK | os.X_OK):
                raise PermissionError(0, "no permission to write")
    except OSError as error:
        raise DataError(f"--root {settings.root}: expected a folder that can be written ({error.strerror})") from None
    if settings.registry is not None:
        Registry.from_toml(settings.registry)
    try:
        Store(settings.database_url).close()
    except OSError as error:
        raise DataError(f"--db: the folder of the database cannot be made ({error.strerror})") from None


def start(settings: ServerSettings) -> None:
    """Start or join Ray, start the supervisor and the HTTP server; return when HTTP answers.

    Raises
    ------
    PlacementError
        The cluster cannot be joined, or a process does not start.
    """
    start_or_join(settings.address)
    if settings.tls is not None:
        _end_serve_without_tls()
    get_or_create(settings.database_url, str(settings.root), settings.per_node)
    try:
        serve.start(
            proxy_location="HeadOnly",
            http_options=_http_options(settings),
            grpc_options=_grpc_options(settings),
            logging_config=LoggingConfig(log_level="WARNING", enable_access_log=False),  # no request is logged
        )
        serve.run(_application(settings), name=APP, route_prefix="/")
    except (RuntimeError, RayError) as error:
        raise PlacementError(f"the HTTP server did not start ({type(error).__name__})") from error


def _http_options(settings: ServerSettings) -> HTTPOptions:
    if settings.tls is None:
        return HTTPOptions(host=settings.host, port=settings.port)
    certificate, key = (str(path) for path in settings.tls)
    return HTTPOptions(host=settings.host, port=settings.port, ssl_certfile=certificate, ssl_keyfile=key)


def _grpc_options(settings: ServerSettings) -> gRPCOptions | None:
    if settings.paddledtx is None or not settings.paddledtx.port:
        return None
    return gRPCOptions(
        port=settings.paddledtx.port,
        grpc_servicer_functions=["serve_api.paddledtx.grpc_door.add_task"],
        enable_reflection=False,
    )


def _end_serve_without_tls() -> None:
    """End a Serve that is left on the cluster: it would keep its own options, and say tokens in clear."""
    if not any(actor["name"] == CONTROLLER for actor in ray.util.list_named_actors(all_namespaces=True)):
        return
    if not set(serve.status().applications) <= {APP}:
        raise PlacementError(
            "Ray Serve runs on this cluster for another application, whose HTTP options it keeps, so TLS cannot be "
            "switched on; end that one first, or use another cluster"
        )
    serve.shutdown()


def stop(reason: str) -> None:
    """End what `start` started: the tasks that run, the supervisor, the HTTP server, and Ray if it was ours."""
    if not ray.is_initialized():
        return
    try:
        stop_supervisor(reason)
        _stop_http()
    except Exception as error:  # noqa: BLE001 - the process must end
        # Ray may be half gone; what is left of it ends with this process
        log.warning("the server did not end in order: %s", type(error).__name__)
    finally:
        leave()


def _stop_http() -> None:
    """End our application, and Serve with it unless somebody else's application runs on the cluster."""
    if set(serve.status().applications) <= {APP}:
        serve.shutdown()
    else:
        serve.delete(APP)


def _application(settings: ServerSettings) -> serve.Application:
    # on this node, where the database's file may be
    here = {NODE_LABEL: ray.get_runtime_context().get_node_id()}
    deployment = serve.deployment(**DEPLOYMENT, ray_actor_options={"num_cpus": 0, "label_selector": here})
    return deployment(serve.ingress()(MainServer)).bind(settings.resolved())
