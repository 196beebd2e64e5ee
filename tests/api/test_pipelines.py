"""Pipelines over HTTP and by the command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from fedray.errors import PolicyError
from fedray.pipeline.service import PipelineService
from fedray.task.record import Status
from serve_api import pipelines as shapes
from serve_api.cli import watch as watching
from serve_api.pump import Pump
from tests.api.conftest import World
from tests.api.test_cli_live import Cli, cli, url  # noqa: F401 - fixtures
from tests.api.test_native import error, shaped
from tests.pipelines import aligned, pipeline, step, trained

API = "/api/v1/pipelines"


@pytest.fixture
def pump(world: World, app: FastAPI) -> Iterator[None]:
    """Advance pipelines beside the routes; their tasks run and finish by themselves."""

    def run(name: str) -> None:
        world.store.transition(name, Status.RUNNING)
        world.store.transition(name, Status.FINISHED)

    world.runner.on_submit = run
    advancing = Pump("pipelines", app.state.pipelines.step)
    advancing.start()
    yield
    advancing.stop()


@pytest.fixture
def service(app: FastAPI) -> PipelineService:
    made: PipelineService = app.state.pipelines
    return made


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "pipeline.json"
    path.write_text("# align, bin, train, predict\n" + json.dumps(pipeline()))
    return str(path)


class TestRoutes:
    def test_created(self, client: TestClient) -> None:
        reply = client.post(API, json=pipeline("a b"))
        assert reply.status_code == 201
        made = shaped(shapes.PipelineOut, reply.json())
        assert (made["name"], made["status"], len(made["steps"])) == ("a b", "running", 4)
        assert client.get(reply.headers["location"]).json() == made
        assert shaped(shapes.PipelinesOut, client.get(API).json()) == {"pipelines": [made], "total": 1}

    def test_the_list_by_status_and_name(self, client: TestClient) -> None:
        for name in ("one", "two"):
            client.post(API, json=pipeline(name))
        client.post(f"{API}/one/cancel")
        found = client.get(API, params={"status": "cancelled"}).json()
        assert [one["name"] for one in found["pipelines"]] == ["one"]
        assert client.get(API, params={"search": "TW"}).json()["total"] == 1
        assert [one["name"] for one in client.get(API, params={"limit": 1, "offset": 1}).json()["pipelines"]] == ["one"]
        assert error(client.get(API, params={"status": "lost"}), 422, "SpecError")
        assert error(client.get(API, params={"standing": "failed"}), 422, "SpecError")

    def test_refused(self, client: TestClient) -> None:
        document = pipeline()
        document["steps"][2]["task"]["clients"][0]["client_config"]["batch_size"] = 0
        message = error(client.post(API, json=document), 400, "SpecError")
        assert message.startswith("steps[2].task.clients[0].client_config.batch_size: expected an integer from 1")
        assert error(client.post(API, content=b"{"), 400, "SpecError")
        assert client.get(API).json()["total"] == 0

    def test_taken(self, client: TestClient) -> None:
        client.post(API, json=pipeline())
        assert error(client.post(API, json=pipeline()), 409, "Conflict") == 'Pipeline with name "p" already exists'

    def test_cancelled_resumed_removed(self, client: TestClient, service: PipelineService) -> None:
        client.post(API, json=pipeline())
        service.step()
        assert error(client.post(f"{API}/p/resume"), 409, "StateError")
        assert error(client.delete(f"{API}/p"), 409, "StateError")
        reply = client.post(f"{API}/p/cancel")
        assert (reply.status_code, shaped(shapes.PipelineOut, reply.json())["status"]) == (202, "cancelled")
        assert [one["status"] for one in reply.json()["steps"]] == ["cancelled", "skipped", "skipped", "skipped"]
        reply = client.post(f"{API}/p/resume")
        assert (reply.status_code, reply.json()["status"]) == (202, "running")
        client.post(f"{API}/p/cancel")
        reply = client.delete(f"{API}/p")
        assert (reply.status_code, shaped(shapes.PipelineOut, reply.json())["status"]) == (200, "cancelled")
        assert error(client.get(f"{API}/p"), 404, "NotFound") == 'Pipeline with name "p" not exist'

    @pytest.mark.parametrize(
        ("method", "path"), [("GET", ""), ("POST", "/cancel"), ("POST", "/resume"), ("DELETE", "")]
    )
    def test_not_there(self, client: TestClient, method: str, path: str) -> None:
        assert error(client.request(method, f"{API}/gone{path}"), 404, "NotFound")

    def test_a_server_without_pipelines(self, world: World) -> None:
        from serve_api.app import build_app

        with TestClient(build_app(lambda: world.service, version="1"), base_url="http://127.0.0.1") as other:
            assert error(other.get(API), 409, "StateError") == "this server runs no pipelines"


@pytest.mark.usefixtures("pump")
class TestCommand:
    def test_run_and_watch(self, cli: Cli, file: str) -> None:  # noqa: F811
        done = cli("pipeline", "run", file, "--watch")
        assert (done.code, done.err) == (0, "")
        lines = done.out.splitlines()
        assert lines[-1].startswith("Pipeline p finished after ")
        assert [line for line in lines if line.endswith(" finished")] == [
            "align finished",
            "bins finished",
            "train finished",
            "predict finished",
        ]

    def test_watched_as_json(self, cli: Cli, file: str) -> None:  # noqa: F811
        done = cli("pipeline", "run", file, "--watch", "--json")
        last = {one["name"]: one["status"] for one in map(json.loads, done.out.splitlines())}
        assert (done.code, last) == (0, dict.fromkeys(("align", "bins", "train", "predict"), "finished"))
        assert cli("pipeline", "watch", "p").out.splitlines()[0] == "align finished"

    def test_one_that_fails(self, cli: Cli, file: str, world: World) -> None:  # noqa: F811
        world.runner.refusal = PolicyError("rule kinds: alignment is not allowed", "bank")
        done = cli("pipeline", "run", file, "--watch")
        assert done.code == watching.ENDS["failed"]
        assert done.out.splitlines()[-1] == "Pipeline p failed."
        assert done.err.splitlines() == [
            "align failed: bank: rule kinds: alignment is not allowed",
            "It can go on with: fedray pipeline resume p",
        ]
        world.runner.refusal = None
        assert cli("pipeline", "resume", "p", "--watch").code == 0


class TestCommandWithoutPump:
    def test_run(self, cli: Cli, file: str) -> None:  # noqa: F811
        assert cli("pipeline", "run", file).out == "Pipeline p created, with 4 steps.\n"
        shown = cli("pipeline", "show", "p")
        assert "waiting" in shown.out
        assert cli("pipeline", "show", "p", "--json").json()["status"] == "running"
        assert "0 of 4" in cli("pipeline", "list").out
        assert cli("pipeline", "list", "--status", "failed", "--json").json()["total"] == 0
        assert cli("pipeline", "remove", "p").code == 3
        assert cli("pipeline", "cancel", "p").out == "Pipeline p asked to cancel; its status is cancelled.\n"
        assert cli("pipeline", "watch", "p").code == watching.ENDS["cancelled"]
        assert cli("pipeline", "resume", "p").out == "Pipeline p goes on.\n"
        cli("pipeline", "cancel", "p")
        assert cli("pipeline", "remove", "p").out == "Pipeline p removed; its tasks stay.\n"
        assert cli("pipeline", "show", "p").code == 3

    def test_progress(self, cli: Cli, service: PipelineService, world: World) -> None:  # noqa: F811
        service.create({"name": "p", "steps": [step("align", aligned()), step("train", trained())]})
        service.step()
        world.store.transition("p.align", Status.RUNNING)
        world.finish("p.align")
        service.step()
        world.store.transition("p.train", Status.RUNNING)
        world.train("p.train")
        assert "train 202/303" in cli("pipeline", "show", "p").out

    @pytest.mark.parametrize("name", ["", "a/b", ".."])
    def test_impossible_names(self, cli: Cli, name: str) -> None:  # noqa: F811
        done = cli("pipeline", "show", name)
        assert (done.code, done.err.startswith("fedray: NAME: expected the name of a pipeline")) == (2, True)

    def test_a_table_on_a_terminal(self, cli: Cli, service: PipelineService, monkeypatch: Any) -> None:  # noqa: F811
        from serve_api.cli import pipeline_watch

        monkeypatch.setattr(pipeline_watch, "on_terminal", lambda: True)
        service.create(pipeline())
        service.cancel("p")
        assert "skipped" in cli("pipeline", "watch", "p").out
