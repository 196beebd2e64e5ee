"""Models at the service: tasks that use one, and models that are deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fedray.errors import DataError, NotFound, SpecError, StateError
from fedray.task.record import Status
from tests.task_server import Server, network


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def predicting(model: str = "net", **other: int) -> dict[str, Any]:
    types = {"main_client": "predict_main", "feature_client": "predict_feature", "label_client": "predict_label"}
    document = network("scores")
    for entry in document["clients"]:
        kind = types.get(entry["role"], "triplet_producer")
        entry["client_config"] = {"client_type": kind, "computation_port": 9}
        if kind == "predict_main":
            entry["client_config"]["model"] = model
        if kind == "predict_feature":
            entry["client_config"]["data_path"] = "f"
        entry["http_port"] = other.get(entry["role"], entry["http_port"])
    return document


def test_predicting_with_a_model_that_nobody_knows(server: Server) -> None:
    with pytest.raises(SpecError, match=r'client_config.model: no task has the name "net"; name the training'):
        server.service.create(predicting())
    assert server.runner.calls == []


def test_predicting_starts_when_the_training_has_finished(server: Server) -> None:
    server.service.create(network())
    server.service.create(predicting())
    server.service.start("net")
    for status in (Status.QUEUED, Status.RUNNING):
        with pytest.raises(StateError, match=f'needs the model of task "net", which is {status}'):
            server.service.start("scores")
        server.store.transition("net", Status.RUNNING if status is Status.QUEUED else Status.FINISHED)
    assert server.service.start("scores").status is Status.QUEUED
    assert server.service.get("scores").kind == "predict"


def test_predicting_with_a_training_that_failed_or_with_other_parties(server: Server) -> None:
    server.service.create(network())
    with pytest.raises(SpecError, match=r'clients: model "net" was trained by a:3 as feature_client, a:4 as label'):
        server.service.create(predicting(feature_client=7))
    server.service.cancel("net")
    with pytest.raises(SpecError, match='task "net" is cancelled, so it kept no model'):
        server.service.create(predicting())


def finished(server: Server, name: str) -> None:
    server.service.start(name)
    for status in (Status.RUNNING, Status.FINISHED):
        server.store.transition(name, status)
    server.store.reports.save(name, {"result": {"n_batches": 3, "loss": 0.5, "metrics": {"auc": 0.75}}})


def test_a_deleted_model_is_noted_with_receipts_and_predicts_no_more(server: Server) -> None:
    server.service.create(network())
    with pytest.raises(NotFound, match='Task with name "net" is created, so there is no model of it'):
        server.service.models.delete("net")
    finished(server, "net")
    server.service.create(predicting())
    server.service.start("scores")
    with pytest.raises(StateError, match='Model "net" is used by task "scores", which is queued'):
        server.service.models.delete("net")
    server.service.cancel("scores")
    server.now = 200.0
    model = server.service.models.delete("net")
    assert (model.deleted_at, model.predicts, model.metrics) == (200.0, False, {"auc": 0.75})
    assert [receipt["digest"] for receipt in model.receipts] == ["0f"]
    assert server.service.models.list().models == (model,)
    document = predicting()
    document["task_name"] = "again"
    with pytest.raises(
        SpecError, match=r'client_config\.model: the parties have deleted the model "net"; train it again'
    ):
        server.service.create(document)


def test_a_model_that_a_party_cannot_delete_stays(server: Server) -> None:
    server.service.create(network())
    finished(server, "net")
    server.runner.errors["forget"] = DataError("the part of the model cannot be deleted", "bank")
    with pytest.raises(DataError):
        server.service.models.delete("net")
    assert server.service.models.get("net").deleted_at is None
    assert server.service.models.get("net").predicts is True
