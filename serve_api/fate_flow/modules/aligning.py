"""Intersection: the rows that all parties have, by tokens under a key that only they know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any, Final

from serve_api.fate_flow.coding import constants, transformed
from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.faults import REFUSED, FateError
from serve_api.fate_flow.job import PartyId
from serve_api.fate_flow.rules import Rules
from serve_api.fate_flow.values import Part, Rows
from serve_api.fate_flow.work import Work

__all__ = ["intersection"]

Steps = Mapping[PartyId, Sequence[Mapping[str, Any]]]
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
    """Compile an Intersection: an alignment, and transforms where columns are added or gaps filled before it."""
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
    if any(part.added for part in rows.parts):
        steps = {part.party: [constants(part.added)] for part in rows.parts if part.added}
        found = _changed(work, found, "expand", steps, rows.added_of)
    if rows.fill:
        found = _changed(work, found, "fill", rows.fill, rows.fill_of)
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
            columns=[name for name in (part.label, *part.columns) if name is not None and name not in part.added],
        )
        entry["client_config"]["client_type"] = "alignment_data"
        if part.more:
            entry["client_config"] |= {"more_raw_data_paths": list(part.more), "duplicates": "first"}
        clients.append(entry)
    step = work.step("", clients)
    parts = tuple(_written(part, work) for part in rows.parts)
    return replace(rows, form="aligned", parts=parts, step=step, fill={}, fill_of="", added_of="")


def _written(part: Part, work: Work) -> Part:
    stem = PurePosixPath(part.path).stem
    return replace(part, path=work.folder(part.party), aligned=f"{stem}_aligned.csv", more=(), added={})


def _changed(work: Work, rows: Rows, what: str, steps: Steps, model: str) -> Rows:
    """Add the step that changes aligned rows as a component before the alignment wants it; its model has it then."""
    found = transformed(work, rows, steps, what)
    if model:
        work.project.models[model]["transform"] = found.step
    return found
