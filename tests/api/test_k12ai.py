"""The K12AI API over the real service and a scripted runner: every row of its list of checks, and its messages."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import pytest

from fedray.errors import FedrayError, error_from_dict
from fedray.task.record import Status
from fedray.task.standing import Standing
from serve_api.doors.roles import Role
from serve_api.k12ai.telling import OUTGOING
from tests.api.conftest import ROW, World
from tests.api.documents import alignment, predicting, training
from tests.api.doors import locked
from tests.api.k12 import ENVELOPE, K12, SHORT, request


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
