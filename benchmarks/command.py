"""The command line of the benchmarks."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.lines import Line

__all__ = ["build"]

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

NAMES = {"list_tasks": "list"}
"""Of commands whose names are Python's own."""

ONCE = (0,)
"""For commands of one line: measured when it is asked for."""


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

    training = Training(_widths(hidden), batch, 1, rate, loss, parties)
    _print((run(data, transport, training, epochs, repeat) for _ in ONCE), as_json)


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
    _print((run(tables, transport, boosting, repeat) for _ in ONCE), as_json)


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
    _print((run(data, transport, model, repeat) for _ in ONCE), as_json)


def online(
    data: Data,
    transport: Annotated[str, typer.Option(help="ray or fast: between the parties; requests come over HTTP.")] = "ray",
    model: Annotated[str, typer.Option(help="linear or network.")] = "linear",
    requests: Annotated[int, typer.Option(min=1, help="Requests of each part.")] = 300,
    rows: Annotated[int, typer.Option(min=1, max=10_000, help="Ids of a request.")] = 1,
    at_once: Annotated[int, typer.Option(min=1, max=24, help="Callers of the second part.")] = 8,
    as_json: Json = False,
) -> None:
    """Predictions of single rows over HTTP: milliseconds one after the other, requests a second of several callers."""
    from benchmarks.online import run

    _print((run(data, transport, model, requests, rows, at_once) for _ in ONCE), as_json)


def load(
    clients: Annotated[int, typer.Option(min=1, max=2000, help="HTTP clients, each with a connection.")] = 200,
    seconds: Annotated[float, typer.Option(min=1)] = 60.0,
    interval: Annotated[
        float, typer.Option(min=0, help="Seconds from a client's request to its next; 0 asks again when answered.")
    ] = 1.0,
    transport: Beside = "ray",
    as_json: Json = False,
) -> None:
    """Ask a server with many clients while a task trains: errors, milliseconds of queryStatus, batches a second."""
    from benchmarks.load import run

    _print((run(clients, seconds, interval, transport) for _ in ONCE), as_json)


def list_tasks(
    rate: Annotated[float, typer.Option(min=1, help="ListTask calls a second over gRPC, answered or not.")] = 1000.0,
    seconds: Annotated[float, typer.Option(min=1)] = 30.0,
    transport: Beside = "ray",
    as_json: Json = False,
) -> None:
    """Call ListTask of the PaddleDTX API at a rate while a task trains: errors, milliseconds, batches a second."""
    from benchmarks.load import run_lists

    _print((run_lists(rate, seconds, transport) for _ in ONCE), as_json)


def jobs(
    count: Annotated[int, typer.Option(min=1, help="Jobs that are submitted at once.")] = 20,
    max_tasks: Annotated[int, typer.Option(min=1, help="Tasks that the server runs at a time.")] = 4,
    iterations: Annotated[int, typer.Option(min=1, help="Passes over the rows of each training.")] = 3,
    as_json: Json = False,
) -> None:
    """Measure FATE jobs that are submitted at once: alignment, logistic regression and evaluation of 569 rows."""
    from benchmarks.jobs import run

    _print((run(count, max_tasks, iterations) for _ in ONCE), as_json)


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

    _print(run(parties, repeat, op, small), as_json)


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

    grid = (_whole(batches), _whole(parties), transports.split(","))
    if quick:
        grid, steps, repeat = ([64, 256], [2, 3], ["memory"]), 20, 1
    _print(run(data, grid, Training(_widths(hidden), steps=steps), repeat), as_json)


def dealer(
    parties: Parties = 3,
    seconds: Annotated[float, typer.Option(min=0.01, help="Of each run.")] = 0.5,
    repeat: Repeat = 3,
    quick: Quick = False,
    as_json: Json = False,
) -> None:
    """Measure the dealer alone: words of correlations a second by kind, steps a second of trainings; a line each."""
    from benchmarks.dealer import run

    _print(run(parties, *((0.01, 1) if quick else (seconds, repeat))), as_json)


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

    grid = (_whole(rows), _whole(features))
    if quick:
        grid, transport, steps, repeat = ([1000], [32]), "memory", 10, 1
    training = Training(_widths(hidden), batch, steps, parties=parties)
    _print(run(grid, transport, training, repeat), as_json)


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

    _print((run(rows, columns, parties, transport, repeat) for _ in ONCE), as_json)


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

    counts = _whole(nodes)
    if not counts or min(counts) < 1:
        raise typer.BadParameter(f"{nodes[:80]}: expected numbers of nodes from 1 on")
    _print(run(Sharing(rows, columns, bins, matrix_memory_mb=matrix_memory_mb), counts, repeat), as_json)


def memory(as_json: Json = False) -> None:
    """Memory of a server with Ray and five idle actors."""
    from benchmarks.memory import run

    _print((run() for _ in ONCE), as_json)


def machine(as_json: Json = False) -> None:
    """Class of this machine and versions of what runs on it."""
    from benchmarks.machine import describe

    _print([describe()], as_json)


def tables(
    data: Data,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where TABLE.jsonl are written.")],
    only: Annotated[str, typer.Option(metavar="NAME,...", help="Some tables only.")] = "",
    quick: Quick = False,
) -> None:
    """Every table, each in a file of lines; says how long each took."""
    from benchmarks.tables import TABLES, run

    wanted = tuple(name for name in only.split(",") if name)
    if unknown := set(wanted) - set(TABLES):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))[:80]}: expected some of {', '.join(TABLES)}")
    for table, seconds in run(data, out, wanted, quick):
        print(f"{table:>10}  {seconds:6.1f} s", flush=True)


def plot(
    files: Annotated[list[Path], typer.Argument(metavar="FILE.jsonl...")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the SVG files are written.")],
) -> None:
    """Draw the lines of ops, dealer, sweep and scaling."""
    from benchmarks.lines import read
    from benchmarks.plot import draw

    for file in draw(list(read(files)), out):
        print(file.name)


def page(
    files: Annotated[list[Path], typer.Argument(metavar="FILE.jsonl...")],
    out: Annotated[Path, typer.Option(metavar="PAGE.md", help="The page whose tables are replaced.")],
) -> None:
    """Write the lines as tables into a page, between its marks `<!-- NAME -->` and `<!-- end -->`."""
    from benchmarks.lines import read
    from benchmarks.page import fill

    fill(out, list(read(files)))


def _widths(hidden: str) -> tuple[int, ...]:
    return tuple(_whole(hidden)) or (1,)


def _whole(text: str) -> list[int]:
    """Return numbers with commas between them."""
    try:
        return [int(number) for number in text.split(",") if number]
    except ValueError:
        raise typer.BadParameter(f"{text[:80]}: expected whole numbers with commas between them") from None


def _print(lines: Iterable[Line], as_json: bool) -> None:
    """Print each line when it has been measured; what Ray prints meanwhile goes to standard error."""
    left = iter(lines)
    while True:
        with redirect_stdout(sys.stderr):
            line = next(left, None)
        if line is None:
            return
        text = json.dumps(line) if as_json else "\n".join(f"{key:>20}  {value}" for key, value in line.items())
        print(text, flush=True)
