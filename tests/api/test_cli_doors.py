"""`fedray token`, `fedray audit`, and the client before a server that asks for tokens and speaks TLS."""

from __future__ import annotations

import json
import socket
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI

from fedray.errors import SpecError
from serve_api.cli import serve
from serve_api.cli.exit_codes import CliError, ExitCode
from serve_api.cli.main import main
from serve_api.doors.audit import AuditLog
from serve_api.doors.roles import Role
from serve_api.doors.settings import state_files
from serve_api.doors.tls import check_pair
from serve_api.doors.tokens import Tokens
from serve_api.paddledtx.signing import new_private, public_of
from tests.api.conftest import World
from tests.api.doors import Locked, locked
from tests.certificates import Authority

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    for name in ("FEDRAY_SERVER", "FEDRAY_TOKEN", "FEDRAY_TOKEN_FILE", "FEDRAY_CA_FILE", "FEDRAY_ROOT"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fedray", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return int(end.value.code or 0), out, err

    return call


@contextmanager
def listening(app: FastAPI, tls: tuple[Path, Path] | None = None) -> Iterator[str]:
    """Serve an application on a port of its own."""
    files = {} if tls is None else {"ssl_certfile": str(tls[0]), "ssl_keyfile": str(tls[1])}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", ws="none", lifespan="off", **files))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def doors(tmp_path: Path, world: World) -> Iterator[Locked]:
    with locked(tmp_path, world.service) as opened:
        yield opened


class TestToken:
    def test_made_listed_revoked(self, cli: Cli, tmp_path: Path) -> None:
        root = ("--root", str(tmp_path))
        code, out, err = cli("token", "new", *root, "--role", "submitter", "--name", "alice", "--days", "2")
        assert (code, out.startswith("fedray_"), len(out.split())) == (0, True, 1)
        assert "alice" in err
        code, listed, _ = cli("token", "list", *root)
        assert (code, "alice" in listed, "submitter" in listed) == (0, True, True)
        assert out.strip() not in listed
        assert cli("token", "revoke", "alice", *root)[0] == 0
        (token,) = json.loads(cli("token", "list", *root, "--json")[1])["tokens"]
        assert (token["name"], token["valid"], "sha256" in token) == ("alice", False, False)
        entries = json.loads(cli("audit", "show", *root, "--json")[1])["entries"]
        assert [(entry["what"], entry["subject"]) for entry in entries] == [
            ("token new", "alice"),
            ("token revoke", "alice"),
        ]
        assert all(entry["who"].endswith("(command)") for entry in entries)

    def test_none_yet(self, cli: Cli, tmp_path: Path) -> None:
        assert "No tokens" in cli("token", "list", "--root", str(tmp_path))[1]

    def test_written_to_a_file_for_its_owner_only(self, cli: Cli, tmp_path: Path) -> None:
        file = tmp_path / "alice.token"
        new = ("token", "new", "--root", str(tmp_path), "--role", "admin", "--out", str(file), "--name")
        code, out, _ = cli(*new, "alice")
        assert (code, out) == (0, "")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert Tokens(state_files(tmp_path)[0]).find(file.read_text().strip()) is not None
        code, _, err = cli(*new, "bob")
        assert (code, "not there yet" in err) == (2, True)

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (("--role", "root", "--name", "a"), "--role: expected one of submitter"),
            (("--role", "admin", "--name", "a b"), "--name: expected"),
            (("--role", "data-owner", "--name", "a"), "--party: expected"),
        ],
    )
    def test_wrong(self, cli: Cli, tmp_path: Path, options: tuple[str, ...], words: str) -> None:
        out = tmp_path / "x.token"
        code, _, err = cli("token", "new", "--root", str(tmp_path), *options, "--out", str(out))
        assert (code, words in err) == (2, True), err
        assert not out.exists()

    def test_unknown(self, cli: Cli, tmp_path: Path) -> None:
        code, _, err = cli("token", "revoke", "nobody", "--root", str(tmp_path))
        assert (code, "no token has the name nobody" in err) == (2, True)


