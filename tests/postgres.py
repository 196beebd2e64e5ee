"""A throw-away PostgreSQL server on 127.0.0.1, for tests that must hold on the real thing."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

__all__ = ["find_programs", "fresh_database", "serve"]

_USER = "postgres"


def find_programs() -> Path | None:
    """Return the folder of initdb and pg_ctl, or None."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), reverse=True)
    on_path = shutil.which("pg_ctl")
    found = [*installed, *([Path(on_path)] if on_path else [])]
    return next((path.parent for path in found if (path.parent / "initdb").exists()), None)


@contextlib.contextmanager
def serve(programs: Path) -> Iterator[str]:
    """Start a server with an empty cluster, give its URL, stop it and remove its files."""
    # Not pytest's folder: PostgreSQL refuses to run as root, and another user may not enter that one.
    home = Path(tempfile.mkdtemp(prefix="fedray-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(home, _USER, _USER)
        port = _free_port()
        _run(programs / "initdb", "-D", home / "data", "-U", _USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -k {home} -c fsync=off -c max_connections=50"
        _run(programs / "pg_ctl", "-D", home / "data", "-l", home / "log", "-w", "-o", options, "start")
        try:
            yield f"postgresql://{_USER}@127.0.0.1:{port}/postgres"
        finally:
            _run(programs / "pg_ctl", "-D", home / "data", "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def fresh_database(server: str, name: str) -> Iterator[str]:
    """Make a database on a server, give its URL, drop it."""
    admin = sa.create_engine(sa.make_url(server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    try:
        with admin.connect() as connection:
            connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
        yield sa.make_url(server).set(database=name).render_as_string(hide_password=False)
        with admin.connect() as connection:
            connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        admin.dispose()


def _run(program: Path, *arguments: object) -> None:
    command = [str(program), *map(str, arguments)]
    if os.geteuid() == 0:
        command = ["runuser", "-u", _USER, "--", *command]
    # Files, not pipes: the server inherits them and would keep a pipe open for ever.
    with tempfile.TemporaryFile() as log:
        done = subprocess.run(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/", timeout=60)
        log.seek(0)
        if done.returncode != 0:
            raise RuntimeError(f"{program.name} failed: {log.read().decode(errors='replace')}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
