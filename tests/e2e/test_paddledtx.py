"""``task.Task`` on Ray Serve's gRPC port, asked by a client that was generated from our .proto, beside HTTP."""

from __future__ import annotations

import base64
import csv
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
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
    PredictResponse,
    SeedListTaskRequest,
    TaskRequest,
    TaskResponse,
)
from tests.api.documents import member
from tests.e2e.documents import alignment, training
from tests.paddledtx_trainer import emulate, in_order_of_ids, iris
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
    for path in ("list", "getbyid", "predictres/get", "publish", "confirm", "start"):
        for data in (b"\xff" * 99, b'{"pubKey": "a', b"[" * 20_000, b'{"name": "' + b"a" * (2 << 20) + b'"}'):
            assert client.server.post(f"/v1/task/{path}", data)["code"] in ("10001", "10002")
    with pytest.raises(grpc.RpcError):
        client.call("ConfirmTask", b"", TaskResponse)
    assert client.call("ListTask", b"") == FLTasks()


class Ann:
    """A requester, and the executors of three parties, whose keys the server knows."""

    PORTS = (8084, 8082, 8884)

    def __init__(self, client: Client) -> None:
        self.client, self.server, self.private = client, client.server, new_private()
        self.executors = [new_private() for _ in self.PORTS]
        keys = Keys(self.server.root)
        keys.add("ann", public_of(self.private).hex())
        for private, port in zip(self.executors, self.PORTS, strict=True):
            keys.add(f"executor-{port}", public_of(private).hex(), [f"127.0.0.1:{port}"])

    def run(self, name: str, paths: dict[int, str], params: dict[str, Any]) -> FLTask:
        """Publish a task of some parties, by their ports, start it, and return how it ended."""
        executors = dict(zip(self.PORTS, self.executors, strict=True))
        task: dict[str, Any] = {
            "taskID": str(uuid.uuid4()),
            "name": name,
            "requester": text(public_of(self.private)),
            "dataSets": [
                {"executor": text(public_of(executors[port])), "dataID": path, "psiLabel": "ID"}
                for port, path in paths.items()
            ],
            "algoParam": params,
            "publishTime": time.time_ns(),
        }
        for path, body, status in (("publish", task, "Ready"), ("start", {"taskID": task["taskID"]}, "ToProcess")):
            signature = text(sign(self.private, canonical(body)))
            reply = self.server.post(f"/v1/task/{path}", {**body, "signature": signature})
            assert reply["code"] == "0", reply
            assert reply["data"]["status"] in (status, "Processing")
            replayed = self.server.post(f"/v1/task/{path}", {**body, "signature": signature})
            assert replayed["code"] == {"publish": "10007", "start": "10013"}[path]
        wanted = GetTaskRequest(taskID=task["taskID"])
        call = self.client.call
        until(
            lambda: call("GetTaskById", wanted, FLTask).endTime > 0, 240, lambda: str(self.server.get("/api/v1/queue"))
        )
        found: FLTask = call("GetTaskById", wanted, FLTask)
        assert (found.status, found.errMessage) == ("Finished", "")
        return found


@pytest.fixture(scope="module")
def ann(client: Client) -> Ann:
    return Ann(client)


def test_a_published_network_is_trained(ann: Ann) -> None:
    document = alignment("pd-aligned", out="pd-")
    document["clients"][3]["client_config"]["columns"] = ["Y"]
    done = ann.server.run(document)
    assert done["status"] == "finished", done
    params = {"algo": 2, "trainParams": {"label": "Y", "alpha": 0.5, "batchSize": 100}}
    found = ann.run("published", {8084: "pd-f1", 8082: "pd-f2", 8884: "pd-l"}, params)
    assert [data.isTagPart for data in found.dataSets] == [False, False, True]


def iris_aligned(ann: Ann, name: str, x: Any, labels: list[str] | None) -> dict[int, str]:
    """Write Iris rows with the ids 1, 2, ... as two parties' tables, and align them; return their data sets."""
    tables = {8084: (["ID", "sl", "sw"], x[:, :2].tolist()), 8884: (["ID", "pl", "pw"], x[:, 2:].tolist())}
    if labels is not None:
        own = [[*row, label] for row, label in zip(tables[8884][1], labels, strict=True)]
        tables[8884] = (["ID", "pl", "pw", "Label"], own)
    clients = [member("main_client", 8377, "alignment_main", test_size=0)]
    for port, role in ((8084, "feature_client"), (8884, "label_client")):
        header, rows = tables[port]
        with (ann.server.root / "raw" / f"{name}-{port}.csv").open("w", newline="") as handle:
            csv.writer(handle).writerows([header, *([k, *row] for k, row in enumerate(rows, start=1))])
        columns = {"columns": ["Label", "pl", "pw"]} if "Label" in header else {}
        fields = {"raw_data_path": f"{name}-{port}.csv", "out_data_path": f"{name}-{port}", **columns}
        clients.append(member(role, port, "alignment_data", **fields))
    done = ann.server.run({"task_name": name, "clients": clients})
    assert done["status"] == "finished", done
    return {port: f"{name}-{port}" for port in tables}


def test_logistic_vl_on_iris_from_publishing_to_the_predicted_rows(ann: Ann) -> None:
    """The original's example with its defaults: it stops in the same round, and tells all new rows right."""
    x, y, new, known = iris()
    paths = iris_aligned(ann, "iris", x, ["Iris-setosa" if one else "Iris-other" for one in y])
    train = {"label": "Label", "labelName": "Iris-setosa", "alpha": 0.1, "amplitude": 1e-4, "accuracy": 10}
    trained = ann.run("iris", paths, {"algo": 1, "trainParams": {**train, "batchSize": 4}})
    assert [data.isTagPart for data in trained.dataSets] == [False, True]
    result = ann.server.get(f"/api/v1/tasks/paddledtx.{trained.taskID}/report")["result"]
    assert result == {"n_batches": 329, "loss": None, "metrics": {}}
    fresh = iris_aligned(ann, "iris-new", new, None)
    done = ann.run("iris-new", fresh, {"algo": 1, "taskType": 1, "modelTaskID": trained.taskID})
    request = TaskRequest(pubKey=public_of(ann.private), taskID=done.taskID)
    request.signature = sign(ann.private, signed_texts(request)[0])
    header, *rows = json.loads(ann.client.call("GetPredictResult", request, PredictResponse).payload)
    assert header == ["ID", "value"]
    assert [row[0] for row in rows] == sorted((str(k + 1) for k in range(len(new))), key=str.encode)
    wanted = 1.0 / (1.0 + np.exp(-emulate(*in_order_of_ids(x, y), logistic=True).scores(new)))
    found = np.array([float(value) for _, value in sorted(rows, key=lambda row: int(row[0]))])
    assert np.abs(found - wanted).max() < 1e-4
    assert np.array_equal(found > 0.5, known == 1)
    assert ann.client.call("GetPredictResult", request, PredictResponse).payload  # it may come again
    assert ann.client.code("GetPredictResult", request.SerializeToString()[:-3]) == "10002"
    request.signature = sign(new_private(), signed_texts(request)[0])
    assert ann.client.code("GetPredictResult", request) == "10008"
    assert (
        ann.client.code("GetPredictResult", TaskRequest(pubKey=public_of(ann.private), taskID=trained.taskID))
        == "10002"
    )


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()
