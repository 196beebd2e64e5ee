"""`fedray serve`: start the server, wait for a signal, end what was started."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from actors import environment
from serve_api.cli.exit_codes import CliError, ExitCode

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
        str | None, typer.Option(metavar="ADDRESS", help="Ray cluster to join; without it one is started here.")
    ] = None,
    max_tasks: Annotated[int, typer.Option(min=1, max=1000, help="Tasks that may run on a node at a time.")] = 4,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Listen beyond this machine although there are no passwords yet.")
    ] = False,
) -> None:
    """Run the server until it is told to end."""
    _check(host, port, insecure)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    if address is None:
        environment.prepare()
    from fedray.errors import FedrayError
    from serve_api import deploy  # Ray is imported here, after its environment is set

    settings = deploy.ServerSettings(root.resolve(), host, port, registry, db, address, max_tasks)
    started = False
    try:
        deploy.start(settings)
        started = True
        _say(f"fedray listens on http://{host}:{port} (documentation: /docs); data root {root}")
        _say("trust mode lab: all parties trust whoever runs this cluster")
        ended.wait()
        _say("fedray ends")
    except FedrayError as error:
        raise CliError(str(error), ExitCode.REFUSED) from None
    finally:
        if started:
            deploy.stop("the server was stopped while this task was running")


def _say(text: str) -> None:
    typer.echo(text)
    sys.stdout.flush()  # whoever waits for the line behind a pipe shall see it


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
        except OSError:
            raise CliError(
                f"--port {port}: another program listens there; choose another port", ExitCode.USAGE
            ) from None
