"""Results of predictions as GetPredictResult sends them: JSON rows of an id and a value, both texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fedray.errors import NotFound, StateError
from fedray.task.store import Store
from serve_api.paddledtx.go_json import go_text, shortest
from serve_api.paddledtx.ledger import Known
from serve_api.paddledtx.shape import label_party

__all__ = ["payload", "result_of"]

VALUE: Final = "value"


def result_of(store: Store, known: Known) -> bytes | None:
    """Return the result of a prediction; None where there is none, or where the report does not have it.

    The column of ids has the label party's psiLabel as its name; of a task that was made natively the column's own.
    """
    task = known.task.name if known.job is None else str(known.job.task)
    try:
        found = store.reports.get(task).get("result", {}).get("predictions")
    except (NotFound, StateError):
        return None
    if found is None:
        return None
    name = ""
    if known.job is not None:
        place = known.job.about["parties"].index(label_party(store.get(task)))
        name = known.task.dataSets[place].psiLabel
    return payload(found, name)


def payload(predictions: Mapping[str, Any], id_name: str) -> bytes:
    """Return rows by the bytes of their ids, after a row with the names of the two columns; "" is the ids' own name."""
    rows = sorted(predictions["rows"], key=lambda row: str(row[0]).encode())
    told = [[str(row[0]), shortest(row[1])] for row in rows]
    return go_text([[id_name or predictions["id"], VALUE], *told]).encode()
