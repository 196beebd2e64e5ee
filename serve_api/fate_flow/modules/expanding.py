"""ColumnExpand: columns of one value that the guest's table gets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from fedray.task.text import show
from serve_api.fate_flow.coding import constants, transformed
from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.faults import REFUSED, FateError
from serve_api.fate_flow.modules.columns import KEYS, fitted_again, rows_to_fit
from serve_api.fate_flow.rules import Rules, wrong
from serve_api.fate_flow.values import Part, Rows
from serve_api.fate_flow.work import Work

__all__ = ["column_expand"]

_RULES: Final = Rules(used=("append_header", "method", "fill_value", "need_run"))


def column_expand(work: Work) -> CompiledComponent:
    """Compile a ColumnExpand; a table as it was uploaded gets its columns as soon as its rows are aligned."""
    values = work.parameters(_RULES)
    if values["method"] != "manual":
        raise wrong(work.component, "method", f"expected manual, got {show(values['method'])}")
    rows = work.rows(*KEYS)
    if rows is None or rows.guest is None:
        raise FateError(REFUSED, f"component {work.component.name}: input.data: expected a table of the guest")
    fitted = work.model() is not None
    if fitted and rows.form == "aligned":
        return fitted_again(work)
    if fitted:
        work.put(rows.with_replay(work.model_name()))
        work.keep_again()
        return work.done(kind="fitted")
    added = _added(work, rows.guest, values)
    found = _expanded(work, rows, added)
    work.put(found)
    told = {"role": "guest", "party_id": rows.guest.party.party_id, "columns": [*rows.guest.columns, *added]}
    return work.done(kind="expand", guest=told)


def _expanded(work: Work, rows: Rows, added: Mapping[str, float]) -> Rows:
    """Return the rows with the columns, and keep the model that they belong to."""
    parts = tuple(_with_columns(part, added, raw=rows.form == "raw") for part in rows.parts)
    if rows.form == "raw":
        if added and rows.added_of:
            raise FateError(
                REFUSED, f"component {work.component.name}: input.data: expected a table that no ColumnExpand has made"
            )
        name = work.keep()
        return replace(rows, parts=parts, added_of=name) if added else rows
    rows = rows_to_fit(work) or rows
    steps = {part.party: [constants(added)] for part in rows.parts if part is rows.guest and added}
    found = transformed(work, rows, steps)
    work.keep(transform=found.step)
    known = [replace(part, columns=named.columns) for part, named in zip(found.parts, parts, strict=True)]
    return replace(found, parts=tuple(known))


def _with_columns(part: Part, added: Mapping[str, float], *, raw: bool) -> Part:
    if part.party.role != "guest" or (not raw and not part.columns):  # which columns are left is not known beforehand
        return part
    return replace(part, columns=(*part.columns, *added), added={**part.added, **added} if raw else {})


def _added(work: Work, guest: Part, values: Mapping[str, Any]) -> dict[str, float]:
    """Return the value of each new column."""
    names, fill = values["append_header"], values["fill_value"]
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise wrong(work.component, "append_header", f"expected a list of names, got {show(names)}")
    known = (guest.id_column, guest.label, *guest.columns)
    for place, name in enumerate(names):
        if name in known or name in names[:place]:
            raise wrong(work.component, "append_header", f"there is a column {show(name)} already")
    fills = fill if isinstance(fill, list) else [fill] * len(names)
    if len(fills) != len(names):
        words = f"expected one number, or one for each of {len(names)} columns, got {len(fills)}"
        raise wrong(work.component, "fill_value", words)
    for one in fills:
        if isinstance(one, bool) or not isinstance(one, int | float) or not math.isfinite(one):
            raise wrong(work.component, "fill_value", f"expected numbers, got {show(one)}")
    return {name: float(one) for name, one in zip(names, fills, strict=True)}
