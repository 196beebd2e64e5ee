"""What a server and a party's process make for themselves is for their own user, whatever the umask."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from fedray.data.log_file import LogFile
from fedray.data.private_file import make_folder
from fedray.task.store import Store
from serve_api.cli.serve import _own_terminal
from serve_api.doors.audit import AuditLog
from serve_api.doors.roles import Role
from serve_api.doors.settings import state_files
from serve_api.doors.tokens import Tokens


@pytest.fixture(autouse=True)
def anybody() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def modes(root: Path) -> set[int]:
    """Return what others may do with a folder and with all that is in it, but with locks, which are empty."""
    found = [path for path in (root, *root.rglob("*")) if path.suffix != ".lock"]
    return {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in found}


def test_folders_are_made_one_by_one(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_folder(tmp_path / "a/b/c")
    assert modes(tmp_path / "a") == {0}
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    (tmp_path / "a/file").write_text("")
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "a/file")


def test_a_server_root_with_its_database(tmp_path: Path) -> None:
    from serve_api.deploy import ServerSettings, prepare

    prepare(ServerSettings(tmp_path / "server/root"))
    with Store(ServerSettings(tmp_path / "server/root").database_url) as store:
        store.papers.add("shelf", "name", {})
        files = {path.name for path in (tmp_path / "server/root/.fedray").iterdir()}
        assert files == {"fedray.sqlite", "fedray.sqlite-wal", "fedray.sqlite-shm"}
        assert modes(tmp_path / "server") == {0}


def test_a_database_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "shared.sqlite"
    Store(f"sqlite:///{file}").close()
    file.chmod(0o660)
    Store(f"sqlite:///{file}").close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o660


def test_a_log_tokens_and_audit_log_that_come_first(tmp_path: Path) -> None:
    LogFile(tmp_path / "one/.fedray/log/fedray.jsonl", 100, 1).append(b"{}\n")
    Tokens(state_files(tmp_path / "two")[0]).add("ada", Role.ADMIN, [])
    AuditLog(state_files(tmp_path / "three")[1]).append(who="ada", what="nothing", outcome="done")
    for root in ("one", "two", "three"):
        assert modes(tmp_path / root) == {0}, root


def test_the_log_of_the_terminal(tmp_path: Path) -> None:
    with _own_terminal(tmp_path / "server.log"):
        os.write(1, b"of Ray")
    assert (tmp_path / "server.log").read_bytes() == b"of Ray"
    assert modes(tmp_path / "server.log") == {0}
