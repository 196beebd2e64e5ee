"""Which columns of a party a task would use, by the headers and manifests of its tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fedray.data.csv_text import read_header
from fedray.data.journal import finish_writing
from fedray.data.manifest import read_manifest
from fedray.data.parquet_text import is_parquet, parquet_names
from fedray.data.root import DataRoot
from fedray.data.table import choose_columns
from fedray.data.wording import shorten
from fedray.task.alignment_configs import AlignmentData
from fedray.task.config_bases import ClientConfig

__all__ = ["Used", "columns_used"]

Used = tuple[str, tuple[str, ...] | None]
"""The field that names a table, and the names of its columns that the task uses; None where they have none."""

_FIELDS = ("data_path", "labels_path", "reference_path", "test_data_path")
"""Fields that name tables of generated data, of whatever kind the task is."""


def columns_used(config: ClientConfig, root: DataRoot, *, ready: bool) -> Iterator[Used]:
    """Yield the tables of a client that are there, with the columns that the task would use.

    Parameters
    ----------
    ready
        Whether the task is about to run; before that the tables of earlier tasks may still change.

    Raises
    ------
    DataError
        A table or a path cannot be used.
    """
    if isinstance(config, AlignmentData):
        for field, given in _named_paths("raw_data_path", config):
            path, file = root.raw_file(given, field), shorten(given)
            id_name, *names = parquet_names(path, file) if is_parquet(path) else read_header(path, file)
            chosen = choose_columns(names, config.columns, id_name, file)
            yield field, tuple(names[place] for place in chosen)
    for name in _FIELDS if ready else ():
        for field, given in _named_paths(name, config):
            yield from _generated(root, field, given)


def _named_paths(name: str, config: ClientConfig) -> Iterator[tuple[str, str]]:
    """Yield field and path of the table that a field names, and of those that its ``more_..._paths`` names."""
    path = getattr(config, name, None)
    if path is not None:
        yield name, path
    for place, more in enumerate(getattr(config, f"more_{name}s", ())):
        yield f"more_{name}s[{place}]", more


def _generated(root: DataRoot, field: str, path: str) -> Iterator[Used]:
    """Yield the columns of a folder or of a file of rows, if it is there."""
    file = root.generated_file(path, field)
    if file is not None:
        yield field, tuple(read_header(file, shorten(path))[1:])
        return
    folder = root.check_generated(path, field=field)
    if folder is not None:
        yield field, _named(folder)


def _named(folder: Path) -> tuple[str, ...] | None:
    finish_writing(folder)
    manifest = read_manifest(folder)
    return None if manifest is None else manifest.columns
