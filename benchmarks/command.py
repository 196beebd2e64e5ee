"""The command line of the benchmarks; here are the commands that measure models, protocols and the dealer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.line_commands import page, plot, tables
from benchmarks.options import (
    ONCE,
    Data,
    Hidden,
    Json,
    Parties,
    Quick,
    Repeat,
    Several,
    Steps,
    Transport,
    show,
    whole,
    widths,
)
from benchmarks.server_commands import jobs, list_tasks, load, memory, online

__all__ = ["build"]

NAMES = {"list_tasks": "list"}
"""Of commands whose names are Python's own."""


def build() -> typer.Typer:
    """Return the command line."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    commands = (
        train,
        trees,
        predict,
        online,
        load,
        jobs,
        list_tasks,
        ops,
        sweep,
        dealer,
        scaling,
        align,
        shard,
        memory,
        peers,
        machine,
        tables,
        plot,
        page,
    )
    for command in commands:
        app.command(NAMES.get(command.__name__, command.__name__))(command)
    return app


def train(
    data: Data,
    batch: Annotated[int, typer.Option(min=1)] = 64,
    transport: Transport = "ray",
    parties: Parties = 3,
    epochs: Annotated[int, typer.Option(min=1)] = 3,
    hidden: Hidden = "",
    loss: str = "bce",
    rate: float = 0.05,
    repeat: Repeat = 3,
    as_json: Json = False,
) -> None:
    """Milliseconds a batch of training, beside the float64 oracle on the same batches."""
    from benchmarks.credit import Training
    from benchmarks.train import run

    training = Training(widths(hidden), batch, 1, rate, loss, parties)
    show((run(data, transport, training, epochs, repeat) for _ in ONCE), as_json)


def trees(
    data: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the three credit files.")] = None,
    rows: Annotated[int | None, typer.Option(min=1000, help="Rows of made-up tables, in place of --data.")] = None,
    features: Annotated[int, typer.Option(min=2, help="Columns of the made-up tables.")] = 23,
    trees: Annotated[int, typer.Option(min=1)] = 10,
    depth: Annotated[int, typer.Option(min=1, max=10)] = 4,
    bins: Annotated[int, typer.Option(min=2, max=256)] = 32,
    rate: float = 0.3,
    transport: Transport = "ray",
    parties: Parties = 3,
    matrix_memory_mb: Annotated[int, typer.Option(min=0, help="MiB of masked bins that a party keeps.")] = 1024,
    repeat: Repeat = 1,
    as_json: Json = False,
) -> None:
    """Seconds a tree of secure_xgboost, beside the float64 oracle and scikit-learn's histogram boosting."""
    from benchmarks.trees import Boosting, Made, run

    tables = data if rows is None else Made(rows, features)
    if tables is None or (data is not None and rows is not None):
        raise typer.BadParameter("expected either --data DIR or --rows N")
    boosting = Boosting(trees, depth, bins, rate, parties, matrix_memory_mb)
    show((run(tables, transport, boosting, repeat) for _ in ONCE), as_json)


def predict(
    data: Data,
    model: Annotated[str, typer.Option(help="linear, network, or trees.")] = "linear",
    transport: Transport = "ray",
    repeat: Repeat = 3,
    as_json: Json = False,
) -> None:
    """Seconds to predict all rows of the credit data with a kept model, from the files to the file."""
    from benchmarks.predict import MODELS, run

    if model not in MODELS:
        raise typer.BadParameter(f"--model {model[:80]}: expected one of {', '.join(MODELS)}")
    show((run(data, transport, model, repeat) for _ in ONCE), as_json)


def ops(
    parties: Parties = 2,
    transport: Annotated[str, typer.Option(help="fast")] = "fast",
    op: Annotated[str, typer.Option(metavar="NAME", help="One operation only.")] = "",
    small: Annotated[bool, typer.Option("--small", help="Tiny sizes, to see that it works.")] = False,
    repeat: Repeat = 3,
    as_json: Json = False,
) -> None:
    """Single operations on shares; one line each."""
    if transport != "fast":
        raise typer.BadParameter("operations are measured over the fast transport only")
    from benchmarks.ops import run

    show(run(parties, repeat, op, small), as_json)


