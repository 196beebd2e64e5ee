"""The PaddleDTX API over the real service and a scripted runner: calls with their checks in order, and HTTP routes."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from fedray.errors import FedrayError
from serve_api.app import build_app
from serve_api.doors.doors import Doors
from serve_api.doors.settings import DoorSettings, state_files
from serve_api.doors.tokens import Tokens
from serve_api.paddledtx.calls import signed_texts
from serve_api.paddledtx.desk import PaddleDesk
from serve_api.paddledtx.grpc_door import MAX_REQUEST_BYTES
from serve_api.paddledtx.settings import PaddleSettings
from serve_api.paddledtx.shape import task_id
from serve_api.paddledtx.signing import new_private, public_of, sign
from serve_api.paddledtx.wire.task_pb2 import (
    FLTasks,
    GetTaskRequest,
    ListTaskRequest,
    SeedListTaskRequest,
    TaskRequest,
)
from tests.api.conftest import TestClient, World
from tests.api.documents import predicting


@dataclass
class Context:
    """A call, as Ray Serve tells of it."""

    where: str = "ipv4:127.0.0.1:5"
    metadata: tuple[tuple[str, str], ...] = ()
    code: Any = None
    details: str = ""
    told: list[str] = field(default_factory=list)

    def peer(self) -> str:
        return self.where

    def invocation_metadata(self) -> Any:
        return self.metadata

    def set_code(self, code: Any) -> None:
        self.code = code

    def set_details(self, details: str) -> None:
        self.details = details


class Paddle:
    """The API, asked as its clients do."""

    def __init__(self, world: World, root: Path, doors: DoorSettings | None = None, **settings: Any) -> None:
        self.world, self.root = world, root
        opened = Doors(doors)
        self.desk = PaddleDesk(world.store, PaddleSettings(root, 8184, **settings), opened)
        app = build_app(lambda: world.service, version="9", doors=opened, paddledtx_desk=self.desk)
        self.http = TestClient(app, base_url="http://127.0.0.1")

    def ask(self, method: str, request: Any, context: Context | None = None) -> Any:
        data = request if isinstance(request, bytes) else request.SerializeToString()
        context = context or Context()
        answer = self.desk.answer(method, data, context)
        if context.code is None:
            return type(answer).FromString(answer.SerializeToString())
        assert context.code is grpc.StatusCode.UNKNOWN
        return context.details

    def failed(self, method: str, request: Any, context: Context | None = None) -> tuple[str, str, str]:
        """Return what comes before the object of an error, its code and its message."""
        text = self.ask(method, request, context)
        prefix, _, rest = text.partition("{")
        told = json.loads("{" + rest)
        return prefix, told["code"], told["message"]

    def names(self, request: Any) -> list[str]:
        return [task.name for task in self.ask("ListTask", request).fLTasks]

    def post(self, path: str, body: Any, **more: Any) -> Any:
        reply = self.http.post(f"/v1/task/{path}", **({"content": body} if isinstance(body, bytes) else {"json": body}))
        assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json")
        return reply.json()


@pytest.fixture
def paddle(world: World, tmp_path: Path) -> Paddle:
    return Paddle(world, tmp_path)


def signed(private: bytes, task: str, *, old: bool = False, key: bytes | None = None) -> TaskRequest:
    request = TaskRequest(pubKey=key or public_of(private), taskID=task)
    request.signature = sign(private, signed_texts(request)[1 if old else 0])
    return request


def server_key(paddle: Paddle) -> bytes:
    """Return the private key of the server, which is the requester of tasks that were made natively."""
    assert paddle.desk.keys.server
    return bytes.fromhex((paddle.root / ".fedray" / "paddledtx_server.key").read_text())


def made(world: World, *names: str) -> None:
    for name in names:
        world.create(name)


class TestListTask:
    def test_the_newest_first_in_both_layouts(self, paddle: Paddle, world: World) -> None:
        made(world, "a", "b", "c")
        key = paddle.desk.keys.server
        for request in (SeedListTaskRequest(pubKey=key), ListTaskRequest(ePubKey=key), ListTaskRequest(pubKey=key)):
            assert paddle.names(request) == ["c", "b", "a"]
        assert paddle.names(SeedListTaskRequest(pubKey=key, limit=2)) == ["c", "b"]
        assert paddle.names(ListTaskRequest(pubKey=key, limit=1)) == ["c"]
        assert paddle.names(ListTaskRequest(pubKey=key, ePubKey=key)) == ["c", "b", "a"]
        assert paddle.names(b"") == paddle.names(ListTaskRequest(pubKey=b"\x01" * 64)) == []

    def test_status_and_time(self, paddle: Paddle, world: World) -> None:
        made(world, "a", "b")
        world.run("c")
        key = paddle.desk.keys.server
        assert paddle.names(SeedListTaskRequest(pubKey=key, status="Processing")) == ["c"]
        assert paddle.names(ListTaskRequest(pubKey=key, status="Ready")) == ["b", "a"]
        assert paddle.names(ListTaskRequest(pubKey=key, status="ready")) == []
        times = {task.name: task.publishTime for task in paddle.ask("ListTask", ListTaskRequest(pubKey=key)).fLTasks}
        between = {"timeStart": times["b"], "timeEnd": times["b"]}
        assert paddle.names(ListTaskRequest(pubKey=key, **between)) == ["b"]
        assert paddle.names(SeedListTaskRequest(pubKey=key, **between)) == ["b"]
        assert paddle.names(SeedListTaskRequest(pubKey=key, timeEnd=times["a"])) == ["a"]

    def test_what_has_no_word_is_left_out(self, paddle: Paddle, world: World) -> None:
        world.create("aligned", "alignment")
        assert paddle.names(ListTaskRequest(pubKey=paddle.desk.keys.server)) == []

    @pytest.mark.parametrize(("dialect", "found"), [("master", []), ("seed", ["a"])])
    def test_the_layout_may_be_fixed(self, world: World, tmp_path: Path, dialect: str, found: list[str]) -> None:
        made(world, "a")
        paddle = Paddle(world, tmp_path, dialect=dialect)
        request = SeedListTaskRequest(pubKey=paddle.desk.keys.server, status="Ready")
        assert paddle.names(request) == found  # master reads the status as a key that is nobody's


class TestGetTaskById:
    def test_a_task(self, paddle: Paddle, world: World) -> None:
        world.run("t")
        world.finish("t")
        task = paddle.ask("GetTaskById", GetTaskRequest(taskID=task_id("t")))
        stored = world.store.get("t")
        assert (task.name, task.status, task.requester) == ("t", "Finished", paddle.desk.keys.server)
        assert task.HasField("algoParam")
        assert task.algoParam.HasField("trainParams")
        assert (task.algoParam.algo, task.algoParam.taskType) == (2, 0)
        assert [data.isTagPart for data in task.dataSets] == [False, True]
        assert {data.address for data in task.dataSets} == {"127.0.0.1:8184"}
        assert all(len(data.executor) == 64 and data.confirmedAt for data in task.dataSets)
        seconds = (stored.created_at, stored.started_at, stored.ended_at)
        found = (task.publishTime, task.startTime, task.endTime)
        assert found == tuple(round(one * 1e9) for one in seconds if one)

    def test_why_it_failed(self, paddle: Paddle, world: World) -> None:
        world.run("t")
        world.fail("t", FedrayError("no luck", "bank"))
        task = paddle.ask("GetTaskById", GetTaskRequest(taskID=task_id("t")))
        assert (task.status, task.errMessage) == ("Failed", "no luck")

    def test_an_executor_has_its_own_key(self, paddle: Paddle, world: World) -> None:
        key = public_of(new_private())
        paddle.desk.keys.add("bank", key.hex(), ["127.0.0.1:8884"])
        made(world, "t")
        task = paddle.ask("GetTaskById", GetTaskRequest(taskID=task_id("t")))
        assert key in {data.executor for data in task.dataSets}
        assert paddle.names(ListTaskRequest(ePubKey=key)) == ["t"]

    def test_an_unknown_one(self, paddle: Paddle) -> None:
        prefix, code, _ = paddle.failed("GetTaskById", GetTaskRequest(taskID="x"))
        assert (prefix, code) == ("failed get task by id: ", "10004")


class TestGetPredictResult:
    def test_checks_come_in_order(self, paddle: Paddle, world: World) -> None:
        world.run("t")
        world.finish("t")
        world.service.create(predicting("p", "t"))
        private, stranger = server_key(paddle), new_private()
        get = "GetPredictResult"
        assert paddle.failed(get, signed(private, "x"))[:2] == ("failed get predict result: ", "10004")
        assert paddle.failed(get, signed(stranger, task_id("t")))[1:] == (
            "10002",
            "illegal taskId, not a predict task",
        )
        assert paddle.failed(get, signed(stranger, task_id("p")))[1:] == ("10002", "public key is invalid")
        short = signed(private, task_id("p"))
        short.signature = short.signature[:63]
        assert paddle.failed(get, short)[1:] == ("10002", "bad param:signature")
        forged = signed(stranger, task_id("p"), key=public_of(private))
        assert paddle.failed(get, forged)[1] == "10008"
        for old in (False, True):
            prefix, code, message = paddle.failed(get, signed(private, task_id("p"), old=old))
            assert (prefix, code, message) == ("failed to get reader from xuperdb: ", "10004", "key not found")


class TestStartTask:
    def test_checks_come_in_order(self, paddle: Paddle, world: World) -> None:
        made(world, "created")
        world.run("t")
        private, stranger = server_key(paddle), new_private()
        assert paddle.failed("StartTask", signed(private, "x"))[1] == "10004"
        assert paddle.failed("StartTask", signed(stranger, task_id("created")))[1] == "10002"
        assert paddle.failed("StartTask", signed(stranger, task_id("t"), key=public_of(private)))[1] == "10008"
        assert paddle.failed("StartTask", signed(stranger, task_id("t")))[1] == "PX0002"
        for old in (False, True):
            assert paddle.ask("StartTask", signed(private, task_id("t"), old=old)).taskID == task_id("t")
        assert world.runner.submitted == ["t"]


class TestDoor:
    @pytest.mark.parametrize("method", ["ListTask", "GetTaskById", "GetPredictResult", "StartTask"])
    @pytest.mark.parametrize("data", [b"\xff" * 9, b"\x0a\x40ab", b"\x0a" + b"a" * MAX_REQUEST_BYTES])
    def test_garbage_cut_off_and_giant(self, paddle: Paddle, method: str, data: bytes) -> None:
        assert paddle.failed(method, data)[1] == "10002"

    @pytest.mark.parametrize("peer", ["ipv4:10.0.0.5:99", "ipv6:%5B2001:db8::1%5D:99", "unix:/x", ""])
    def test_other_machines_are_not_answered(self, paddle: Paddle, world: World, tmp_path: Path, peer: str) -> None:
        assert paddle.failed("ListTask", b"", Context(peer))[1] == "10006"
        beyond = Paddle(world, tmp_path, beyond=True)
        assert beyond.ask("ListTask", b"", Context(peer)) == FLTasks()

    @pytest.mark.parametrize("peer", ["ipv4:127.0.0.1:99", "ipv6:%5B::1%5D:99", "ipv6:[::ffff:127.0.0.1]:9"])
    def test_this_machine_is(self, paddle: Paddle, peer: str) -> None:
        assert paddle.ask("ListTask", b"", Context(peer)) == FLTasks()

    def test_unsigned_calls_need_the_servers_token(self, world: World, tmp_path: Path) -> None:
        tokens, _ = state_files(tmp_path)
        secret = Tokens(tokens).add("ann", "auditor")
        paddle = Paddle(world, tmp_path, DoorSettings(tokens))
        assert paddle.failed("ListTask", b"")[1] == "10006"
        known = Context(metadata=(("authorization", f"Bearer {secret}"),))
        assert paddle.ask("ListTask", b"", known) == FLTasks()
        assert paddle.failed("StartTask", signed(new_private(), "x"))[1] == "10004"

    def test_no_text_of_an_unforeseen_failure(self, paddle: Paddle, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(paddle.desk.ledger, "list", lambda listing: 1 // 0)
        _, code, message = paddle.failed("ListTask", ListTaskRequest(pubKey=b"\x01" * 64))
        assert (code, message) == ("10001", "the server failed on this request")


class TestHttp:
    def test_a_listing(self, paddle: Paddle, world: World) -> None:
        made(world, "a")
        key = base64.b64encode(paddle.desk.keys.server).decode()
        reply = paddle.post("list", {"pubKey": key, "limit": "1", "timeEnd": 0, "more": 1})
        assert (reply["code"], reply["message"]) == ("0", "")
        (task,) = reply["data"]["fLTasks"]
        assert task["taskID"] == task_id("a")
        assert type(task["publishTime"]) is int
        assert task["algoParam"]["algo"] == 2
        assert task["requester"] == key
        assert "endTime" not in task
        assert paddle.post("list", {}) == {"code": "0", "message": "", "data": {}}

    def test_a_task(self, paddle: Paddle, world: World) -> None:
        made(world, "a")
        assert paddle.post("getbyid", {"taskID": task_id("a")})["data"]["name"] == "a"
        reply = paddle.post("getbyid", {"taskID": "x"})
        assert (reply["code"], reply["data"]) == ("10004", None)

    def test_a_result_needs_its_signature(self, paddle: Paddle, world: World) -> None:
        world.run("t")
        assert paddle.post("predictres/get", {"taskID": task_id("t")})["code"] == "10002"

    @pytest.mark.parametrize("body", [b"no", b"[]", b'{"taskID": 5}', b'{"taskID": "a"', b"\xff"])
    def test_bad_json(self, paddle: Paddle, body: bytes) -> None:
        reply = paddle.post("getbyid", body)
        assert (reply["code"], reply["data"]) == ("10001", None)
        assert reply["message"].startswith("rpc error: code = InvalidArgument desc = ")

    def test_another_method_and_a_giant(self, paddle: Paddle) -> None:
        reply = paddle.http.get("/v1/task/list")
        assert reply.status_code == 200
        assert reply.json()["message"].startswith("rpc error: code = Unimplemented desc = ")
        assert paddle.post("list", b"a" * (2 << 20))["message"].startswith("rpc error: code = ResourceExhausted")

    def test_without_a_port_there_are_no_routes(self, client: TestClient) -> None:
        assert client.post("/v1/task/list", json={}).status_code == 404
