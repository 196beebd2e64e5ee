"""Steps that change columns at each party, and which columns a component means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fedray.task.text import show
from serve_api.fate_flow.job import PartyId
from serve_api.fate_flow.rules import wrong
from serve_api.fate_flow.values import Part, Rows
from serve_api.fate_flow.work import Work

__all__ = ["chosen_columns", "constants", "replayed", "transformed"]

Json = dict[str, Any]


def constants(values: Mapping[str, float]) -> Json:
    """Return the step that adds columns of one value."""
    return {"step": "constant", "values": dict(values)}


def transformed(
    work: Work,
    rows: Rows,
    steps: Mapping[PartyId, Sequence[Mapping[str, Any]]],
    what: str = "",
    main: Json | None = None,
    below: Sequence[Rows] = (),
    tested: Rows | None = None,
) -> Rows:
    """Add a step of kind transform; return the rows that it writes.

    Parameters
    ----------
    steps
        By party, what is done; none leaves the columns as they are.
    what
        Name of the step and its folder, where a component has several.
    main
        More fields of the main client.
    below
        More rows of the same parties and columns, that come below.
    tested
        Rows of the same parties and columns, which a training tests on; None is those that it learns from.
    """
    clients = [work.main("transform", **(main or {}))]
    for place, part in enumerate(rows.parts):
        paths: Json = {"data_path": part.path, "out_data_path": work.folder(part.party, what or "data")}
        if below:
            paths["more_data_paths"] = [other.parts[place].path for other in below]
        told = list(steps.get(part.party, ()))
        clients.append(work.data_client(part.party, "transform", labelled=rows.labelled, steps=told, **paths))
        if tested is not None:
            clients[-1]["client_config"]["test_data_path"] = tested.parts[place].path
    step = work.step(what, clients, [one.step for one in (rows, *below, *([] if tested is None else [tested]))])
    parts = tuple(replace(part, path=work.folder(part.party, what or "data")) for part in rows.parts)
    return replace(rows, parts=parts, step=step)


def replayed(work: Work, rows: Rows, what: str) -> Rows:
    """Add the steps that bring rows through the fitted models which would change them as a model reads them.

    Parameters
    ----------
    what
        Begins the names of the steps and of their folders.
    """
    for place, name in enumerate(rows.replay):
        source = work.project.transform(name)
        if source is None:
            continue
        binned = "binning" in work.project.model(name)
        kind = "binning" if binned else "transform"
        clients = [work.main(kind, transform=source), *([work.dealer()] if binned else [])]
        folders = {part.party: work.folder(part.party, f"{what}-{place}") for part in rows.parts}
        for part in rows.parts:
            paths = {"data_path": part.path, "out_data_path": folders[part.party]}
            clients.append(work.data_client(part.party, kind, labelled=rows.labelled, **paths))
        step = work.step(f"{what}-{place}", clients, [rows.step])
        parts = tuple(replace(part, path=folders[part.party]) for part in rows.parts)
        rows = replace(rows, parts=parts, step=step)
    return replace(rows, replay=())


def chosen_columns(
    work: Work, part: Part, indexes: object, names: object, fields: tuple[str, str]
) -> tuple[str, ...] | None:
    """Return the columns that a party's parameters choose, None for all.

    Parameters
    ----------
    indexes, names
        -1 or a list of places; a list of names beside them.
    fields
        Names of these parameters.

    Raises
    ------
    FateError
        There is no such column.
    """
    if indexes == -1:
        return None
    found: list[str] = []
    for place in _listed(work, fields[0], indexes):
        if not part.columns:
            raise wrong(work.component, fields[0], "expected names: which columns are left is not known beforehand")
        if not isinstance(place, int) or isinstance(place, bool) or not 0 <= place < len(part.columns):
            raise wrong(
                work.component,
                fields[0],
                f"expected places of columns from 0 to {len(part.columns) - 1}, got {show(place)}",
            )
        found.append(part.columns[place])
    for name in _listed(work, fields[1], names):
        if not isinstance(name, str) or (part.columns and name not in part.columns):
            raise wrong(work.component, fields[1], f"{part.party} has no column {show(name)}")
        found.append(name if name.endswith(part.suffix) else f"{name}{part.suffix}")
    return tuple(dict.fromkeys(found))


def _listed(work: Work, field: str, value: object) -> Sequence[Any]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise wrong(work.component, field, f"expected a list, got {show(value)}")
    return value