class TestClient:
    def test_with_a_token(self, cli: Cli, doors: Locked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with listening(doors.app) as url:
            code, _, err = cli("tasks", "--server", url)
            assert (code, "Authorization: Bearer TOKEN" in err) == (3, True)
            monkeypatch.setenv("FEDRAY_TOKEN", doors.secrets[Role.AUDITOR])
            assert cli("tasks", "--server", url)[0] == 0
            file = tmp_path / "ada.token"
            file.write_text(doors.secrets[Role.ADMIN] + "\n")
            file.chmod(0o640)
            code, _, err = cli("--token-file", str(file), "tasks", "--server", url)
            assert (code, "chmod 600" in err) == (2, True)
            file.chmod(0o600)
            assert "name t not exist" in cli("--token-file", str(file), "cancel", "t", "--server", url)[2]
            code, _, err = cli("cancel", "t", "--server", url)
            assert (code, "got one with the role auditor" in err) == (3, True)
            monkeypatch.setenv("FEDRAY_TOKEN", "two words")
            assert cli("tasks", "--server", url)[0] == 2

    def test_a_token_does_not_travel_in_clear(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FEDRAY_TOKEN", "fedray_x")
        code, _, err = cli("tasks", "--server", "http://192.0.2.1:8380")
        assert (code, "begins with https://" in err) == (2, True)

    def test_over_tls(self, cli: Cli, doors: Locked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        authority = Authority(tmp_path)
        monkeypatch.setenv("FEDRAY_TOKEN", doors.secrets[Role.AUDITOR])
        with listening(doors.app, authority.server("fed.example", "127.0.0.1")) as url:
            assert cli("--ca-file", str(authority.file), "tasks", "--server", url)[0] == 0
            code, _, err = cli("tasks", "--server", url)
            assert (code, "--ca-file" in err) == (4, True)
            (tmp_path / "none.pem").write_text("nothing")
            assert cli("--ca-file", str(tmp_path / "none.pem"), "tasks", "--server", url)[0] == 2

    def test_audit_from_afar(self, cli: Cli, doors: Locked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FEDRAY_TOKEN", doors.secrets[Role.AUDITOR])
        for _ in range(3):
            doors.client.get("/api/v1/tasks")
        with listening(doors.app) as url:
            code, out, _ = cli("audit", "verify", "--server", url)
            assert (code, "is whole: 3 entries" in out) == (0, True)
            head = out.split()[-1]
            shown = json.loads(cli("audit", "show", "--limit", "2", "--json", "--server", url)[1])["entries"]
            assert [entry["seq"] for entry in shown] == [2, 3]
            assert "TokenNeeded" in cli("audit", "show", "--after", "0", "--server", url)[1]
            file = state_files(tmp_path)[1]
            file.write_text(file.read_text().replace("testclient", "10.0.0.1", 1))
            code, out, _ = cli("audit", "verify", "--server", url)
            assert (code, out) == (6, "line 1 (entry 1) was changed: its digest is another\n")
        code, out, _ = cli("audit", "verify", "--root", str(tmp_path), "--json", "--head", head)
        assert (code, json.loads(out)["whole"]) == (ExitCode.AUDIT_BROKEN, False)
        assert cli("audit", "verify", "--root", str(tmp_path), "--head", "x")[0] == 2


class TestServe:
    def test_other_machines_need_tokens_and_tls(self, tmp_path: Path) -> None:
        def doors(host: str, tls: bool = False, insecure: bool = False, rate: float | None = None):
            return serve._doors(tmp_path, host, tls, insecure, rate, ["fed.example"])

        with pytest.raises(
            CliError, match=r"needs tokens \(fedray token new .*\) and TLS \(--tls-cert, --tls-key\); or"
        ):
            doors("0.0.0.0")
        with pytest.raises(CliError, match=r"needs tokens \(fedray token new [^)]*\); or"):
            doors("10.0.0.5", tls=True)
        assert doors("0.0.0.0", insecure=True).rate == 50
        assert not doors("0.0.0.0", insecure=True).required
        local = doors("127.0.0.1")
        assert (local.rate, local.required, local.names) == (0, False, ("127.0.0.1", "fed.example"))
        Tokens(state_files(tmp_path)[0]).add("ada", "admin")
        with pytest.raises(CliError, match=r"needs TLS \(--tls-cert, --tls-key\); or"):
            doors("0.0.0.0")
        assert doors("0.0.0.0", tls=True).required
        assert doors("0.0.0.0", insecure=True).required, "tokens that are there are asked for"
        assert (doors("127.0.0.1").rate, doors("127.0.0.1", rate=7).rate) == (50, 7)
        state_files(tmp_path)[0].chmod(0o644)
        with pytest.raises(CliError, match="chmod 600"):
            doors("127.0.0.1")

    def test_both_files_or_none(self, tmp_path: Path) -> None:
        certificate, key = Authority(tmp_path).server("fed.example")
        assert serve._tls(None, None) is None
        assert serve._tls(certificate, key) == (certificate, key)
        with pytest.raises(CliError, match="both"):
            serve._tls(certificate, None)
        with pytest.raises(CliError, match="cannot be read"):
            serve._tls(tmp_path / "none", key)

    def test_files_that_do_not_serve(self, tmp_path: Path) -> None:
        authority = Authority(tmp_path)
        certificate, key = authority.server("fed.example")
        other = authority.server("other.example")[1]
        old = authority.server("old.example", since=datetime.now(UTC) - timedelta(days=9))
        with pytest.raises(SpecError, match="do not fit"):
            check_pair(certificate, other)
        with pytest.raises(SpecError, match="do not fit"):
            check_pair(key, key)
        with pytest.raises(SpecError, match="valid today"):
            check_pair(*old)
        key.chmod(0o604)
        with pytest.raises(SpecError, match="chmod 600"):
            check_pair(certificate, key)

    def test_a_key_with_a_password_is_not_asked_for_at_the_terminal(self, tmp_path: Path) -> None:
        from cryptography.hazmat.primitives import serialization

        certificate, key = Authority(tmp_path).server("fed.example")
        loaded = serialization.load_pem_private_key(key.read_bytes(), None)
        sealed = serialization.BestAvailableEncryption(b"secret")
        pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        key.write_bytes(loaded.private_bytes(pem, form, sealed))
        with pytest.raises(SpecError, match="without a password"):
            check_pair(certificate, key)


def test_keys_are_made_added_listed_and_revoked(cli: Cli, tmp_path: Path) -> None:
    root, out = str(tmp_path), tmp_path / "pair"
    code, public, _ = cli("keys", "new", "--root", root, "--name", "ann", "--out", str(out), "--party", "bank")
    private = bytes.fromhex((out / "private.key").read_text())
    assert code == ExitCode.OK
    assert public_of(private).hex() == public.strip() == (out / "public.key").read_text()
    assert {stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()} == {0o600}
    other = public_of(new_private()).hex()
    assert cli("keys", "add", "--root", root, "--name", "bob", "--public", other)[0] == ExitCode.OK
    assert cli("keys", "add", "--root", root, "--name", "bob", "--public", other)[0] == ExitCode.USAGE
    assert cli("keys", "new", "--root", root, "--name", "eve", "--out", str(out))[0] == ExitCode.USAGE
    assert cli("keys", "revoke", "bob", "--root", root)[0] == ExitCode.OK
    listed = json.loads(cli("keys", "list", "--root", root, "--json")[1])["keys"]
    assert [(key["name"], key["parties"], bool(key["revoked_at"])) for key in listed] == [
        ("(server)", [], False),
        ("ann", ["bank"], False),
        ("bob", [], True),
    ]
    assert private.hex() not in (tmp_path / ".fedray" / "paddledtx_keys.json").read_text()
    told = [entry["what"] for entry in AuditLog(state_files(tmp_path)[1]).entries()]
    assert told == ["keys new", "keys add", "keys revoke"]
