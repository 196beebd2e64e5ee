"""What each role may do: the table, tried on every route."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fedray.pipeline.service import PipelineService
from serve_api.app import build_app
from serve_api.doors.roles import ROUTES, Role, right_to
from tests.api.conftest import World
from tests.api.documents import training
from tests.api.doors import Locked, locked
from tests.pipelines import pipeline

DOCS = Path(__file__).parents[2] / "docs/security.md"


@pytest.fixture
def doors(tmp_path: Path, world: World) -> Iterator[Locked]:
    world.run("t")
    world.train("t")
    world.finish("t")
    with locked(tmp_path, world.service) as opened:
        yield opened


def all_routes() -> set[tuple[str, str]]:
    more: dict[str, Any] = {"paddledtx_desk": object(), "fate_desk": object()}
    app = build_app(lambda: None, version="1", **more)  # type: ignore[arg-type, return-value]
    found = {(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods}
    return found | {("GET", "/docs"), ("GET", "/openapi.json")}


def test_the_table_names_every_route_and_no_other() -> None:
    assert set(ROUTES) == all_routes()


def test_a_route_that_the_table_does_not_name_is_for_admins() -> None:
    assert right_to("PUT", "/api/v1/new").roles == {Role.ADMIN}
    assert right_to("PUT", "/api/v1/new").changes


@pytest.mark.parametrize(("method", "path"), sorted(ROUTES))
def test_each_role_on_each_route(doors: Locked, method: str, path: str) -> None:
    right = ROUTES[method, path]
    for role in Role:
        reply = doors.ask(role, method, path.format(name="t", tag="champion"))
        refused = "got one with the role" in reply.text
        assert refused == (right.roles is not None and role not in right.roles), (role, reply.text)
        if refused and path.startswith("/api/"):
            assert reply.status_code == 403
            assert reply.json()["error"]["type"] == "Forbidden"
        elif refused and path.startswith("/k12ai/"):
            assert (reply.status_code, reply.json()["code"]) == (200, 100199)
        elif refused and path.startswith("/v1/task/"):
            assert (reply.status_code, reply.json()["code"]) == (200, "10001")
        elif refused and path.startswith("/v1/"):
            assert (reply.status_code, reply.json()["retcode"]) == (403, 100)
        elif refused:
            assert reply.status_code == 200
            assert reply.json()["status"] == "err"


@pytest.mark.parametrize(("method", "path"), sorted(ROUTES))
def test_nobody_comes_in_without_a_token(doors: Locked, method: str, path: str) -> None:
    reply = doors.client.request(method, path.format(name="t", tag="champion"))
    if ROUTES[method, path].roles is None:
        assert reply.status_code == 200
    elif path.startswith(("/api/", "/metrics")):
        assert reply.status_code == 401
        assert reply.headers["www-authenticate"] == 'Bearer realm="fedray"'
        assert reply.json()["error"]["type"] == "TokenNeeded"
    elif path.startswith("/k12ai/"):
        assert (reply.status_code, reply.json()["code"]) == (200, 100101)
        assert "Authorization: Bearer TOKEN" in reply.json()["message"]
    elif path.startswith("/v1/task/"):
        assert (reply.status_code, reply.json()["code"]) == (200, "10001")
        assert "Authorization: Bearer TOKEN" in reply.json()["message"]
    elif path.startswith("/v1/"):
        assert (reply.status_code, reply.json()["retcode"]) == (401, 100)
        assert "Authorization: Bearer TOKEN" in reply.json()["retmsg"]
    else:
        assert reply.status_code == 200
        assert reply.json()["status"] == "err"
        assert "Authorization: Bearer TOKEN" in reply.json()["msg"]


def test_a_data_owner_acts_for_its_own_parties_only(doors: Locked, world: World) -> None:
    document = training("foreign")
    for member in document["clients"]:
        member["addr"] = "10.9.9.9"
    world.service.create(document)
    refused = doors.ask(Role.DATA_OWNER, "POST", "/api/v1/tasks/foreign/cancel")
    assert refused.status_code == 403
    assert "127.0.0.1:8084 takes part" in refused.json()["error"]["message"]
    assert world.service.get("foreign").status == "created"
    world.create("ours")
    assert doors.ask(Role.DATA_OWNER, "POST", "/api/v1/tasks/ours/cancel").status_code == 202
    assert doors.ask(Role.DATA_OWNER, "POST", "/api/v1/tasks/none/cancel").status_code == 404
    assert doors.ask(Role.DATA_OWNER, "DELETE", "/api/v1/models/t").status_code == 200


def test_a_data_owner_cancels_pipelines_of_its_own_parties_only(tmp_path: Path, world: World) -> None:
    with locked(tmp_path, world.service, pipelines=PipelineService(world.store, world.service)) as doors:
        _cancels(doors, world)


def _cancels(doors: Locked, world: World) -> None:
    foreign = pipeline("foreign")
    for each in foreign["steps"]:
        for member in each["task"]["clients"]:
            member["addr"] = "10.9.9.9"
    for document in (foreign, pipeline("ours")):
        assert doors.ask(Role.SUBMITTER, "POST", "/api/v1/pipelines", json=document).status_code == 201
    world.create("foreign")  # a task of the same name, in which the party takes part, says nothing of the pipeline
    refused = doors.ask(Role.DATA_OWNER, "POST", "/api/v1/pipelines/foreign/cancel")
    assert refused.status_code == 403
    assert "expected a pipeline in which 127.0.0.1:8084 takes part" in refused.json()["error"]["message"].lower()
    assert doors.ask(Role.SUBMITTER, "GET", "/api/v1/pipelines/foreign").json()["status"] == "running"
    assert doors.ask(Role.DATA_OWNER, "POST", "/api/v1/pipelines/ours/cancel").status_code == 202
    assert doors.ask(Role.DATA_OWNER, "POST", "/api/v1/pipelines/none/cancel").status_code == 404


def test_the_documentation_has_the_table() -> None:
    text = DOCS.read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([A-Z]+ /[^`]*)` \| ([a-z, -]+) \|$", text, re.MULTILINE))
    said = {row: set(roles.split(", ")) for row, roles in rows.items()}
    meant = {
        f"{method} {path}": {"everybody"} if right.roles is None else {role.value for role in right.roles}
        for (method, path), right in ROUTES.items()
    }
    assert said == meant
