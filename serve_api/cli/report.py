"""The report of a task as tables: result, leakage, cost, seconds. Parts that are missing are left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from serve_api.cli.evaluation import print_evaluation
from serve_api.cli.feature_tables import is_table, print_features
from serve_api.cli.progress import size_text
from serve_api.cli.screen import clean, in_six_digits, print_table
from serve_api.trust import notices_of

__all__ = ["print_leakage", "print_report"]

Json = dict[str, Any]
_APART = frozenset({"evaluation", "predictions"})
"""Parts of a result that are shown by themselves, or are for programs."""

_COST_HEAD = ("rounds", "messages", "bytes", "seconds")


def print_report(report: Json) -> None:
    """Print a report as the native API answers it."""
    head = [str(report[key]) for key in ("task", "kind", "status") if report.get(key)]
    typer.echo(clean("  ".join(head)))
    result = _mapping(report.get("result"))
    _print_result({key: value for key, value in result.items() if key not in _APART and not is_table(key, value)})
    print_evaluation(result.get("evaluation"))
    print_features(result)
    _print_parity(_mapping(report.get("parity")))
    print_leakage(report.get("leakage"))
    policies = _mapping(report.get("policies"))
    if policies:
        print_table("policies", ("party", "took part under"), list(policies.items()))
    cost = _mapping(report.get("cost"))
    by_phase, by_party = _mapping(cost.get("by_phase")), _mapping(cost.get("by_party"))
    total = {**_mapping(cost.get("total")), "seconds": _mapping(report.get("seconds")).get("total")}
    _print_cost("cost by phase", ("phase",), [((name,), part) for name, part in by_phase.items()], total)
    _print_cost("cost by party", ("party",), [((name,), part) for name, part in by_party.items()], {})
    _print_lines(by_party)
    _print_estimate(_mapping(report.get("estimate")))
    for notice in notices_of(report):
        typer.echo(notice)


def _print_result(result: Json) -> None:
    if result:
        print_table("result", ("name", "value"), [in_six_digits([key, _flat(value)]) for key, value in result.items()])


def _print_parity(parity: Json) -> None:
    """Print how far the training on shares was from the same in clear."""
    layers = [_mapping(entry) for entry in _sequence(parity.get("layers"))]
    head = ("layer", "value", "largest error", "at batch", f"first over {parity.get('noticeable')}")
    keys = ("layer", "what", "error", "step", "first_noticed")
    if layers:
        print_table(
            "parity, against float64", head, [in_six_digits([line.get(key) for key in keys]) for line in layers]
        )
    test = _mapping(parity.get("test"))
    metrics = {name: _mapping(entry) for name, entry in _mapping(test.get("metrics")).items()}
    rows = [[name, *(entry.get(key) for key in ("shared", "clear", "difference"))] for name, entry in metrics.items()]
    if rows:
        title = f"parity, test after batch {test.get('n_batches')}"
        print_table(title, ("name", "on shares", "in clear", "difference"), [in_six_digits(row) for row in rows])


def print_leakage(leakage: object) -> None:
    """Print who learned what, as the report of a task lists it."""
    if not isinstance(leakage, list):
        return
    rows = [
        (
            entry.get("tag"),
            entry.get("what"),
            ", ".join(map(str, _sequence(entry.get("to")))),
            entry.get("count"),
            ", ".join(_shape(shape) for shape in _sequence(entry.get("shapes"))),
            entry.get("attack") or "none known",
        )
        for entry in leakage
        if isinstance(entry, dict)
    ]
    head = ("tag", "what", "who learned it", "times", "shape", "known attack")
    print_table("what was revealed", head, rows)


def _print_lines(by_party: Json) -> None:
    """Print what each party spent in each phase, label by label."""
    lines = [
        ((party, phase, label), line)
        for party, cost in by_party.items()
        for phase, spent in _mapping(_mapping(cost).get("phases")).items()
        for label, line in _mapping(_mapping(spent).get("labels")).items()
    ]
    _print_cost("cost by party, phase and label", ("party", "phase", "label"), lines, {})


def _print_estimate(estimate: Json) -> None:
    """Print what a training was to cost beside what was counted."""
    sent = {f"bytes of {name}": line for name, line in _mapping(estimate.get("sent")).items()}
    rows = [
        (name, *(_amount(name, _mapping(line).get(key)) for key in ("expected", "counted")))
        for name, line in {**{key: estimate.get(key) for key in ("rounds", "bytes")}, **sent}.items()
    ]
    if estimate:
        print_table("estimate", ("what", "expected", "counted"), rows)


def _amount(name: str, value: object) -> object:
    return size_text(value) if isinstance(value, int) and name.startswith("bytes") else value


def _print_cost(
    title: str, head: tuple[str, ...], lines: Sequence[tuple[tuple[str, ...], object]], total: Json
) -> None:
    rows = [(*names, *_cost(_mapping(cost))) for names, cost in lines]
    if any(value is not None for value in total.values()):
        rows.append(("total", *_cost(total)))
    if rows:
        print_table(title, (*head, *_COST_HEAD), rows)


def _cost(cost: Json) -> tuple[object, ...]:
    size, seconds = cost.get("bytes"), cost.get("seconds")
    return (
        cost.get("rounds"),
        cost.get("messages"),
        size_text(size) if isinstance(size, int | float) else None,
        f"{seconds:.3f}" if isinstance(seconds, int | float) else None,
    )


def _shape(shape: object) -> str:
    return "x".join(map(str, shape)) if isinstance(shape, list) else str(shape)


def _flat(value: object) -> object:
    """Return a nested value in one line."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_flat(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(str(_flat(item)) for item in value)
    return f"{value:.6g}" if isinstance(value, float) else value


def _mapping(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _sequence(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
