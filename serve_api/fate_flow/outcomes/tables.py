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

__all__ = ["PREDICTED", "count_rows", "data_outputs", "files_of", "party_of", "scored_output"]

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
        paths = files_of(told, part, results)
        if not paths:
            continue
        header = _header(part, paths[0])
        added = list(part.get("added", {}).values())
        yield party_of(part), DataOutput(told["name"], header, _reading(paths, header, added), count_rows(paths))


def files_of(told: Json, part: Json, results: Results) -> list[Path]:
    """Return the files of a party's part of a table, one below the other; none where one of them is not there."""
    raw = told["form"] == "raw"
    named = [part, *({**part, "path": path} for path in part.get("more", ()))]
    found = [path for one in named if (path := _file(one, raw=raw, results=results)) is not None]
    return found if len(found) == len(named) else []


def count_rows(paths: Sequence[Path]) -> int:
    """Return how many rows files have together: of one id the first counts."""
    return _lines(paths[0]) if len(paths) == 1 else sum(1 for _, found in _files(paths) for _ in found)


def _file(part: Json, *, raw: bool, results: Results) -> Path | None:
    file = f"raw/{part['path']}" if raw else f"generated/{part['path']}/{part['aligned']}"
    return results.table(party_of(part), file)


def _header(part: Json, path: Path) -> tuple[str, ...]:
    """Return the columns to show; those that a transform has made are known from the file only."""
    with path.open(encoding="utf-8", newline="") as handle:
        there = next(csv.reader(handle), [])
    label = [part["label"]] if part["label"] in there else []
    wanted = [name for name in part["columns"] if name in there] or [n for n in there[1:] if n not in label]
    return (there[0] if there else part["id_column"], *label, *wanted, *part.get("added", {}))


def _reading(paths: Sequence[Path], header: Sequence[str], added: Sequence[float]) -> Any:
    """Return a function that yields the rows of files, the columns in the order of the header, then added values."""
    wanted = header[1 : len(header) - len(added)]

    def rows() -> Iterator[list[Any]]:
        for there, found in _files(paths):
            places = [there.index(name, 1) for name in wanted]
            for row in found:
                yield [row[0], *(_number(row[place]) for place in places), *added]

    return rows


def _files(paths: Sequence[Path]) -> Iterator[tuple[list[str], Iterator[list[str]]]]:
    """Yield the header of each file and its rows; of several files each id once."""
    seen: set[str] = set()
    for path in paths:
        with path.open(encoding="utf-8", newline="") as handle:
            reader = csv.reader(handle)
            there = next(reader, [])
            yield there, reader if len(paths) == 1 else _once(reader, seen)


def _once(rows: Iterator[list[str]], seen: set[str]) -> Iterator[list[str]]:
    for row in rows:
        if row[0] not in seen:
            seen.add(row[0])
            yield row


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
        path = results.table(party_of(one["guest"]), f"generated/{one['folder']}/{one.get('file', 'predictions.csv')}")
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
            value = float(row[-1])
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
