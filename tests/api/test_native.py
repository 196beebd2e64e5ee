"""The native API: status codes, shapes, errors."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel

from fedray.errors import DataError, FedrayError, LocalProtocolError, PlacementError, RangeGuardError
from fedray.task.registry import Registry
from serve_api import native_models as shapes
from tests.api.conftest import BANK, COLUMNS, ROW, SHOP, World
from tests.api.documents import DIALECT, alignment, training

API = "/api/v1"


def shaped(model: type[BaseModel], body: object) -> dict[str, Any]:
    """Check a body against the model that the OpenAPI document promises for it."""
    made = model.model_validate(body, strict=True).model_dump(mode="json", exclude_unset=True)
    assert made == body
    return made


def error(reply: Any, status: int, kind: str) -> str:
    assert reply.status_code == status, reply.text
    problem = shaped(shapes.ErrorOut, reply.json())["error"]
    assert set(problem) == {"type", "message", "party", "phase"}
    assert problem["type"] == kind
    message: str = problem["message"]
    return message


class TestCreate:
    def test_created(self, client: TestClient, world: World) -> None:
        reply = client.post(f"{API}/tasks", json=training("a b/c".replace("/", "-")))
        assert reply.status_code == 201
        task = shaped(shapes.TaskOut, reply.json())
        assert task["status"] == "created"
        assert task["trust_mode"] == "lab"
        assert [part["role"] for part in task["members"]][:2] == ["main_client", "crypto_producer"]
        assert client.get(reply.headers["location"]).json() == task
        assert world.runner.submitted == []

    def test_created_and_started(self, client: TestClient, world: World) -> None:
        reply = client.post(f"{API}/tasks?start=true", content=DIALECT)
        assert reply.status_code == 201
        assert reply.json()["status"] == "queued"
        assert world.runner.submitted == ["dialect"]

    def test_created_but_not_started(self, client: TestClient, world: World) -> None:
        world.runner.not_ready = PlacementError("no node offers party_bank (offered: none)", "bank")
        message = error(client.post(f"{API}/tasks?start=true", json=training()), 503, "PlacementError")
        assert message == "The task is created but not started: no node offers party_bank (offered: none)"
        assert world.service.get("t").status == "created"

    def test_taken(self, client: TestClient, world: World) -> None:
        world.create("t")
        message = error(client.post(f"{API}/tasks", json=training()), 409, "Conflict")
        assert message == "Task with name t already exists"

    def test_wrong(self, client: TestClient) -> None:
        assert "clients" in error(client.post(f"{API}/tasks", json={"task_name": "t"}), 400, "SpecError")

    def test_refused_by_a_party(self, client: TestClient, world: World) -> None:
        world.runner.refusal = DataError("data_path: expected a folder, found none.", "bank", "check")
        reply = client.post(f"{API}/tasks", json=training())
        error(reply, 400, "DataError")
        assert reply.json()["error"]["party"] == "bank"
        assert reply.json()["error"]["phase"] == "check"

    @pytest.mark.parametrize("failure", [RangeGuardError("x"), LocalProtocolError("x")])
    def test_other_errors_of_ours(self, client: TestClient, world: World, failure: Exception) -> None:
        world.runner.refusal = failure
        error(client.post(f"{API}/tasks", json=training()), 500, type(failure).__name__)


class TestList:
    @pytest.fixture(autouse=True)
    def _tasks(self, world: World) -> None:
        for name in ("a1", "a2", "b1"):
            world.create(name)
        world.create("c1", "alignment")
        world.service.start("b1")

    @pytest.mark.parametrize(
        ("query", "names", "total"),
        [
            ("", ["c1", "b1", "a2", "a1"], 4),
            ("?status=queued", ["b1"], 1),
            ("?kind=alignment", ["c1"], 1),
            ("?search=A", ["a2", "a1"], 2),
            ("?limit=1", ["c1"], 4),
            ("?limit=2&offset=1", ["b1", "a2"], 4),
            ("?offset=99", [], 4),
            ("?status=failed", [], 0),
            ("?search=%00", [], 0),
            ("?search=%25", [], 0),
        ],
    )
    def test_filters(self, client: TestClient, query: str, names: list[str], total: int) -> None:
        page = shaped(shapes.TasksOut, client.get(f"{API}/tasks{query}").json())
        assert [task["task_name"] for task in page["tasks"]] == names
        assert page["total"] == total

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("limit=x", "limit"),
            ("limit=1e2", "limit"),
            ("limit=" + "9" * 5000, "limit"),
            ("limit=", "limit"),
            ("offset=-1", "offset"),
            ("offset=99999999999999999999", "offset"),
            ("status=done", "status"),
            ("status=", "status"),
            ("search=" + "x" * 129, "search"),
            ("kind=" + "x" * 65, "kind"),
            ("states=failed", "states"),
        ],
    )
    def test_wrong_parameters(self, client: TestClient, query: str, field: str) -> None:
        message = error(client.get(f"{API}/tasks?{query}"), 422, "SpecError")
        assert message.startswith(f"query.{field}: ")
        assert len(message) < 250

    def test_unknown_kind(self, client: TestClient) -> None:
        assert "kind: expected one of" in error(client.get(f"{API}/tasks?kind=poetry"), 400, "SpecError")


class TestOneTask:
    def test_start_and_cancel(self, client: TestClient, world: World) -> None:
        world.create("t")
        world.runner.waiting = ["t"]
        reply = client.post(f"{API}/tasks/t/start")
        assert reply.status_code == 202
        assert shaped(shapes.TaskOut, reply.json())["queue_position"] == 1
        assert client.get(f"{API}/queue").json() == {"queue": ["t"]}
        error(client.post(f"{API}/tasks/t/start"), 409, "StateError")
        reply = client.post(f"{API}/tasks/t/cancel")
        assert (reply.status_code, reply.json()["status"]) == (202, "cancelled")
        assert world.runner.cancelled == ["t"]
        error(client.post(f"{API}/tasks/t/cancel"), 409, "StateError")

    def test_resume(self, client: TestClient, world: World) -> None:
        world.run("t")
        error(client.post(f"{API}/tasks/t/resume"), 409, "StateError")
        world.tell("t", "progress", {"phase": "train", "done": 700, "total": 900, "checkpoint": 500})
        world.fail("t", FedrayError("the server ended"))
        found = client.get(f"{API}/tasks/t").json()
        assert (found["status"], found["checkpoint"], found["resumable"]) == ("failed", 500, True)
        reply = client.post(f"{API}/tasks/t/resume")
        assert (reply.status_code, reply.json()["status"], reply.json()["error"]) == (202, "queued", None)
        assert world.runner.resumed == ["t"]

    def test_failed(self, client: TestClient, world: World) -> None:
        world.fail(world.run("t"), DataError("column age: expected numbers.", "bank", "read"))
        task = shaped(shapes.TaskOut, client.get(f"{API}/tasks/t").json())
        assert task["error"] == {
            "type": "DataError",
            "message": "column age: expected numbers.",
            "party": "bank",
            "phase": "read",
        }
        assert task["ended_at"] >= task["started_at"] >= task["created_at"]

    def test_events_in_pages(self, client: TestClient, world: World) -> None:
        world.train(world.run("t"))
        path = f"{API}/tasks/t/events"
        every = shaped(shapes.EventsOut, client.get(path).json())["events"]
        kinds = [event["kind"] for event in every]
        assert kinds == ["status", "status", "phase", "progress", "record", "progress", "record"]
        first = client.get(f"{path}?limit=3").json()["events"]
        rest = client.get(f"{path}?after={first[-1]['id']}").json()["events"]
        assert first + rest == every
        assert client.get(f"{path}?after={every[-1]['id']}").json() == {"events": []}

    @pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "limit=100000", "since=1"])
    def test_wrong_parameters(self, client: TestClient, world: World, query: str) -> None:
        world.create("t")
        error(client.get(f"{API}/tasks/t/events?{query}"), 422, "SpecError")

    def test_after_beyond_what_a_database_counts(self, client: TestClient, world: World) -> None:
        world.create("t")
        reply = client.get(f"{API}/tasks/t/events?after={2**62}")
        assert reply.status_code in {200, 400}

    def test_record(self, client: TestClient, world: World) -> None:
        world.run("t")
        assert client.get(f"{API}/tasks/t/record").json()["rows"] == []
        world.train("t")
        record = shaped(shapes.RecordOut, client.get(f"{API}/tasks/t/record").json())
        assert record == {"columns": COLUMNS, "rows": [ROW, [63.5, 202, *ROW[2:]]]}

    def test_report(self, client: TestClient, world: World) -> None:
        world.run("t")
        error(client.get(f"{API}/tasks/t/report"), 409, "StateError")
        report: dict[str, object] = {"task": "t", "leakage": [], "cost": {"total": {"rounds": 1}}, "extra": [1]}
        world.store.reports.save("t", report)
        assert shaped(shapes.ReportOut, client.get(f"{API}/tasks/t/report").json()) == report

    @pytest.mark.parametrize("name", ["no", "..a", "%00", "%ff", "a%0Ab", "x" * 3000])
    def test_no_such_task(self, client: TestClient, name: str) -> None:
        for part in ("", "/events", "/record", "/report"):
            message = error(client.get(f"{API}/tasks/{name}{part}"), 404, "NotFound")
            assert message.isprintable()
            assert len(message) < 200

    @pytest.mark.parametrize("part", ["start", "cancel", "resume"])
    def test_no_such_task_to_change(self, client: TestClient, part: str) -> None:
        error(client.post(f"{API}/tasks/no/{part}"), 404, "NotFound")

    @pytest.mark.parametrize(
        "name", ["two words", "信用", "50%", "a?b", "a#b", "a&b=c+d", "ÄÖ", "TASKS", "record", "Start"]
    )
    def test_odd_names(self, client: TestClient, world: World, name: str) -> None:
        client.post(f"{API}/tasks", json=alignment(name))
        path = f"{API}/tasks/{quote(name, safe='')}"
        assert client.get(path).json()["task_name"] == name
        assert client.post(f"{path}/start").status_code == 202
        assert client.get(f"{path}/events").json()["events"][0]["data"] == {"status": "queued"}

    @pytest.mark.parametrize("slash", ["%2F", "%2f"])
    def test_encoded_slashes(self, client: TestClient, world: World, slash: str) -> None:
        world.create("t")
        error(client.post(f"{API}/tasks/t{slash}start"), 400, "SpecError")
        assert world.runner.submitted == []

    def test_the_case_of_a_name_counts(self, client: TestClient, world: World) -> None:
        world.create("Task")
        assert client.get("/API/V1/TASKS/Task").status_code == 200
        error(client.get("/API/V1/TASKS/task"), 404, "NotFound")


def test_parties_without_a_registry(client: TestClient) -> None:
    assert client.get(f"{API}/parties").json() == {"parties": []}


class TestWithRegistry:
    @pytest.fixture
    def registry(self) -> Registry:
        return Registry((BANK, SHOP))

    def test_parties(self, client: TestClient) -> None:
        body = shaped(shapes.PartiesOut, client.get(f"{API}/parties").json())
        assert [(party["name"], party["offered"]) for party in body["parties"]] == [("bank", True), ("shop", False)]
