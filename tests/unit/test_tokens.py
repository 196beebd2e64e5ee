"""Tokens at rest: hashed, for the owner only, valid as long as they should be."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path

import pytest

from fedray.errors import Conflict, DataError, NotFound, SpecError
from serve_api.doors.roles import Role
from serve_api.doors.tokens import Tokens


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "tokens.json"


def test_only_the_digest_is_kept_and_only_the_owner_reads_it(file: Path) -> None:
    secret = Tokens(file).add("alice", "submitter")
    text = file.read_text()
    assert secret.startswith("fedray_")
    assert len(secret) == 50
    assert secret.removeprefix("fedray_") not in text
    assert json.loads(text)["tokens"][0]["sha256"] == hashlib.sha256(secret.encode()).hexdigest()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_token_is_found_by_itself_only(file: Path) -> None:
    tokens = Tokens(file)
    secrets = {name: tokens.add(name, "submitter") for name in ("a", "b", "c")}
    assert len(set(secrets.values())) == 3
    for name, secret in secrets.items():
        found = tokens.find(secret)
        assert found is not None
        assert (found.name, found.role) == (name, Role.SUBMITTER)
        assert tokens.find(secret[:-1]) is tokens.find(secret + "x") is tokens.find(secret.upper()) is None
    assert tokens.find("") is None
    assert tokens.find("\udcff") is None


def test_another_process_is_heard_at_once(file: Path) -> None:
    ours, others = Tokens(file), Tokens(file)
    assert ours.all() == ()
    secret = others.add("alice", "auditor")
    assert ours.find(secret) is not None
    others.revoke("alice")
    found = ours.find(secret)
    assert found is not None
    assert not found.valid(0)
    file.unlink()
    assert ours.all() == ()


def test_valid_until_it_is_not(file: Path) -> None:
    clock = Clock()
    tokens = Tokens(file, clock)
    tokens.add("alice", "admin", days=2)
    tokens.add("bob", "admin")
    alice, bob = tokens.all()
    assert alice.expires_at == 1000 + 2 * 86400
    assert alice.valid(alice.expires_at - 1)
    assert not alice.valid(alice.expires_at)
    assert bob.valid(1e12)
    clock.now = 2000
    assert tokens.revoke("bob").revoked_at == 2000
    clock.now = 3000
    assert tokens.revoke("bob").revoked_at == 2000
    assert not tokens.all()[1].valid(0)


def test_a_name_is_used_once_for_ever(file: Path) -> None:
    tokens = Tokens(file)
    tokens.add("alice", "admin")
    tokens.revoke("alice")
    with pytest.raises(Conflict, match="used once"):
        tokens.add("alice", "admin")
    with pytest.raises(NotFound, match="no token has the name bob"):
        tokens.revoke("bob")


@pytest.mark.parametrize(
    ("name", "role", "parties", "days", "field"),
    [
        ("", "admin", [], None, "--name"),
        ("a b", "admin", [], None, "--name"),
        ("a\n", "admin", [], None, "--name"),
        ("x" * 65, "admin", [], None, "--name"),
        ("a", "root", [], None, "--role"),
        ("a", "data-owner", [], None, "--party"),
        ("a", "admin", ["bank"], None, "--party"),
        ("a", "admin", [], 0, "--days"),
        ("a", "admin", [], float("nan"), "--days"),
    ],
)
def test_wrong_parameters(file: Path, name: str, role: str, parties: list[str], days: float | None, field: str) -> None:
    with pytest.raises(SpecError, match=field):
        Tokens(file).add(name, role, parties, days)
    assert Tokens(file).all() == ()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_may_read_is_refused(file: Path, mode: int) -> None:
    Tokens(file).add("alice", "admin")
    file.chmod(mode)
    with pytest.raises(DataError, match="chmod 600"):
        Tokens(file).all()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": 1, "tokens": [{}]}', '{"version": 2, "tokens": []}', "\xff"]
)
def test_a_file_that_is_none_of_ours(file: Path, text: str) -> None:
    file.parent.mkdir()
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(DataError, match="expected"):
        Tokens(file).all()


def test_many_at_once_lose_none(file: Path) -> None:
    threads = [threading.Thread(target=Tokens(file).add, args=(f"t{n}", "auditor")) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {token.name for token in Tokens(file).all()} == {f"t{n}" for n in range(8)}


def test_a_folder_that_cannot_be_written() -> None:
    with pytest.raises(DataError, match="cannot be written"):
        Tokens(Path("/proc/none/tokens.json")).add("alice", "admin")


def test_no_half_written_file_is_left(file: Path) -> None:
    Tokens(file).add("alice", "admin")
    assert sorted(path.name for path in file.parent.iterdir()) == ["tokens.json", "tokens.lock"]
