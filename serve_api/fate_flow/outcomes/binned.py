"""What HeteroFeatureBinning and HeteroFeatureSelection have to show."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from typing import Any

from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.interfaces import ComponentOutcome, Results
from serve_api.fate_flow.job import PartyId
from serve_api.fate_flow.outcomes.tables import party_of

__all__ = ["binning", "selection"]

Json = dict[str, Any]
_HELPERS = 2
"""Members of a task before those with data: main client and crypto producer."""


def binning(compiled: CompiledComponent, results: Results) -> ComponentOutcome:
    """Tell of a binning: information values; the cuts and weights of a party's bins stay in its own files."""
    report = results.report(compiled.facts["step"])
    if report is None:
        return ComponentOutcome()
    parties = [party_of(part) for part in compiled.facts["parts"]]
    found: dict[PartyId, dict[str, Json]] = {party: {} for party in parties}
    names = dict(zip(list(report["policies"])[_HELPERS:], parties, strict=False))
    for column in report["result"]["columns"]:
        party = names.get(column["party"])
        if party is not None:
            found[party][column["column"]] = _column(column)
    summary = {party: {"iv": {name: one["iv"] for name, one in columns.items()}} for party, columns in found.items()}
    return ComponentOutcome(model={party: _model(compiled, party, found) for party in parties}, summary=summary)


def _column(told: Mapping[str, Any]) -> Json:
    return {
        "iv": told["iv"],
        "binNums": str(told["bins"]),
        "splitPoints": [],
        "woeArray": [],
        "ivArray": [],
        "isWoeMonotonic": False,
        "eventCountArray": [],
        "nonEventCountArray": [],
        "eventRateArray": [],
        "nonEventRateArray": [],
        "binAnonymous": [],
    }


def _model(compiled: CompiledComponent, party: PartyId, found: Mapping[PartyId, Mapping[str, Json]]) -> Json:
    hosts = [
        {"binningResult": dict(columns), "role": other.role, "partyId": other.party_id}
        for other, columns in found.items()
        if party.role == "guest" and other.role == "host"
    ]
    own = {"binningResult": dict(found[party]), "role": party.role, "partyId": party.party_id}
    data = {"binningResult": own, "hostResults": hosts, "header": list(found[party])}
    buffers = {"data": "FeatureBinningParam", "meta": "FeatureBinningMeta"}
    meta = {"method": compiled.component.parameters[party]["method"], "binNum": str(compiled.facts["bins"])}
    return {"alias": _alias(compiled), "buffers": buffers, "data": data, "meta": meta}


def selection(compiled: CompiledComponent, results: Results) -> ComponentOutcome:
    """Tell of a selection: which of its columns each party has left, as its own table says."""
    if results.report(compiled.facts["step"]) is None:
        return ComponentOutcome()
    model, summary = {}, {}
    for before, after in zip(compiled.facts["parts"], compiled.facts["after"], strict=True):
        party = party_of(before)
        path = results.table(party, f"generated/{after['path']}/{after['aligned']}")
        if path is None:
            continue
        with path.open(encoding="utf-8", newline="") as handle:
            left = [name for name in next(csv.reader(handle), [])[1:] if name != after["label"]]
        columns = list(before["columns"]) or left
        kept = {name: any(one == name or one.startswith(f"{name}_") for one in left) for name in columns}
        data = {
            "colNames": columns,
            "header": columns,
            "finalLeftCols": {"originalCols": columns, "leftCols": kept},
            "results": [],
            "hostColNames": [],
        }
        meta = {"filterMethods": compiled.component.parameters[party]["filter_methods"], "needRun": True}
        buffers = {"data": "FeatureSelectionParam", "meta": "FeatureSelectionMeta"}
        model[party] = {"alias": _alias(compiled), "buffers": buffers, "data": data, "meta": meta}
        summary[party] = {"all": columns, "left": left}
    return ComponentOutcome(model=model, summary=summary)


def _alias(compiled: CompiledComponent) -> str:
    return compiled.component.model_outputs[0] if compiled.component.model_outputs else "model"
