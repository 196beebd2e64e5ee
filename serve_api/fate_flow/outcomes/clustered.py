"""What a HeteroKmeans has to show: to each party the centroids of its own columns, and the sizes of clusters."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from typing import Any

from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.interfaces import ComponentOutcome, Results
from serve_api.fate_flow.job import PartyId
from serve_api.fate_flow.outcomes.tables import party_of

__all__ = ["kmeans"]

Json = dict[str, Any]


def kmeans(compiled: CompiledComponent, results: Results) -> ComponentOutcome:
    """Tell of a clustering."""
    facts: Json | None = compiled.facts["model"]
    report = None if facts is None else results.report(facts["step"])
    if facts is None or report is None:
        return ComponentOutcome()
    told, values = report["result"], facts["parameters"]
    meta = {"k": values["k"], "tol": values["tol"], "maxIter": values["max_iter"]}
    buffers = {"data": "HeteroKmeansParam", "meta": "HeteroKmeansMeta"}
    model = {}
    for part, columns, folder in zip(facts["parties"], facts["columns"], facts["folders"], strict=True):
        party = party_of(part)
        data = {**_shared(told), "centroidDetail": _centroids(results, party, folder, told), "header": list(columns)}
        model[party] = {"alias": facts["alias"], "buffers": buffers, "data": data, "meta": meta}
    summary = {"is_converged": bool(told["converged"]), "iterations": told["iterations"]}
    return ComponentOutcome(model=model, summary=dict.fromkeys(model, summary))


def _shared(told: Mapping[str, Any]) -> Json:
    """Return what all parties know: sizes of clusters, where none has fewer than 20 rows."""
    sizes = [] if told["sizes"] is None else told["sizes"]
    return {
        "countOfClusters": told["clusters"],
        "maxInteration": told["iterations"],
        "converged": bool(told["converged"]),
        "clusterDetail": [{"cluster": [float(k), float(n), n / told["rows"]]} for k, n in enumerate(sizes)],
    }


def _centroids(results: Results, party: PartyId, folder: str, told: Mapping[str, Any]) -> list[Json]:
    """Return a party's own columns' centroids; of clusters with fewer than 20 rows there is none."""
    path = results.table(party, f"generated/{folder}/centroids.csv")
    found: dict[int, list[float]] = {}
    if path is not None:
        with path.open(encoding="utf-8", newline="") as handle:
            _, *rows = csv.reader(handle)
        found = {int(row[0]): [float(cell) for cell in row[1:]] for row in rows}
    return [{"centroid": found.get(cluster, [])} for cluster in range(told["clusters"])]
