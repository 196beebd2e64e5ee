"""A server that cannot start says why in one sentence, and how it ends is a number that scripts know."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.command import Command
from tests.server import free_port, patience

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def command() -> Iterator[Command]:
    with Command() as opened:
        yield opened


@pytest.mark.parametrize(
    ("options", "code", "expected"),
    [
        (("--db", "mysql://x/y"), 2, "sqlite or postgresql"),
        (("--db", "nonsense"), 2, "store: expected a URL"),
        (("--db", "sqlite:////proc/none/x.db"), 2, "--db"),
        (("--db", "postgresql://postgres:hidden@127.0.0.1:1/x"), 3, "cannot be opened"),
        (("--registry", "nothing.toml"), 2, "nothing.toml: no such file"),
        (("--registry", "broken.toml"), 2, "broken.toml: expected TOML"),
        (("--registry", "empty.toml"), 2, "empty.toml: expected a table"),
        (("--root", "/proc/none"), 2, "--root /proc/none: expected a folder"),
        (("--root", "empty.toml"), 2, "expected a folder"),
        (("--address", "127.0.0.1:1"), 3, "nothing listens at 127.0.0.1:1"),
        (("--address", "auto"), 2, "expected HOST:PORT"),
        (("--host", "192.0.2.77", "--insecure"), 2, "cannot listen there"),
        (("--host", "0.0.0.0"), 2, "--insecure"),
    ],
)
def test_one_sentence(command: Command, tmp_path: Path, options: tuple[str, ...], code: int, expected: str) -> None:
    (tmp_path / "broken.toml").write_text("[")
    (tmp_path / "empty.toml").write_text("")
    given = ("serve", "--root", "root", "--port", str(free_port()), *options)
    assert_refused(command.run(given, tmp_path), code, expected)


def test_the_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert_refused(started(tmp_path, "--port", port), 2, f"--port {port}: another program listens there")


def test_something_else_answers_at_the_address(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        began = time.monotonic()
        assert_refused(started(tmp_path, "--port", str(free_port()), "--address", address), 3, address)
        assert time.monotonic() - began < patience(20)


def started(folder: Path, *options: str) -> tuple[int, str, str]:
    """Start a server from nothing, as a person does; return exit code, standard output and standard error."""
    command = [sys.executable, "-m", "serve_api.cli", "serve", "--root", "root", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110, cwd=folder)
    return done.returncode, done.stdout, done.stderr


def assert_refused(ended: tuple[int, str, str], code: int, expected: str) -> None:
    found, out, err = ended
    assert (found, out) == (code, ""), ended
    assert expected in err
    assert len(err.splitlines()) == 1
    assert "Traceback" not in err
    assert "hidden" not in err
