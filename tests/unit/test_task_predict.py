"""Documents of tasks that predict: defaults, wrong fields, and models that a server knows not to be of use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fedray.errors import FedrayError, SpecError, StateError
from fedray.task.config_bases import Kind
from fedray.task.model_rules import PREDICTING, TRAININGS, check_ready, check_training
from fedray.task.plan import TaskPlan, make_plan
from fedray.task.predict_configs import PredictMain
from fedray.task.record import Status
from fedray.task.registry import Registry
from fedray.task.spec import parse
from tests.linear_tasks import LinearTask, made_up
from tests.predictions import Prediction, prediction


@pytest.fixture
def trained(tmp_path: Path) -> LinearTask:
    return made_up(tmp_path, "logistic")


def test_defaults_are_those_of_the_documentation(trained: LinearTask) -> None:
    spec = parse(prediction(trained, clients={4: None}).document())
    assert spec.kind is Kind.PREDICT
    main = spec.clients[0].client_config
    assert isinstance(main, PredictMain)
    assert (main.model, main.receiver, main.part, main.batch_size, main.transport) == ("t", None, "all", 10_000, "ray")
    label: Any = spec.clients[-1].client_config
    assert (label.data_path, label.out_data_path, label.labels_path) == (None, None, None)


def test_plans_survive_json_and_know_the_receiver(trained: LinearTask) -> None:
    for receiver, index in ((None, 4), (2, 2)):
        plan = prediction(trained, main={"receiver": receiver}).plan()
        assert TaskPlan.from_json(plan.to_json()) == plan
        assert plan.receiver is not None
        assert plan.receiver.index == index
    tags = {reveal.tag: reveal.to for reveal in plan.reveals}
    assert tags["predictions"] == "receiver"
    assert trained.plan().receiver is None


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no model": ({"main": {"model": ""}}, "clients[0].client_config.model: expected a name of 1 to 128"),
    "part": ({"main": {"part": "some"}}, "part: expected one of all, train, test"),
    "batch": ({"main": {"batch_size": 0}}, "batch_size: expected an integer from 1 to 100000, got 0"),
    "the dealer receives": (
        {"main": {"receiver": 1}},
        "clients[0].client_config.receiver: expected the place of a client with data, 2 or 3 or 4, got 1",
    ),
    "nobody receives": ({"main": {"receiver": 5}}, "receiver: expected the place of a client with data, 2 or 3 or 4"),
    "a word receives": ({"main": {"receiver": "bank"}}, "receiver: expected null or an integer from 0 to 63"),
    "no path": ({"clients": {2: None}}, "clients[2].client_config.data_path: a required field is missing"),
    "a path out": ({"clients": {2: {"data_path": "../x"}}}, "clients[2].client_config.data_path: expected a relative"),
    "labels path out": ({"clients": {4: {"labels_path": "/x"}}}, "labels_path: expected null or a relative path"),
    "another writes": (
        {"clients": {2: {"out_data_path": "x"}}},
        "clients[2].client_config.out_data_path: expected null, since only the receiver, clients[4], has one",
    ),
    "another has labels": (
        {"main": {"receiver": 2}, "clients": {4: {"labels_path": "x"}}},
        "clients[4].client_config.labels_path: expected null, since only the receiver, clients[2], has one",
    ),
    "another has a baseline": (
        {"clients": {2: {"baseline_path": "x"}}},
        "clients[2].client_config.baseline_path: expected null, since only the receiver, clients[4], has one",
    ),
    "unknown": ({"main": {"model_name": "t"}}, "model_name: unknown field"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_wrong_fields(trained: LinearTask, wrong: tuple[dict[str, Any], str]) -> None:
    with pytest.raises(SpecError) as caught:
        parse(prediction(trained, **wrong[0]).document())
    assert wrong[1] in caught.value.message


def test_kinds_do_not_mix(trained: LinearTask) -> None:
    document = prediction(trained).document()
    document["clients"][2]["client_config"]["client_type"] = "linear_feature"
    with pytest.raises(
        SpecError, match=r"clients\[2\].client_config.client_type: expected predict_feature, got linear"
    ):
        parse(document)


def plan(task: Prediction, port: int = 8020) -> TaskPlan:
    document = task.document()
    document["clients"][2]["http_port"] = port
    return make_plan(parse(document), Registry(None), "seed")


def test_a_model_that_can_be_used(trained: LinearTask) -> None:
    for status in (Status.CREATED, Status.QUEUED, Status.RUNNING, Status.FINISHED):
        check_training(plan(prediction(trained)), trained.plan(), status)
    check_ready(plan(prediction(trained)), trained.plan(), Status.FINISHED)


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED])
def test_a_training_that_kept_nothing(trained: LinearTask, status: Status) -> None:
    with pytest.raises(SpecError, match=f'task "t" is {status}, so it kept no model; train it again'):
        check_training(plan(prediction(trained)), trained.plan(), status)


def test_a_training_that_has_not_ended(trained: LinearTask) -> None:
    with pytest.raises(StateError, match='needs the model of task "t", which is running; start this one when'):
        check_ready(plan(prediction(trained)), trained.plan(), Status.RUNNING)


def refusal(task: Prediction, training: TaskPlan, port: int = 8020) -> str:
    with pytest.raises(FedrayError) as caught:
        check_training(plan(task, port), training, Status.FINISHED)
    assert isinstance(caught.value, SpecError)
    return caught.value.message


def test_a_task_that_trains_nothing(trained: LinearTask) -> None:
    words = 'clients[0].client_config.model: task "p" is of kind predict, which trains no model'
    assert refusal(prediction(trained), prediction(trained).plan()) == words


def test_a_kind_that_cannot_predict_yet(trained: LinearTask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedray.task.model_rules.PREDICTING", (Kind.SHARED_NN,))
    words = "a model of kind linear cannot predict yet; models of shared_nn can"
    assert words in refusal(prediction(trained), trained.plan())
    assert set(PREDICTING) <= set(TRAININGS)


def test_other_parties(trained: LinearTask) -> None:
    message = refusal(prediction(trained), trained.plan(), port=8050)
    assert message.startswith('clients: model "t" was trained by 127.0.0.1:8020 as feature_client, 127.0.0.1:8022 as')
    assert "the same clients with data in the same order, got 127.0.0.1:8050 as feature_client" in message