def sweep(
    data: Data,
    batches: Several = "16,64,256,1024,4096",
    parties: Several = "2,3,5,8",
    transports: Annotated[str, typer.Option(metavar="NAME,...")] = "memory,fast,ray",
    hidden: Hidden = "",
    steps: Steps = 100,
    repeat: Repeat = 3,
    quick: Quick = False,
    as_json: Json = False,
) -> None:
    """Milliseconds a batch over batch size (three parties) and parties (batches of 256), by transport; a line each."""
    from benchmarks.credit import Training
    from benchmarks.sweep import run

    grid = (whole(batches), whole(parties), transports.split(","))
    if quick:
        grid, steps, repeat = ([64, 256], [2, 3], ["memory"]), 20, 1
    show(run(data, grid, Training(widths(hidden), steps=steps), repeat), as_json)


def dealer(
    parties: Parties = 3,
    seconds: Annotated[float, typer.Option(min=0.01, help="Of each run.")] = 0.5,
    repeat: Repeat = 3,
    quick: Quick = False,
    as_json: Json = False,
) -> None:
    """Measure the dealer alone: words of correlations a second by kind, steps a second of trainings; a line each."""
    from benchmarks.dealer import run

    show(run(parties, *((0.01, 1) if quick else (seconds, repeat))), as_json)


def scaling(
    rows: Several = "1000,10000,100000",
    features: Several = "8,32,128,512",
    transport: Transport = "fast",
    parties: Parties = 3,
    batch: Annotated[int, typer.Option(min=1)] = 256,
    hidden: Hidden = "",
    steps: Steps = 100,
    repeat: Repeat = 3,
    quick: Quick = False,
    as_json: Json = False,
) -> None:
    """Cost of training over rows (32 features) and features (10,000 rows) of made-up tables; a line each."""
    from benchmarks.credit import Training
    from benchmarks.scaling import run

    grid = (whole(rows), whole(features))
    if quick:
        grid, transport, steps, repeat = ([1000], [32]), "memory", 10, 1
    training = Training(widths(hidden), batch, steps, parties=parties)
    show(run(grid, transport, training, repeat), as_json)


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

    show((run(rows, columns, parties, transport, repeat) for _ in ONCE), as_json)


def peers(
    data: Data,
    spu: Annotated[Path, typer.Option(metavar="PYTHON", help="An interpreter that has the packages spu and jax.")],
    parties: Several = "2,3",
    turns: Annotated[int, typer.Option(min=1, help="How often each side is started, one after the other.")] = 3,
    repeat: Annotated[int, typer.Option(min=1, help="Runs of an operation in each turn.")] = 5,
    steps: Annotated[int, typer.Option(min=1, help="Batches of each of our trainings.")] = 500,
    op: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Some operations only; may be repeated.")] = None,
    small: Annotated[bool, typer.Option("--small", help="Tiny sizes, to see that it works.")] = False,
    as_json: Json = False,
) -> None:
    """Compare with SecretFlow's SPU, by turns on this machine: seconds of both and theirs over ours; a line each."""
    from benchmarks.peers.compare import Asked, run

    show(run(data, Asked(spu, whole(parties), turns, repeat, steps, op or (), small)), as_json)


def shard(
    rows: Annotated[int, typer.Option(min=1000)] = 1_000_000,
    nodes: Several = "1,2,4",
    columns: Annotated[int, typer.Option(min=1, help="Of features of one owner.")] = 8,
    bins: Annotated[int, typer.Option(min=2, max=256)] = 32,
    matrix_memory_mb: Annotated[int, typer.Option(min=0, help="MiB of masked bins that each process keeps.")] = 1024,
    repeat: Repeat = 1,
    as_json: Json = False,
) -> None:
    """Measure one party over several local nodes: tokens, bins, histograms of a level; a line for each and each step.

    All nodes share this machine: speed-up ends where its processors do.
    """
    from benchmarks.shard import Sharing, run

    counts = whole(nodes)
    if not counts or min(counts) < 1:
        raise typer.BadParameter(f"{nodes[:80]}: expected numbers of nodes from 1 on")
    show(run(Sharing(rows, columns, bins, matrix_memory_mb=matrix_memory_mb), counts, repeat), as_json)


def machine(as_json: Json = False) -> None:
    """Class of this machine and versions of what runs on it."""
    from benchmarks.machine import describe

    show([describe()], as_json)
