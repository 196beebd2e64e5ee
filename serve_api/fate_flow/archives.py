"""Replies that are files: tar.gz of logs and tables, zip of models, JSON as an attachment."""

from __future__ import annotations

import csv
import io
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final, cast

from starlette.responses import Response, StreamingResponse

__all__ = ["attachment", "bytes_file", "csv_file", "part_of", "tarred", "zip_member", "zipped"]

_AT_ONCE: Final = 256 << 10
_IN_MEMORY: Final = 8 << 20


def tarred(members: Iterable[tuple[str, BinaryIO]], name: str) -> Response:
    """Return a tar.gz of members, each a name and a file that is read from its beginning; they are closed."""
    spool = cast("BinaryIO", tempfile.SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115  closed when it has been sent
    with tarfile.open(fileobj=spool, mode="w:gz", compresslevel=6) as archive:
        for path, content in members:
            with content:
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode = content.seek(0, io.SEEK_END), 0o644
                content.seek(0)
                archive.addfile(entry, content)
    return _sent(spool, "application/x-tar", name)


def csv_file(header: Iterable[object], rows: Iterable[Iterable[object]]) -> BinaryIO:
    """Return a CSV with a header; a cell that is a dict is written as Python shows it, which FATE does."""
    spool = cast("BinaryIO", tempfile.SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115  the caller closes it
    text = io.TextIOWrapper(spool, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    text.flush()
    text.detach()
    return spool


def zipped(members: Mapping[str, bytes]) -> bytes:
    """Return a zip of members by name."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return made.getvalue()


def attachment(content: bytes, kind: str, name: str) -> Response:
    """Return bytes under a file name, which clients take as it stands: without quotes, and in ASCII."""
    plain = name.encode("ascii", "replace").decode()
    headers = {"Content-Disposition": f"attachment; filename={plain}", "Cache-Control": "no-store"}
    return Response(content, 200, headers, kind)


def _sent(spool: BinaryIO, kind: str, name: str) -> Response:
    size = spool.tell()
    spool.seek(0)

    def chunks() -> Iterator[bytes]:
        with spool:
            while chunk := spool.read(_AT_ONCE):
                yield chunk

    headers = {
        "Content-Disposition": f"attachment; filename={name}",
        "Content-Length": str(size),
        "Cache-Control": "no-store",
    }
    return StreamingResponse(chunks(), 200, headers, kind)


def bytes_file(content: bytes) -> BinaryIO:
    """Return a file that holds bytes."""
    return io.BytesIO(content)


def part_of(path: Path, start: int, end: int, most_bytes: int) -> bytes:
    """Return a part of a file, nothing where it is larger than `most_bytes`."""
    if end - start > most_bytes:
        return b""
    with path.open("rb") as file:
        file.seek(start)
        return file.read(end - start)


def zip_member(packed: bytes, name: str, most_bytes: int) -> bytes | None:
    """Return a member of a zip; None where there is none, or it is larger than `most_bytes`."""
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive, archive.open(name) as member:
            content = member.read(most_bytes + 1)
    except Exception:  # noqa: BLE001  a stranger's file: zlib, lzma and struct have errors of their own
        return None
    return content if len(content) <= most_bytes else None
