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

__all__ = ["attachment", "bytes_file", "csv_file", "read_zip", "tarred", "zipped"]

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
    """Return bytes under a file name, which clients take as it stands: without quotes."""
    headers = {"Content-Disposition": f"attachment; filename={name}", "Cache-Control": "no-store"}
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


def read_zip(path: Path, start: int, end: int, most_bytes: int) -> dict[str, bytes] | None:
    """Return the members of a zip in a part of a file, unpacked at most so many bytes; None where it is none."""
    with path.open("rb") as file:
        file.seek(start)
        packed = io.BytesIO(file.read(end - start))
    try:
        with zipfile.ZipFile(packed) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > most_bytes:
                return None
            return {entry.filename: archive.read(entry) for entry in archive.infolist() if not entry.is_dir()}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError):
        return None
