"""Union: tables of the same columns, one below the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from serve_api.fate_flow.coding import replayed, transformed
from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.faults import REFUSED, FateError
from serve_api.fate_flow.rules import Rules
from serve_api.fate_flow.values import Part, Rows
from serve_api.fate_flow.work import Work

__all__ = ["union"]

_RULES: Final = Rules(
    used=("need_run",),
    warned={"allow_missing": "every row has as many cells as its table has columns"},
)


def union(work: Work) -> CompiledComponent:
    """Compile a Union: of tables as they were uploaded nothing runs, they are read together by the alignment."""
    work.parameters(_RULES)
    refs = [ref for refs in work.component.data.values() for ref in refs]
    tables = [_table(work, work.value(ref), str(ref)) for ref in refs]
    if len(tables) < 2:
        raise _refused(work, f"expected at least two tables, got {len(tables)}")
    if all(table.form == "aligned" for table in tables):
        tables = [replayed(work, table, f"table-{place}") for place, table in enumerate(tables)]
    for other in tables[1:]:
        _check(work, tables[0], other)
    united = _united(work, tables)
    work.put(united)
    told = [{"name": str(ref), **table.told()} for ref, table in zip(refs, tables, strict=True)]
    return work.done(kind="union", tables=told, united=united.told())


def _table(work: Work, value: Any, name: str) -> Rows:
    if not isinstance(value, Rows):
        raise _refused(work, f"expected tables, and {name} is predictions")
    return value


def _united(work: Work, tables: list[Rows]) -> Rows:
    first, *others = tables
    most = sum(table.most for table in tables)
    if first.form == "aligned":
        return replace(transformed(work, first, {}, below=others), most=most)
    parts = tuple(
        replace(
            part,
            more=tuple(path for one in same for path in (one.path, *one.more))[1:],
            uploaded=sum(one.uploaded for one in same),
        )
        for part, same in ((part, [table.parts[k] for table in tables]) for k, part in enumerate(first.parts))
    )
    return replace(first, parts=parts, most=most)


def _check(work: Work, first: Rows, other: Rows) -> None:
    """See that a table goes below the first."""
    if [part.party for part in other.parts] != [part.party for part in first.parts]:
        raise _refused(work, "expected tables of the same parties")
    for mine, its in zip(first.parts, other.parts, strict=True):
        if _header(mine) != _header(its):
            raise _refused(work, f"expected tables with the same header, in the same order, at {mine.party}")
        if mine.columns and its.columns and mine.columns != its.columns:  # of a selection they are not known beforehand
            raise _refused(work, f"expected tables with the same header, in the same order, at {mine.party}")
    if other.form != first.form or other.class_weight != first.class_weight or not _changed_alike(first, other):
        raise _refused(work, "expected tables that the same components have been through")


def _changed_alike(first: Rows, other: Rows) -> bool:
    """Return whether two tables are changed alike once they are aligned; a model of the one may do it to the other."""
    if other.replay == first.replay:
        return other.fill == first.fill
    return not other.fill and not first.replay and set(other.replay) <= {first.fill_of, first.added_of}


def _header(part: Part) -> tuple[Any, ...]:
    return part.id_column, part.label, part.added


def _refused(work: Work, what: str) -> FateError:
    return FateError(REFUSED, f"component {work.component.name}: input.data: {what}")
