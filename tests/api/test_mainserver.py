"""The MainServer API: every route and every documented reply, as a client of the original sees them."""

from __future__ import annotations

import math
from typing import Any

import pytest
from fastapi.testclient import TestClient

from fedray.errors import DataError, PlacementError
from tests.api.conftest import ROW, ScriptedRunner, World
from tests.api.documents import DIALECT, alignment, training
from tests.statements import statements


def get(client: TestClient, path: str, /, **params: str) -> dict[str, Any]:
    reply = client.get(path, params=params)
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    body: dict[str, Any] = reply.json()
    assert set(body) == {"status", "msg"}
    return body


def post(client: TestClient, path: str, **kwargs: Any) -> dict[str, Any]:
    reply = client.post(path, **kwargs)
    assert reply.status_code == 200
    body: dict[str, Any] = reply.json()
    assert set(body) == {"status", "msg"}
    return body


def ok(msg: object) -> dict[str, object]:
    return {"status": "ok", "msg": msg}


def err(msg: object) -> dict[str, object]:
    return {"status": "err", "msg": msg}


class TestCreateTask:
    def test_says_whom_to_trust(self, client: TestClient, world: World) -> None:
        body = post(client, "/createTask", json=alignment("a"))
        assert body["status"] == "ok"
        assert body["msg"].startswith("Task with name a created. Trust: this server runs in lab mode")
        assert "operator of this cluster" in body["msg"]
        assert world.service.get("a").status == "created"
        assert world.runner.submitted == []

    def test_says_what_parity_mode_shows(self, client: TestClient) -> None:
        document = training("p")
        document["clients"][0]["client_config"]["parity"] = True
        assert "shows all features of all parties" in post(client, "/createTask", json=document)["msg"]
        assert "Parity" not in post(client, "/createTask", json=training("q"))["msg"]

    def test_says_that_public_masks_are_insecure(self, client: TestClient) -> None:
        document = training("p")
        document["clients"][0]["client_config"]["public_masks"] = True
        assert "INSECURE: the masks of this task" in post(client, "/createTask", json=document)["msg"]
        assert "INSECURE" not in post(client, "/createTask", json=training("q"))["msg"]

    @pytest.mark.parametrize(
        "content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""]
    )
    def test_takes_any_content_type_and_the_dialect(self, client: TestClient, content_type: str) -> None:
        headers = {"Content-Type": content_type} if content_type else {}
        assert post(client, "/createTask", content=DIALECT, headers=headers)["status"] == "ok"
        assert get(client, "/queryStatus", task_name="dialect") == ok("Created")

    def test_name_taken(self, client: TestClient) -> None:
        post(client, "/createTask", json=alignment("a"))
        assert post(client, "/createTask", json=training("a")) == err("Task with name a already exists")

    def test_no_name(self, client: TestClient) -> None:
        document = alignment()
        del document["task_name"]
        body = post(client, "/createTask", json=document)
        assert body["status"] == "err"
        assert "task_name" in body["msg"]

    def test_a_party_refuses(self, client: TestClient, runner: ScriptedRunner) -> None:
        runner.refusal = DataError("raw_data_path: expected a file, found none.", "bank", "check")
        assert post(client, "/createTask", json=alignment()) == err(
            "bank, check: raw_data_path: expected a file, found none."
        )
        assert get(client, "/queryStatus", task_name="t") == ok("NotExist")


