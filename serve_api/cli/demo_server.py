"""A fedray server as a child process: started on a free port, waited for, ended with everything it started."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from serve_api.cli.client import Server
from serve_api.cli.exit_codes import CliError, ExitCode

__all__ = ["end_session", "free_port", "running_server"]

START_S: Final = 120.0
GRACE_S: Final = 30.0
_POLL_S: Final = 0.2
_LOG_LINES: Final = 20
_LONGEST_RAY_FOLDER: Final = 28
"""Ray puts sockets 79 characters below its folder, and a socket's path has at most 107."""


@contextmanager
def running_server(root: Path, registry: Path) -> Iterator[str]:
    """Run a server until the block ends.

    Parameters
    ----------
    root
        Its own root, with its database; made where it is missing.
    registry
        The parties; beside it go the server's log and, if the path is short enough, Ray's own files.

    Yields
    ------
    str
        Its URL, once it answers.

    Raises
    ------
    CliError
        It ended, or did not answer in time; the message holds the end of its log.
    """
    url = f"http://127.0.0.1:{(port := free_port())}"
    serve = [sys.executable, "-m", "serve_api.cli", "serve"]
    command = [*serve, "--root", str(root), "--registry", str(registry), "--port", str(port)]
    folder = registry.parent
    log = folder / "server.log"
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603  our own command
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(folder),
            start_new_session=True,  # Ctrl-C must reach the server through us only, so that it ends in order
        )
    try:
        _wait(child, url, log)
        yield url
    finally:
        end_session(child)


def _environment(folder: Path) -> dict[str, str]:
    short = len(str(folder)) <= _LONGEST_RAY_FOLDER
    return {**os.environ, **({"RAY_TMPDIR": str(folder)} if short else {})}


def _wait(child: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_S
    with Server(url) as api:
        while child.poll() is None and time.monotonic() < deadline:
            try:
                api.get("/parties")  # answered by the supervisor, so all of the server is up
            except CliError:
                time.sleep(_POLL_S)
            else:
                return
    ended = child.poll() is not None
    what = f"ended with {child.returncode}" if ended else f"did not answer within {START_S:g} s"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]
    raise CliError("\n".join([f"the demo's server {what}; its last words:", *lines]), ExitCode.UNREACHABLE)


def end_session(child: subprocess.Popen[bytes]) -> None:
    """End a child that leads a session, in order; whatever of the session is left after the grace period is killed."""
    child.terminate()
    with suppress(subprocess.TimeoutExpired):
        child.wait(GRACE_S)
    deadline = time.monotonic() + GRACE_S / 3
    while child.poll() is not None and _others(child.pid) and time.monotonic() < deadline:
        time.sleep(_POLL_S)  # Ray's processes end by themselves once the server has
    for pid in {child.pid, *_others(child.pid)} if child.poll() is None else _others(child.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    child.wait()


def _others(session: int) -> set[int]:
    """Return the processes of the child's session but the child; none where /proc does not tell."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.getsid(int(entry.name)) == session and int(entry.name) != session:
                found.add(int(entry.name))
    return found


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
