"""What Serve's proxy answers by itself: the same answers as a replica's, through the same doors, and nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from starlette.types import ASGIApp

from fedray.task.record import Status
from serve_api.app import build_app
from serve_api.doors.audit import AuditLog
from serve_api.doors.doors import Doors
from serve_api.doors.settings import DoorSettings
from serve_api.doors.tokens import Tokens
from serve_api.front import ASK_S, POLLED, Entrance, Front, Near
from serve_api.paddledtx.desk import PaddleDesk
from serve_api.paddledtx.grpc_door import METHODS, add_task
from serve_api.paddledtx.ledger import Tasks
from serve_api.paddledtx.settings import PaddleSettings
from serve_api.paddledtx.signing import new_private, public_of
from serve_api.paddledtx.wire.task_pb2 import FLTasks, ListTaskRequest
from tests.api.conftest import TestClient, World
from tests.api.test_paddledtx import Context

HERE = "9 on node 1"


@dataclass
class Proxy:
    """Serve's proxy, in front of a replica that is set as `doors` says; both are applications of this process."""

    world: World
    doors: DoorSettings
    now: float = 0.0
    told: Any = None
    built: list[Any] = field(default_factory=list)
    closed: int = 0
    replica_saw: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.replica = self.app(Doors(self.doors))
        self.entrance = Entrance(self.ask, lambda: HERE, self.build, lambda: self.now)
        self.http = TestClient(Front(self.watched, self.entrance), base_url="http://127.0.0.1")

    def app(self, doors: Doors) -> ASGIApp:
        return build_app(lambda: self.world.service, version=version("fedray"), doors=doors)

    def ask(self) -> Any:
        if isinstance(self.told, Exception):
            raise self.told
        return self.told

    def build(self, settings: Any) -> Near:
        self.built.append(settings)
        return Near(self.app(Doors(settings)), None, self.close)

    def close(self) -> None:
        self.closed += 1

    async def watched(self, scope: Any, receive: Any, send: Any) -> None:
        self.replica_saw.append(f"{scope['method']} {scope['path']}")
        await self.replica(scope, receive, send)

    def tell(self, settings: DoorSettings | None = None, node: str = HERE) -> None:
        self.told = (settings or self.doors, node)
        self.step()

    def step(self) -> None:
        self.now += ASK_S
        self.entrance.step()

    def both(self, path: str, **more: Any) -> Any:
        """Return an answer, once it is seen to be the same from here as from the replica."""
        near = self.http.get(path, **more)
        assert self.replica_saw == []
        far = TestClient(self.replica, base_url="http://127.0.0.1").get(path, **more)
        assert (near.status_code, near.content) == (far.status_code, far.content)
        assert dict(near.headers) == dict(far.headers)
        return near


@pytest.fixture
def doors(tmp_path: Path) -> DoorSettings:
    return DoorSettings(tmp_path / "tokens.json", tmp_path / "audit.jsonl")


@pytest.fixture
def proxy(world: World, doors: DoorSettings) -> Proxy:
    made = Proxy(world, doors)
    made.tell()
    return made


READS = (
    "/queryStatus?task_name=t",
    "/QUERYSTATUS?task_name=t",
    "/queryStatus?task_name=x",
    "/queryStatus",
    "/queryDataset?task_name=t",
    "/queryTask?task_name=t&query=status",
    "/queryTask?task_name=t&query=record&client=99",
    "/queryRecord?task_name=t",
    "/api/v1/tasks",
    "/api/v1/tasks?limit=no",
    "/api/v1/tasks/t",
    "/api/v1/tasks/x",
    "/api/v1/tasks/t/events",
    "/api/v1/tasks/t/events?after=-1",
)


@pytest.mark.parametrize("path", READS)
def test_polled_reads_are_answered_as_a_replica_does(proxy: Proxy, path: str) -> None:
    proxy.world.create("t")
    proxy.both(path)


def test_every_polled_path_is_a_route_that_reads_and_changes_nothing() -> None:
    from serve_api.doors.roles import ROUTES

    rights = {path.casefold(): right for (method, path), right in ROUTES.items() if method == "GET"}
    assert [rights[path].name for path in POLLED] == ["read"] * len(POLLED)
    assert not any(rights[path].changes for path in POLLED)


