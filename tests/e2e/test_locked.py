"""A server for other machines: tokens and TLS on Ray Serve, and the command as its users type it."""

from __future__ import annotations

import json
import os
import signal
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from serve_api.doors.audit import AuditLog
from serve_api.doors.settings import state_files
from tests.certificates import Authority
from tests.e2e.command import Command
from tests.e2e.documents import alignment, training
from tests.e2e.tables import write_tables
from tests.server import FedrayServer, patience, until

pytestmark = [pytest.mark.e2e, pytest.mark.ray, pytest.mark.timeout(240)]

HOST = "127.0.0.2"
"""Of this machine, but none of the addresses that the server takes for its own."""
PARTIES = sorted(f"{client['addr']}:{client['http_port']}" for client in alignment("x")["clients"])
"""All parties of an alignment; on this server they share a data root, and so a policy."""
ROLES = {"sue": "submitter", "otto": "auditor", "ada": "admin"}


@dataclass
class Locked:
    server: FedrayServer
    folder: Path
    authority: Authority
    command: Command

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.server.port}"

    @property
    def root(self) -> Path:
        return self.folder / "root"

    def secret(self, name: str) -> str:
        return (self.folder / f"{name}.token").read_text().strip()

    def fedray(self, who: str, *arguments: str) -> tuple[int, str, str]:
        """Run the command as a user who has a token."""
        access = ["--server", self.url, "--ca-file", "ca.pem", "--token-file", f"{who}.token"]
        return self.command.run([*access, *arguments], self.folder)

    def ask(self, who: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.secret(who)}"} if who else {}
        with httpx.Client(verify=ssl.create_default_context(cafile=self.authority.file), trust_env=False) as client:
            return client.request(more.pop("method", "GET"), f"{self.url}{path}", headers=headers, **more)


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    folder = tmp_path_factory.mktemp("locked")
    write_tables(folder / "root" / "raw")
    authority = Authority(folder)
    certificate, key = authority.server("fed.example", HOST)
    with Command() as command:
        for name, role in ROLES.items():
            new = ["token", "new", "--root", "root", "--role", role, "--name", name, "--out", f"{name}.token"]
            assert command.run(new, folder)[0] == 0
        owner = [word for party in PARTIES for word in ("--party", party)]
        new = ["token", "new", "--root", "root", "--role", "data-owner", "--name", "dora", "--out", "dora.token"]
        assert command.run([*new, *owner], folder)[0] == 0
        options = ("--host", HOST, "--tls-cert", str(certificate), "--tls-key", str(key))
        with FedrayServer(folder / "root", *options) as server:
            yield Locked(server, folder, authority, command)


def test_a_task_from_its_submission_to_its_end(locked: Locked) -> None:
    assert f"fedray listens on https://{HOST}:" in locked.server.out
    (locked.folder / "task.json").write_text(json.dumps(alignment("aligned")))
    code, out, err = locked.fedray("sue", "submit", "task.json", "--watch")
    assert (code, err) == (0, "")
    assert "finished" in out


def test_strangers_are_refused(locked: Locked) -> None:
    assert locked.ask("", "/healthz").status_code == 200
    assert locked.ask("", "/api/v1/tasks").status_code == 401
    assert "Authorization: Bearer" in locked.ask("", "/startTask?task_name=aligned").json()["msg"]
    assert locked.ask("otto", "/api/v1/tasks", method="POST", json=alignment("x")).status_code == 403
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"http://{HOST}:{locked.server.port}/healthz", trust_env=False)
    code, _, err = locked.fedray("otto", "cancel", "aligned")
    assert code == 3
    assert "admin, data-owner, submitter" in err


def test_whom_the_client_trusts(locked: Locked) -> None:
    other = locked.folder / "other"
    other.mkdir()
    Authority(other)
    access = ["--server", locked.url, "--token-file", "otto.token"]
    code, _, err = locked.command.run([*access, "--ca-file", "other/ca.pem", "tasks"], locked.folder)
    assert code == 4
    assert "--ca-file" in err


def test_what_clients_poll_is_answered_while_the_replica_stands_still(locked: Locked) -> None:
    """Serve's proxy answers by itself, through the same doors; its answers lack the number that Serve gives others."""
    path = "/queryStatus?task_name=aligned"
    until(lambda: "x-request-id" not in locked.ask("otto", path).headers, patience(30))
    (replica,) = locked.server.processes("ray::ServeReplica")
    os.kill(replica, signal.SIGSTOP)
    try:
        assert locked.ask("otto", path).json() == {"status": "ok", "msg": "Finished"}
        assert locked.ask("sue", "/api/v1/tasks").json()["total"] == 1
        assert locked.ask("", "/api/v1/tasks").status_code == 401
    finally:
        os.kill(replica, signal.SIGCONT)
    assert locked.ask("otto", "/api/v1/audit").headers["x-request-id"]


