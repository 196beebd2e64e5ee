"""Intersection: the rows that all parties have, by tokens under a key that only they know."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final

from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.faults import REFUSED, FateError
from serve_api.fate_flow.rules import Rules
from serve_api.fate_flow.values import Part, Rows
from serve_api.fate_flow.work import Work

__all__ = ["intersection"]

_OURS = "ids are compared as tokens under a key that only the parties with data know, whatever the method"
_RULES: Final = Rules(
    used=("intersect_method",),
    warned={
        "sync_intersect_ids": "all parties learn which of their ids all others have",
        "with_encode": _OURS,
        "encode_params": _OURS,
        "rsa_params": _OURS,
        "random_bit": _OURS,
        "join_role": _OURS,
        "intersect_cache_param": _OURS,
    },
    moot=("repeated_id_owner", "info_owner"),
)


def intersection(work: Work) -> CompiledComponent:
    """Compile an Intersection: an alignment, and a transform where a DataIO fills gaps."""
    method = work.parameters(_RULES)["intersect_method"]
    if method not in ("raw", "rsa"):
        raise FateError(
            REFUSED, f"component {work.component.name}: intersect_method: expected raw or rsa, got {method}"
        )
    rows = work.rows("data", "train_data", "eval_data", "test_data")
    if rows is None or rows.form != "raw":
        raise FateError(
            REFUSED, f"component {work.component.name}: input.data: expected tables that are not aligned yet"
        )
    if len(rows.parts) < 2 or rows.guest is None:
        raise FateError(
            REFUSED, f"component {work.component.name}: expected tables of a guest and of at least one host"
        )
    found = _aligned(work, rows)
    if rows.fill:
        found = _filled(work, rows, found)
    work.put(found)
    told = [{"role": part.party.role, "party_id": part.party.party_id, "rows": part.uploaded} for part in rows.parts]
    return work.done(kind="intersection", step=work.steps[0], parts=told)


def _aligned(work: Work, rows: Rows) -> Rows:
    clients = [work.main("alignment", split="none")]
    for part in rows.parts:
        entry = work.data_client(
            part.party,
            "alignment",
            raw_data_path=part.path,
            out_data_path=work.folder(part.party),
            columns=[*([part.label] if part.label is not None else []), *part.columns],
        )
        entry["client_config"]["client_type"] = "alignment_data"
        clients.append(entry)
    step = work.step("", clients)
    parts = tuple(_written(part, work) for part in rows.parts)
    return replace(rows, form="aligned", parts=parts, step=step, fill={})


def _written(part: Part, work: Work) -> Part:
    stem = PurePosixPath(part.path).stem
    return replace(part, path=work.folder(part.party), aligned=f"{stem}_aligned.csv")


def _filled(work: Work, rows: Rows, found: Rows) -> Rows:
    clients = [work.main("transform")]
    for part in found.parts:
        steps = list(rows.fill.get(part.party, ()))
        paths = {"data_path": part.path, "out_data_path": work.folder(part.party, "filled")}
        clients.append(work.data_client(part.party, "transform", labelled=found.labelled, steps=steps, **paths))
    step = work.step("fill", clients, [found.step])
    if rows.fill_of:
        work.project.models[rows.fill_of]["transform"] = step
    parts = tuple(replace(part, path=work.folder(part.party, "filled")) for part in found.parts)
    return replace(found, parts=parts, step=step)