def test_a_change_is_seen_at_once(proxy: Proxy) -> None:
    proxy.world.create("t")
    for status, word in ((None, "Created"), (Status.QUEUED, "Running"), (Status.FAILED, "Failed")):
        if status is not None:
            proxy.world.store.transition("t", status)
        assert [proxy.both("/queryStatus?task_name=t").json()["msg"] for _ in range(2)] == [word] * 2


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/createTask"),
        ("POST", "/startTask"),
        ("POST", "/api/v1/tasks"),
        ("HEAD", "/queryStatus"),
        ("GET", "/startTask?task_name=t"),
        ("GET", "/healthz"),
        ("GET", "/metrics"),
        ("GET", "/api/v1/tasks/t/report"),
        ("GET", "/queryStatus/"),
        ("GET", "/nothing"),
    ],
)
def test_all_else_goes_to_a_replica(proxy: Proxy, method: str, path: str) -> None:
    proxy.http.request(method, path)
    assert proxy.replica_saw == [f"{method} {path.partition('?')[0]}"]


def test_the_doors_are_those_of_the_server(proxy: Proxy, doors: DoorSettings) -> None:
    assert proxy.both("/queryStatus?task_name=t", headers={"Host": "evil.example"}).json()["status"] == "err"
    assert proxy.both("/api/v1/tasks", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert doors.tokens is not None
    secret = Tokens(doors.tokens).add("sue", "submitter")  # from now on a token is needed, here too
    assert proxy.both("/api/v1/tasks").status_code == 401
    assert proxy.both("/api/v1/tasks", headers={"Authorization": "Bearer fedray_no"}).status_code == 401
    assert proxy.both("/api/v1/tasks", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    Tokens(doors.tokens).revoke("sue")
    assert proxy.both("/api/v1/tasks", headers={"Authorization": f"Bearer {secret}"}).status_code == 401


def test_refusals_are_in_the_audit_log_and_its_chain_is_whole(proxy: Proxy, doors: DoorSettings) -> None:
    assert doors.tokens is not None
    assert doors.audit is not None
    Tokens(doors.tokens).add("sue", "submitter")
    proxy.both("/api/v1/tasks")
    log = AuditLog(doors.audit)
    assert [(entry["what"], entry["why"]) for entry in log.entries()] == [("GET /api/v1/tasks", "TokenNeeded")] * 2
    assert not log.verify().findings


def test_a_caller_who_asks_too_often_waits(world: World, doors: DoorSettings) -> None:
    proxy = Proxy(world, replace(doors, rate=1e-3))  # a hundredth of a request at once: none
    proxy.tell()
    assert proxy.both("/api/v1/tasks").status_code == 429


def test_replicas_answer_until_one_has_told_how_the_server_is_set(world: World, doors: DoorSettings) -> None:
    proxy = Proxy(world, doors)
    for told in (None, OSError("none answers"), (doors, "9 on node 2")):
        proxy.told = told
        if isinstance(told, OSError):
            with pytest.raises(OSError, match="none"):  # the pump goes on after it
                proxy.step()
        else:
            proxy.step()
        proxy.replica_saw.clear()
        assert proxy.http.get("/queryStatus?task_name=t").json()["msg"] == "NotExist"
        assert proxy.replica_saw == ["GET /queryStatus"]
    assert proxy.built == []


def test_what_answers_is_built_anew_when_the_server_is_set_anew(proxy: Proxy, doors: DoorSettings) -> None:
    proxy.step()
    proxy.told = OSError("a replica is being replaced")
    with pytest.raises(OSError, match="replaced"):
        proxy.step()
    proxy.both("/queryStatus?task_name=t")
    assert len(proxy.built) == 1
    other = replace(doors, required=True)
    proxy.tell(other)
    assert (proxy.built, proxy.closed) == ([doors, other], 1)
    assert proxy.http.get("/api/v1/tasks").status_code == 401
    proxy.told = None  # the application was deleted
    proxy.step()
    assert proxy.closed == 2
    proxy.http.get("/queryStatus?task_name=t")
    assert proxy.replica_saw == ["GET /queryStatus"]


def test_a_replica_is_asked_now_and_then_only(world: World, doors: DoorSettings) -> None:
    asked = []
    entrance = Entrance(lambda: asked.append(1), lambda: HERE, lambda _: None, lambda: float(len(asked)))
    for _ in range(4):
        assert entrance.step() is False
    assert asked == [1]


class Server:
    """Takes a service as Serve's gRPC server does: each handler's way is replaced by one to a replica."""

    def __init__(self) -> None:
        self.routed: list[bytes] = []

    def add_generic_rpc_handlers(self, handlers: tuple[Any, ...]) -> None:
        (self.handler,) = handlers
        assert set(self.handler._method_handlers) == {f"/task.Task/{name}" for name in METHODS}
        self.handler._method_handlers = {
            path: one._replace(unary_unary=self.replica) for path, one in self.handler._method_handlers.items()
        }

    async def replica(self, data: bytes, context: Any) -> bytes:
        self.routed.append(data)
        return b""

    def call(self, method: str, data: bytes, context: Context) -> bytes | None:
        details: Any = type("Details", (), {"method": f"/task.Task/{method}"})
        found = self.handler.service(details)
        if found is None:
            return None
        answer: bytes = asyncio.run(found.unary_unary(found.request_deserializer(data), context))
        return answer


@pytest.fixture
def desk(world: World, tmp_path: Path) -> PaddleDesk:
    return PaddleDesk(world.store, PaddleSettings(tmp_path, 8184), Doors())


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Callable[[PaddleDesk | None], Server]:
    def make(near: PaddleDesk | None) -> Server:
        monkeypatch.setattr("serve_api.paddledtx.grpc_door._desk", lambda: near)
        server = Server()
        add_task(type("Servicer", (), dict.fromkeys(METHODS)), server)
        return server

    return make


def test_grpc_is_answered_here_at_once_where_all_is_at_hand(
    world: World, desk: PaddleDesk, served: Callable[[PaddleDesk | None], Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, request = served(desk), ListTaskRequest(pubKey=desk.keys.server).SerializeToString()
    world.create("t")
    for _ in range(2):
        answer = server.call("ListTask", request, Context())
        assert answer is not None
        assert [task.name for task in FLTasks.FromString(answer).fLTasks] == ["t"]
        monkeypatch.setattr("serve_api.paddledtx.desk.run_in_threadpool", None)  # the second needs no thread
    assert server.routed == []


def test_the_loop_reads_nothing_after_a_key_came(
    world: World, desk: PaddleDesk, served: Callable[[PaddleDesk | None], Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, request = served(desk), ListTaskRequest(pubKey=desk.keys.server).SerializeToString()
    world.create("t")
    server.call("ListTask", request, Context())
    desk.keys.add("bank", public_of(new_private()).hex(), ["127.0.0.1:8084"])
    in_thread = []

    async def thread(call: Callable[..., Message], *told: Any) -> Message:
        in_thread.append(told[0])
        return call(*told)

    monkeypatch.setattr("serve_api.paddledtx.desk.run_in_threadpool", thread)
    for _ in range(2):
        assert server.call("ListTask", request, Context())
    assert in_thread == ["ListTask"]


def test_what_is_written_after_a_look_is_left_to_the_next_call(
    world: World, desk: PaddleDesk, served: Callable[[PaddleDesk | None], Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, request = served(desk), ListTaskRequest(pubKey=desk.keys.server).SerializeToString()
    world.create("t")
    server.call("ListTask", request, Context())
    looked = desk.ledger.at_hand

    def then_written() -> Tasks | None:
        near = looked()
        world.create("u")
        return near

    monkeypatch.setattr(desk.ledger, "at_hand", then_written)
    with monkeypatch.context() as patched:
        patched.setattr(desk.ledger, "_read", None)
        answer = server.call("ListTask", request, Context())
    assert answer is not None
    assert [task.name for task in FLTasks.FromString(answer).fLTasks] == ["t"]
    monkeypatch.undo()
    assert looked() is None


@pytest.mark.parametrize("method", METHODS)
def test_grpc_that_is_refused_here_is_refused_in_the_apis_words(
    desk: PaddleDesk, served: Callable[[PaddleDesk | None], Server], method: str
) -> None:
    for data, peer, code in ((b"\xff" * 9, "ipv4:127.0.0.1:5", "10002"), (b"", "ipv4:10.0.0.7:5", "10006")):
        context = Context(peer)
        assert served(desk).call(method, data, context) == b""
        assert context.code is grpc.StatusCode.UNKNOWN
        assert json.loads(context.details[context.details.index("{") :])["code"] == code


def test_grpc_goes_to_a_replica_where_nobody_is_near(served: Callable[[PaddleDesk | None], Server]) -> None:
    server = served(None)
    assert server.call("ListTask", b"a" * (1 << 20), Context()) == b""
    assert [len(data) for data in server.routed] == [(64 << 10) + 1]
    assert server.call("ConfirmTask", b"", Context()) is None
