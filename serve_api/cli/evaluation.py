"""The evaluation of predictions as tables, as the report of a task has it; the curve is for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from serve_api.cli.screen import in_six_digits, print_table

__all__ = ["print_evaluation"]

Json = dict[str, Any]

_TABLES = {
    "gains": "gains",
    "confusion": "confusion",
    "calibration": "calibration",
    "stability": "stability by tenths of the baseline",
}


def print_evaluation(evaluation: object) -> None:
    """Print what the receiver of predictions told of them; parts that are missing are left out."""
    outputs = evaluation.get("outputs") if isinstance(evaluation, dict) else None
    if not isinstance(outputs, list):
        return
    for number, output in enumerate(outputs, start=1):
        which = f", output {number}" if len(outputs) > 1 else ""
        found = output if isinstance(output, dict) else {}
        metrics = found.get("metrics")
        if isinstance(metrics, dict):
            print_table(f"evaluation{which}", ("metric", "value"), [in_six_digits(pair) for pair in metrics.items()])
        stability = found.get("stability")
        if isinstance(stability, dict):
            print_table(f"stability{which}", ("metric", "value"), [in_six_digits(("psi", stability.get("psi")))])
            found = {**found, "stability": stability.get("groups")}
        _print_contribution(found.get("contribution"), which)
        for name, title in _TABLES.items():
            rows = list(_rows(found.get(name)))
            if rows:
                head = tuple(rows[0])
                print_table(f"{title}{which}", head, [in_six_digits([row.get(key) for key in head]) for row in rows])


def _print_contribution(found: object, which: str) -> None:
    """Print what joining was worth: a row for the joint model, one for each party left out, one for the label party."""
    joint = found.get("joint") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(joint, dict):
        return
    alone = found.get("alone") or {}
    named: list[tuple[str, Any]] = [("all parties", joint)]
    named += [(f"without the columns of {one.get('party')}", one.get("metrics")) for one in _rows(found.get("parties"))]
    named.append((f"label party alone, {alone.get('features')} columns", alone.get("metrics")))
    rows = [[who, *((numbers or {}).get(name) for name in joint)] for who, numbers in named]
    print_table(f"what joining was worth{which}", ("model", *joint), [in_six_digits(row) for row in rows])


def _rows(table: object) -> Iterator[Json]:
    yield from (row for row in table if isinstance(row, dict)) if isinstance(table, list) else ()
