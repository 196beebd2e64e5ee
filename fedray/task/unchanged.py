"""What was read from the store and holds until anything is written to it.

SQLite counts what other connections commit, and says the number in microseconds without reading a table. PostgreSQL
has no such number, so nothing is kept of it.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

__all__ = ["Unchanged", "Writes"]

_MOST: Final = 4096

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Writes:
    """Counts what is written to a database, by whichever process.

    Parameters
    ----------
    engine
        The store's; one connection of its own is kept, which never writes.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._counts = engine.dialect.name == "sqlite"
        self._lock = threading.Lock()
        self._connection: sa.PoolProxiedConnection | None = None
        self._opened = 0

    def now(self) -> tuple[int, int] | None:
        """Return numbers that are others once anything was written since; None where nobody counts."""
        if not self._counts:
            return None
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._open()
                version = self._connection.cursor().execute("PRAGMA data_version").fetchone()[0]
                return self._opened, int(version)  # SQLite counts anew for each connection
            except (sqlite3.Error, DBAPIError):
                return None  # whoever reads the table is told what is wrong

    def close(self) -> None:
        """Close the connection; a later call opens another."""
        with self._lock:
            if self._connection is not None:
                self._connection.invalidate()
            self._connection = None

    def _open(self) -> sa.PoolProxiedConnection:
        self._opened += 1
        connection = self._engine.raw_connection()
        connection.cursor().execute("PRAGMA busy_timeout = 0")  # it is asked where nobody may wait
        return connection


class Unchanged(Generic[Key, Value]):
    """What was read, by key, until anything is written; at most 4096 of them.

    Parameters
    ----------
    writes
        Counts those of the database.
    """

    def __init__(self, writes: Writes) -> None:
        self._writes = writes
        self._lock = threading.Lock()
        self._at: tuple[int, int] | None = None
        self._kept: dict[Key, Value] = {}

    def known(self, key: Key) -> Value | None:
        """Return what was read, None where it was not or may have changed; nobody waits for a disk."""
        now = self._writes.now()
        with self._lock:
            return self._kept.get(key) if now is not None and now == self._at else None

    def read(self, key: Key, read: Callable[[], Value]) -> Value:
        """Return what is known, or else read it and keep that."""
        found = self.known(key)
        if found is not None:
            return found
        now = self._writes.now()  # before it is read: what is written meanwhile may be in it, and shows as a change
        found = read()
        with self._lock:
            if now != self._at or len(self._kept) >= _MOST:
                self._at, self._kept = now, {}
            if now is not None:
                self._kept[key] = found
        return found
