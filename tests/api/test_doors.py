"""Who comes in, who does not, and what is written down of both."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fedray.errors import DataError
from serve_api.app import build_app
from serve_api.doors.doors import Doors
from serve_api.doors.rates import Rates
from serve_api.doors.roles import Role
from serve_api.doors.settings import DoorSettings
from tests.api.conftest import TestClient, World
from tests.api.documents import training
from tests.api.doors import Locked, bearer, locked

HIDDEN = "hidden-4242"


@pytest.fixture
def doors(tmp_path: Path, world: World) -> Iterator[Locked]:
    with locked(tmp_path, world.service) as opened:
        yield opened


class TestTokens:
    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Authorization": ""},
            {"Authorization": "Bearer"},
            {"Authorization": "Bearer "},
            {"Authorization": "Basic YWRhOmFkYQ=="},
            {"Authorization": f"Bearer {HIDDEN}"},
            {"Authorization": "Bearer " + "x" * 10_000},
            {"X-Token": "ada"},
        ],
    )
    def test_refused(self, doors: Locked, headers: dict[str, str]) -> None:
        reply = doors.client.get("/api/v1/tasks", headers=headers)
        assert reply.status_code == 401
        assert HIDDEN not in reply.text
        assert HIDDEN not in json.dumps(doors.entries())

    def test_two_headers_are_refused(self, doors: Locked) -> None:
        both = [("Authorization", f"Bearer {doors.secrets[role]}") for role in (Role.ADMIN, Role.AUDITOR)]
        assert doors.client.get("/api/v1/tasks", headers=both).status_code == 401

    @pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
    def test_let_in(self, doors: Locked, scheme: str) -> None:
        secret = doors.secrets[Role.AUDITOR]
        assert doors.client.get("/api/v1/tasks", headers={"Authorization": f"{scheme} {secret}"}).status_code == 200

    def test_never_in_a_query(self, doors: Locked) -> None:
        secret = doors.secrets[Role.ADMIN]
        for name in ("token", "access_token", "Authorization"):
            assert doors.client.get("/api/v1/queue", params={name: secret}).status_code == 401

    def test_revoked_at_once_and_still_locked(self, doors: Locked) -> None:
        for name in ("sue", "dora", "otto", "ada"):
            doors.tokens.revoke(name)
        reply = doors.ask(Role.ADMIN, "GET", "/api/v1/tasks")
        assert reply.status_code == 401
        assert "revoked" in reply.json()["error"]["message"]
        assert doors.client.get("/api/v1/tasks").status_code == 401
        assert doors.entries()[0]["who"] == "ada"

    @pytest.mark.parametrize(
        "path",
        [
            "/api/v1/tasks/t/cancel%0A",
            "/API/V1/TASKS/t/CANCEL",
            "/api/v1/tasks/t/cancel/",
            "/api/v1/tasks/docs/cancel",
            "/docs/../api/v1/tasks/t/cancel",
            "//api/v1/tasks/t/cancel",
            "/api/v1/tasks/t/cancel?x=/docs",
            "/docs%0A",
        ],
    )
    def test_no_way_round_by_another_spelling(self, doors: Locked, world: World, path: str) -> None:
        world.create("t")
        for headers in ({}, bearer(doors.secrets[Role.AUDITOR])):
            reply = doors.client.post(f"http://127.0.0.1{path}", headers=headers)
            assert reply.status_code in {401, 403, 404, 405}, path
        assert world.service.get("t").status == "created"

    def test_the_required_lock_needs_no_file(self, world: World, tmp_path: Path) -> None:
        doors = Doors(DoorSettings(tmp_path / "none.json", required=True))
        with TestClient(build_app(lambda: world.service, version="1", doors=doors)) as client:
            assert client.get("/api/v1/tasks").status_code == 401
            assert client.get("/healthz").status_code == 200

    def test_a_damaged_file_lets_nobody_in(self, doors: Locked, tmp_path: Path, caplog: Any) -> None:
        file = tmp_path / ".fedray" / "tokens.json"
        file.write_text(HIDDEN)
        with caplog.at_level(logging.ERROR, "fedray.api"):
            reply = doors.ask(Role.ADMIN, "GET", "/api/v1/tasks")
        assert reply.status_code == 503
        assert reply.json()["error"]["type"] == "TokensUnreadable"
        assert str(tmp_path) not in reply.text
        assert HIDDEN not in caplog.text
        file.chmod(0o644)
        assert doors.ask(Role.ADMIN, "POST", "/createTask").json()["status"] == "err"

    def test_without_tokens_everybody_on_this_machine_comes_in(self, client: TestClient, world: World) -> None:
        world.create("t")
        assert client.post("/api/v1/tasks/t/start").status_code == 202
        assert client.get("/api/v1/audit").json()["error"]["type"] == "StateError"


class TestForeignPages:
    @pytest.mark.parametrize(
        "host", ["evil.example", "evil.example:8380", "localhost.evil.example", "127.0.0.1.nip.io", "[x"]
    )
    @pytest.mark.parametrize(("method", "path"), [("GET", "/queryStatus?task_name=t"), ("POST", "/api/v1/tasks")])
    def test_a_name_that_was_made_to_point_here(self, client: TestClient, host: str, method: str, path: str) -> None:
        reply = client.request(method, path, headers={"Host": host})
        words = reply.json()
        assert "another name" in (words["msg"] if method == "GET" else words["error"]["message"])
        assert reply.status_code == (200 if method == "GET" else 403)

    @pytest.mark.parametrize(
        "host",
        ["localhost", "LOCALHOST:8380", "localhost.", "127.0.0.1", "127.0.0.1:1", "[::1]:8380", "10.0.0.5:80", ""],
    )
    def test_names_of_this_server(self, client: TestClient, host: str) -> None:
        assert client.get("/api/v1/tasks", headers={"Host": host}).status_code == 200

    def test_names_that_were_given(self, world: World) -> None:
        doors = Doors(DoorSettings(names=("0.0.0.0", "Fed.Example.")))
        with TestClient(build_app(lambda: world.service, version="1", doors=doors)) as client:
            assert client.get("/api/v1/tasks", headers={"Host": "fed.example:8380"}).status_code == 200
            assert client.get("/api/v1/tasks", headers={"Host": "fed2.example"}).status_code == 403

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://127.0.0.1:1"},
            {"Origin": "http://["},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1"},
            {"Referer": "http://evil.example/page"},
        ],
    )
    @pytest.mark.parametrize(("method", "path"), [("GET", "/startTask?task_name=t"), ("POST", "/api/v1/tasks/t/start")])
    def test_a_page_of_another_site(
        self, client: TestClient, world: World, headers: dict[str, str], method: str, path: str
    ) -> None:
        world.create("t")
        reply = client.request(method, path, headers=headers)
        assert "A browser sent this request" in reply.text
        assert reply.status_code == (200 if method == "GET" else 403)
        assert world.service.get("t").status == "created"
        assert "access-control-allow-origin" not in reply.headers

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Sec-Fetch-Site": "none"},
            {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1"},
            {"Origin": "http://127.0.0.1"},
            {"Referer": "http://127.0.0.1/docs"},
            {"User-Agent": "python-requests/2.31", "Accept": "*/*", "Connection": "keep-alive"},
        ],
    )
    def test_programs_and_our_own_page(self, client: TestClient, world: World, headers: dict[str, str]) -> None:
        world.create("t")
        assert client.get("/startTask?task_name=t", headers=headers).json()["status"] == "ok"

    def test_a_link_to_the_documentation_may_be_anywhere(self, client: TestClient) -> None:
        assert client.get("/docs", headers={"Sec-Fetch-Site": "cross-site", "Host": "evil.example"}).status_code == 200

    def test_a_preflight_is_not_answered(self, client: TestClient) -> None:
        headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
        reply = client.options("/api/v1/tasks", headers=headers)
        assert reply.status_code == 403
        assert not [name for name in reply.headers if name.startswith("access-control")]

    def test_a_page_cannot_fill_the_disk(self, world: World, tmp_path: Path) -> None:
        doors = Doors(DoorSettings(audit=tmp_path / "audit.jsonl"))
        app = build_app(lambda: world.service, version="1", doors=doors)
        doors.entries = Rates(1, Clock())
        with TestClient(app, base_url="http://127.0.0.1") as client:
            for _ in range(30):
                assert client.get("/startTask?task_name=t", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200
        assert doors.log is not None
        assert [entry["why"] for entry in doors.log.entries()] == ["ForeignPage"] * 10


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class TestRates:
    @pytest.fixture
    def clock(self, doors: Locked) -> Clock:
        clock = Clock()
        doors.app.state.doors.rates = Rates(1, clock)
        doors.app.state.doors.entries = Rates(1, clock)
        return clock

    def test_each_token_has_its_own(self, doors: Locked, clock: Clock) -> None:
        for _ in range(10):
            assert doors.ask(Role.AUDITOR, "GET", "/api/v1/queue").status_code == 200
        refused = doors.ask(Role.AUDITOR, "GET", "/api/v1/queue")
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["error"]["type"] == "TooManyRequests"
        words = doors.ask(Role.AUDITOR, "GET", "/queryStatus?task_name=t")
        assert (words.status_code, words.headers["retry-after"]) == (200, "1")
        assert words.json() == {"status": "err", "msg": "Too many requests; expected the next in 1 s."}
        assert doors.ask(Role.ADMIN, "GET", "/api/v1/queue").status_code == 200
        clock.now = 1.0
        assert doors.ask(Role.AUDITOR, "GET", "/api/v1/queue").status_code == 200

    def test_a_flood_of_refusals_is_counted(self, doors: Locked, clock: Clock) -> None:
        for _ in range(35):
            doors.ask(Role.AUDITOR, "GET", "/api/v1/queue")
        assert len(doors.entries()) == 10
        clock.now = 1.0
        for _ in range(2):
            doors.ask(Role.AUDITOR, "GET", "/api/v1/queue")
        otto = {"who": "otto", "role": "auditor", "from": "testclient"}
        one = {**otto, "what": "GET /api/v1/queue", "outcome": "refused", "why": "TooManyRequests"}
        assert doors.entries() == [one] * 10 + [{**one, "missed": 15}]

    def test_wrong_tokens_are_soon_too_many_and_hurt_nobody_else(self, doors: Locked, clock: Clock) -> None:
        for _ in range(10):
            assert doors.client.get("/api/v1/queue", headers=bearer(HIDDEN)).status_code == 401
        assert doors.client.get("/api/v1/queue", headers=bearer(HIDDEN)).status_code == 429
        assert doors.client.get("/healthz").status_code == 429
        assert doors.ask(Role.ADMIN, "GET", "/api/v1/queue").status_code == 200
        assert len(doors.entries()) == 10


class TestAudit:
    def test_a_change_is_written_down_before_and_after(self, doors: Locked) -> None:
        body = json.dumps(training("t")).encode()
        assert doors.ask(Role.SUBMITTER, "POST", "/CREATETASK", content=body).json()["status"] == "ok"
        assert doors.ask(Role.SUBMITTER, "GET", "/startTask?task_name=t").json()["status"] == "ok"
        assert doors.ask(Role.ADMIN, "POST", "/api/v1/tasks/t/cancel").status_code == 202
        sue = {"who": "sue", "role": "submitter", "from": "testclient"}
        ada = {"who": "ada", "role": "admin", "from": "testclient"}
        start = {**sue, "what": "GET /startTask", "subject": "t"}
        cancel = {**ada, "what": "POST /api/v1/tasks/{name}/cancel", "subject": "t"}
        assert doors.entries() == [
            {**sue, "what": "POST /createTask", "outcome": "asked", "digest": hashlib.sha256(body).hexdigest()},
            {**sue, "what": "POST /createTask", "subject": "t", "outcome": "done", "of": 1},
            {**start, "outcome": "asked"},
            {**start, "outcome": "done", "of": 3},
            {**cancel, "outcome": "asked"},
            {**cancel, "outcome": "done", "of": 5},
        ]

    def test_requests_for_predictions_are_one_entry_without_a_digest(self, doors: Locked) -> None:
        assert doors.ask(Role.SUBMITTER, "POST", "/api/v1/tasks/t/predictions", json={"ids": ["7"]}).status_code == 404
        ask = {"who": "sue", "role": "submitter", "from": "testclient", "subject": "t"}
        ask["what"] = "POST /api/v1/tasks/{name}/predictions"
        assert doors.entries() == [
            {**ask, "outcome": "asked"},
            {**ask, "outcome": "refused", "why": "NotFound", "of": 1},
        ]

    def test_what_a_task_refuses_is_written_down_too(self, doors: Locked) -> None:
        doors.ask(Role.SUBMITTER, "POST", "/api/v1/tasks", content=HIDDEN)
        doors.ask(Role.SUBMITTER, "POST", "/startTask", json={"task_name": "none"})
        ends = [(entry["outcome"], entry.get("why"), entry.get("subject")) for entry in doors.entries()]
        assert ends == [
            ("asked", None, None),
            ("refused", "SpecError", None),
            ("asked", None, None),
            ("refused", "NotFound", "none"),
        ]
        assert HIDDEN not in json.dumps(doors.entries())

    def test_reading_is_not_written_down_but_refusals_are(self, doors: Locked) -> None:
        doors.ask(Role.SUBMITTER, "GET", "/api/v1/tasks")
        doors.ask(Role.SUBMITTER, "GET", "/api/v1/tasks/none")
        doors.ask(Role.SUBMITTER, "GET", "/nothing")
        doors.ask(Role.SUBMITTER, "GET", "/api/v1/audit")
        doors.client.get(f"/api/v1/{HIDDEN}")
        doors.client.request("BREW", "/createTask")
        doors.ask(Role.SUBMITTER, "POST", "/createTask", content=b" " * (1 << 21))
        found = [(entry["what"], entry["why"]) for entry in doors.entries()]
        assert found == [
            ("GET /api/v1/audit", "Forbidden"),
            ("GET (no route)", "TokenNeeded"),
            ("(another method) /createTask", "TokenNeeded"),
            ("POST /createTask", "TooLarge"),
        ]

    def test_auditors_read_it_page_by_page(self, doors: Locked) -> None:
        for _ in range(5):
            doors.client.get("/api/v1/tasks")
        page = doors.ask(Role.AUDITOR, "GET", "/api/v1/audit?after=1&limit=2").json()
        assert [entry["seq"] for entry in page["entries"]] == [2, 3]
        assert page["head"]["seq"] == 5
        assert page["entries"] == doors.log.entries(1, 2)

    def test_nothing_is_done_that_cannot_be_written_down(self, doors: Locked, world: World, monkeypatch: Any) -> None:
        def full(**_: object) -> int:
            raise DataError("the audit log cannot be written (no space)")

        monkeypatch.setattr(doors.app.state.doors.log, "append", full)
        reply = doors.ask(Role.SUBMITTER, "POST", "/api/v1/tasks", json=training("t"))
        assert reply.status_code == 503
        assert reply.json()["error"]["message"].startswith("Nothing was done, because the audit log cannot be written")
        assert not world.store.exists("t")
        assert doors.ask(Role.SUBMITTER, "GET", "/api/v1/tasks").status_code == 200
        assert doors.client.get("/api/v1/tasks").status_code == 401

    def test_a_failure_that_nobody_foresaw(self, tmp_path: Path, world: World) -> None:
        def broken() -> Any:
            raise LookupError(HIDDEN)

        with locked(tmp_path, world.service, broken) as doors:
            assert doors.ask(Role.SUBMITTER, "POST", "/api/v1/tasks/t/start").status_code == 500
            asked, failed = doors.entries()
        assert asked["outcome"] == "asked"
        assert (failed["outcome"], failed["why"], failed["of"]) == ("failed", "NoAnswer", 1)


def test_no_token_is_in_any_log_or_entry(doors: Locked, caplog: Any, tmp_path: Path) -> None:
    with caplog.at_level(logging.DEBUG):
        for role in Role:
            for path in ("/api/v1/tasks", "/api/v1/audit", "/nothing", "/createTask"):
                doors.ask(role, "GET", path)
                doors.ask(role, "POST", path)
    texts = [caplog.text, *(file.read_text() for file in (tmp_path / ".fedray").iterdir() if "sqlite" not in file.name)]
    for secret in doors.secrets.values():
        assert not any(secret.removeprefix("fedray_") in text for text in texts)
