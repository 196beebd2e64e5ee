"""Requests for predictions: by route and by command, and everything that is refused before a party hears of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from fedray.errors import PlacementError, SpecError, StateError
from fedray.task.plan import TaskPlan
from fedray.task.record import Status
from serve_api.doors.roles import Role
from tests.api.conftest import World
from tests.api.documents import member, training
from tests.api.doors import locked
from tests.api.test_cli_live import Cli, cli, url
from tests.api.test_predict_document import BLOCKS, TRAINING

__all__ = ["cli", "url"]

PATH = "/api/v1/tasks/online/predictions"


def serving(name: str = "online", **main: object) -> dict[str, Any]:
    return {
        "task_name": name,
        "clients": [
            member("main_client", 8377, "serve_main", **{"model": "m", **main}),
            member("crypto_producer", 8390, "triplet_producer"),
            member("feature_client", 8084, "serve_feature", data_path="f1"),
            member("label_client", 8884, "serve_label", data_path="l"),
        ],
    }


@pytest.fixture
def running(world: World) -> World:
    """A world in which the task `online` answers with the model of the finished training `m`."""
    world.service.create(training("m"))
    for status in (Status.QUEUED, Status.RUNNING, Status.FINISHED):
        world.store.transition("m", status)
    world.service.create(serving())
    world.service.start("online")
    world.store.transition("online", Status.RUNNING)
    return world


def refusal(client: TestClient, body: Any, path: str = PATH) -> tuple[int, str, str]:
    answer = client.post(path, content=body if isinstance(body, bytes) else json.dumps(body))
    error = answer.json()["error"]
    return answer.status_code, error["type"], error["message"]


def test_an_answer_is_one_entry_of_the_audit_log(running: World, tmp_path: Path) -> None:
    with locked(tmp_path, running.service) as doors:
        assert doors.ask(Role.SUBMITTER, "POST", PATH, json={"ids": ["ab"]}).status_code == 200
        (entry,) = doors.entries()
    assert (entry["who"], entry["subject"], entry["outcome"]) == ("sue", "online", "asked")
    assert "digest" not in entry


def test_an_answer(running: World, client: TestClient) -> None:
    answer = client.post(PATH, json={"ids": ["ab", " \u00e9 "]})
    assert answer.status_code == 200
    assert answer.json() == {"task": "online", "model": "m", "predictions": [[0.25], [0.375]]}
    assert answer.headers["cache-control"] == "no-store"
    assert running.runner.asked == [("online", ("ab", " \u00e9 "))]


WRONG: list[tuple[Any, str]] = [
    (b"", "JSON"),
    (b"[1, 2", "JSON"),
    (["a"], 'request body: expected an object with one field, {"ids": [...]}'),
    ({}, "request body: expected an object with one field"),
    ({"ids": ["a"], "model": "m"}, "request body: expected an object with one field"),
    ({"ids": "secret-id"}, "ids: expected a list of 1 to 10000 ids"),
    ({"ids": []}, "ids: expected a list of 1 to 10000 ids"),
    ({"ids": ["a"] * 10_001}, "ids: expected a list of 1 to 10000 ids"),
    ({"ids": ["a", 4711]}, 'ids[1]: expected a text of 1 to 1024 characters; an id is text, such as "1001"'),
    ({"ids": [""]}, "ids[0]: expected a text"),
    ({"ids": ["a", "b", "secret-id" * 200]}, "ids[2]: expected a text"),
    ({"ids": [None]}, "ids[0]: expected a text"),
]


@pytest.mark.parametrize(("body", "words"), WRONG)
def test_bodies_that_are_refused(running: World, client: TestClient, body: Any, words: str) -> None:
    status, kind, message = refusal(client, body)
    assert (status, kind) == (400, "SpecError")
    assert words in message
    assert "secret-id" not in message
    assert "4711" not in message
    assert running.runner.asked == []


def test_tasks_that_answer_nothing(running: World, client: TestClient) -> None:
    ids = {"ids": ["a"]}
    assert refusal(client, ids, "/api/v1/tasks/nobody/predictions")[0] == 404
    status, kind, message = refusal(client, ids, "/api/v1/tasks/m/predictions")
    assert (status, kind) == (409, "StateError")
    assert message == "Task with name m is of kind shared_nn; only tasks of kind serve answer requests"
    running.service.cancel("online")
    assert refusal(client, ids)[2] == "Task with name online is cancelled; it answers requests while it is running"
    assert running.runner.asked == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (SpecError("ids[0]: expected ids of rows that the task answers for; there is no such row"), 400),
        (StateError("the task is about to end and takes no more requests"), 409),
        (PlacementError("64 requests wait already; try again"), 503),
    ],
)
def test_what_the_party_refuses(running: World, client: TestClient, error: Exception, status: int) -> None:
    running.runner.refusal = error
    assert refusal(client, {"ids": ["a"]}) == (status, type(error).__name__, error.args[0])


def test_the_documented_example_is_accepted(client: TestClient) -> None:
    assert client.post("/api/v1/tasks", content=TRAINING).status_code == 201
    created = client.post("/api/v1/tasks", content=next(text for text in BLOCKS if "serve_main" in text))
    assert (created.status_code, created.json()["kind"]) == (201, "serve")


def test_a_model_that_answers_is_not_deleted(running: World, client: TestClient) -> None:
    answer = client.delete("/api/v1/models/m")
    assert answer.status_code == 409
    assert answer.json()["error"]["message"] == 'Model "m" is used by task "online", which is running; wait for it'


def test_a_tag_stands_for_the_model_that_it_points_to(running: World) -> None:
    running.service.models.tag("m", "champion")
    running.service.create(serving("tagged", model="@champion"))
    assert TaskPlan.from_json(running.store.get("tagged").plan).main.config.model_dump()["model"] == "m"


def test_asking_by_command(running: World, cli: Cli) -> None:
    done = cli("ask", "online", "ab", "abcd")
    assert (done.code, done.err) == (0, "")
    assert [line.split() for line in done.out.splitlines() if "0." in line] == [["ab", "0.25"], ["abcd", "0.5"]]
    piped = cli("ask", "online", "-", "--json", stdin=b"ab\n\nabc\n")
    assert piped.json()["predictions"] == [[0.25], [0.375]]
    assert cli("ask", "online", "-").code == 2
    assert cli("ask", "m", "a").code == 3
