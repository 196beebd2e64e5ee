"""What a report tells of columns, as tables: information values, correlations, advice, shared statistics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from serve_api.cli.screen import in_six_digits, print_table

__all__ = ["is_table", "print_features"]

Json = dict[str, Any]

_LISTS = {
    "columns": "information value",
    "vif": "variance inflation",
    "leave_out": "leave out",
    "counts": "columns that were changed",
}
_MOST_PAIRS = 20


def is_table(key: str, value: object) -> bool:
    """Return whether a part of a result is printed here."""
    return (key in _LISTS and isinstance(value, list)) or (
        key in {"correlation", "statistics"} and isinstance(value, dict)
    )


def print_features(result: Json) -> None:
    """Print what a result tells of columns; parts that are missing are left out."""
    for name, title in _LISTS.items():
        _print_rows(title, result.get(name))
    _print_pairs(result.get("correlation"))
    statistics = result.get("statistics")
    for party, rows in statistics.items() if isinstance(statistics, dict) else ():
        _print_rows(f"statistics of {party}", rows)


def _print_rows(title: str, told: object) -> None:
    rows = [row for row in told if isinstance(row, dict)] if isinstance(told, list) else []
    if rows:
        head = tuple(rows[0])
        print_table(title, head, [in_six_digits([row.get(key) for key in head]) for row in rows])


def _print_pairs(told: object) -> None:
    """Print the pairs with the largest correlations; all of them are in the document of `--json`."""
    pairs = sorted(_pairs(told), key=lambda pair: -abs(pair[-1]))
    if pairs:
        title = "largest correlations" if len(pairs) > _MOST_PAIRS else "correlations"
        head = ("party", "column", "with party", "column", "correlation")
        print_table(title, head, [in_six_digits(pair) for pair in pairs[:_MOST_PAIRS]])


def _pairs(told: object) -> Iterator[tuple[object, object, object, object, float]]:
    columns, values = (told.get("columns"), told.get("values")) if isinstance(told, dict) else (None, None)
    if not isinstance(columns, list) or not isinstance(values, list):
        return
    named = [(one.get("party"), one.get("column")) for one in columns if isinstance(one, dict)]
    for place, (one, row) in enumerate(zip(named, values, strict=False)):
        # a matrix is told whole; what is on the diagonal and below it is nothing new
        for other, value in list(zip(named, row if isinstance(row, list) else (), strict=False))[place + 1 :]:
            if isinstance(value, int | float):
                yield *one, *other, float(value)
