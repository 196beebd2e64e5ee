"""Following a task until it ends: polls its events and shows them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

import typer

from serve_api.cli.client import Server, task_path
from serve_api.cli.exit_codes import CliError, ExitCode
from serve_api.cli.progress import Progress, record_line
from serve_api.cli.screen import clean, on_terminal

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["ENDS", "STEADY", "Pace", "ask_patiently", "follow", "watch"]

Json = dict[str, Any]
_PAGE: Final = 500
ENDS: Final = {
    "finished": ExitCode.OK,
    "failed": ExitCode.TASK_FAILED,
    "cancelled": ExitCode.TASK_CANCELLED,
}
"""How a task or a pipeline may end -> what the command ends with."""


@dataclass(frozen=True)
class Pace:
    """How often to ask, and how long to bear with a server that does not answer."""

    poll_s: float = 0.3
    retry_s: float = 1.0
    retries: int = 15
    line_s: float = 5.0


STEADY: Final = Pace()
"""The pace at a terminal."""


class View(Protocol):
    """Where a watched task is shown."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, task: Json, events: list[Json]) -> None:
        """Show the task as it stands and what has happened since the last call."""


def watch(server: Server, name: str, as_json: bool, pace: Pace | None = None) -> ExitCode:
    """Show a task until it ends.

    Returns
    -------
    ExitCode
        OK, TASK_FAILED or TASK_CANCELLED.

    Raises
    ------
    CliError
        The server refuses, or stays away for longer than `pace`, left out: `STEADY`, allows.
    """
    pace = pace or STEADY
    task: Json = {}
    try:
        with _view(name, as_json, pace) as view:
            for task, events in follow(server, name, pace):
                view.show(task, events)
    except KeyboardInterrupt:
        typer.echo(f"Stopped watching; the task goes on. See it again with: fedray watch {clean(name)}", err=True)
        raise
    if not as_json:
        _say_end(task)
    return ENDS[task["status"]]


def follow(server: Server, name: str, pace: Pace) -> Iterator[tuple[Json, list[Json]]]:
    """Yield the task and its new events until it has ended; the last pair holds the last event."""
    path, after = task_path(name), 0
    task = server.get(path)
    while True:
        events: list[Json] = []
        while page := ask_patiently(server, pace, f"{path}/events", {"after": after, "limit": _PAGE})["events"]:
            events += page
            after = page[-1]["id"]
        yield task, events
        if task["status"] in ENDS:
            return
        time.sleep(pace.poll_s)
        task = ask_patiently(server, pace, path)


def ask_patiently(server: Server, pace: Pace, path: str, params: Mapping[str, object] | None = None) -> Json:
    """Ask again while the server is away: it may be restarting, and it knows its tasks afterwards."""
    for _ in range(pace.retries):
        try:
            return server.get(path, params)
        except CliError as error:
            if error.code is not ExitCode.UNREACHABLE:
                raise
            time.sleep(pace.retry_s)
    return server.get(path, params)


def _view(name: str, as_json: bool, pace: Pace) -> View:
    if as_json:
        return JsonLines()
    return Screen(name) if on_terminal() else Lines(pace)


def _say_end(task: Json) -> None:
    started, ended = task.get("started_at"), task.get("ended_at")
    took = f" after {ended - started:.1f} s" if started is not None and ended is not None else ""
    typer.echo(f"Task {clean(task['task_name'])} {task['status']}{took}.")
    error = task.get("error")
    if error:
        where = ", ".join(error[key] for key in ("party", "phase") if error.get(key))
        sentence = f"{where}: {error.get('message', '')}" if where else error.get("message", "")
        typer.echo(clean(f"{error.get('type', 'Error')}: {sentence}"), err=True)
    if task.get("resumable") is True:
        name = clean(task["task_name"])
        typer.echo(f"It can go on from the checkpoint after step {task['checkpoint']}: fedray resume {name}", err=True)


class _Quiet:
    """A view that needs no clearing up."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class JsonLines(_Quiet):
    """Every event as one line of JSON; why nothing happens yet goes to the standard error."""

    def __init__(self) -> None:
        self._told = False

    def show(self, task: Json, events: list[Json]) -> None:
        """Write the new events."""
        if task["status"] == "created" and not self._told:
            typer.echo(waiting_line(task), err=True)
            self._told = True
        for event in events:
            typer.echo(json.dumps(event, ensure_ascii=False))


class Lines(_Quiet):
    """Plain lines: phases, rows of the record, notes, and the progress every few seconds."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._progress = Progress()
        self._told_s = time.monotonic()
        self._waiting = ""
        self._phases = {""}

    def show(self, task: Json, events: list[Json]) -> None:
        """Write a line for what is new."""
        for event in events:
            self._progress = self._progress.after(event)
            self._show_phase(event)
            line = event_line(event)
            if line:
                typer.echo(line)
        waiting = waiting_line(task)
        if waiting and waiting != self._waiting:
            typer.echo(waiting)
        self._waiting = waiting
        if time.monotonic() - self._told_s >= self._pace.line_s and self._progress.line():
            typer.echo(clean(self._progress.line()))
            self._told_s = time.monotonic()

    def _show_phase(self, event: Json) -> None:
        """Name a phase once, however many parties come to it."""
        phase = self._progress.phase
        if phase not in self._phases:
            self._phases.add(phase)
            text = event["data"].get("text")
            typer.echo(clean(f"phase {phase}: {text}" if text else f"phase {phase}"))


class Screen:
    """A live block at the bottom of the terminal, with the rows of the record above it."""

    def __init__(self, name: str) -> None:
        from rich.console import Console
        from rich.live import Live

        self._name = clean(name)
        self._progress = Progress()
        self._live = Live(console=Console(highlight=False), refresh_per_second=4)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def show(self, task: Json, events: list[Json]) -> None:
        """Draw the block anew."""
        for event in events:
            self._progress = self._progress.after(event)
            line = event_line(event)
            if line:
                self._live.console.print(line, markup=False)
        self._live.update(self._block(task))

    def _block(self, task: Json) -> RenderableType:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.text import Text

        state = self._progress
        head = Text.assemble((self._name, "bold"), "  ", (str(task["status"]), "cyan"))
        lines: list[RenderableType] = [head, Text(waiting_line(task) or clean(state.line()))]
        if state.total:
            lines.append(ProgressBar(total=state.total, completed=min(state.done, state.total), width=50))
        return Group(*lines)


def event_line(event: Json) -> str:
    """Return the line that a person wants to keep of an event, or ""."""
    data = event.get("data")
    if not isinstance(data, dict):
        return ""
    match event.get("kind"):
        case "record":
            return clean(record_line(data))
        case "note" if data.get("text") or data.get("message"):
            party = event.get("party")
            return clean(f"note{f' from {party}' if party else ''}: {data.get('text') or data['message']}")
        case "resumed":
            return clean(data.get("text", ""))
        case "dataset" if "n_train" in data and "n_test" in data:
            return clean(f"data set: {data['n_train']} rows to train, {data['n_test']} to test")
        case _:
            return ""


def waiting_line(task: Json) -> str:
    """Return why nothing happens yet, or ""."""
    if task["status"] == "created":
        return f"created, not started; start it with: fedray start {clean(task['task_name'])}"
    if task["status"] == "queued":
        place = task.get("queue_position")
        return "queued" if place is None else f"queued at place {place}"
    return ""
