"""A fedray server as a child process: started on a free port, waited for, ended with everything it started."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
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
        The parties; beside it goes the server's log.

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
    with _ray_folder(folder) as ray_folder:
        with log.open("wb") as output:
            child = subprocess.Popen(  # noqa: S603  our own command
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "RAY_TMPDIR": str(ray_folder)},
                start_new_session=True,  # Ctrl-C must reach the server through us only, so that it ends in order
            )
        try:
            _wait(child, url, log)
            yield url
        finally:
            end_session(child)


@contextmanager
def _ray_folder(folder: Path) -> Iterator[Path]:
    """Give a folder for Ray's own files: this one if its path is short enough, else a new one that goes in the end."""
    if len(str(folder)) <= _LONGEST_RAY_FOLDER:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="fr-", dir="/tmp", ignore_cleanup_errors=True) as short:
        yield Path(short)


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
    while child.poll() is not None and _session(child.pid) and time.monotonic() < deadline:
        time.sleep(_POLL_S)  # Ray's processes end by themselves once the server has
    for pid in _session(child.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    child.kill()
    child.wait()


def _session(leader: int) -> set[int]:
    """Return the processes of a session; none where /proc does not tell."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.getsid(int(entry.name)) == leader:
                found.add(int(entry.name))
    return found


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
