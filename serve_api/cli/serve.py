"""`fedray serve`: start the server, wait for a signal, end what was started.

The terminal shows our own lines only. Ray's, and a stack trace if there ever is one, are in `.fedray/server.log`.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from actors import environment
from fedray.errors import DataError, FedrayError, PlacementError, SpecError
from serve_api.cli.exit_codes import CliError, ExitCode

if TYPE_CHECKING:
    from serve_api.deploy import ServerSettings

__all__ = ["serve"]

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(
    root: Annotated[Path, typer.Option(metavar="DIR", help="Data root: DIR/raw is read, DIR/generated written.")],
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the HTTP server.")] = 8380,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    registry: Annotated[
        Path | None, typer.Option(metavar="FILE", help="fedray.toml; without it every address is a party here.")
    ] = None,
    db: Annotated[str, typer.Option(metavar="URL", help="Database of tasks; by default a file below the root.")] = "",
    address: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Ray cluster to join; without it one is started here.")
    ] = None,
    max_tasks: Annotated[int, typer.Option(min=1, max=1000, help="Tasks that may run on a node at a time.")] = 4,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Listen beyond this machine although there are no passwords yet.")
    ] = False,
) -> None:
    """Run the server until it is told to end."""
    _check(host, port, insecure)
    if address is None:
        environment.prepare()
    from serve_api import deploy  # Ray is imported here, after its environment is set

    settings = deploy.ServerSettings(root.resolve(), host, port, registry, db, address, max_tasks)
    try:
        deploy.prepare(settings)
        state = settings.root / ".fedray"
        with _alone(state / "server.lock", root), _own_terminal(state / "server.log") as terminal:
            _run(settings, terminal)
    except (SpecError, DataError) as error:
        raise CliError(str(error), ExitCode.USAGE) from None
    except FedrayError as error:
        raise CliError(str(error), ExitCode.REFUSED) from None


def _run(settings: ServerSettings, terminal: IO[str]) -> None:
    """Start, wait for a signal, stop."""
    from serve_api import deploy

    ended = threading.Event()
    _listen(ended)
    try:
        deploy.start(settings)
        _listen(ended)  # again: Ray has put a handler of its own in front, which prints a stack trace
        where = f"http://{settings.host}:{settings.port}"
        terminal.write(f"fedray listens on {where} (documentation: /docs); data root {settings.root}\n")
        terminal.write("trust mode lab: all parties trust whoever runs this cluster\n")
        ended.wait()
        terminal.write("fedray ends\n")
    except FedrayError:
        raise
    except Exception as error:  # noqa: BLE001 - no stack trace on the terminal
        traceback.print_exc()  # into the log
        raise PlacementError(
            f"the server could not start ({type(error).__name__}); see server.log in its root"
        ) from None
    finally:
        deploy.stop("the server was stopped while this task was running")


def _listen(ended: threading.Event) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())


@contextlib.contextmanager
def _alone(lock: Path, root: Path) -> Iterator[None]:
    """Hold the root: a second server would declare this one's tasks dead. The lock ends with the process."""
    with lock.open("a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CliError(
                f"--root {root}: another fedray server runs on this root; stop it, or choose another root",
                ExitCode.USAGE,
            ) from None
        yield


@contextlib.contextmanager
def _own_terminal(log: Path) -> Iterator[IO[str]]:
    """Keep the terminal for our own lines; what Ray and its processes print goes to a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = {number: os.dup(number) for number in (1, 2)}
    try:
        with log.open("ab") as file:
            for number in kept:
                os.dup2(file.fileno(), number)
        # line by line: whoever waits for the line behind a pipe shall see it
        with os.fdopen(os.dup(kept[1]), "w", buffering=1, encoding="utf-8", errors="replace") as terminal:
            yield terminal
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, copy in kept.items():
            os.dup2(copy, number)
            os.close(copy)


def _check(host: str, port: int, insecure: bool) -> None:
    if host not in LOOPBACK and not insecure:
        raise CliError(
            f"--host {host}: this server has no passwords and no TLS yet, so it listens on this machine only; "
            "put a proxy in front of it, or type --insecure as well",
            ExitCode.USAGE,
        )
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            why = (
                f"--port {port}: another program listens there; choose another port"
                if error.errno == errno.EADDRINUSE
                else f"--host {host}, --port {port}: this machine cannot listen there ({error.strerror})"
            )
            raise CliError(why, ExitCode.USAGE) from None
