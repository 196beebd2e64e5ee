"""The K12AI API over the real service and a scripted runner: every row of its list of checks, and its messages."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from fedray.errors import FedrayError, PlacementError, SpecError, error_from_dict
from fedray.task.feed import Feed
from fedray.task.record import Status
from fedray.task.standing import Standing
from fedray.task.usage import ActorUsage, DiskUsage, GpuUsage, NodeUsage, Usage
from serve_api.app import build_app
from serve_api.doors.roles import Role
from serve_api.k12ai.desk import Desk
from serve_api.k12ai.settings import K12Settings
from serve_api.k12ai.telling import API, OUTGOING
from tests.api.conftest import ROW, TestClient, World
from tests.api.documents import alignment, predicting, training
from tests.api.doors import locked

Json = dict[str, Any]
SHORT = {
    "data": {"features": {"127.0.0.1:8084": "f1"}, "label": {"127.0.0.1:8884": "l"}},
    "model": "network",
    "parameters": {"in_dim": 1, "max_iter": 303, "metric": "auc_ks"},
}
ENVELOPE = {"version", "type", "tag", "op", "user", "service_uuid", "timestamp", "datetime"}


class K12:
    """The API, asked as its clients do."""

    def __init__(self, world: World, **settings: Any) -> None:
        self.world = world
        self.desk = Desk(lambda: world.service, K12Settings(**settings))
        app = build_app(lambda: world.service, version="9", k12ai_desk=self.desk)
        self.http = TestClient(app, base_url="http://127.0.0.1")
        self.feed = Feed(world.store, API, self.desk.telling.shape)

    def post(self, path: str, body: object) -> Json:
        more: Json = {"content": body} if isinstance(body, str | bytes) else {"json": body}
        reply = self.http.post(f"/k12ai/{path}", **more)
        assert reply.status_code == 200
        found: Json = reply.json()
        return found

    def do(self, op: str, params: object = None, **fields: object) -> Json:
        return self.post(f"framework/{op.partition('.')[0]}", request(op, params, **fields))

    def told(self, kind: str, app: str = "k12ai") -> list[Json]:
        """Let events become messages; take those of a type."""
        while self.feed.step():
            pass
        reply = self.http.get("/k12ai/private/popmsg", params={"key": f"{app}.{kind}"})
        found: list[Json] = reply.json()
        return found

    def train(self, *, until: Status = Status.RUNNING) -> str:
        """Start a training and bring it on."""
        assert self.do("train.start", SHORT)["code"] == 100200
        name = self.world.runner.submitted[-1]
        for status in (Status.RUNNING, until):
            if self.world.store.get(name).status is not status:
                self.world.store.transition(name, status)
        return name


def request(op: str, params: object = None, **fields: object) -> Json:
    return {
        "op": op,
        "user": "test",
        "service_name": "k12fl",
        "service_uuid": "123456",
        **({} if params is None else {"service_params": params}),
        **fields,
    }


@pytest.fixture
def k12(world: World) -> K12:
    return K12(world)


def test_a_training_is_accepted_and_tells_its_metrics(k12: K12, world: World) -> None:
    assert k12.do("train.start", SHORT) == {
        "code": 100200,
        "descr": "task service success",
        "message": "train.start task: test.123456",
    }
    assert world.runner.submitted == ["test.123456"]
    world.store.transition("test.123456", Status.RUNNING)
    world.train("test.123456")
    first, second = k12.told("metrics")
    assert set(first) == ENVELOPE | {"metrics"}
    assert first["metrics"] == {"batch": 101, "loss": ROW[2], "auc": ROW[3], "ks": ROW[4], "time": 32.0}
    assert second["metrics"]["batch"] == 202
    whose = ("version", "type", "tag", "op", "user", "service_uuid")
    assert [first[name] for name in whose] == ["0.1.0", "metrics", "framework", "train.start", "test", "123456"]
    world.finish("test.123456")
    values = [message["status"] for message in k12.told("status")]
    assert values == [{"value": "starting"}, {"value": "running"}, {"value": "finish", "way": "norm"}]
    assert k12.told("error") == k12.told("metrics") == []


def test_each_event_is_told_once_whoever_tells_it(k12: K12, world: World) -> None:
    world.train(k12.train())
    other = K12(world)
    found = k12.told("metrics") + other.told("metrics") + k12.told("metrics")
    assert [message["metrics"]["batch"] for message in found] == [101, 202]


def test_started_twice_it_runs_once(k12: K12, world: World) -> None:
    k12.train()
    assert k12.do("train.start", SHORT)["code"] == 100200
    (error,) = k12.told("error")
    assert (error["op"], error["error"]["code"]) == ("train.start", 100404)
    assert error["error"]["message"] == "container name:train-test-123456"
    assert world.runner.submitted == ["test.123456"]
    assert k12.do("train.start", SHORT, service_uuid="other")["message"] == "train.start task: test.other"


def test_stopped_while_it_runs(k12: K12, world: World) -> None:
    name = k12.train()
    assert k12.do("train.stop") == {"code": 100200, "descr": "task service success"}
    assert world.runner.cancelled == [name]
    (error,) = k12.told("error")
    assert (error["op"], error["error"]["code"]) == ("train.stop", 100400)
    assert error["error"]["message"] == "container name:train-test-123456"
    assert k12.told("status")[-1]["status"] == {"value": "exit", "way": "manual"}
    assert k12.do("train.start", SHORT)["message"] == "train.start task: test.123456.2"


def test_stopped_while_nothing_runs(k12: K12) -> None:
    assert k12.do("train.stop") == {"code": 100200, "descr": "task service success"}
    (error,) = k12.told("error")
    assert (error["op"], error["error"]["code"]) == ("train.stop", 100401)


def test_without_a_model(k12: K12) -> None:
    k12.train()
    for op in ("evaluate.start", "predict.start"):
        reply = k12.do(op, {})
        assert (reply["code"], reply["descr"]) == (100202, "task service start fails")
        assert reply["message"].startswith("the model of test, 123456 is not found")


def test_a_key_is_missing(k12: K12) -> None:
    body = request("train.start", SHORT)
    del body["user"]
    reply = k12.post("framework/train", body)
    assert (reply["code"], reply["descr"]) == (100101, "api parameter key is not found")
    assert (reply["detail"]["exc_type"], reply["detail"]["exc_text"]) == ("KeyError", "'user'")
    assert {"filename", "linenum", "funcname", "source"} == set(reply["detail"]["traceback"][-1])


def test_a_body_that_is_no_json(k12: K12) -> None:
    for body in (b"", b"\xff\xfe\x00", b"{", b"[1]", b'{"op": NaN}', b"[" * 5000, b'{"op": "train.sta'):
        for path in ("framework/train", "framework/predict", "platform/stats", "platform/control"):
            reply = k12.post(path, body)
            assert reply["code"] == 100101, path
            assert reply["detail"]["exc_type"]
        assert k12.http.post("/k12ai/private/message", content=body).text == "0"


def test_a_body_that_is_too_large(k12: K12) -> None:
    reply = k12.post("framework/train", b'{"op": "' + b"x" * (2 << 20))
    assert reply["code"] == 100102
    assert "1048576 bytes" in reply["message"]


def test_another_op(k12: K12) -> None:
    for op in ("train.pause", "evaluate.start", "train", "train.start.x", "q"):
        reply = k12.post("framework/train", request(op, SHORT))
        assert (reply["code"], reply["message"]) == (100102, f"not support op:{op}")
        assert reply["descr"] == "api parameter value is invalid"


def test_another_service(k12: K12) -> None:
    for op, name in (("train.start", "k12nlp"), ("train.stop", "k12cv"), ("train.start", "K12FL")):
        reply = k12.do(op, SHORT, service_name=name)
        assert (reply["code"], reply["descr"]) == (100201, "task service is not found")
        assert reply["message"].startswith(f"service name:{name}")


def test_a_name_that_cannot_be_one(k12: K12) -> None:
    wrong: list[tuple[str, object]] = [("user", "a/b"), ("user", ""), ("service_uuid", "a\nb"), ("user", 7)]
    for field, value in [*wrong, ("user", "x" * 49), ("service_uuid", " a")]:
        reply = k12.do("train.start", SHORT, **{field: value})
        assert reply["code"] == 100102
        assert reply["message"].startswith(f"{field}: expected")


WRONG_TRAININGS: list[tuple[object, str]] = [
    (None, "service_params: expected an object"),
    ("text", "service_params: expected an object"),
    ({}, "service_params.data: expected an object, got null"),
    ({**SHORT, "model": "forest"}, "service_params.model: expected one of logistic, linear"),
    ({**SHORT, "speed": 1}, 'service_params: "speed": unknown field'),
    ({**SHORT, "parameters": {"max_iter": "many"}}, "max_iter: expected an integer from 1"),
    ({**SHORT, "data": {"features": {"bank": "f1"}, "label": {"1.2.3.4:5": "l"}}}, "expected a party, ADDR:PORT"),
    ({**SHORT, "parameters": {"data_path": "x"}}, "parameters.data_path: expected none"),
    ({"clients": []}, "clients: "),
    ({"clients": 3}, "clients: "),
    (predicting("x", "m"), "service_params.clients: expected no client of type predict_main"),
]


def test_parameters_that_are_wrong(k12: K12, world: World) -> None:
    for params, wanted in WRONG_TRAININGS:
        reply = k12.do("train.start", params)
        assert reply["code"] == 100202
        assert wanted in reply["message"]
    assert world.runner.submitted == []
    assert k12.do("train.start", SHORT)["message"] == "train.start task: test.123456"


def test_the_short_form_is_the_document(k12: K12, world: World) -> None:
    k12.train()
    made = world.service.document("test.123456")
    native = training("test.123456")
    native["clients"][1]["http_port"], native["clients"][1]["client_config"]["computation_port"] = 8999, 9000
    K12(world).do("train.start", native, user="native")
    assert made["clients"] == world.service.document("native.123456")["clients"]


def test_models_of_the_short_form(k12: K12, world: World) -> None:
    for model, kind in (("logistic", "linear"), ("poisson", "linear"), ("trees", "secure_xgboost")):
        k12.do("train.start", {"data": SHORT["data"], "model": model}, service_uuid=model)
        assert world.service.get(f"test.{model}").kind == kind


def test_a_name_that_another_task_has(k12: K12, world: World) -> None:
    world.create("test.123456")
    assert k12.do("train.start", SHORT)["message"].startswith("train.start task: test.123456.")
    assert k12.told("status")[0]["status"] == {"value": "starting"}


def test_what_cannot_start_leaves_nothing(k12: K12, world: World) -> None:
    world.runner.not_ready = FedrayError("no room")
    reply = k12.do("train.start", SHORT)
    assert (reply["code"], reply["message"]) == (100202, "no room")
    assert reply["detail"]["exc_type"] == "FedrayError"
    world.runner.not_ready = None
    assert world.service.get("test.123456").status == "cancelled"
    assert k12.told("error") == []
    k12.train()


def test_a_job_that_needs_an_approval_waits_for_it(k12: K12, world: World) -> None:
    world.runner.standings = [Standing("127.0.0.1:8084", "0f", True, 1.0)]
    waits = "train.start task: test.123456, which waits for the approval of 127.0.0.1:8084"
    assert k12.do("train.start", SHORT)["message"] == waits
    k12.do("train.start", SHORT)
    assert k12.told("error")[0]["error"]["code"] == 100404
    assert k12.told("status") == []
    world.service.approve("test.123456", "127.0.0.1:8084")
    assert k12.told("status")[0]["status"] == {"value": "starting"}
    k12.do("train.start", SHORT, user="other")
    world.service.reject("other.123456", "127.0.0.1:8084", "not now")
    error = k12.told("error")[0]["error"]
    assert (error["code"], "not now" in error["message"]) == (100499, True)
    k12.do("train.start", SHORT, user="third")
    k12.do("train.stop", user="third")
    assert k12.told("error")[0]["error"]["code"] == 100400


def test_a_data_set_has_no_model_but_a_later_training_has(k12: K12, world: World) -> None:
    k12.do("train.start", alignment())
    name = world.runner.submitted[-1]
    world.store.transition(name, Status.RUNNING)
    world.finish(name)
    assert k12.do("evaluate.start", {})["code"] == 100202
    k12.train(until=Status.FINISHED)
    assert k12.do("evaluate.start", {})["message"] == "evaluate.start task: test.123456.3"


def test_evaluation(k12: K12, world: World) -> None:
    k12.train(until=Status.FINISHED)
    k12.told("status")
    assert k12.do("evaluate.start", {})["code"] == 100200
    name = world.runner.submitted[-1]
    document = world.service.document(name)
    assert document["clients"][0]["client_config"]["model"] == "test.123456"
    assert document["clients"][0]["client_config"]["part"] == "test"
    assert document["clients"][3]["client_config"]["labels_path"] == "l"
    world.store.transition(name, Status.RUNNING)
    evaluation = {"rows": 99, "outputs": [{"metrics": {"auc": 0.75, "ks": 0.5}}]}
    world.store.reports.save(name, {"result": {"evaluation": evaluation}})
    world.finish(name)
    (metrics,) = k12.told("metrics")
    assert (metrics["op"], metrics["metrics"]) == ("evaluate.start", {"auc": 0.75, "ks": 0.5, "rows": 99})
    assert k12.told("status")[-1]["status"] == {"value": "finish", "way": "norm"}


def test_prediction_of_a_table(k12: K12, world: World) -> None:
    k12.train(until=Status.FINISHED)
    wanted = {"input_type": "file", "data": {"127.0.0.1:8084": "new1"}, "output_file": "out"}
    assert k12.do("predict.start", wanted)["code"] == 100200
    clients = world.service.document(world.runner.submitted[-1])["clients"]
    assert [client["client_config"].get("data_path") for client in clients] == [None, None, "new1", "l"]
    assert clients[3]["client_config"]["out_data_path"] == "out"


def test_prediction_of_rows(k12: K12, world: World) -> None:
    k12.train(until=Status.FINISHED)
    reply = k12.do("predict.start", {"input_type": "text", "input_text": "aa\nbbbb"})
    assert reply["message"] == "predict.start task: test.123456.2"
    world.store.transition("test.123456.2", Status.RUNNING)
    world.tell("test.123456.2", "phase", {"phase": "serve"}, "bank")
    found = k12.told("predict")
    assert world.runner.asked == [("test.123456.2", ("aa", "bbbb"))]
    bodies = [message["predict"] for message in found]
    assert bodies == [
        {"index": 0, "prediction": '{"prediction": [0.25]}\n'},
        {"index": 1, "prediction": '{"prediction": [0.5]}\n'},
    ]
    world.finish("test.123456.2")
    assert k12.told("error") == []


def test_rows_are_asked_for_again_while_the_task_starts(k12: K12, world: World) -> None:
    k12.train(until=Status.FINISHED)
    k12.do("predict.start", {"input_type": "text", "input_text": ["a"]})
    world.store.transition("test.123456.2", Status.RUNNING)
    world.tell("test.123456.2", "phase", {"phase": "serve"}, "bank")
    world.runner.refusal = PlacementError("the task is starting")
    assert k12.told("predict") == k12.told("error") == []
    assert [message["status"]["value"] for message in k12.told("status")][-1] == "running"
    world.runner.refusal = SpecError("ids[0]: expected ids of rows")
    (error,) = [message["error"] for message in k12.told("error")][:1]
    assert (error["code"], error["message"]) == (100405, "ids[0]: expected ids of rows")
    assert world.runner.cancelled == ["test.123456.2"]


def test_rows_that_were_forgotten_are_told_of(k12: K12, world: World) -> None:
    k12.train(until=Status.FINISHED)
    k12.do("predict.start", {"input_type": "text", "input_text": ["a"]})
    world.store.transition("test.123456.2", Status.RUNNING)
    world.store.reports.save("test.123456.2", {"result": {"answered": 0}})
    world.finish("test.123456.2")
    (error,) = K12(world).told("error")
    assert "ask again" in error["error"]["message"]


WRONG_PREDICTIONS: list[tuple[object, str]] = [
    ({"input_type": "image"}, "input_type: expected text or file"),
    ({"input_type": "text"}, "input_text: expected 1 to 1000 ids"),
    ({"input_type": "text", "input_text": ["x"] * 1001}, "input_text: expected 1 to 1000 ids"),
    ({"input_type": "text", "input_text": [7]}, "ids[0]: expected a text"),
    ({"input_type": "file", "input_text": ["x"]}, '"input_text": unknown field'),
    (training(), "service_params.clients: expected a client of type predict_main"),
]


def test_wrong_predictions(k12: K12) -> None:
    k12.train(until=Status.FINISHED)
    for params, wanted in WRONG_PREDICTIONS:
        reply = k12.do("predict.start", params)
        assert reply["code"] == 100202
        assert wanted in reply["message"]


def test_a_native_prediction_gets_the_model(k12: K12, world: World) -> None:
    k12.train(until=Status.FINISHED)
    document = predicting("x", "x")
    del document["clients"][0]["client_config"]["model"]
    document["clients"][1]["http_port"] = 8999
    assert k12.do("predict.start", document)["code"] == 100200
    config = world.service.document(world.runner.submitted[-1])["clients"][0]["client_config"]
    assert config["model"] == "test.123456"


def test_an_exception_in_an_actor(k12: K12, world: World) -> None:
    name = k12.train()
    place = {"filename": "fedray/a.py", "linenum": 3, "funcname": "f", "source": "x = y"}
    world.tell(name, "trace", {"type": "ValueError", "places": [place]}, "bank")
    world.fail(name, FedrayError("internal error: ValueError at a.py:3", "bank", "train"))
    (error,) = k12.told("error")
    assert (error["op"], error["error"]["code"]) == ("train.start", 100499)
    detail = error["error"]["detail"]
    assert detail == {
        "exc_type": "ValueError",
        "exc_text": "bank, train: internal error: ValueError at a.py:3",
        "traceback": [place],
    }
    assert k12.told("status")[-1]["status"] == {"value": "exit", "way": "error"}


def test_codes_of_failures(k12: K12, world: World) -> None:
    cases = [
        ("DataError", "DataError", 100405, "error"),
        ("SpecError", "", 100405, "error"),
        ("PeerLost", "", 100499, "crash"),
        ("FedrayError", "MemoryError", 100901, "error"),
        ("RangeGuardError", "RangeGuardError", 100499, "error"),
    ]
    for error, trace, code, way in cases:
        name = k12.train()
        if trace:
            world.tell(name, "trace", {"type": trace, "places": []}, "bank")
        world.fail(name, error_from_dict({"type": error, "message": "m", "party": "bank"}))
        assert k12.told("error")[0]["error"]["code"] == code
        assert k12.told("status")[-1]["status"]["way"] == way


def test_time_and_date_are_the_same_moment(k12: K12) -> None:
    k12.train()
    message = k12.told("status")[0]
    said = datetime.strptime(message["datetime"], "%Y-%m-%d %H:%M:%S").timestamp()
    assert isinstance(message["timestamp"], int)
    assert 0 <= message["timestamp"] / 1000 - said < 1
    assert abs(message["timestamp"] / 1000 - time.time()) < 60


USED = Usage(
    (
        NodeUsage(
            "10.0.0.1", (50.0, 25.0), 1000, 400, 40.0, (DiskUsage("/", 10, 5, 50.0),), (GpuUsage("G", 7.0, 4096, 1024),)
        ),
        NodeUsage("10.0.0.2", (0.0,), 500, 100, 20.0),
    ),
    (
        ActorUsage("ab" * 16, "test.123456", 2, "feature_client", "10.0.0.1", 180.0, 1000, 250),
        ActorUsage("cd" * 16, "foreign", 0, "main_client", "10.0.0.1", 1.0, 1000, 10),
    ),
)
WHO = {"username": "test", "password": "test"}


def test_stats(k12: K12, world: World) -> None:
    world.runner.used = USED
    assert k12.post("platform/stats", WHO)["message"]["containers"] == []
    k12.train()
    reply = k12.post("platform/stats", {**WHO, "async": False, "query": {}})
    assert set(reply) == {"code", "descr", "message"}
    stats = reply["message"]
    assert stats["cpu_percent"] == 37.5
    assert stats["cpu_percent_list"] == [50.0, 25.0]
    memory = [stats[f"cpu_memory_{name}"] for name in ("total", "usage", "percent")]
    assert memory == [1000, 400, 40.0]
    assert stats["disks"] == [{"path": "/", "disk_total": 10, "disk_usage": 5, "disk_percent": 50.0}]
    assert stats["gpus"] == [
        {
            "name": "G",
            "gpu_percent": 7.0,
            "gpu_memory_total": 4096,
            "gpu_memory_usage": 1024,
            "gpu_memory_percent": 25.0,
        }
    ]
    assert stats["containers"] == [
        {
            "id": "abababababab",
            "cpu_percent": 180.0,
            "cpu_memory_total": 1000,
            "cpu_memory_usage": 250,
            "cpu_memory_percent": 25.0,
            "op": "train.start",
            "user": "test",
            "service_uuid": "123456",
            "role": "feature_client",
            "ip": "10.0.0.1",
        }
    ]
    assert [node["ip"] for node in stats["nodes"]] == ["10.0.0.1", "10.0.0.2"]
    assert stats["nodes"][1]["gpus"] == []


def test_parts_of_stats(k12: K12, world: World) -> None:
    world.runner.used = USED
    stats = k12.post("platform/stats", {**WHO, "query": {"disks": False, "gpus": True}})["message"]
    assert "disks" not in stats
    assert "disks" not in stats["nodes"][0]
    assert {"cpu_percent", "gpus", "containers"} <= set(stats)
    none = dict.fromkeys(("cpus", "gpus", "disks", "containers"), False)
    assert set(k12.post("platform/stats", {**WHO, "query": none})["message"]) == {"nodes"}
    assert k12.post("platform/stats", {**WHO, "query": {"cpus": 1}})["code"] == 100102
    assert k12.post("platform/stats", {"username": "x"})["code"] == 100101


def test_stats_as_a_message(k12: K12, world: World) -> None:
    world.runner.used = USED
    assert k12.post("platform/stats", {**WHO, "async": True}) == {"code": 100200, "descr": "task service success"}
    (message,) = k12.told("info")
    assert set(message) == {"version", "type", "tag", "op", "timestamp", "datetime", "info"}
    assert (message["tag"], message["op"]) == ("platform", "stats")
    assert message["info"]["cpu_memory_total"] == 1000


def test_gpu_memory_in_mebibytes(world: World) -> None:
    world.runner.used = USED
    stats = K12(world, gpu_memory_unit="MiB").post("platform/stats", WHO)["message"]
    assert stats["gpus"][0]["gpu_memory_usage"] == 1024 / 2**20


def stop(k12: K12, actor: str, **fields: object) -> Json:
    return k12.post("platform/control", {**WHO, "op": "container.stop", "params": {"id": actor}, **fields})


def test_an_actor_is_stopped(k12: K12, world: World) -> None:
    world.runner.used = USED
    name = k12.train()
    assert stop(k12, "abababababab")["message"] == "container id abababababab stop success"
    assert world.runner.cancelled == [name]
    (message,) = k12.told("container.stop")
    assert (message["tag"], message["op"], message["type"]) == ("platform", "control", "container.stop")
    assert message["container.stop"] == "container id abababababab stop success"
    assert k12.told("error")[0]["error"]["code"] == 100400


def test_an_actor_that_is_no_job_of_ours(k12: K12, world: World) -> None:
    world.runner.used = USED
    world.run("foreign")
    k12.train()
    for actor in ("x", "ab", "cdcdcdcdcdcd"):
        reply = stop(k12, actor)
        assert (reply["code"], reply["message"]) == (100202, f"container id {actor} is not found")
    assert world.runner.cancelled == []
    assert "message" not in stop(k12, actor, **{"async": True})
    assert stop(k12, actor, op="oss.remove")["message"] == "not support op:oss.remove"
    assert k12.post("platform/control", {**WHO, "op": "container.stop"})["code"] == 100101


def test_the_audit_log_says_what_was_refused(world: World, tmp_path: Path) -> None:
    with locked(tmp_path, world.service) as doors:
        for op in ("train.start", "train.pause"):
            doors.ask(Role.SUBMITTER, "POST", "/k12ai/framework/train", json=request(op, SHORT))
        doors.ask(Role.SUBMITTER, "POST", "/k12ai/framework/predict", json=request("predict.start", {}))
        entries = doors.entries()
    outcomes = [(entry["what"].rpartition("/")[2], entry["outcome"], entry.get("why")) for entry in entries]
    assert outcomes == [
        ("train", "asked", None),
        ("train", "done", None),
        ("train", "asked", None),
        ("train", "refused", "BAD_VALUE"),
        ("predict", "asked", None),
        ("predict", "refused", "NO_MODEL"),
    ]
    assert entries[1]["subject"] == "test.123456"
    assert "digest" in entries[0]
    assert "digest" not in entries[4]


def test_messages_of_others(k12: K12) -> None:
    assert k12.http.post("/k12ai/private/message", json={"type": "metrics", "metrics": {"a": 1}}).text == "1"
    assert k12.http.post("/k12ai/private/message", json={"no": "type"}).text == "0"
    assert k12.http.post("/k12ai/private/message", json={"type": "x", "x": "y" * (70 << 10)}).text == "0"
    assert k12.http.post("/k12ai/private/pushmsg", json={"a": 2}, params={"key": "app.metrics"}).text == "1"
    assert k12.http.post("/k12ai/private/pushmsg", json={"a": 2}).text == "0"
    assert k12.told("metrics") == [{"type": "metrics", "metrics": {"a": 1}}]
    assert k12.told("metrics", "app") == [{"a": 2}]
    assert k12.told("metrics") == []
    assert k12.http.get("/k12ai/private/popmsg").json()["code"] == 100101


def test_webhook_messages_wait_only_where_there_is_a_webhook(world: World) -> None:
    K12(world).do("train.stop")
    assert world.store.messages.next(OUTGOING) is None
    K12(world, webhook="http://127.0.0.1:1/").do("train.stop")
    assert world.store.messages.next(OUTGOING) is not None
    # what a requester may poll under a key is never what is posted
    for key in ("webhook", OUTGOING, f"../{OUTGOING}"):
        assert K12(world).http.get("/k12ai/private/popmsg", params={"key": key}).json() == []


def test_spelling_and_success_code_of_the_original(world: World) -> None:
    k12 = K12(world, success_code=100000, legacy_spelling=True, datetime="%Y%m%d%H%M%S")
    assert k12.do("train.stop")["code"] == 100000
    detail = k12.post("framework/train", b"{")["detail"]
    assert detail["trackback"] == detail["traceback"]
    assert detail["traceback"][0]["souce"] == detail["traceback"][0]["source"]
    assert len(k12.told("error")[0]["datetime"]) == 14


class TestDialectOf2020:
    @pytest.fixture
    def later(self, world: World) -> K12:
        return K12(world, dialect="2020", server="127.0.0.1:8380")

    def execute(self, k12: K12, op: str, params: object = None, **fields: object) -> Json:
        return k12.post("framework/execute", {"token": "t", **request(op, params, **fields)})

    def test_life(self, later: K12, world: World) -> None:
        reply = self.execute(later, "train.start", json.dumps(SHORT), appId="talentai")
        assert reply == {
            "code": 100000,
            "message": {"en": "success", "cn": "成功"},
            "data": "train.start task: test.123456",
        }
        world.store.transition("test.123456", Status.RUNNING)
        world.train("test.123456")
        world.finish("test.123456")
        metrics = later.told("metrics", "talentai")[0]
        assert set(metrics) == ENVELOPE | {"token", "appId", "server", "data"}
        assert (metrics["tag"], metrics["server"]) == ("k12fl", "127.0.0.1:8380")
        titles = {item["data"]["title"]: item for item in metrics["data"]}
        assert set(titles) == {"loss", "auc", "ks", "time", "progress"}
        assert len(titles["loss"]["_id_"]) == 16
        assert (titles["loss"]["category"], titles["loss"]["type"]) == ("train", "scalar")
        assert titles["loss"]["data"]["payload"] == {
            "x": {"label": "batch", "value": 101},
            "y": [{"label": "loss", "value": 0.25}],
        }
        codes = [message["data"]["code"] for message in later.told("error", "talentai")]
        assert codes == [100001, 100002, 100003]

    def test_stop_and_twice(self, later: K12, world: World) -> None:
        self.execute(later, "train.start", SHORT)
        self.execute(later, "train.start", SHORT)
        self.execute(later, "train.stop")
        self.execute(later, "train.stop")
        codes = sorted(message["data"]["code"] for message in later.told("error"))
        assert codes == [100001, 100004, 100204, 100205]
        assert self.execute(later, "evaluate.start", {})["code"] == 100208

    def test_refusals(self, later: K12) -> None:
        assert later.post("framework/execute", request("train.stop"))["code"] == 100101
        assert later.post("framework/execute", b"{")["code"] == 100103
        assert self.execute(later, "runcode.start")["code"] == 100102
        assert self.execute(later, "train.start", "{")["code"] == 100102
        assert later.do("train.stop")["code"] == 100102

    def test_the_seed_has_no_execute(self, k12: K12) -> None:
        reply = self.execute(k12, "train.stop")
        assert (reply["code"], reply["message"]) == (100102, "not support in the dialect seed")
