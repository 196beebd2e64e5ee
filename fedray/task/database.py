"""Open the store's database: SQLite in a file, or PostgreSQL, with the tables of this version in it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, DBAPIError

from fedray.data.private_file import make_folder
from fedray.errors import FedrayError, SpecError
from fedray.task.tables import SCHEMA_VERSION, metadata, schema

__all__ = ["open_database"]

_BUSY_S = 30.0
_SCHEMA_LOCK = 0x666564726179
"""Key of the PostgreSQL advisory lock under which the tables are made."""


def open_database(url: str) -> sa.Engine:
    """Return an engine on a database that holds the tables.

    Parameters
    ----------
    url
        ``sqlite:///relative/file.db``, ``sqlite:////absolute/file.db`` or ``postgresql://user@host/database``.

    Raises
    ------
    SpecError
        The URL is wrong or the database was written by another version.
    FedrayError
        The database cannot be reached.
    """
    engine = _engine(_parse(url))
    try:
        _create_tables(engine)
        _check_version(engine)
    except DBAPIError:
        engine.dispose()
        shown = engine.url.render_as_string(hide_password=True)
        raise FedrayError(
            f"the store {shown} cannot be opened: expected a folder that can be written or a server that answers; "
            "check the address, the rights and that it runs"
        ) from None
    except FedrayError:
        engine.dispose()
        raise
    return engine


def _parse(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError):
        raise SpecError("store: expected a URL such as sqlite:///fedray.db or postgresql://user@host/db") from None
    name = parsed.drivername
    if name in ("postgresql", "postgres", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    if name not in ("sqlite", "sqlite+pysqlite"):
        raise SpecError(f"store: expected a URL of sqlite or postgresql, got one of {name[:80]}")
    if parsed.database in (None, "", ":memory:"):
        raise SpecError("store: expected a file, such as sqlite:///fedray.db, as several processes share it")
    return parsed


def _engine(url: sa.URL) -> sa.Engine:
    if url.drivername.startswith("sqlite"):
        _make_file(Path(str(url.database)))
        engine = sa.create_engine(url, hide_parameters=True, connect_args={"timeout": _BUSY_S})
        event.listen(engine, "connect", _set_pragmas)
        return engine
    try:
        return sa.create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args={"connect_timeout": 10})
    except ImportError:
        raise SpecError("store: PostgreSQL needs the driver; install it with pip install 'fedray[postgres]'") from None


def _make_file(path: Path) -> None:
    """Make the database's file for its owner only: its reports may hold predictions. SQLite's other files follow it."""
    make_folder(path.parent)
    with contextlib.suppress(OSError):  # of what is wrong with the file SQLite tells
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))


def _set_pragmas(connection: sqlite3.Connection, _: object) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")  # with WAL: no harm from a killed process


def _create_tables(engine: sa.Engine) -> None:
    if engine.dialect.name == "sqlite":
        _use_wal(engine)
    with engine.begin() as connection:
        # One process makes the tables, the others wait and find them.
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SCHEMA_LOCK)))
        metadata.create_all(connection)
        if connection.execute(sa.select(schema.c.version)).first() is None:
            connection.execute(schema.insert().values(id=1, version=SCHEMA_VERSION))


def _use_wal(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        if connection.exec_driver_sql("PRAGMA journal_mode").scalar() != "wal":
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")


def _check_version(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        found = connection.execute(sa.select(schema.c.version)).scalar_one()
    if found != SCHEMA_VERSION:
        raise SpecError(
            f"store: expected tables of version {SCHEMA_VERSION}, got version {found}; "
            "use the fedray that wrote them, or another database"
        )
