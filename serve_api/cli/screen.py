"""What the commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import typer

from serve_api.trust import notices_of

__all__ = [
    "clean",
    "in_six_digits",
    "on_terminal",
    "print_json",
    "print_record",
    "print_table",
    "print_task",
    "print_tasks",
    "when",
]

Json = dict[str, Any]


def on_terminal() -> bool:
    """Return whether a person looks at the standard output."""
    return sys.stdout.isatty()


def clean(text: object) -> str:
    """Return `text` with what could act on a terminal written out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def print_json(document: object) -> None:
    """Print one JSON document."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2))


def print_table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; every cell is plain text, whatever a server puts into it."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in head:
        table.add_column(Text(clean(name)), overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else clean(cell)) for cell in row))
    # Not a terminal: do not fold to its 80 columns what a program may cut by lines.
    Console(width=None if on_terminal() else 240, highlight=False).print(table)


def print_task(task: Json) -> None:
    """Print one task as it stands."""
    rows = [
        ("task", task["task_name"]),
        ("kind", task["kind"]),
        ("status", task["status"]),
        ("created", when(task.get("created_at"))),
        ("started", when(task.get("started_at"))),
        ("ended", when(task.get("ended_at"))),
        ("place in queue", task.get("queue_position")),
        ("waits for approval of", ", ".join(map(str, task.get("waits_for") or ()))),
        ("progress", _progress(task.get("progress"))),
        ("batches", task.get("n_batches")),
        ("data set", _dataset(task.get("dataset"))),
        ("error", _error(task.get("error"))),
        ("checkpoint", _checkpoint(task)),
    ]
    print_table("", ("field", "value"), [row for row in rows if row[1] not in (None, "")])
    members = [(part.get("index"), part.get("role"), part.get("party")) for part in task.get("members", ())]
    print_table("clients", ("client", "role", "party"), members)
    for notice in notices_of(task):
        typer.echo(notice)


def print_tasks(page: Json) -> None:
    """Print a page of tasks."""
    rows = [
        (task["task_name"], task["kind"], task["status"], when(task.get("created_at")), task.get("n_batches"))
        for task in page["tasks"]
    ]
    print_table("", ("task", "kind", "status", "created", "batches"), rows)
    typer.echo(f"{len(rows)} of {page['total']} tasks")


def print_record(record: Json) -> None:
    """Print the record of a training."""
    print_table("", record["columns"], [in_six_digits(row) for row in record["rows"]])


def in_six_digits(row: Sequence[object]) -> list[object]:
    """Return a row with its fractions in six digits."""
    return [f"{cell:.6g}" if isinstance(cell, float) else cell for cell in row]


def when(seconds: object) -> str:
    """Return a time, or nothing where there is none."""
    if not isinstance(seconds, int | float):
        return ""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _progress(progress: object) -> str:
    if not isinstance(progress, dict):
        return ""
    steps = f"{progress['done']}/{progress['total']}" if progress.get("total") else progress.get("done", "")
    return f"{progress.get('phase', '')} {steps}".strip()


def _checkpoint(task: Json) -> str:
    if task.get("checkpoint") is None:
        return ""
    hint = f"; go on with: fedray resume {task['task_name']}" if task.get("resumable") is True else ""
    return f"after step {task['checkpoint']}{hint}"


def _dataset(dataset: object) -> str:
    return f"{dataset[0]} rows to train, {dataset[1]} to test" if isinstance(dataset, list) else ""


def _error(error: object) -> str:
    if not isinstance(error, dict):
        return ""
    where = ", ".join(str(error[key]) for key in ("party", "phase") if error.get(key))
    return f"{error.get('type', '')}: {where + ': ' if where else ''}{error.get('message', '')}"
