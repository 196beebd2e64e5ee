"""Following a pipeline until it ends: asks for it again and again, and shows its steps."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

from serve_api.cli import watch as tasks
from serve_api.cli.client import Server, pipeline_path
from serve_api.cli.exit_codes import ExitCode
from serve_api.cli.screen import clean, on_terminal
from serve_api.cli.watch import ENDS, Pace, ask_patiently

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["progress_text", "watch_pipeline"]

Json = dict[str, Any]


def watch_pipeline(server: Server, name: str, as_json: bool) -> ExitCode:
    """Show a pipeline until it ends, and return the exit code of a task that ends so.

    Raises
    ------
    CliError
        The server refuses, or stays away for too long.
    """
    pipeline: Json = {}
    try:
        found = _follow(server, name, tasks.STEADY)
        shown = _live(found) if on_terminal() and not as_json else _lines(found, as_json, tasks.STEADY)
        for pipeline in shown:  # noqa: B007 - the last one is told below
            pass
    except KeyboardInterrupt:
        again = f"fedray pipeline watch {clean(name)}"
        typer.echo(f"Stopped watching; the pipeline goes on. See it again with: {again}", err=True)
        raise
    if not as_json:
        _say_end(pipeline)
    return ENDS[pipeline["status"]]


def progress_text(step: Json) -> str:
    """Return how far a step's task is: its phase, and the steps done in it."""
    progress = step.get("progress")
    if not isinstance(progress, dict) or step["status"] != "running":
        return ""
    done, total = progress.get("done", ""), progress.get("total")
    return clean(f"{progress.get('phase', '')} {f'{done}/{total}' if total else done}".strip())


def _follow(server: Server, name: str, pace: Pace) -> Iterator[Json]:
    """Yield the pipeline as it stands until it has ended."""
    pipeline = server.get(pipeline_path(name))
    while pipeline["status"] not in ENDS:
        yield pipeline
        time.sleep(pace.poll_s)
        pipeline = ask_patiently(server, pace, pipeline_path(name))
    yield pipeline


def _lines(found: Iterator[Json], as_json: bool, pace: Pace) -> Iterator[Json]:
    """Write a line for each change of a step, and how far those are that run every few seconds."""
    known: dict[str, tuple[str, str]] = {}
    told_s = time.monotonic()
    for pipeline in found:
        for step in pipeline["steps"]:
            stands = (step["status"], step["message"])
            if known.get(step["name"]) != stands and stands != ("waiting", ""):
                known[step["name"]] = stands
                typer.echo(json.dumps(step, ensure_ascii=False) if as_json else _line(step))
        if not as_json and time.monotonic() - told_s >= pace.line_s:
            told_s = time.monotonic()
            for step in pipeline["steps"]:
                if progress_text(step):
                    typer.echo(f"{clean(step['name'])}: {progress_text(step)}")
        yield pipeline


def _line(step: Json) -> str:
    message = f": {step['message']}" if step["message"] else ""
    return clean(f"{step['name']} {step['status']}{message}")


def _live(found: Iterator[Json]) -> Iterator[Json]:
    """Keep a table of the steps on the terminal."""
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(highlight=False), refresh_per_second=4) as live:
        for pipeline in found:
            live.update(_table(pipeline))
            yield pipeline


def _table(pipeline: Json) -> RenderableType:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    title = Text.assemble((clean(pipeline["name"]), "bold"), "  ", (str(pipeline["status"]), "cyan"))
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for head in ("step", "kind", "status", ""):
        table.add_column(head, overflow="fold")
    for step in pipeline["steps"]:
        cells = (step["name"], step["kind"], step["status"], progress_text(step) or step["message"])
        table.add_row(*(Text(clean(cell)) for cell in cells))
    return table


def _say_end(pipeline: Json) -> None:
    started, ended = pipeline.get("started_ms"), pipeline.get("ended_ms")
    took = f" after {(ended - started) / 1000:.1f} s" if started is not None and ended is not None else ""
    name = clean(pipeline["name"])
    typer.echo(f"Pipeline {name} {pipeline['status']}{took}.")
    for step in pipeline["steps"]:
        if step["status"] == "failed":
            typer.echo(_line(step), err=True)
    if pipeline["status"] != "finished":
        typer.echo(f"It can go on with: fedray pipeline resume {name}", err=True)
