"""Tables that components put out: as they were uploaded, aligned, or predicted; read from the parties' own files."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from pathlib import Path
from typing import Any, Final

from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.interfaces import DataOutput, Results
from serve_api.fate_flow.job import PartyId

__all__ = ["PREDICTED", "data_outputs", "party_of", "scored_output"]

Json = Mapping[str, Any]
PREDICTED: Final = ("label", "predict_result", "predict_score", "predict_detail", "type")
"""Columns of predictions after the id."""
CLUSTERED: Final = ("label", "predicted_label", "type")
"""Columns of clusters after the id."""


def party_of(told: Json) -> PartyId:
    """Return the party that JSON values name."""
    return PartyId(str(told["role"]), str(told["party_id"]))


def data_outputs(compiled: CompiledComponent, results: Results) -> dict[PartyId, tuple[DataOutput, ...]]:
    """Return the tables of a component by party, as far as their steps have come to an end."""
    found: dict[PartyId, list[DataOutput]] = {}
    for told in compiled.facts.get("data", ()):
        outputs = scored_output(told, results) if told["form"] == "scores" else _rows(told, results)
        for party, output in outputs:
            found.setdefault(party, []).append(output)
    return {party: tuple(outputs) for party, outputs in found.items()}


def _rows(told: Json, results: Results) -> Iterator[tuple[PartyId, DataOutput]]:
    if told["step"] and results.status(told["step"]) != "finished":
        return
    for part in told["parts"]:
        path = _file(part, raw=told["form"] == "raw", results=results)
        if path is None:
            continue
        header = _header(part, path)
        yield party_of(part), DataOutput(told["name"], header, _reading(path, header), _lines(path))


def _file(part: Json, *, raw: bool, results: Results) -> Path | None:
    file = f"raw/{part['path']}" if raw else f"generated/{part['path']}/{part['aligned']}"
    return results.table(party_of(part), file)


def _header(part: Json, path: Path) -> tuple[str, ...]:
    """Return the columns to show; those that a transform has made are known from the file only."""
    with path.open(encoding="utf-8", newline="") as handle:
        there = next(csv.reader(handle), [])
    label = [part["label"]] if part["label"] in there else []
    wanted = [name for name in part["columns"] if name in there] or [n for n in there[1:] if n not in label]
    return (there[0] if there else part["id_column"], *label, *wanted)


def _reading(path: Path, header: Sequence[str]) -> Any:
    """Return a function that yields the rows of a file, the columns in the order of the header."""

    def rows() -> Iterator[list[Any]]:
        with path.open(encoding="utf-8", newline="") as handle:
            reader = csv.reader(handle)
            there = next(reader, [])
            places = [0, *(there.index(name, 1) for name in header[1:])]
            for row in reader:
                yield [row[0], *(_number(row[place]) for place in places[1:])]

    return rows


def _lines(path: Path) -> int:
    with path.open(encoding="utf-8", newline="") as handle:
        return max(0, sum(1 for _ in csv.reader(handle)) - 1)


def _number(text: str) -> Any:
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if value.is_integer() and "." not in text and "e" not in text.lower() else value


def scored_output(told: Json, results: Results) -> Iterator[tuple[PartyId, DataOutput]]:
    """Yield the predictions, which are at the guest only."""
    sets = [one for one in told["sets"] if results.status(one["step"]) == "finished"]
    known: list[tuple[Json, Path]] = []
    for one in sets:
        path = results.table(party_of(one["guest"]), f"generated/{one['folder']}/predictions.csv")
        if path is not None:
            known.append((one, path))
    if not known:
        return
    party = party_of(known[0][0]["guest"])

    def rows() -> Iterator[list[Any]]:
        for one, path in known:
            yield from _predicted(told, one, path, results)

    header = (known[0][0]["guest"]["id_column"], *(CLUSTERED if told["task"] == "clustering" else PREDICTED))
    yield party, DataOutput(told["name"], header, rows, sum(_lines(path) for _, path in known))


def _predicted(told: Json, one: Json, path: Path, results: Results) -> Iterator[list[Any]]:
    labels = _labels(one["guest"], results)
    with path.open(encoding="utf-8", newline="") as handle:
        reader = csv.reader(handle)
        next(reader, None)
        for row, label in zip(reader, labels, strict=False):
            value = float(row[1])
            if told["task"] == "clustering":
                yield [row[0], label, int(value), one["kind"]]
            elif told["task"] == "classification":
                chosen, detail = int(value > told["threshold"]), {"0": 1.0 - value, "1": value}
                yield [row[0], label, chosen, value, detail, one["kind"]]
            else:
                yield [row[0], label, value, value, {"label": value}, one["kind"]]


def _labels(guest: Json, results: Results) -> Iterator[Any]:
    """Yield the labels of the rows, in their order; None where there are none."""
    path = _file(guest, raw=False, results=results)
    if path is None or guest["label"] is None:
        yield from repeat(None)
        return
    with path.open(encoding="utf-8", newline="") as handle:
        reader = csv.reader(handle)
        there = next(reader, [])
        if guest["label"] not in there[1:]:
            yield from repeat(None)
            return
        place = there.index(guest["label"], 1)
        for row in reader:
            yield _number(row[place])
