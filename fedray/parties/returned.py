"""Predictions that go to the server: told by the receiver to the main client, where the task's document asks for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fedray.data.new_rows import Ids
from fedray.errors import DataError, RemoteProtocolError
from fedray.parties.context import PartyContext
from fedray.task.predict_configs import PredictMain

__all__ = ["MOST_RETURNED", "check_returned", "returned", "taken"]

Float = npt.NDArray[np.float64]

MOST_RETURNED = 100_000
"""Rows whose predictions a report may hold."""

_WORD = "predictions"


def check_returned(ctx: PartyContext, rows: int) -> None:
    """See that a report can hold the predictions, if it is to; local, and the same at every party.

    Raises
    ------
    DataError
        There are too many rows.
    """
    if _wanted(ctx) and rows > MOST_RETURNED:
        raise DataError(
            f"return_predictions: expected at most {MOST_RETURNED} rows, got {rows}; predict them in parts, or leave "
            "return_predictions out and take the receiver's file"
        )


def returned(ctx: PartyContext, ids: Ids | None, values: Float) -> dict[str, object]:
    """Return what the receiver tells the main client of its predictions; nothing where the task does not ask.

    Cost: a part of the message that ends the task.
    Leaks: returned_predictions to the main client.
    Ref: design.
    """
    if not _wanted(ctx):
        return {}
    ctx.channel.reveals.add("returned_predictions", (ctx.plan.main.index,), values.shape)
    named = tuple(str(row + 1) for row in range(len(values))) if ids is None else ids.values
    rows = [[name, *numbers] for name, numbers in zip(named, values.tolist(), strict=True)]
    return {_WORD: {"id": "row" if ids is None else ids.name, "rows": rows}}


def taken(ctx: PartyContext, told: dict[str, Any], rows: int) -> dict[str, object]:
    """Return what the main client puts into its result, of what a data client told; local.

    Raises
    ------
    RemoteProtocolError
        It told predictions that nobody asked for, or something else than predictions of all rows.
    """
    found = told.get(_WORD)
    if found is None:
        return {}
    if not _wanted(ctx) or not _is_table(found, rows):
        raise RemoteProtocolError("the receiver: expected the predictions of all rows, and only if the task asks")
    return {_WORD: {"id": found["id"], "rows": found["rows"]}}


def _is_table(found: object, rows: int) -> bool:
    if not isinstance(found, dict) or not isinstance(found.get("id"), str) or not isinstance(found.get("rows"), list):
        return False
    return len(found["rows"]) == rows and all(_is_row(row) for row in found["rows"])


def _is_row(row: object) -> bool:
    return (
        isinstance(row, list)
        and len(row) > 1
        and isinstance(row[0], str)
        and all(isinstance(number, float) and np.isfinite(number) for number in row[1:])
    )


def _wanted(ctx: PartyContext) -> bool:
    config = ctx.plan.main.config
    return isinstance(config, PredictMain) and config.return_predictions
