"""Commands that measure a whole server, from HTTP or gRPC to the parties."""

from __future__ import annotations

from typing import Annotated

import typer

from benchmarks.options import ONCE, Beside, Data, Json, show

__all__ = ["jobs", "list_tasks", "load", "memory", "online"]


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

    show((run(data, transport, model, requests, rows, at_once) for _ in ONCE), as_json)


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

    show((run(clients, seconds, interval, transport) for _ in ONCE), as_json)


def list_tasks(
    rate: Annotated[float, typer.Option(min=1, help="ListTask calls a second over gRPC, answered or not.")] = 1000.0,
    seconds: Annotated[float, typer.Option(min=1)] = 30.0,
    transport: Beside = "ray",
    as_json: Json = False,
) -> None:
    """Call ListTask of the PaddleDTX API at a rate while a task trains: errors, milliseconds, batches a second."""
    from benchmarks.load import run_lists

    show((run_lists(rate, seconds, transport) for _ in ONCE), as_json)


def jobs(
    count: Annotated[int, typer.Option(min=1, help="Jobs that are submitted at once.")] = 20,
    max_tasks: Annotated[int, typer.Option(min=1, help="Tasks that the server runs at a time.")] = 4,
    iterations: Annotated[int, typer.Option(min=1, help="Passes over the rows of each training.")] = 3,
    as_json: Json = False,
) -> None:
    """Measure FATE jobs that are submitted at once: alignment, logistic regression and evaluation of 569 rows."""
    from benchmarks.jobs import run

    show((run(count, max_tasks, iterations) for _ in ONCE), as_json)


def memory(as_json: Json = False) -> None:
    """Memory of a server with Ray and five idle actors."""
    from benchmarks.memory import run

    show((run() for _ in ONCE), as_json)
