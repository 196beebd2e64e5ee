"""Options that several commands have, and how their lines are printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.lines import Line

__all__ = [
    "ONCE",
    "Beside",
    "Data",
    "Hidden",
    "Json",
    "Parties",
    "Quick",
    "Repeat",
    "Several",
    "Steps",
    "Transport",
    "show",
    "whole",
    "widths",
]

Json = Annotated[bool, typer.Option("--json", help="One JSON line, nothing else.")]
Data = Annotated[Path, typer.Option(metavar="DIR", help="Folder of the three credit files.")]
Transport = Annotated[str, typer.Option(help="ray, fast, or memory: threads of one process.")]
Beside = Annotated[str, typer.Option(help="ray or fast: between the parties of the training.")]
Parties = Annotated[int, typer.Option(min=2, max=24, help="Computing parties, the label client among them.")]
Hidden = Annotated[str, typer.Option(help="Widths, e.g. 16,1; empty is logistic regression.")]
Repeat = Annotated[int, typer.Option(min=1, help="Runs; medians are reported.")]
Steps = Annotated[int, typer.Option(min=1, help="Batches of each run.")]
Several = Annotated[str, typer.Option(metavar="N,...", help="Numbers, with commas.")]
Quick = Annotated[bool, typer.Option("--quick", help="A few points and single runs, to see that it works.")]

ONCE = (0,)
"""For commands of one line: measured when it is asked for."""


def widths(hidden: str) -> tuple[int, ...]:
    """Return the widths of a network's layers; logistic regression where none are named."""
    return tuple(whole(hidden)) or (1,)


def whole(text: str) -> list[int]:
    """Return numbers that have commas between them; raises ``typer.BadParameter``."""
    try:
        return [int(number) for number in text.split(",") if number]
    except ValueError:
        raise typer.BadParameter(f"{text[:80]}: expected whole numbers with commas between them") from None


def show(lines: Iterable[Line], as_json: bool) -> None:
    """Print each line when it has been measured; what Ray prints meanwhile goes to standard error."""
    left = iter(lines)
    while True:
        with redirect_stdout(sys.stderr):
            line = next(left, None)
        if line is None:
            return
        text = json.dumps(line) if as_json else "\n".join(f"{key:>20}  {value}" for key, value in line.items())
        print(text, flush=True)
