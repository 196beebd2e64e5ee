"""What HeteroPearson and DataStatistics have to show: to each party what it keeps in its own file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.interfaces import ComponentOutcome, Metric, Results
from serve_api.fate_flow.job import PartyId
from serve_api.fate_flow.outcomes.tables import party_of

__all__ = ["kept_statistics", "pearson", "statistics"]

Json = dict[str, Any]
_FILE: Final = "statistics.json"
_NAMES: Final = {"mean": "mean", "std": "stddev", "min": "min", "median": "median", "max": "max"}
_QUARTILES: Final = {"q25": "25%", "q75": "75%"}


def kept_statistics(compiled: CompiledComponent, results: Results) -> dict[PartyId, Mapping[str, Any]]:
    """Return, by party, what it keeps."""
    found = {}
    for part in compiled.facts["parts"]:
        told = results.kept(party_of(part), part["folder"], _FILE)
        if told is not None:
            found[party_of(part)] = told
    return found


def statistics(compiled: CompiledComponent, results: Results) -> ComponentOutcome:
    """Tell of columns."""
    summary, model = {}, {}
    for party, kept in kept_statistics(compiled, results).items():
        told = {column["column"]: _described(column) for column in kept["columns"]}
        summary[party] = told
        values = sorted({name for one in told.values() for name in one})
        data = {
            "selfValues": {
                "results": [
                    {"valueName": name, "colNames": list(told), "values": [one.get(name) for one in told.values()]}
                    for name in values
                ]
            },
            "hostValues": {},
        }
        model[party] = _model(compiled, "StatisticParam", "StatisticMeta", data)
    return ComponentOutcome(summary=summary, model=model)


def _described(column: Mapping[str, Any]) -> Json:
    told = {new: column[old] for old, new in (*_NAMES.items(), *_QUARTILES.items())}
    rows = column["count"] + column["missing"]
    told["missing_ratio"] = column["missing"] / rows if rows else 0.0
    told["missing_count"] = column["missing"]
    if column["mean"]:
        told["coefficient_of_variance"] = column["std"] / column["mean"]
    return told


def pearson(compiled: CompiledComponent, results: Results) -> ComponentOutcome:
    """Tell of correlations: those within a party, and with those of each other party."""
    metrics, summary, model = {}, {}, {}
    for party, kept in kept_statistics(compiled, results).items():
        told = kept.get("correlation")
        if told is None:
            continue
        others = told["others"][0] if told["others"] else {"columns": [], "values": []}
        corr = others["values"]
        meta = {"name": "correlation", "metric_type": "CORRELATION_GRAPH"}
        metrics[party] = {"statistic": {"correlation": Metric([], meta)}}
        summary[party] = {
            "corr": corr,
            "local_corr": told["own"],
            "num_local_features": len(told["columns"]),
            "num_remote_features": len(others["columns"]),
        }
        data = {
            "corr": _flat(corr),
            "localCorr": _flat(told["own"]),
            "localVif": [],
            "names": list(told["columns"]),
            "allNames": [{"names": list(told["columns"])}, {"names": list(others["columns"])}],
            "anonymousMap": [],
            "parties": [f"({one['role']},{one['party_id']})" for one in compiled.facts["parts"]],
            "party": f"({party.role},{party.party_id})",
            "shape": len(told["columns"]),
            "shapes": [len(told["columns"]), len(others["columns"])],
        }
        model[party] = _model(compiled, "PearsonModelParam", "PearsonModelMeta", data)
    return ComponentOutcome(metrics=metrics, summary=summary, model=model)


def _flat(matrix: Sequence[Sequence[float]]) -> list[float]:
    return [value for row in matrix for value in row]


def _model(compiled: CompiledComponent, param: str, meta: str, data: Json) -> Json:
    return {"alias": compiled.facts["alias"], "buffers": {"data": param, "meta": meta}, "data": data, "meta": {}}
