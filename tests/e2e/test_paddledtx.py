"""``task.Task`` on Ray Serve's gRPC port, asked by a client that was generated from our .proto, beside HTTP."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from serve_api.paddledtx.calls import signed_texts
from serve_api.paddledtx.go_json import canonical
from serve_api.paddledtx.keys import Keys
from serve_api.paddledtx.shape import task_id
from serve_api.paddledtx.signing import new_private, public_of, sign
from serve_api.paddledtx.wire.task_pb2 import (
    FLTask,
    FLTasks,
    GetTaskRequest,
    ListTaskRequest,
    SeedListTaskRequest,
    TaskRequest,
    TaskResponse,
)
from tests.e2e.documents import alignment, training
from tests.server import FedrayServer, until

pytestmark = [pytest.mark.e2e, pytest.mark.ray, pytest.mark.timeout(400)]


class Client:
    """A channel to the server."""

    def __init__(self, server: FedrayServer, port: int) -> None:
        self.server = server
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")

    def call(self, method: str, request: Any, kind: Any = FLTasks) -> Any:
        data = request if isinstance(request, bytes) else request.SerializeToString()
        asked = self.channel.unary_unary(f"/task.Task/{method}", response_deserializer=kind.FromString)
        return asked(data, timeout=60)

    def code(self, method: str, request: Any) -> str:
        with pytest.raises(grpc.RpcError) as caught:
            self.call(method, request)
        assert caught.value.code() is grpc.StatusCode.UNKNOWN
        details = caught.value.details()
        return str(json.loads(details[details.index("{") :])["code"])


@pytest.fixture(scope="module")
def client(aligned: FedrayServer, grpc_port: int) -> Iterator[Client]:
    made = Client(aligned, grpc_port)
    yield made
    made.channel.close()


def test_a_training_is_read_over_grpc_and_http(client: Client) -> None:
    server, keys = client.server, Keys(client.server.root)
    done = server.run(training("read", max_iter=20))
    assert done["status"] == "finished"
    for request in (SeedListTaskRequest(pubKey=keys.server, limit=100), ListTaskRequest(ePubKey=keys.server)):
        found = [task for task in client.call("ListTask", request).fLTasks if task.name == "read"]
        assert [task.status for task in found] == ["Finished"]
    task = client.call("GetTaskById", GetTaskRequest(taskID=task_id("read")), FLTask)
    assert task == found[0]
    assert task.HasField("algoParam")
    assert task.publishTime < task.startTime < task.endTime
    reply = server.post("/v1/task/list", {"pubKey": base64.b64encode(keys.server).decode(), "limit": 1})
    assert reply["data"]["fLTasks"][0]["taskID"]


def test_what_is_refused_and_the_server_goes_on(client: Client) -> None:
    stranger = new_private()
    request = TaskRequest(pubKey=public_of(stranger), taskID=task_id("read"))
    request.signature = sign(stranger, signed_texts(request)[0])
    assert client.code("GetPredictResult", request) == "10002"
    assert client.code("StartTask", request) == "10002"
    assert client.code("GetTaskById", GetTaskRequest(taskID="x")) == "10004"
    for method in ("ListTask", "GetTaskById", "GetPredictResult", "StartTask"):
        for data in (b"\xff" * 9, b"\x0a\x40ab", b"\x0a" + b"a" * (5 << 20)):
            assert client.code(method, data) == "10002"
    with pytest.raises(grpc.RpcError):
        client.call("ConfirmTask", b"", TaskResponse)
    assert client.call("ListTask", b"") == FLTasks()


def test_a_published_network_is_trained(client: Client) -> None:
    server, keys, ann = client.server, Keys(client.server.root), new_private()
    document = alignment("pd-aligned", out="pd-")
    document["clients"][3]["client_config"]["columns"] = ["Y"]
    done = server.run(document)
    assert done["status"] == "finished", done
    executors = [new_private() for _ in range(3)]
    keys.add("ann", public_of(ann).hex())
    for name, private, port in zip("bcd", executors, (8084, 8082, 8884), strict=True):
        keys.add(name, public_of(private).hex(), [f"127.0.0.1:{port}"])
    task = {
        "taskID": str(uuid.uuid4()),
        "name": "published",
        "requester": text(public_of(ann)),
        "dataSets": [
            {"executor": text(public_of(private)), "dataID": f"pd-{data}", "psiLabel": "ID"}
            for private, data in zip(executors, ("f1", "f2", "l"), strict=True)
        ],
        "algoParam": {"algo": 2, "trainParams": {"label": "Y", "alpha": 0.5, "batchSize": 100}},
        "publishTime": time.time_ns(),
    }
    wanted = GetTaskRequest(taskID=task["taskID"])
    for path, body, status in (("publish", task, "Ready"), ("start", {"taskID": task["taskID"]}, "ToProcess")):
        reply = server.post(f"/v1/task/{path}", {**body, "signature": text(sign(ann, canonical(body)))})
        assert reply["code"] == "0", reply
        assert reply["data"]["status"] in (status, "Processing")
    until(lambda: client.call("GetTaskById", wanted, FLTask).endTime > 0, 240, lambda: str(server.get("/api/v1/queue")))
    found = client.call("GetTaskById", wanted, FLTask)
    assert (found.status, found.errMessage) == ("Finished", "")
    assert [data.isTagPart for data in found.dataSets] == [False, False, True]


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()