class TestStartTask:
    @pytest.mark.parametrize(
        ("method", "kwargs"),
        [
            ("GET", {"params": {"task_name": "t"}}),
            ("POST", {"params": {"task_name": "t"}}),
            ("POST", {"json": {"task_name": "t"}}),
            ("POST", {"data": {"task_name": "t"}}),
            ("POST", {"content": b'{"task_name": "t"}'}),
        ],
    )
    def test_starts(self, client: TestClient, world: World, method: str, kwargs: dict[str, Any]) -> None:
        world.create("t")
        assert client.request(method, "/startTask", **kwargs).json() == ok("Task with name t started.")
        assert world.runner.submitted == ["t"]

    def test_not_created(self, client: TestClient) -> None:
        assert get(client, "/startTask", task_name="no") == err("Task with name no not exist")

    def test_running(self, client: TestClient, world: World) -> None:
        world.run("t")
        assert get(client, "/startTask", task_name="t") == err("Task with name t is already running")

    def test_finished(self, client: TestClient, world: World) -> None:
        world.finish(world.run("t"))
        assert get(client, "/startTask", task_name="t") == err("Task with name t has already finished")

    def test_failed(self, client: TestClient, world: World) -> None:
        world.fail(world.run("t"), DataError("column age: expected numbers."))
        assert get(client, "/startTask", task_name="t") == err("Task with name t has already failed")

    def test_no_node(self, client: TestClient, world: World) -> None:
        world.create("t")
        world.runner.not_ready = PlacementError("no node offers party_bank (offered: none)")
        assert get(client, "/startTask", task_name="t") == err("no node offers party_bank (offered: none)")
        assert get(client, "/queryStatus", task_name="t") == ok("Created")

    @pytest.mark.parametrize(
        "kwargs",
        [
            {},
            {"json": {}},
            {"json": []},
            {"json": {"task_name": ""}},
            {"content": b"\xff\x00"},
            {"data": {"name": "t"}},
        ],
    )
    def test_no_name(self, client: TestClient, kwargs: dict[str, Any]) -> None:
        body = post(client, "/startTask", **kwargs)
        assert body == err("task_name: expected a value, the argument is missing or empty.")

    @pytest.mark.parametrize("name", [1, None, ["t"], {"a": 1}, True])
    def test_name_of_another_type(self, client: TestClient, world: World, name: object) -> None:
        world.create("t")
        body = post(client, "/startTask", json={"task_name": name})
        assert body["status"] == "err"
        assert body["msg"].startswith("task_name: expected ")
        assert world.runner.submitted == []


class TestQueryStatus:
    def test_words(self, client: TestClient, world: World) -> None:
        def word() -> object:
            body = get(client, "/queryStatus", task_name="t")
            assert body["status"] == "ok"
            assert body["msg"] == "NotExist" or body == get(client, "/queryTask", task_name="t", query="status")
            return body["msg"]

        assert word() == "NotExist"
        world.create("t")
        assert word() == "Created"
        world.service.start("t")
        assert word() == "Running"
        world.store.transition("t", world.service.get("t").status.RUNNING)
        assert word() == "Running"
        world.finish("t")
        assert word() == "Finished"

    def test_failed_and_cancelled(self, client: TestClient, world: World) -> None:
        world.fail(world.run("a"), DataError("x"))
        world.service.cancel(world.create("b"))
        assert get(client, "/queryStatus", task_name="a") == ok("Failed")
        assert get(client, "/queryStatus", task_name="b") == ok("Failed")

    def test_no_name(self, client: TestClient) -> None:
        assert get(client, "/queryStatus")["status"] == "err"


class TestQueryDataset:
    def test_sizes(self, client: TestClient, world: World) -> None:
        world.run("t", "alignment")
        assert get(client, "/queryDataset", task_name="t") == err("NotExist")
        world.tell("t", "dataset", {"n_train": 10000, "n_test": 5000})
        assert get(client, "/queryDataset", task_name="t") == ok([10000, 5000])

    def test_no_task(self, client: TestClient) -> None:
        assert get(client, "/queryDataset", task_name="t") == err("NotExist")


