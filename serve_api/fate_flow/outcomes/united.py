"""What Union, ColumnExpand, PSI and LocalBaseline have to show."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.interfaces import ComponentOutcome, Metric, Results
from serve_api.fate_flow.job import PartyId
from serve_api.fate_flow.outcomes.described import kept_statistics
from serve_api.fate_flow.outcomes.tables import count_rows, files_of, party_of

__all__ = ["baseline", "expand", "stability", "union"]

Json = dict[str, Any]


def union(compiled: CompiledComponent, results: Results) -> ComponentOutcome:
    """Tell of a union: how many rows each table has, and all together, of one id once."""
    united = compiled.facts["united"]
    if united["step"] and results.report(united["step"]) is None:
        return ComponentOutcome()
    metrics: dict[PartyId, dict[str, dict[str, Metric]]] = {}
    summary: dict[PartyId, Json] = {}
    for place, part in enumerate(united["parts"]):
        counts = {one["name"]: _rows(one, one["parts"][place], results) for one in compiled.facts["tables"]}
        counts["Total"] = _rows(united, part, results)
        meta = {"name": "union", "metric_type": "UNION"}
        party = party_of(part)
        metrics[party] = {"train": {"union": Metric([list(pair) for pair in counts.items()], meta)}}
        summary[party] = counts
    return ComponentOutcome(metrics=metrics, summary=summary)


def _rows(told: Mapping[str, Any], part: Mapping[str, Any], results: Results) -> int:
    paths = files_of(told, part, results)
    return count_rows(paths) if paths else 0


def expand(compiled: CompiledComponent, _results: Results) -> ComponentOutcome:
    """Tell of new columns."""
    guest = compiled.facts["guest"]
    values = compiled.component.parameters[party_of(guest)]
    fill = values["fill_value"]
    meta = {
        "appendHeader": list(values["append_header"]),
        "method": values["method"],
        "fillValue": [str(one) for one in (fill if isinstance(fill, list) else [fill])],
        "needRun": True,
    }
    told = _model(compiled, "ColumnExpand", {"header": list(guest["columns"])}, meta)
    return ComponentOutcome(model={party_of(guest): told})


def stability(compiled: CompiledComponent, results: Results) -> ComponentOutcome:
    """Tell each party how far its columns have moved."""
    model, summary = {}, {}
    for party, kept in kept_statistics(compiled, results).items():
        found = {one["column"]: one["stability"] for one in kept["columns"]}
        scores = {name: one["psi"] for name, one in found.items()}
        features = [_feature(name, one["groups"]) for name, one in found.items()]
        summary[party] = {"psi_scores": scores}
        data = {"totalScore": scores, "featurePsi": features, "modelName": compiled.component.name}
        values = compiled.component.parameters[party]
        model[party] = _model(compiled, "PSI", data, {"maxBinNum": values["max_bin_num"], "needRun": True})
    return ComponentOutcome(model=model, summary=summary)


def _feature(name: str, groups: list[Json]) -> Json:
    return {
        "featureName": name,
        "interval": [_interval(one) for one in groups],
        "psi": [one["psi"] for one in groups],
        "expectPerc": [one["baseline_part"] for one in groups],
        "actualPerc": [one["part"] for one in groups],
    }


def _interval(group: Mapping[str, Any]) -> str:
    low, high = (-math.inf if group["low"] is None else group["low"]), group["high"]
    bounds = f"({low:g}, {math.inf if high is None else high:g}]"
    return f"NaN, {bounds}" if group["missing"] else bounds


def baseline(compiled: CompiledComponent, results: Results) -> ComponentOutcome:
    """Tell the guest of its own model."""
    told = compiled.facts["model"]
    kept = None if told is None else results.kept(party_of(told), told["folder"], "transform.json")
    if told is None or kept is None:
        return ComponentOutcome()
    fitted = kept["steps"]["steps"][0]
    summary = {
        "coef": dict(fitted["weights"]),
        "intercept": fitted["intercept"],
        "is_converged": fitted["converged"],
        "iters": fitted["iterations"],
        "one_vs_rest": False,
    }
    data = {
        "iters": fitted["iterations"],
        "isConverged": fitted["converged"],
        "weight": dict(fitted["weights"]),
        "intercept": fitted["intercept"],
        "header": list(fitted["weights"]),
        "needOneVsRest": False,
    }
    values = compiled.component.parameters[party_of(told)]
    meta = {"modelName": values["model_name"], "modelOpts": values["model_opts"] or {}}
    model = _model(compiled, "LocalBaseline", data, meta)
    return ComponentOutcome(model={party_of(told): model}, summary={party_of(told): summary})


def _model(compiled: CompiledComponent, name: str, data: Json, meta: Json) -> Json:
    alias = compiled.component.model_outputs[0] if compiled.component.model_outputs else "model"
    return {"alias": alias, "buffers": {"data": f"{name}Param", "meta": f"{name}Meta"}, "data": data, "meta": meta}
