"""Uploaded forms: received onto the disk as they come, bounded, and cut into their parts there."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import BinaryIO, Final, cast

from starlette.concurrency import run_in_threadpool

from serve_api.fate_flow.faults import REFUSED, FateError

__all__ = ["Part", "cut", "file_part", "receive"]

_MOST_PARTS: Final = 64
_MOST_HEADER: Final = 16 << 10
_AT_ONCE: Final = 1 << 20


@dataclass(frozen=True)
class Part:
    """A part of a form.

    Attributes
    ----------
    name
        Of the field.
    filename
        What the client calls the file; None for a field that is none.
    start, end
        Where in the received body its bytes are.
    """

    name: str
    filename: str | None
    start: int
    end: int


async def receive(chunks: AsyncIterator[bytes], folder: Path, most_bytes: int) -> Path:
    """Write a body into a new file of its own, and return that; the caller removes it.

    Raises
    ------
    FateError
        More came than may; nothing is left.
    """
    with tempfile.NamedTemporaryFile(dir=folder, prefix="body-", delete=False) as file:
        path = Path(file.name)
        try:
            await _write(chunks, cast("BinaryIO", file), most_bytes)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    return path


async def _write(chunks: AsyncIterator[bytes], file: BinaryIO, most_bytes: int) -> None:
    waiting, size = bytearray(), 0
    async for chunk in chunks:
        size += len(chunk)
        if size > most_bytes:
            raise FateError(REFUSED, f"the file: expected at most {most_bytes} bytes, more came")
        waiting += chunk
        if len(waiting) >= _AT_ONCE:
            await run_in_threadpool(file.write, bytes(waiting))
            waiting.clear()
    await run_in_threadpool(file.write, bytes(waiting))


def cut(path: Path, content_type: str) -> list[Part]:
    """Return the parts of a received form.

    Raises
    ------
    FateError
        The body is no form, or one of too many parts.
    """
    head = Message()
    head["Content-Type"] = content_type.replace("\r", " ").replace("\n", " ")
    boundary = head.get_param("boundary")
    if head.get_content_type() != "multipart/form-data" or not isinstance(boundary, str) or not boundary:
        raise FateError(REFUSED, "the body: expected multipart/form-data with a boundary")
    if path.stat().st_size == 0:
        raise _broken()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as body:
        return _parts(body, b"--" + boundary.encode("latin-1", "replace"))


def file_part(path: Path, content_type: str) -> Part:
    """Return the part of a received form that is a file; raises ``FateError`` where none is."""
    for part in cut(path, content_type):
        if part.filename is not None:
            return part
    raise FateError(REFUSED, "the body: expected a part with the file")


def _parts(body: mmap.mmap, delimiter: bytes) -> list[Part]:
    found = list[Part]()
    place = 0 if body[: len(delimiter)] == delimiter else body.find(b"\r\n" + delimiter) + 2
    while place >= 0 and body[place : place + len(delimiter)] == delimiter:
        place += len(delimiter)
        if body[place : place + 2] == b"--":
            return found
        start = body.find(b"\r\n\r\n", place, place + _MOST_HEADER)
        end = body.find(b"\r\n" + delimiter, start + 2)  # a part may be empty
        if start < 0 or end < 0 or len(found) >= _MOST_PARTS:
            raise _broken()
        found.append(_part(bytes(body[place + 2 : start + 4]), start + 4, max(start + 4, end)))
        place = end + 2
    raise _broken()


def _part(header: bytes, start: int, end: int) -> Part:
    fields = BytesHeaderParser().parsebytes(header)
    name = fields.get_param("name", header="content-disposition")
    filename = fields.get_filename()
    return Part(name if isinstance(name, str) else "", filename, start, end)


def _broken() -> FateError:
    return FateError(REFUSED, "the body: expected a complete form of at most 64 parts")
