"""Evaluations and predictions over the K12AI API, of tables and of single rows."""

from __future__ import annotations

import pytest

from fedray.errors import PlacementError, SpecError
from fedray.task.record import Status
from tests.api.conftest import World
from tests.api.documents import predicting, training
from tests.api.k12 import K12


@pytest.fixture
def k12(world: World) -> K12:
    return K12(world)


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
