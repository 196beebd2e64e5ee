"""What a batch of events changes in a task's own row: progress, batches done, data set, record."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from fedray.errors import SpecError
from fedray.task.record import TRAIN_PHASE, Event, EventKind

__all__ = ["Fold", "batches_of", "dumps", "fold"]

_MAX_COUNT = 2**53
_MAX_COLUMNS = 64


@dataclass
class Fold:
    """The sum of a batch of events.

    Attributes
    ----------
    progress
        The data of the last ``progress`` event, or None.
    dataset
        Rows for training and for tests, or None.
    columns, rows
        Of the ``record`` events.
    n_batches
        The most batches that any event told of, or 0.
    resumed
        Batches after which the task went on, if it did: what was recorded of later ones is done again.
    """

    progress: dict[str, object] | None = None
    dataset: tuple[int, int] | None = None
    columns: list[str] | None = None
    rows: list[list[object]] = field(default_factory=list)
    n_batches: int = 0
    resumed: int | None = None


def fold(batch: Iterable[Event]) -> Fold:
    """Return what a batch of events changes.

    Raises
    ------
    SpecError
        An event of a kind that is folded lacks a field, or the field has another type.
    """
    total = Fold()
    for event in batch:
        if event.kind == EventKind.PROGRESS:
            _fold_progress(total, event.data)
        elif event.kind == EventKind.DATASET:
            total.dataset = (_count(event.data, "dataset", "n_train"), _count(event.data, "dataset", "n_test"))
        elif event.kind == EventKind.RECORD:
            _fold_record(total, event.data)
        elif event.kind == EventKind.RESUMED:
            _fold_resumed(total, event.data)
    return total


def batches_of(row: list[Any]) -> int:
    """Return after how many batches a row of the record was measured."""
    return int(row[1])


def dumps(value: object) -> str:
    """Return JSON in ASCII; a number that is not finite becomes null, which every client can read.

    Raises
    ------
    SpecError
        The value holds something that is no JSON.
    """
    return json.dumps(_finite(value), separators=(",", ":"), allow_nan=False, default=_no_json)


def _fold_progress(total: Fold, data: dict[str, object]) -> None:
    total.progress = data
    if "n_batches" in data:
        total.n_batches = max(total.n_batches, _count(data, "progress", "n_batches"))
    elif data.get("phase") == TRAIN_PHASE:
        total.n_batches = max(total.n_batches, _count(data, "progress", "done"))


def _fold_record(total: Fold, data: dict[str, object]) -> None:
    row, columns = data.get("row"), data.get("columns")
    if not isinstance(row, list | tuple) or not 3 <= len(row) <= _MAX_COLUMNS or not all(map(_is_number, row)):
        raise SpecError(f"record event: expected row to be a list of 3 to {_MAX_COLUMNS} numbers or nulls")
    if not isinstance(columns, list | tuple) or len(columns) != len(row):
        raise SpecError(f"record event: expected columns to be a list of {len(row)} names, one for each number of row")
    total.columns = [str(name) for name in columns]
    total.rows.append(list(row))
    total.n_batches = max(total.n_batches, _count({"row[1]": row[1]}, "record", "row[1]"))


def _fold_resumed(total: Fold, data: dict[str, object]) -> None:
    total.resumed = total.n_batches = _count(data, "resumed", "n_batches")
    total.rows = [row for row in total.rows if batches_of(row) <= total.resumed]


def _count(data: Mapping[str, object], kind: str, name: str) -> int:
    value = data.get(name)
    if type(value) is not int or not 0 <= value <= _MAX_COUNT:
        raise SpecError(f"{kind} event: expected {name} to be an integer from 0")
    return value


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _no_json(value: object) -> NoReturn:
    raise SpecError(f"expected JSON values, got one of type {type(value).__name__}; convert it where it is made")
