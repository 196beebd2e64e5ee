"""HeteroPearson and DataStatistics: what columns are like and how they hang together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fedray.pipeline.document import task_name
from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.modules.columns import rows_to_fit
from serve_api.fate_flow.project import pipeline_name
from serve_api.fate_flow.rules import Rules, wrong
from serve_api.fate_flow.values import Rows
from serve_api.fate_flow.work import Work

__all__ = ["data_statistics", "kept_parts", "pearson"]

_PEARSON: Final = Rules(
    used=("cross_parties", "need_run"),
    own=("column_indexes", "column_names"),
    warned={"use_mix_rand": "columns are shares, nothing random is mixed in", "calc_local_vif": "no VIF is told"},
)
_STATISTICS: Final = Rules(
    own=("statistics", "column_names", "column_indexes", "need_run"),
    warned={"quantile_error": "quantiles are exact", "bias": "deviations are those of the population"},
)


def pearson(work: Work) -> CompiledComponent:
    """Compile a HeteroPearson: correlations between columns of two parties, which only these learn."""
    values = work.parameters(_PEARSON)
    for party, told in work.values().items():
        if told["column_indexes"] not in (-1, []) or told["column_names"]:
            raise wrong(work.component, "column_indexes", f"expected -1, all columns, at {party}")
    rows = rows_to_fit(work)
    return _described(work, rows, "pearson", "parties" if values["cross_parties"] else "none")


def data_statistics(work: Work) -> CompiledComponent:
    """Compile a DataStatistics: each party describes its own columns, for itself."""
    work.parameters(_STATISTICS)
    rows = rows_to_fit(work)
    return _described(work, rows, "statistics", "none", {str(part.party): _wanted(work, part) for part in rows.parts})


def _wanted(work: Work, part: Any) -> Any:
    told: Mapping[str, Any] = work.values()[part.party]
    return {name: told[name] for name in ("statistics", "column_names", "column_indexes")}


def _described(
    work: Work, rows: Rows, kind: str, correlation: str, wanted: Mapping[str, Any] | None = None
) -> CompiledComponent:
    clients = [work.main("statistics", correlation=correlation), work.dealer()]
    clients += [
        work.data_client(part.party, "statistics", labelled=rows.labelled, data_path=part.path) for part in rows.parts
    ]
    step = work.step("", clients, [rows.step])
    work.put(rows)
    alias = work.component.model_outputs[0] if work.component.model_outputs else "model"
    work.keep()
    parts = kept_parts(work, rows, step)
    return work.done(kind=kind, step=step, parts=parts, wanted=dict(wanted or {}), alias=alias)


def kept_parts(work: Work, rows: Rows, step: str) -> list[dict[str, Any]]:
    """Return JSON values that say where each party keeps the statistics of a step."""
    parts = []
    for rank, part in enumerate(rows.parts):
        role = "label_client" if part.party.role == "guest" and rows.labelled else "feature_client"
        name = task_name(pipeline_name(work.project.job_id), step)
        parts.append({**part.told(), "folder": f"statistics/{name}/{rank}-{role}"})
    return parts
