"""The tables that were uploaded: what they are called, where they lie, what they have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from fedray.errors import Conflict
from fedray.task.folding import dumps
from fedray.task.papers import Papers
from serve_api.fate_flow.faults import REFUSED, FateError
from serve_api.fate_flow.interfaces import TableEntry

__all__ = ["FOLDER", "TableBook"]

FOLDER: Final = "fate"
"""Where uploaded tables lie, below the raw data of the data root."""

_SHELF: Final = "fate/table"
_LEFT: Final = "fate/left"
"""By path, files of tables that are others now."""


class TableBook:
    """The tables of a server.

    Parameters
    ----------
    papers
        Of the store.
    root
        The server's data root.
    readers
        Returns the ids of jobs that have not ended and read a file.
    """

    def __init__(self, papers: Papers, root: Path, readers: Callable[[str], Sequence[str]] = lambda _: ()) -> None:
        self._papers, self._root, self._readers = papers, root, readers

    def find(self, namespace: str, name: str) -> TableEntry | None:
        """Return the table of a name, None where there is none."""
        found = self._papers.get(_SHELF, _key(namespace, name))
        return None if found is None else _entry(found.body)

    def all(self) -> list[TableEntry]:
        """Return all tables, the newest first."""
        return [_entry(paper.body) for paper in self._papers.all(_SHELF)]

    def put(self, entry: TableEntry) -> None:
        """Let a name stand for a table whose file is there; the file before goes when no job reads it any more."""
        key, body = _key(entry.namespace, entry.name), _body(entry)
        before: list[TableEntry] = []

        def taken(found: Mapping[str, Any]) -> Mapping[str, Any]:
            before[:] = [_entry(found)]
            return body

        try:
            self._papers.add(_SHELF, key, body)
        except Conflict:
            self._papers.change(_SHELF, key, taken)
        for other in before:
            if other.file != entry.file:
                with suppress(Conflict):  # it is known already
                    self._papers.add(_LEFT, other.file, {})
        self.sweep()

    def remove(self, namespace: str, name: str) -> TableEntry | None:
        """Forget a table and remove its file; return what it was, None where there was none.

        Raises
        ------
        FateError
            A job that has not ended reads it.
        """
        found = self.find(namespace, name)
        readers = [] if found is None else self._readers(found.file)
        if readers:
            raise FateError(
                REFUSED, f"the table is read by job {readers[0]}, which has not ended; wait for its end, or stop it"
            )
        if found is None or not self._papers.remove(_SHELF, _key(namespace, name)):
            return None
        self.path(found).unlink(missing_ok=True)
        return found

    def sweep(self) -> None:
        """Remove the files that tables had before, and that no job reads any more."""
        for paper in self._papers.all(_LEFT):
            if not self._readers(paper.name):
                (self._root / "raw" / paper.name).unlink(missing_ok=True)
                self._papers.remove(_LEFT, paper.name)

    def path(self, entry: TableEntry) -> Path:
        """Return where a table's file is."""
        return self._root / "raw" / entry.file


def _key(namespace: str, name: str) -> str:
    return dumps([namespace, name])


def _body(entry: TableEntry) -> Mapping[str, Any]:
    return {**vars(entry), "columns": list(entry.columns)}


def _entry(body: Mapping[str, Any]) -> TableEntry:
    return TableEntry(**{**body, "columns": tuple(body["columns"])})