def test_the_log_outlives_the_process_that_writes_it(locked: Locked) -> None:
    (replica,) = locked.server.processes("ray::ServeReplica")
    os.kill(replica, signal.SIGKILL)
    until(lambda: locked.server.processes("ray::ServeReplica") not in ([], [replica]), patience(30))
    until(lambda: _answers(lambda: locked.ask("otto", "/api/v1/audit").status_code == 200), patience(30))
    assert locked.ask("sue", "/startTask?task_name=aligned").json()["status"] == "err"
    code, out, _ = locked.fedray("otto", "audit", "verify")
    assert (code, "is whole" in out) == (0, True)
    entries = json.loads(locked.fedray("otto", "audit", "show", "--limit", "100", "--json")[1])["entries"]
    assert entries[0]["what"] == "token new"
    refused = _find(entries, "Forbidden")
    assert (refused["who"], refused["what"]) == ("otto", "POST /api/v1/tasks")
    assert _find(entries, "StateError")["who"] == "sue"
    assert {entry["from"] for entry in entries if "from" in entry} <= {"127.0.0.1", HOST}
    assert _find(entries, "TokenNeeded")["from"]


def test_a_revoked_token_is_refused_at_once(locked: Locked) -> None:
    assert locked.ask("ada", "/api/v1/tasks").status_code == 200
    assert locked.command.run(["token", "revoke", "--root", "root", "ada"], locked.folder)[0] == 0
    assert locked.ask("ada", "/api/v1/tasks").status_code == 401


def test_no_token_is_in_any_log(locked: Locked) -> None:
    files = [*locked.server.logs(), *(path for path in (locked.root / ".fedray").rglob("*") if path.is_file())]
    assert len(files) > 5
    for name in ROLES:
        secret = locked.secret(name).removeprefix("fedray_").encode()
        assert [file for file in files if secret in file.read_bytes()] == []


def test_a_changed_log_is_found(locked: Locked) -> None:
    file = state_files(locked.root)[1]
    lines = file.read_text().splitlines()
    lines[1] = lines[1].replace("otto", "oscar")
    file.write_text("\n".join(lines) + "\n")
    for options in ((), ("--root", "root")):
        code, out, _ = locked.fedray("otto", "audit", "verify", *options)
        assert (code, "(entry 2) was changed" in out) == (6, True), out
    assert AuditLog(file).verify().findings


def test_a_task_that_the_data_owners_approve(locked: Locked) -> None:
    (locked.root / "policy.toml").write_text('kinds = ["alignment"]\napprovals = "manual"\n')
    try:
        (locked.folder / "approved.json").write_text(json.dumps(alignment("approved")))
        code, out, err = locked.fedray("sue", "submit", "approved.json", "--start")
        assert (code, err, "waits for the approval of" in out) == (0, "", True)
        shown = json.loads(locked.fedray("dora", "show", "approved", "--json")[1])
        assert shown["state"] == "waiting"
        assert locked.fedray("sue", "approve", "approved", "--party", PARTIES[0])[0] == 3
        for party in PARTIES:
            assert locked.ask("sue", "/queryStatus?task_name=approved").json()["msg"] == "Created"
            approve = ["approve", "approved", "--party", party, "--digest", shown["digest"]]
            assert locked.fedray("dora", *approve)[0] == 0
        code, out, _ = locked.fedray("sue", "watch", "approved")
        assert (code, "finished" in out) == (0, True)
        report = json.loads(locked.fedray("sue", "report", "approved", "--json")[1])
        assert set(report["policies"]) == set(PARTIES)
        assert all(told.endswith("approved by its data owner") for told in report["policies"].values())
        (locked.folder / "train.json").write_text(json.dumps(training("refused")))
        code, _, err = locked.fedray("sue", "submit", "train.json")
        assert (code, "rule kinds" in err) == (3, True)
    finally:
        (locked.root / "policy.toml").unlink()
    entries = json.loads(locked.fedray("otto", "audit", "show", "--limit", "100", "--json")[1])["entries"]
    assert sorted(one["party"] for one in entries if one.get("party") and one["outcome"] == "done") == PARTIES


def _answers(ask: Callable[[], bool]) -> bool:
    try:
        return ask()
    except httpx.HTTPError:
        return False


def _find(entries: list[dict[str, Any]], why: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry.get("why") == why)
