"""The command line of the benchmarks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["build"]

Json = Annotated[bool, typer.Option("--json", help="One JSON line, nothing else.")]
Repeat = Annotated[int, typer.Option(min=1, help="Runs; medians are reported.")]


def build() -> typer.Typer:
    """Return the command line."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    app.command("train")(train)
    app.command("align")(align)
    app.command("memory")(memory)
    app.command("ops")(ops)
    return app


def train(
    data: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the three credit files.")],
    batch: Annotated[int, typer.Option(min=1)] = 64,
    transport: Annotated[str, typer.Option(help="ray, fast, or memory: threads of one process.")] = "ray",
    epochs: Annotated[int, typer.Option(min=1)] = 3,
    hidden: Annotated[str, typer.Option(help="Widths, e.g. 16,1; empty is logistic regression.")] = "",
    loss: str = "bce",
    rate: float = 0.05,
    repeat: Repeat = 3,
    as_json: Json = False,
) -> None:
    """Milliseconds a batch of training, beside the float64 oracle on the same batches."""
    from benchmarks.train import run

    widths = tuple(int(width) for width in hidden.split(",") if width) or (1,)
    _print(run(data, transport, widths, (batch, epochs, rate, loss), repeat), as_json)


def align(
    rows: Annotated[int, typer.Option(min=1000)] = 1_000_000,
    columns: Annotated[int, typer.Option(min=1)] = 2,
    parties: Annotated[int, typer.Option(min=2)] = 3,
    transport: str = "ray",
    repeat: Repeat = 1,
    as_json: Json = False,
) -> None:
    """Seconds and memory of an alignment of tables that have half of their ids in common, files in and out."""
    from benchmarks.align import run

    _print(run(rows, columns, parties, transport, repeat), as_json)


def memory(as_json: Json = False) -> None:
    """Memory of a server with Ray and five idle actors."""
    from benchmarks.memory import run

    _print(run(), as_json)


def ops(
    parties: Annotated[int, typer.Option(min=2, help="Computing parties, beside the dealer.")] = 2,
    transport: Annotated[str, typer.Option(help="fast")] = "fast",
    repeat: Repeat = 3,
    as_json: Json = False,
) -> None:
    """Single operations on shares; one line each."""
    if transport != "fast":
        raise typer.BadParameter("operations are measured over the fast transport only")
    from benchmarks.ops import run

    for line in run(parties, repeat):
        _print(line, as_json)


def _print(line: dict[str, object], as_json: bool) -> None:
    if as_json:
        print(json.dumps(line))
        return
    for key, value in line.items():
        print(f"{key:>20}  {value}")
