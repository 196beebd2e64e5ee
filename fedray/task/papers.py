"""Documents of other APIs: JSON objects that an API keeps under names of its own, changed by one writer at a time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from fedray.errors import Conflict, NotFound
from fedray.task.folding import dumps
from fedray.task.tables import papers

__all__ = ["Paper", "Papers"]

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Paper:
    """A document.

    Attributes
    ----------
    name
        Once on its shelf.
    body
        A JSON object.
    version
        1, 2, 3... with every change.
    made_at
        Unix time at which it was added.
    """

    name: str
    body: Json
    version: int
    made_at: float


class Papers:
    """The documents in the database of a server, on shelves, one for each kind of an API.

    Parameters
    ----------
    engine
        The store's.
    clock
        Gives Unix time in seconds.
    """

    def __init__(self, engine: sa.Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._clock = engine, clock

    def add(self, shelf: str, name: str, body: Json) -> None:
        """Keep a new document; raises ``Conflict`` where the shelf has one of this name."""
        values = {"shelf": shelf, "name": name, "body": dumps(dict(body)), "version": 1, "made_at": self._clock()}
        try:
            with self._engine.begin() as connection:
                connection.execute(papers.insert().values(**values))
        except IntegrityError:
            raise Conflict(f"{shelf}: there is one of this name") from None

    def get(self, shelf: str, name: str) -> Paper | None:
        """Return a document; None where the shelf has none of this name."""
        if not name.isprintable():  # PostgreSQL refuses NUL and lone surrogates with an error; no document has them
            return None
        wanted = sa.select(papers).where(papers.c.shelf == shelf, papers.c.name == name)
        with self._engine.connect() as connection:
            row = connection.execute(wanted).mappings().first()
        return None if row is None else _paper(row)

    def change(self, shelf: str, name: str, change: Callable[[Json], Json]) -> Paper:
        """Put what a function makes of a document in its place, and return that.

        The function is called again where another writer was faster, so it does nothing else.

        Raises
        ------
        NotFound
            The shelf has none of this name.
        """
        while True:
            found = self.get(shelf, name)
            if found is None:
                raise NotFound(f"{shelf}: there is none of this name")
            body = change(found.body)
            same = (papers.c.shelf == shelf) & (papers.c.name == name) & (papers.c.version == found.version)
            changed = papers.update().where(same).values(body=dumps(dict(body)), version=found.version + 1)
            with self._engine.begin() as connection:
                if connection.execute(changed).rowcount == 1:
                    return Paper(name, body, found.version + 1, found.made_at)

    def remove(self, shelf: str, name: str) -> bool:
        """Drop a document; return whether there was one."""
        with self._engine.begin() as connection:
            gone = connection.execute(papers.delete().where(papers.c.shelf == shelf, papers.c.name == name))
        return gone.rowcount == 1

    def all(self, shelf: str, limit: int | None = None, since: float = 0.0) -> list[Paper]:
        """Return the documents of a shelf that were added at a Unix time or later, the newest first."""
        mine = (papers.c.shelf == shelf) & (papers.c.made_at >= since)
        wanted = sa.select(papers).where(mine).order_by(papers.c.id.desc()).limit(limit)
        with self._engine.connect() as connection:
            return [_paper(row) for row in connection.execute(wanted).mappings()]


def _paper(row: sa.RowMapping) -> Paper:
    return Paper(row["name"], json.loads(row["body"]), row["version"], row["made_at"])
