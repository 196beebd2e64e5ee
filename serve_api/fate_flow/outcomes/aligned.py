"""What Reader, DataIO and Intersection have to show."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.interfaces import ComponentOutcome, Metric, Results
from serve_api.fate_flow.job import PartyId
from serve_api.fate_flow.outcomes.tables import party_of

__all__ = ["data_io", "intersection", "reader"]

_SAMPLES: Final = 5


def reader(compiled: CompiledComponent, results: Results) -> ComponentOutcome:
    """Tell of a Reader: its tables."""
    metrics = {}
    for told in compiled.facts["tables"]:
        party = party_of(told)
        path = results.table(party, f"raw/{told['file']}")
        meta = {
            "name": "reader",
            "metric_type": "DATA_INFO",
            "count": told["rows"],
            "partitions": told["partition"],
            "namespace": told["namespace"],
            "table_name": told["name"],
            "table_info": {} if path is None else _samples(path),
            "storage_engine": "CSV",
        }
        metrics[party] = {"reader_namespace": {"reader_name": Metric([], meta)}}
    return ComponentOutcome(metrics=metrics)


def _samples(path: Path) -> dict[str, list[str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        header, *rows = list(islice(csv.reader(handle), _SAMPLES + 1)) or [[]]
    return {name: [row[place] for row in rows if place < len(row)] for place, name in enumerate(header)}


def data_io(compiled: CompiledComponent, _results: Results) -> ComponentOutcome:
    """Tell of a DataIO: its columns, and how it fills gaps."""
    if not compiled.facts["model"]:
        return ComponentOutcome()
    alias = compiled.component.model_outputs[0]
    model = {party_of(part): _data_io_model(part, compiled, alias) for part in compiled.facts["parts"]}
    return ComponentOutcome(model=model)


def _data_io_model(part: Mapping[str, Any], compiled: CompiledComponent, alias: str) -> dict[str, Any]:
    values = compiled.component.parameters[party_of(part)]
    return {
        "alias": alias,
        "buffers": {"data": f"{compiled.component.module}Param", "meta": f"{compiled.component.module}Meta"},
        "data": {
            "header": list(part["columns"]),
            "labelName": part["label"] or "",
            "sidName": part["id_column"],
            "imputerParam": {},
            "outlierParam": {},
        },
        "meta": {
            "inputFormat": values["input_format"],
            "delimitor": values["delimitor"],
            "dataType": values["data_type"],
            "withLabel": part["label"] is not None,
            "labelName": values["label_name"],
            "labelType": values["label_type"],
            "outputFormat": values["output_format"],
            "needRun": True,
            "imputerMeta": {"isImputer": bool(values["missing_fill"]), "strategy": str(values["missing_fill_method"])},
        },
    }


def intersection(compiled: CompiledComponent, results: Results) -> ComponentOutcome:
    """Tell of an Intersection: how many rows all parties have, and which part of its own table that is."""
    report = results.report(compiled.facts["step"])
    if report is None:
        return ComponentOutcome()
    rows = int(report["result"]["n_train"])
    metrics: dict[PartyId, dict[str, dict[str, Metric]]] = {}
    summary: dict[PartyId, dict[str, Any]] = {}
    for part in compiled.facts["parts"]:
        rate = round(rows / part["rows"], 6)
        meta = {"name": "intersection", "metric_type": "INTERSECTION"}
        found = Metric([["intersect_count", rows], ["intersect_rate", rate]], meta)
        metrics[party_of(part)] = {"train": {"intersection": found}}
        summary[party_of(part)] = {"intersect_num": rows, "intersect_rate": rate}
    return ComponentOutcome(metrics=metrics, summary=summary)