class TestQueryTask:
    def test_record_and_batches(self, client: TestClient, world: World) -> None:
        world.run("t")
        assert get(client, "/queryTask", task_name="t", query="n_batches") == ok(0)
        assert get(client, "/queryTask", task_name="t", query="record") == ok([])
        world.train("t")
        rows = [ROW, [63.5, 202, *ROW[2:]]]
        assert get(client, "/queryTask", task_name="t", query="n_batches") == ok(202)
        for index in ("-4", "-1", "0", "3", " 2"):
            assert get(client, "/queryTask", task_name="t", query="record", client=index) == ok(rows)
        assert get(client, "/queryRecord", task_name="t") == ok(rows)

    def test_batches_stay_integers(self, client: TestClient, world: World) -> None:
        world.train(world.run("t"))
        assert "[32.0,101,0.25,0.5,0.125]" in client.get("/queryRecord?task_name=t").text

    def test_numbers_that_json_has_no_word_for(self, client: TestClient, world: World) -> None:
        world.run("t")
        row = [1.0, 101, math.nan, math.inf, 0.5]
        world.tell("t", "record", {"row": row, "columns": ["time", "n_batches", "loss", "auc", "ks"]})
        assert get(client, "/queryRecord", task_name="t") == ok([[1.0, 101, None, None, 0.5]])

    @pytest.mark.parametrize("index", ["4", "-5", "999999999", "-999999999"])
    def test_no_client(self, client: TestClient, world: World, index: str) -> None:
        world.create("t")
        assert get(client, "/queryTask", task_name="t", query="status", client=index) == err("Client not exist")

    @pytest.mark.parametrize("index", ["", "x", "1.0", "1e3", "--1", "+1", "٣", "9" * 5000, "0x1", "null"])
    def test_client_is_no_integer(self, client: TestClient, world: World, index: str) -> None:
        world.create("t")
        body = get(client, "/queryTask", task_name="t", query="status", client=index)
        assert body["status"] == "err"
        assert body["msg"].startswith("client: expected an integer")
        assert len(body["msg"]) < 150

    def test_no_task(self, client: TestClient) -> None:
        assert get(client, "/queryTask", task_name="no", query="record") == err("Task not exist")
        assert get(client, "/queryRecord", task_name="no") == err("Task not exist")

    def test_missing_arguments(self, client: TestClient) -> None:
        assert get(client, "/queryTask", task_name="t")["msg"].startswith("query: ")
        assert get(client, "/queryTask", query="record")["msg"].startswith("task_name: ")
        assert get(client, "/queryRecord")["msg"].startswith("task_name: ")
        assert get(client, "/queryDataset")["msg"].startswith("task_name: ")

    def test_unknown_query(self, client: TestClient, world: World) -> None:
        world.create("t")
        body = get(client, "/queryTask", task_name="t", query="weights")
        assert body == err('query: expected record, n_batches or status, got "weights".')

    def test_unknown_parameters_are_ignored(self, client: TestClient, world: World) -> None:
        world.create("t")
        assert get(client, "/queryStatus", task_name="t", other="1") == ok("Created")


def test_hello_world(client: TestClient) -> None:
    reply = client.get("/helloWorld")
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/plain")
    assert "Hello World" in reply.text


def test_records_outlive_the_server(client: TestClient, world: World) -> None:
    world.train(world.run("t"))
    world.finish("t")
    world.store.close()  # the next call opens the database anew
    assert get(client, "/queryStatus", task_name="t") == ok("Finished")
    assert len(get(client, "/queryRecord", task_name="t")["msg"]) == 2


def test_names_in_any_script(client: TestClient) -> None:
    name = "信用 卡+50%&x=1#"
    post(client, "/createTask", json=alignment(name))
    assert get(client, "/startTask", task_name=name)["status"] == "ok"
    assert get(client, "/queryStatus", task_name=name) == ok("Running")


def test_the_status_of_a_running_task_is_one_statement(world: World, client: TestClient) -> None:
    world.run("t")
    with statements() as seen:
        assert client.get("/queryStatus", params={"task_name": "t"}).json() == {"status": "ok", "msg": "Running"}
    assert len(seen) == 1
    with statements() as seen:
        assert client.get("/api/v1/tasks/t").json()["status"] == "running"
    assert len(seen) == 1
