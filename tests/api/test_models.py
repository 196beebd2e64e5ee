"""Models as the store knows them, by route and by command."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from fedray.errors import SpecError
from fedray.task.model_rules import model_of
from fedray.task.plan import TaskPlan
from fedray.task.record import Status
from tests.api.conftest import World
from tests.api.documents import alignment, predicting, training


def finish(world: World, name: str, auc: float | None) -> None:
    world.service.create(training(name))
    for status in (Status.QUEUED, Status.RUNNING, Status.FINISHED):
        world.store.transition(name, status)
    if auc is not None:
        result = {"n_batches": 7, "loss": 0.25, "metrics": {"auc": auc}}
        world.store.reports.save(name, {"task": name, "result": result})


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


def test_a_tag_points_to_one_model_at_a_time(models: World, client: TestClient) -> None:
    assert client.put("/api/v1/models/first/tags/champion").json()["tags"] == ["champion"]
    assert client.put("/api/v1/models/first/tags/2026-q1").json()["tags"] == ["2026-q1", "champion"]
    assert client.put("/api/v1/models/second/tags/champion").json()["tags"] == ["champion"]
    assert [found["tags"] for found in client.get("/api/v1/models").json()["models"]] == [["champion"], ["2026-q1"]]
    assert client.get("/api/v1/models/first").json()["tags"] == ["2026-q1"]
    assert client.delete("/api/v1/models/second/tags/champion").json()["tags"] == []


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("PUT", "nobody/tags/champion", 404, "Task with name nobody not exist"),
        ("PUT", "later/tags/champion", 404, 'Task with name "later" is created, so there is no model of it'),
        ("PUT", "first/tags/Champion!", 400, "tag: expected 1 to 64 of a-z, 0-9, '.', '_' and '-'"),
        ("PUT", "first/tags/" + "a" * 65, 400, "tag: expected 1 to 64 of a-z"),
        ("PUT", "first/tags/%00", 400, "tag: expected 1 to 64 of a-z"),
        ("DELETE", "first/tags/champion", 404, 'Model "first" has no tag "champion"'),
        ("DELETE", "first/tags/%00", 404, 'Model "first" has no tag'),
    ],
)
def test_tags_that_cannot_be(
    models: World, client: TestClient, method: str, path: str, status: int, words: str
) -> None:
    models.service.models.tag("second", "champion")
    answer = client.request(method, f"/api/v1/models/{path}")
    assert answer.status_code == status
    assert words in answer.json()["error"]["message"]
    assert models.service.models.get("second").tags == ("champion",)


def test_a_deleted_model_has_no_tags(models: World, client: TestClient) -> None:
    client.put("/api/v1/models/first/tags/champion")
    assert client.delete("/api/v1/models/first").json()["tags"] == []
    answer = client.put("/api/v1/models/first/tags/champion")
    assert answer.status_code == 400
    assert 'the parties have deleted the model "first"' in answer.json()["error"]["message"]


def test_a_document_names_a_model_by_its_tag(models: World, client: TestClient) -> None:
    """The tag stands for the model that it points to when the task is created."""
    models.service.models.tag("first", "champion")
    models.service.create(predicting("p", "@champion"))
    models.service.models.tag("second", "champion")
    assert model_of(TaskPlan.from_json(models.store.get("p").plan)) == "first"
    with pytest.raises(SpecError, match=r"clients\[0\].client_config.model: no model has the tag \"@nothing\""):
        models.service.create(predicting("q", "@nothing"))


def test_deleting_a_model(models: World, client: TestClient) -> None:
    answer = client.delete("/api/v1/models/first")
    assert answer.status_code == 200
    found = answer.json()
    assert [receipt["index"] for receipt in found["receipts"]] == [member["index"] for member in found["members"]]
    assert found["deleted_at"] is not None
    assert client.get("/api/v1/models/first").json() == found
    assert client.get("/api/v1/tasks/first").json()["status"] == "finished"
    assert client.delete("/api/v1/models/nobody").status_code == 404
