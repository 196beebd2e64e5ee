"""Reader, DataIO and DataTransform: which tables, which column is the label, how gaps are filled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from fedray.task.text import show
from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.faults import REFUSED, FateError
from serve_api.fate_flow.interfaces import TableEntry, Tables
from serve_api.fate_flow.job import PartyId
from serve_api.fate_flow.rules import Rules, wrong
from serve_api.fate_flow.values import Part, Rows
from serve_api.fate_flow.work import Work

__all__ = ["data_io", "raw_rows", "reader"]

_ORDER: Final = ("host", "guest")
_READER: Final = Rules(own=("table",))
_DATA_IO: Final = Rules(
    own=(
        "missing_fill",
        "missing_fill_method",
        "default_value",
        "outlier_replace",
        "outlier_replace_method",
        "outlier_replace_value",
        "with_label",
        "label_name",
        "label_type",
        "need_run",
    ),
    warned={
        "data_type": "columns are read as 64-bit floats",
        "exclusive_data_type": "columns are read as 64-bit floats",
        "delimitor": "tables are kept as CSV with commas",
    },
    moot=("output_format", "tag_value_delimitor"),
)
_FILLS: Final = {None: "constant", "designated": "constant", "mean": "mean", "median": "median"}


def reader(work: Work) -> CompiledComponent:
    """Compile a Reader: each party's table."""
    work.parameters(_READER)
    named: dict[PartyId, tuple[str, str]] = {}
    for party, values in work.values().items():
        table = values["table"]
        if table is None:
            continue
        if not isinstance(table, dict) or not {"name", "namespace"} <= table.keys():
            raise wrong(work.component, "table", f"expected an object with name and namespace, got {show(table)}")
        named[party] = (str(table["namespace"]), str(table["name"]))
    if not named:
        raise wrong(work.component, "table", "expected a table of at least one party, got none")
    rows = raw_rows(work.project.tables, named)
    work.put(rows)
    return work.done(kind="reader", tables=_tables(work.project.tables, named))


def raw_rows(tables: Tables, named: Mapping[PartyId, tuple[str, str]]) -> Rows:
    """Return the tables of parties, as they were uploaded.

    Raises
    ------
    FateError
        A table is not there.
    """
    found = {party: _find(tables, *named[party]) for party in named}
    ordered = sorted(found, key=lambda party: _ORDER.index(party.role) if party.role in _ORDER else len(_ORDER))
    parts = tuple(_part(party, found[party]) for party in ordered)
    return Rows("raw", parts, min(table.rows for table in found.values()))


def _part(party: PartyId, table: TableEntry) -> Part:
    return Part(party, table.file, table.id_column, table.columns, uploaded=table.rows)


def _find(tables: Tables, namespace: str, name: str) -> TableEntry:
    table = tables.find(namespace, name)
    if table is None:
        raise FateError(REFUSED, f"table {show(name)} in namespace {show(namespace)} does not exist; upload it first")
    return table


def _tables(tables: Tables, named: Mapping[PartyId, tuple[str, str]]) -> list[dict[str, Any]]:
    listed = []
    for party, (namespace, name) in named.items():
        table = _find(tables, namespace, name)
        listed.append(
            {
                "role": party.role,
                "party_id": party.party_id,
                "namespace": namespace,
                "name": name,
                "rows": table.rows,
                "partition": table.partition,
                "file": table.file,
            }
        )
    return listed


def data_io(work: Work) -> CompiledComponent:
    """Compile a DataIO: nothing runs; what it says is done as soon as rows are aligned."""
    work.parameters(_DATA_IO)
    rows = work.rows("data", "train_data", "eval_data", "test_data", "validate_data")
    if rows is None or rows.form != "raw":
        raise FateError(REFUSED, f"component {work.component.name}: input.data: expected a table as it was uploaded")
    values = work.values()
    fitted = work.model() is not None
    parts = tuple(_labelled(work, part, values[part.party], needed=not fitted) for part in rows.parts)
    if fitted:
        work.keep_again()
        work.put(replace(rows, parts=parts).with_replay(work.model_name()))
        return work.done(kind="data_io", model=False)
    fill = {part.party: _fill(work, values[part.party]) for part in parts}
    model = work.keep()
    work.put(replace(rows, parts=parts, fill=fill if any(fill.values()) else {}, fill_of=model))
    return work.done(kind="data_io", model=bool(model), parts=[part.told() for part in parts])


def _labelled(work: Work, part: Part, values: Mapping[str, Any], *, needed: bool) -> Part:
    """Return a part whose label is told apart."""
    name = str(values["label_name"])
    if not values["with_label"]:
        return part
    if part.party.role != "guest":
        raise wrong(work.component, "with_label", "expected false at a host: the guest has the label")
    if name in part.added:
        raise wrong(work.component, "label_name", f"column {show(name)} has one value only")
    if name not in part.columns:
        if needed:
            raise wrong(work.component, "label_name", f"the guest's table has no column {show(name)}")
        return part
    return replace(part, label=name, columns=tuple(column for column in part.columns if column != name))


def _fill(work: Work, values: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Return how a party fills gaps, as steps of a core transform."""
    for switch, method, value in (
        ("missing_fill", "missing_fill_method", "default_value"),
        ("outlier_replace", "outlier_replace_method", "outlier_replace_value"),
    ):
        if not values[switch]:
            continue
        strategy = _FILLS.get(values[method])
        if strategy is None:
            raise wrong(work.component, method, f"expected designated, mean or median, got {show(values[method])}")
        if strategy != "constant":
            return ({"step": "imputation", "strategy": strategy},)
        number = values[value]
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise wrong(work.component, value, f"expected a number, got {show(number)}")
        return ({"step": "imputation", "strategy": "constant", "fill_value": float(number)},)
    return ()
