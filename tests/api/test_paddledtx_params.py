"""What the parameters of a published training are in its native task, and what cannot be: names of the fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from serve_api.paddledtx.shape import PREFIX
from serve_api.paddledtx.wire.task_pb2 import GetTaskRequest
from tests.api.conftest import World
from tests.api.test_paddledtx_life import Ledger, linear

NETWORK: dict[str, Any] = {"algo": 2, "trainParams": {"label": "y", "alpha": 0.1}}
LIVE = {"enable": True, "randomSplit": {"percentLO": 20}}


def evaluated(rule: int, **fields: Any) -> dict[str, Any]:
    """Return the parameters of linear-vl with an evaluation."""
    return {**linear(), "evalParams": {"enable": True, **({"evalRule": rule} if rule else {}), **fields}}


@pytest.fixture
def ledger(world: World, tmp_path: Path) -> Ledger:
    return Ledger(world, tmp_path)


@pytest.mark.parametrize(
    ("params", "main", "label"),
    [
        (linear(), {"objective": "linear", "sigmoid": "series"}, None),
        (linear(1, labelName="Iris-setosa"), {"objective": "logistic", "sigmoid": "taylor"}, "Iris-setosa"),
    ],
)
def test_linear_models_are_trained_as_the_original_trains_them(
    ledger: Ledger, world: World, params: dict[str, Any], main: dict[str, Any], label: str | None
) -> None:
    task = ledger.task(algoParam=params)
    assert ledger.publish(task)["code"] == "0"
    clients = world.service.document(PREFIX + task["taskID"])["clients"]
    config = clients[0]["client_config"]
    wanted = {"cost_tol": 1e-4, "batch_order": "hashed", "batch_size": 4, "learning_rate_init": 0.1, "momentum": 0.0}
    wanted |= {"alpha": 0.0, "max_iter": 100_000, "test_per_batches": 100, **main}
    assert {field: config[field] for field in wanted} == wanted
    assert clients[-1]["client_config"]["pos_label"] == label


@pytest.mark.parametrize(("mode", "penalty", "alpha"), [(0, None, 0.0), (1, "l1", 0.025), (2, "l2", 0.025)])
@pytest.mark.parametrize("algo", [0, 1])
def test_penalties_are_those_of_the_original(
    ledger: Ledger, world: World, algo: int, mode: int, penalty: str | None, alpha: float
) -> None:
    task = ledger.task(algoParam=linear(algo, labelName="1" if algo else "", regMode=mode, regParam=0.1))
    assert ledger.publish(task)["code"] == "0"
    config = world.service.document(PREFIX + task["taskID"])["clients"][0]["client_config"]
    wanted = {"penalty": penalty, "alpha": alpha, "penalize_intercept": True, "cost_penalty": algo == 0}
    assert {field: config[field] for field in wanted} == wanted


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        (evaluated(0, randomSplit={"percentLO": 30}), {"validation": "split", "validation_percent": 30}),
        (
            evaluated(1, cv={"folds": 5, "shuffle": True}),
            {"validation": "folds", "validation_folds": 5, "validation_shuffle": True},
        ),
        (evaluated(1, cv={"folds": 10}), {"validation_folds": 10, "validation_shuffle": False}),
        (evaluated(2), {"validation": "leave_one_out", "live_validation_percent": None}),
        ({**linear(), "livalParams": LIVE}, {"validation": None, "live_validation_percent": 20}),
    ],
)
def test_evaluations_are_those_of_the_original(
    ledger: Ledger, world: World, rule: dict[str, Any], wanted: dict[str, Any]
) -> None:
    task = ledger.task(algoParam=rule)
    assert ledger.publish(task)["code"] == "0"
    clients = world.service.document(PREFIX + task["taskID"])["clients"]
    config, label = clients[0]["client_config"], clients[-1]["client_config"]
    assert {field: config[field] for field in wanted} == wanted
    assert config["validation_seed"] == task["taskID"]
    assert label["validation_path"] == (f"paddledtx/{task['taskID']}" if config["validation"] else None)
    shown = ledger.api.ask("GetTaskById", GetTaskRequest(taskID=task["taskID"])).algoParam
    assert shown.livalParams.enable or shown.HasField("evalParams")


@pytest.mark.parametrize(("asked", "batch"), [(0, 400), (401, 400), (16, 16)])
def test_a_batch_is_of_all_rows_at_most(ledger: Ledger, world: World, asked: int, batch: int) -> None:
    task = ledger.task(algoParam=linear(batchSize=asked))
    assert ledger.publish(task)["code"] == "0"
    config = world.service.document(PREFIX + task["taskID"])["clients"][0]["client_config"]
    assert config["batch_size"] == batch


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("taskID", {"taskID": "7"}),
        ("name", {"name": ""}),
        ("dataSets", {"dataSets": []}),
        ("result", {"result": "x"}),
        ("algoParam.algo", {"algoParam": {"algo": 3, "trainParams": {"label": "y", "alpha": 0.1}}}),
        ("algoParam.trainParams.regMode", {"algoParam": linear(regMode=3)}),
        ("algoParam.trainParams.regParam", {"algoParam": linear(algo=1, regMode=2, regParam=-0.1)}),
        ("algoParam, expected finite numbers", {"algoParam": linear(regMode=1, regParam="NaN")}),
        ("algoParam, expected finite numbers", {"algoParam": linear(alpha="-Infinity")}),
        ("algoParam.trainParams.amplitude", {"algoParam": linear(amplitude=0)}),
        ("algoParam.trainParams.labelName", {"algoParam": linear(labelName="a")}),
        ("algoParam.trainParams.labelName", {"algoParam": linear(algo=1)}),
        ("algoParam.evalParams.randomSplit.percentLO", {"algoParam": evaluated(0)}),
        ("algoParam.evalParams.randomSplit.percentLO", {"algoParam": evaluated(0, randomSplit={"percentLO": 100})}),
        ("algoParam.evalParams.cv.folds", {"algoParam": evaluated(1, cv={"folds": 7})}),
        ("algoParam.evalParams.evalRule", {"algoParam": evaluated(3)}),
        ("algoParam.livalParams.randomSplit.percentLO", {"algoParam": {**linear(), "livalParams": {"enable": True}}}),
        ("algoParam.evalParams.enable", {"algoParam": {**NETWORK, "evalParams": {"enable": True, "evalRule": 2}}}),
        ("algoParam.livalParams.enable", {"algoParam": {**NETWORK, "livalParams": LIVE}}),
        ("algoParam.trainParams.alpha", {"algoParam": {"algo": 2, "trainParams": {"label": "y"}}}),
        ("algoParam.trainParams.label", {"algoParam": {"algo": 2, "trainParams": {"label": "x", "alpha": 0.1}}}),
        ("algoParam.trainParams.labelName", {"algoParam": {"algo": 2, "trainParams": {"labelName": "a", "alpha": 1}}}),
    ],
)
def test_what_cannot_be_done_is_refused_by_its_name(ledger: Ledger, field: str, fields: dict[str, Any]) -> None:
    task = {name: value for name, value in ledger.task(**fields).items() if value}  # as Go leaves out what is empty
    reply = ledger.publish(task)
    assert reply["code"] == "10002"
    assert reply["message"].startswith(f"bad param:{field}")
