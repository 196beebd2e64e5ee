"""What all APIs share: paths, methods, documentation, failures that nobody foresaw."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from serve_api import mainserver
from serve_api.app import build_app
from tests.api.conftest import World
from tests.api.documents import alignment, training

SECRET = "4242424242"


def cases(path: str) -> set[str]:
    return {path, path.lower(), path.upper(), path.swapcase(), path.title(), path + "/", path.upper() + "/"}


@pytest.mark.parametrize("path", sorted(mainserver.PATHS))
def test_mainserver_paths_in_any_case(client: TestClient, path: str) -> None:
    assert len(mainserver.PATHS) == 7
    method = "POST" if path == "/createtask" else "GET"
    replies = {variant: client.request(method, variant) for variant in cases(path)}
    assert {reply.status_code for reply in replies.values()} == {200}
    assert len({reply.text for reply in replies.values()}) == 1


@pytest.mark.parametrize("path", ["/createTask", "/CreateTask", "/CREATETASK", "/createtask"])
def test_create_in_any_case(client: TestClient, path: str) -> None:
    assert client.post(path, json=alignment()).json()["status"] == "ok"


@pytest.mark.parametrize(
    "path", ["/api/v1/tasks", "/api/v1/parties", "/api/v1/queue", "/healthz", "/docs", "/openapi.json"]
)
def test_other_paths_in_any_case(client: TestClient, path: str) -> None:
    assert {client.get(variant).status_code for variant in cases(path)} == {200}


@pytest.mark.parametrize("part", ["", "/events", "/record"])
def test_task_paths_in_any_case(client: TestClient, world: World, part: str) -> None:
    world.create("MiXed")
    for variant in cases("/api/v1/tasks/"):
        path = f"{variant.rstrip('/')}/MiXed{part.upper()}"
        assert client.get(path).status_code == 200, path


def test_health(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok", "version": "9.8.7"}


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/createTask/x", "/createTasks", "/api", "/api/v1", "/api/v1/x", "//"]
)
def test_unknown_paths(client: TestClient, path: str) -> None:
    reply = client.get(f"http://127.0.0.1{path}")
    assert reply.status_code == 404
    assert reply.json()["error"]["type"] == "NoRoute"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"])
def test_mainserver_refuses_other_methods_in_its_shape(client: TestClient, method: str) -> None:
    reply = client.request(method, "/createTask")
    assert reply.status_code == 200
    assert reply.json() == {"status": "err", "msg": f'"/createTask": expected the method POST, got "{method}".'}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "BREW"])
def test_native_refuses_other_methods(client: TestClient, method: str) -> None:
    reply = client.request(method, "/api/v1/tasks/t/start")
    assert reply.status_code == 405
    assert reply.headers["allow"] == "POST"
    assert reply.json()["error"]["type"] == "MethodNotAllowed"


class Broken:
    """A service that fails as a bug would, with text that nobody may see."""

    def __getattr__(self, name: str) -> object:
        try:
            raise ValueError(f"id {SECRET}")
        except ValueError as error:
            raise RuntimeError(f"row of {SECRET}") from error


class TestUnforeseenFailures:
    @pytest.fixture
    def client(self) -> Iterator[TestClient]:
        app = build_app(lambda: Broken(), version="1")  # type: ignore[arg-type, return-value]
        with TestClient(app, base_url="http://127.0.0.1") as made:  # raises whatever leaves the application
            yield made

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/queryStatus?task_name=t", 200),
            ("POST", "/createTask", 200),
            ("GET", "/api/v1/tasks", 500),
            ("POST", "/api/v1/tasks", 500),
        ],
    )
    def test_plain_sentence(
        self, client: TestClient, caplog: pytest.LogCaptureFixture, method: str, path: str, status: int
    ) -> None:
        with caplog.at_level(logging.ERROR, "fedray.api"):
            reply = client.request(method, path, content=SECRET.encode() if method == "POST" else None)
        assert reply.status_code == status
        body = reply.json()
        message = body["msg"] if status == 200 else body["error"]["message"]
        found = re.fullmatch(r"The server failed on this request; its log .* number ([0-9a-f]{8})\.", message)
        assert found
        (record,) = caplog.records
        logged = record.getMessage()
        assert f"failure {found[1]} in {method}: RuntimeError at " in logged
        assert "caused by ValueError at " in logged
        assert SECRET not in logged
        assert record.exc_info is None

    def test_service_that_is_not_there_yet(self) -> None:
        def missing() -> object:
            raise LookupError(SECRET)

        app = build_app(missing, version="1")  # type: ignore[arg-type]
        with TestClient(app, base_url="http://127.0.0.1") as made:
            assert made.get("/healthz").status_code == 200
            assert made.get("/api/v1/tasks").status_code == 500


class TestDocs:
    def test_every_route_is_on_the_page(self, client: TestClient, app: FastAPI) -> None:
        page = client.get("/docs")
        assert page.headers["content-type"].startswith("text/html")
        for path in app.openapi()["paths"]:
            assert f"</b> {path}</h3>" in page.text
        for schema in app.openapi()["components"]["schemas"]:
            assert f'<section id="{schema}">' in page.text

    def test_nothing_comes_from_elsewhere(self, client: TestClient) -> None:
        page = client.get("/docs")
        assert not re.search(r"<script|<img|<link|https?://|@import|url\(", page.text)
        assert page.headers["content-security-policy"].startswith("default-src 'none'")

    def test_openapi_is_complete(self, client: TestClient) -> None:
        document = client.get("/openapi.json").json()
        paths = document["paths"]
        assert {path for path in paths if not path.startswith("/api/")} >= {"/healthz", "/createTask", "/helloWorld"}
        for path, methods in paths.items():
            for method, route in methods.items():
                assert route.get("description"), (method, path)
                good = next(reply for status, reply in route["responses"].items() if status.startswith("2"))
                assert all(content["schema"] for content in good["content"].values()), (method, path)
        native = [route for path, methods in paths.items() if path.startswith("/api/") for route in methods.values()]
        for route in native:
            refusals = {status: reply for status, reply in route["responses"].items() if status[0] in "45"}
            assert {"422", "500"} <= set(refusals)
            for reply in refusals.values():
                assert reply["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/ErrorOut"}


def test_replies_are_not_cached(client: TestClient, world: World) -> None:
    world.create("t")
    assert client.get("/queryStatus?task_name=t").headers["cache-control"] == "no-store"
    assert client.get("/api/v1/tasks/t").headers["cache-control"] == "no-store"


def test_no_ray_is_needed() -> None:
    code = "import sys, serve_api.app; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_mounted_below_a_path(world: World) -> None:
    outer = FastAPI()
    outer.mount("/fed", build_app(lambda: world.service, version="1"))
    with TestClient(outer, base_url="http://127.0.0.1") as client:
        assert client.post("/fed/CREATETASK", json=training()).json()["status"] == "ok"
        assert client.get("/fed/querystatus?task_name=t").json() == {"status": "ok", "msg": "Created"}
        assert client.get("/fed/QUERYSTATUS").json()["status"] == "err"
        assert client.get("/fed/api/V1/tasks/t").status_code == 200
        assert "/fed/openapi.json" in client.get("/fed/docs").text
