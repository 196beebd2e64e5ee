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
from serve_api.doors.audit import AuditLog
from serve_api.doors.settings import DEFAULT_RATE, DoorSettings, state_files
from serve_api.doors.tokens import Tokens

if TYPE_CHECKING:
    from serve_api.deploy import ServerSettings
    from serve_api.fate_flow.settings import FateSettings
    from serve_api.k12ai.settings import K12Settings
    from serve_api.paddledtx.settings import PaddleSettings

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
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificate with its chain, PEM; the server speaks HTTPS.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Key of the certificate, PEM.")] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1e6,
            help="Requests a second for each caller, 0 without limit; by default 50, without "
            "limit where only this machine's users can come and need no token.",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A name of this server, where no token is needed.")
    ] = None,
    k12ai: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Settings of the K12AI API, TOML: dialect, webhook and others.")
    ] = None,
    grpc_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the PaddleDTX API's gRPC and switch of its routes; 0 is off.")
    ] = 0,
    fate_flow: Annotated[
        bool, typer.Option("--fate-flow", help="Serve the FATE-Flow API too: its jobs, tables and models.")
    ] = False,
    fate_folder: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Folder that server-side uploads read and downloads write; ROOT/exchange."),
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Listen beyond this machine without tokens or without TLS.")
    ] = False,
) -> None:
    """Run the server until it is told to end."""
    tls = _tls(tls_cert, tls_key)
    doors = _doors(root.resolve(), host, tls is not None, insecure, rate, allow_host or [])
    messages = _k12ai(k12ai, f"{host}:{port}")
    if address is None or not _left_behind(host, port, tls is not None):
        _probe(host, port)
        if grpc_port:
            _probe("127.0.0.1", grpc_port, "--grpc-port")  # Serve listens on every address
    tasks = _paddledtx(root.resolve(), host, grpc_port, allow_host or [host])
    fate = _fate(root.resolve(), f"{host}:{port}", fate_folder or []) if fate_flow else None
    if address is None:
        environment.prepare()
    from serve_api import deploy  # Ray is imported here, after its environment is set

    settings = deploy.ServerSettings(
        root.resolve(), host, port, registry, db, address, max_tasks, tls, doors, messages, tasks, fate
    )
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
        _note(settings, "server start")
        _listen(ended)  # again: Ray has put a handler of its own in front, which prints a stack trace
        where = f"{'http' if settings.tls is None else 'https'}://{settings.host}:{settings.port}"
        terminal.write(f"fedray listens on {where} (documentation: /docs); data root {settings.root}\n")
        terminal.write(f"{'a token is needed' if settings.doors.required else 'no token is needed'}; ")
        terminal.write("trust mode lab: all parties trust whoever runs this cluster\n")
        ended.wait()
        _note(settings, "server stop")
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


def _note(settings: ServerSettings, what: str) -> None:
    """Write into the audit log that the server starts or stops, and how its doors stand."""
    if settings.doors.audit is not None:
        facts = {"tokens": settings.doors.required, "tls": settings.tls is not None, "listens": settings.host}
        AuditLog(settings.doors.audit).append(who="(server)", what=what, outcome="done", **facts)


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
        with os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as file:
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


def _tls(certificate: Path | None, key: Path | None) -> tuple[Path, Path] | None:
    """Return the files of certificate and key, once they have been seen to fit."""
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise CliError("--tls-cert, --tls-key: expected both or none of them", ExitCode.USAGE)
    from serve_api.doors.tls import check_pair

    try:
        check_pair(certificate, key)
    except SpecError as error:
        raise CliError(str(error), ExitCode.USAGE) from None
    return certificate.resolve(), key.resolve()


def _k12ai(file: Path | None, server: str) -> K12Settings:
    from serve_api.k12ai.settings import K12Settings

    try:
        return K12Settings(server=server) if file is None else K12Settings.from_toml(file, server)
    except SpecError as error:
        raise CliError(f"--k12ai: {error}", ExitCode.USAGE) from None


def _paddledtx(root: Path, host: str, port: int, names: list[str]) -> PaddleSettings | None:
    """Return how the PaddleDTX API is set, once its keys have been read; callers are let in as by HTTP."""
    if not port:
        return None
    from serve_api.paddledtx.keys import Keys
    from serve_api.paddledtx.settings import PaddleSettings

    try:
        Keys(root).all()
    except DataError as error:
        raise CliError(str(error), ExitCode.USAGE) from None
    return PaddleSettings(root, port, host not in LOOPBACK, f"{names[0]}:{port}")


def _fate(root: Path, server: str, folders: list[Path]) -> FateSettings:
    from serve_api.fate_flow.settings import FateSettings

    for folder in folders:
        if not folder.is_dir():
            raise CliError(f"--fate-folder {folder}: expected a folder", ExitCode.USAGE)
        if (root / ".fedray").is_relative_to(folder.resolve()) or folder.resolve().is_relative_to(root / ".fedray"):
            raise CliError(f"--fate-folder {folder}: expected one without the server's state folder", ExitCode.USAGE)
    return FateSettings(root, server, tuple(folder.resolve() for folder in folders))


def _doors(root: Path, host: str, tls: bool, insecure: bool, rate: float | None, names: list[str]) -> DoorSettings:
    """Return how the doors are set; other machines are let in only with tokens and TLS, or if it was typed."""
    tokens, audit = state_files(root)
    try:
        locked = bool(Tokens(tokens).all())
    except DataError as error:
        raise CliError(str(error), ExitCode.USAGE) from None
    beyond = host not in LOOPBACK
    if beyond and not insecure and not (locked and tls):
        makes = "" if locked else f" tokens (fedray token new --root {root} --role admin --name NAME)"
        speaks = "" if tls else " TLS (--tls-cert, --tls-key)"
        raise CliError(
            f"--host {host}: other machines reach this address, so the server needs{makes}"
            f"{' and' if makes and speaks else ''}{speaks}; or put a proxy in front of it, or type --insecure as well",
            ExitCode.USAGE,
        )
    by_default = DEFAULT_RATE if beyond or locked else 0.0
    return DoorSettings(tokens, audit, locked, (host, *names), by_default if rate is None else rate)


def _left_behind(host: str, port: int, tls: bool) -> bool:
    """Whether a MainServer answers there: what a `fedray serve` that was killed leaves on its cluster, for the next."""
    import httpx

    try:
        with httpx.Client(verify=False, trust_env=False, timeout=5.0) as client:  # noqa: S501 - nothing is told to it
            found = client.get(f"{'https' if tls else 'http'}://{host}:{port}/healthz").json()
    except (httpx.HTTPError, ValueError):
        return False
    return isinstance(found, dict) and set(found) == {"status", "version"}


def _probe(host: str, port: int, option: str = "--port") -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            why = (
                f"{option} {port}: another program listens there; choose another port"
                if error.errno == errno.EADDRINUSE
                else f"--host {host}, {option} {port}: this machine cannot listen there ({error.strerror})"
            )
            raise CliError(why, ExitCode.USAGE) from None
