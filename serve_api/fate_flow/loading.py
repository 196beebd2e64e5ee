"""An uploaded file becomes a table's file: CSV with a header, the id first, each id once."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fedray.errors import DataError
from serve_api.fate_flow.interfaces import TableEntry

__all__ = ["Loaded", "Source", "Stopped", "copy_rows", "load"]

_LOOK_EVERY: Final = 5000
"""Rows between two looks at whether to go on."""

_LONGEST: Final = 16 << 20
"""Bytes of a line, which is held in memory."""

_MOST_ROWS: Final = 20_000_000
"""Of a table, whose ids are held in memory while it is made."""


class Stopped(Exception):
    """Somebody stopped the job."""


@dataclass(frozen=True)
class Source:
    """A part of a file that holds a table as text.

    Attributes
    ----------
    path, start, end
        The file, and which of its bytes; ``end`` None is all to the end.
    head
        Whether the first line names the columns.
    delimiter
        Between cells, one character.
    """

    path: Path
    head: bool
    delimiter: str = ","
    start: int = 0
    end: int | None = None

    @property
    def size(self) -> int:
        """Its bytes."""
        return (self.path.stat().st_size if self.end is None else self.end) - self.start


@dataclass(frozen=True)
class Loaded:
    """What came of it: names of the columns, how many rows were there, how many the table has."""

    id_column: str
    columns: tuple[str, ...]
    uploaded: int
    kept: int


Watch = Callable[[int], None]
"""Told from time to time how many more bytes have been read; raises ``Stopped`` to end it."""


def load(source: Source, target: Path, before: Source | None, watch: Watch, most_rows: int = _MOST_ROWS) -> Loaded:
    """Write a table's file; of rows with the same id the last one stays.

    Parameters
    ----------
    before
        The table that the rows are added to; its columns must be the same.
    most_rows
        Of both together.

    Raises
    ------
    DataError
        The text is no table: which line, what was expected. No cell is said.
    Stopped
        As ``watch`` said; no file is left.
    """
    header = _header(source)
    sources = [source] if before is None else [before, source]
    if before is not None and _header(before) != header:
        raise DataError("the header: expected the columns of the table that there is, got others; upload with drop 1")
    last, uploaded = dict[bytes, int](), 0
    rows = itertools.chain.from_iterable(_rows(one, len(header), watch) for one in sources)
    for number, (line_source, cells) in enumerate(rows):
        uploaded += line_source is source
        last[_digest(cells[0])] = number
        if number >= most_rows:
            raise DataError(f"the file: expected at most {most_rows} rows, with those of the table that there is")
    if not last:
        raise DataError("the file: expected at least one row below the header")
    again = itertools.chain.from_iterable(_rows(one, len(header), watch) for one in sources)
    kept = (cells for number, (_, cells) in enumerate(again) if last[_digest(cells[0])] == number)
    temporary = target.with_suffix(".new")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(itertools.chain([header], kept))
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return Loaded(header[0], tuple(header[1:]), uploaded, len(last))


def copy_rows(entry: TableEntry, path: Path, target: Path, delimiter: str, watch: Watch) -> int:
    """Write a table's rows without a header, as downloads are; return how many."""
    rows, width = Source(path, head=True), 1 + len(entry.columns)
    count = 0
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".new")  # for its owner alone
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            for _, cells in _rows(rows, width, watch):
                file.write(delimiter.join(cells) + "\n")
                count += 1
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return count


def _header(source: Source) -> list[str]:
    first = next(_lines(source), None)
    if first is None:
        raise DataError("the file: expected a table, got no line")
    cells = [cell.strip() for cell in _cells(*first, source.delimiter)]
    if not source.head:
        return ["id", *(f"x{place}" for place in range(len(cells) - 1))]
    if len(cells) < 2 or not all(cells) or len(set(cells)) < len(cells):
        raise DataError("line 1: expected names of at least two columns, each once, the id first")
    return cells


def _rows(source: Source, width: int, watch: Watch) -> Iterator[tuple[Source, list[str]]]:
    lines = _lines(source)
    if source.head:
        next(lines, None)
    read = 0
    for count, (number, line) in enumerate(lines):
        cells = _cells(number, line, source.delimiter)
        if len(cells) != width:
            raise DataError(f"line {number}: expected {width} cells as in the first line, got {len(cells)}")
        read += len(line) + 1
        if count % _LOOK_EVERY == 0:
            watch(read)
            read = 0
        yield source, cells


def _lines(source: Source) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not empty, with their numbers from 1."""
    with source.path.open("rb") as file:
        file.seek(source.start)
        left = source.size
        for number, line in enumerate(iter(lambda: file.readline(_LONGEST + 1), b""), start=1):
            if len(line) > _LONGEST:
                raise DataError(f"line {number}: expected at most {_LONGEST} bytes")
            text = line[:left]
            left -= len(line)
            try:
                decoded = text.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError:
                raise DataError(f"line {number}: expected UTF-8 text") from None
            if decoded:
                yield number, decoded
            if left <= 0:
                return


def _cells(number: int, line: str, delimiter: str) -> list[str]:
    if delimiter == ",":
        line = line.replace("\t", ",")
    if '"' not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader(io.StringIO(line), delimiter=delimiter))
    except csv.Error:
        raise DataError(f"line {number}: expected cells of at most {csv.field_size_limit()} characters") from None


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
