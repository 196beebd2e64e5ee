"""A project's life over the K12AI API on a real cluster, with its messages at a real webhook."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.documents import alignment
from tests.e2e.test_happy import aligned_ids
from tests.receiver import Receiver
from tests.server import FedrayServer, until

pytestmark = [pytest.mark.e2e, pytest.mark.ray, pytest.mark.timeout(400)]

Json = dict[str, Any]
DATA = {"features": {"127.0.0.1:8084": "f1", "127.0.0.1:8082": "f2"}, "label": {"127.0.0.1:8884": "l"}}
WHO = {"username": "test", "password": "test"}
ACCEPTED = {"code": 100200, "descr": "task service success"}


def training(max_iter: int, **more: object) -> Json:
    parameters = {"batch_size": 64, "max_iter": max_iter, "test_per_batches": 20, "metric": "auc_ks", **more}
    return {"data": DATA, "model": "logistic", "parameters": parameters}


def endless() -> Json:
    """Return a training of so small steps that it stays in range until it is stopped."""
    return training(10**7, learning_rate_init=1e-6, momentum=0.0)


class Client:
    """Asks the server, and waits for messages at the webhook."""

    def __init__(self, server: FedrayServer, receiver: Receiver) -> None:
        self.server, self.receiver = server, receiver

    def do(self, op: str, params: object = None, project: str = "loans") -> Json:
        body = {"op": op, "user": "test", "service_name": "k12fl", "service_uuid": project, "service_params": params}
        reply: Json = self.server.post(f"/k12ai/framework/{op.partition('.')[0]}", body)
        return reply

    def wait(self, kind: str, count: int = 1, **fields: object) -> list[Json]:
        until(
            lambda: len(self.receiver.told(kind, **fields)) >= count,
            150,
            lambda: str([(one["type"], one.get("op"), one.get(one["type"])) for one in self.receiver.messages[-12:]]),
        )
        return self.receiver.told(kind, **fields)

    def wait_end(self, op: str, way: str, project: str = "loans") -> None:
        def ended() -> bool:
            told = self.receiver.told("status", op=op, service_uuid=project)
            return bool(told) and told[-1]["status"].get("way") == way

        until(ended, 150, lambda: str(self.receiver.messages[-5:]))


@pytest.fixture(scope="module")
def k12(aligned: FedrayServer, receiver: Receiver) -> Client:
    return Client(aligned, receiver)


def test_train_stop_train_evaluate_predict(k12: Client) -> None:
    assert k12.do("evaluate.start", {})["code"] == 100202
    assert k12.do("train.start", endless())["message"] == "train.start task: test.loans"
    first = k12.wait("metrics", 2, op="train.start", service_uuid="loans")[0]
    assert set(first["metrics"]) == {"batch", "loss", "auc", "ks", "time"}
    check_stats(k12)
    assert k12.do("train.stop") == ACCEPTED
    assert k12.wait("error", op="train.stop")[0]["error"]["code"] == 100400
    k12.wait_end("train.start", "manual")
    until(lambda: not k12.server.roles(), 60)
    assert k12.do("train.start", training(200))["message"] == "train.start task: test.loans.2"
    k12.wait_end("train.start", "norm")
    last = k12.receiver.told("metrics", op="train.start", service_uuid="loans")[-1]["metrics"]
    assert last["batch"] == 200
    assert k12.do("evaluate.start", {})["code"] == 100200
    (evaluated,) = k12.wait("metrics", op="evaluate.start")
    assert abs(evaluated["metrics"]["auc"] - last["auc"]) < 1e-3
    assert evaluated["metrics"]["rows"] == 100
    check_predictions(k12)
    assert k12.receiver.paths == {"/k12ai/private/message"}
    assert k12.server.get("/k12ai/private/popmsg", key="k12ai.metrics")[0] == first


@pytest.mark.shared
def test_the_credit_data(k12: Client, shared_data: Path) -> None:
    """A training that is stopped in the middle, another, an evaluation, a prediction; all told of at the webhook."""
    shutil.copytree(shared_data / "Splitted_Indexed_Data", k12.server.root / "raw" / "k12-credit")
    done: Any = k12.server.run(alignment("k12-credit", "k12-credit", "k12-"), timeout_s=200)
    assert done["status"] == "finished", done
    data = {"features": {"127.0.0.1:8084": "k12-f1", "127.0.0.1:8082": "k12-f2"}, "label": {"127.0.0.1:8884": "k12-l"}}
    assert k12.do("train.start", {**endless(), "data": data}, "credit")["code"] == 100200
    k12.wait("metrics", 2, op="train.start", service_uuid="credit")
    assert k12.do("train.stop", project="credit") == ACCEPTED
    k12.wait_end("train.start", "manual", "credit")
    parameters = {"max_iter": 600, "test_per_batches": 200, "metric": "auc_ks"}
    whole = {"data": data, "model": "logistic", "parameters": parameters}
    assert k12.do("train.start", whole, "credit")["code"] == 100200
    k12.wait_end("train.start", "norm", "credit")
    told = k12.receiver.told("metrics", op="train.start", service_uuid="credit")
    assert [one["metrics"]["batch"] for one in told[-3:]] == [200, 400, 600]
    last = told[-1]["metrics"]
    assert last["auc"] > 0.7
    assert k12.do("evaluate.start", {}, "credit")["code"] == 100200
    (evaluated,) = k12.wait("metrics", op="evaluate.start", service_uuid="credit")
    assert evaluated["metrics"]["rows"] == 5231
    assert abs(evaluated["metrics"]["auc"] - last["auc"]) < 1e-3
    ids = aligned_ids(k12.server.root / "generated" / "k12-l")[:2]
    assert k12.do("predict.start", {"input_type": "text", "input_text": ids}, "credit")["code"] == 100200
    assert len(k12.wait("predict", 2, op="predict.start", service_uuid="credit")) == 2


def check_stats(k12: Client) -> None:
    stats = k12.server.post("/k12ai/platform/stats", WHO)["message"]
    assert 0 <= stats["cpu_percent"] <= 100
    assert len(stats["cpu_percent_list"]) >= 1
    assert 0 < stats["cpu_memory_usage"] < stats["cpu_memory_total"]
    assert len(stats["nodes"]) == 1
    mine = [one for one in stats["containers"] if one["service_uuid"] == "loans"]
    assert sorted(one["role"] for one in mine) == [
        "crypto_producer",
        "feature_client",
        "feature_client",
        "label_client",
        "main_client",
    ]
    assert {(one["user"], one["op"], len(one["id"])) for one in mine} == {("test", "train.start", 12)}
    assert all(one["cpu_memory_usage"] > 10**7 for one in mine)
    assert k12.server.post("/k12ai/platform/stats", {**WHO, "async": True}) == ACCEPTED
    assert "user" not in k12.wait("info", tag="platform")[-1]


def check_predictions(k12: Client) -> None:
    ids = aligned_ids(k12.server.root / "generated" / "l")[:3]
    assert k12.do("predict.start", {"input_type": "text", "input_text": ids})["code"] == 100200
    found = k12.wait("predict", 3, op="predict.start")
    k12.wait_end("predict.start", "norm")
    assert [message["predict"]["index"] for message in found] == [0, 1, 2]
    values = [json.loads(message["predict"]["prediction"])["prediction"] for message in found]
    assert all(len(value) == 1 and 0 < value[0] < 1 for value in values)
    assert not any(one in json.dumps(k12.receiver.messages) for one in ids)


def test_an_exception_in_an_actor_is_told_with_its_lines(k12: Client) -> None:
    """A label that no client has with its data: the parties fail, each in its own process."""
    data = {**DATA, "label": {"127.0.0.1:8884": "f1"}}
    assert k12.do("train.start", {"data": data, "model": "logistic"}, "broken")["code"] == 100200
    (error,) = k12.wait("error", service_uuid="broken")
    assert error["error"]["code"] == 100405
    detail = error["error"]["detail"]
    assert detail["exc_type"] == "DataError"
    assert detail["exc_text"].endswith(error["error"]["message"])
    assert {"filename", "linenum", "funcname", "source"} == set(detail["traceback"][-1])
    assert detail["traceback"][-1]["filename"].startswith("fedray/")
    k12.wait_end("train.start", "error", "broken")


def test_what_is_garbage_is_refused_and_the_server_goes_on(k12: Client) -> None:
    body = {"op": "train.start", "user": "test", "service_name": "k12fl", "service_uuid": "garbage"}
    whole = json.dumps({**body, "service_params": endless()}).encode()
    bad = (b"\xff" * 99, b"", b"null", b"[" * 100_000, whole[:-9], whole[:-1] + b" " * (2 << 20) + b"}")
    for path in ("framework/train", "framework/evaluate", "framework/predict", "platform/stats", "platform/control"):
        codes = [k12.server.post(f"/k12ai/{path}", data)["code"] for data in bad]
        assert codes == [100101] * 5 + [100102]
    assert [k12.server.post("/k12ai/private/message", data) for data in bad[:2]] == [0, 0]
    head = f"POST /k12ai/framework/train HTTP/1.1\r\nHost: x\r\nContent-Length: {len(whole)}\r\n\r\n".encode()
    for part in (head[:30], head + whole[:20]):  # callers that go away in the middle of what they say
        with socket.create_connection((k12.server.host, k12.server.port), timeout=30) as connection:
            connection.sendall(part)
    assert k12.do("train.start", endless(), "garbage")["message"] == "train.start task: test.garbage"
    assert k12.do("train.start", endless(), "garbage")["code"] == 100200  # sent again: one training runs
    assert k12.wait("error", op="train.start", service_uuid="garbage")[0]["error"]["code"] == 100404
    assert k12.do("train.stop", project="garbage") == ACCEPTED
    k12.wait_end("train.start", "manual", "garbage")
    assert k12.do("train.stop", project="garbage") == ACCEPTED
    codes = [one["error"]["code"] for one in k12.wait("error", 2, op="train.stop", service_uuid="garbage")]
    assert codes == [100400, 100401]


def test_container_stop(k12: Client) -> None:
    missing = {**WHO, "op": "container.stop", "params": {"id": "0123456789ab"}}
    assert k12.server.post("/k12ai/platform/control", missing)["message"] == "container id 0123456789ab is not found"
    k12.do("train.start", endless(), "killed")
    k12.wait("metrics", service_uuid="killed")
    stats = k12.server.post("/k12ai/platform/stats", WHO)["message"]
    actor = next(one["id"] for one in stats["containers"] if one["service_uuid"] == "killed")
    stopped = k12.server.post("/k12ai/platform/control", {**missing, "params": {"id": actor}})
    assert stopped["message"] == f"container id {actor} stop success"
    k12.wait_end("train.start", "manual", "killed")
    until(lambda: not k12.server.post("/k12ai/platform/stats", WHO)["message"]["containers"], 30)
