"""Models as the store knows them, by route and by command."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from fedray.task.record import Status
from tests.api.conftest import World
from tests.api.documents import alignment, training


def finish(world: World, name: str, auc: float | None) -> None:
    world.service.create(training(name))
    for status in (Status.QUEUED, Status.RUNNING, Status.FINISHED):
        world.store.transition(name, status)
    if auc is not None:
        result = {"n_batches": 7, "loss": 0.25, "metrics": {"auc": auc}}
        world.store.save_report(name, {"task": name, "result": result})


@pytest.fixture
def models(world: World) -> World:
    finish(world, "first", 0.75)
    finish(world, "second", None)
    world.service.create(training("later"))
    world.service.create(alignment("aligned"))
    return world


def test_only_finished_trainings_are_models(models: World, client: TestClient) -> None:
    page = client.get("/api/v1/models").json()
    assert [found["model"] for found in page["models"]] == ["second", "first"]
    assert page["total"] == 2
    assert page["models"][0]["metrics"] is None
    first: dict[str, Any] = page["models"][1]
    assert (first["kind"], first["n_batches"], first["loss"], first["metrics"]) == ("shared_nn", 7, 0.25, {"auc": 0.75})
    assert first["predicts"] is True
    assert first["trained_at"] >= first["created_at"]
    assert {member["role"] for member in first["members"]} == {"feature_client", "label_client"}
    assert first["parameters"]["layers"] == []
    assert "computation_port" not in first["parameters"]


def test_pages_and_search(models: World, client: TestClient) -> None:
    page = client.get("/api/v1/models", params={"limit": 1, "offset": 1}).json()
    assert ([found["model"] for found in page["models"]], page["total"]) == (["first"], 2)
    assert client.get("/api/v1/models", params={"search": "SEC"}).json()["total"] == 1
    assert client.get("/api/v1/models", params={"limit": 0}).status_code == 422
    assert client.get("/api/v1/models", params={"kind": "linear"}).status_code == 422


def test_one_model(models: World, client: TestClient) -> None:
    assert client.get("/api/v1/models/first").json()["metrics"] == {"auc": 0.75}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nobody", "Task with name nobody not exist"),
        ("later", 'Task with name "later" is created, so there is no model of it'),
        ("aligned", 'Task with name "aligned" is of kind alignment, which trains no model'),
    ],
)
def test_no_model(models: World, client: TestClient, name: str, words: str) -> None:
    answer = client.get(f"/api/v1/models/{name}")
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == words


def test_deleting_a_model(models: World, client: TestClient) -> None:
    answer = client.delete("/api/v1/models/first")
    assert answer.status_code == 200
    found = answer.json()
    assert [receipt["index"] for receipt in found["receipts"]] == [member["index"] for member in found["members"]]
    assert found["deleted_at"] is not None
    assert client.get("/api/v1/models/first").json() == found
    assert client.get("/api/v1/tasks/first").json()["status"] == "finished"
    assert client.delete("/api/v1/models/nobody").status_code == 404
