"""The commands that talk to a server: each asks the native API and shows the answer."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from fedray.errors import SpecError
from serve_api.cli.client import Server, model_path, task_path
from serve_api.cli.exit_codes import CliError, ExitCode
from serve_api.cli.model_screen import print_model, print_models
from serve_api.cli.options import JsonOption, NameArgument, ServerOption, WatchOption, connect
from serve_api.cli.report import print_report
from serve_api.cli.screen import clean, print_json, print_record, print_table, print_task, print_tasks
from serve_api.cli.watch import watch
from serve_api.trust import notices_of

__all__ = [
    "cancel",
    "forget",
    "model",
    "models",
    "parties",
    "read_document",
    "record",
    "report",
    "resume",
    "start",
    "status",
    "submit",
    "tag",
    "tasks",
    "watch_task",
]


def submit(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Task document; - reads the standard input.")],
    start: Annotated[bool, typer.Option("--start", help="Start the task at once.")] = False,
    watch: WatchOption = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Create a task from a JSON document; # comments and trailing commas are allowed. --watch implies --start."""
    document = read_document(file)
    with connect(context, server) as api:
        task = api.post("/tasks", document, {"start": "true"} if start or watch else None)
        if watch:
            _watch(api, task["task_name"], as_json)
        if as_json:
            print_json(task)
            return
    done = "created and started" if start else "created"
    waits = f"; it waits for the approval of {', '.join(task['waits_for'])}" if task.get("waits_for") else ""
    typer.echo(f"Task {clean(task['task_name'])} {done}{clean(waits)}.")
    for notice in notices_of(task):
        typer.echo(notice)


def start(
    context: typer.Context,
    name: NameArgument,
    watch: WatchOption = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Start a created task."""
    with connect(context, server) as api:
        task = api.post(task_path(name, "start"))
        if watch:
            _watch(api, name, as_json)
    if as_json:
        print_json(task)
    elif task.get("waits_for"):
        typer.echo(f"Task {clean(name)} starts when {clean(', '.join(task['waits_for']))} has approved it.")
    else:
        typer.echo(f"Task {clean(name)} started.")


def resume(
    context: typer.Context,
    name: NameArgument,
    watch: WatchOption = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Let a training that failed go on from its last checkpoint."""
    with connect(context, server) as api:
        task = api.post(task_path(name, "resume"))
        if watch:
            _watch(api, name, as_json)
    if as_json:
        print_json(task)
    else:
        typer.echo(f"Task {clean(name)} goes on from its last checkpoint.")


def cancel(
    context: typer.Context, name: NameArgument, as_json: JsonOption = False, server: ServerOption = None
) -> None:
    """Cancel a task that has not ended."""
    with connect(context, server) as api:
        task = api.post(task_path(name, "cancel"))
    if as_json:
        print_json(task)
    else:
        typer.echo(f"Task {clean(name)}: asked to cancel; its status is {task['status']}.")


def status(
    context: typer.Context, name: NameArgument, as_json: JsonOption = False, server: ServerOption = None
) -> None:
    """Show a task as it stands; exits 0 whatever its status is."""
    with connect(context, server) as api:
        task = api.get(task_path(name))
    (print_json if as_json else print_task)(task)


def record(
    context: typer.Context, name: NameArgument, as_json: JsonOption = False, server: ServerOption = None
) -> None:
    """Show the record of a training: loss and metrics of each test round."""
    with connect(context, server) as api:
        rows = api.get(task_path(name, "record"))
    (print_json if as_json else print_record)(rows)


def report(
    context: typer.Context, name: NameArgument, as_json: JsonOption = False, server: ServerOption = None
) -> None:
    """Show what a task gave, what it revealed to whom, and what it cost."""
    with connect(context, server) as api:
        document = api.get(task_path(name, "report"))
    (print_json if as_json else print_report)(document)


def tasks(
    context: typer.Context,
    status: Annotated[str | None, typer.Option("--status", help="Only tasks in this state.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only tasks of this kind.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="The most tasks to show.")] = 50,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """List tasks, the newest first."""
    with connect(context, server) as api:
        page = api.get("/tasks", {"status": status, "kind": kind, "limit": limit})
    (print_json if as_json else print_tasks)(page)


def models(
    context: typer.Context,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="The most models to show.")] = 50,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """List the models of finished trainings, the newest first."""
    with connect(context, server) as api:
        page = api.get("/models", {"limit": limit})
    (print_json if as_json else print_models)(page)


def model(context: typer.Context, name: NameArgument, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Show a model: who has its parts, how good it was on the test rows, how it was trained."""
    with connect(context, server) as api:
        found = api.get(model_path(name))
    (print_json if as_json else print_model)(found)


def tag(
    context: typer.Context,
    name: NameArgument,
    tag: Annotated[str, typer.Argument(metavar="TAG", help="Such as champion: a-z, 0-9, '.', '_', '-'.")],
    remove: Annotated[bool, typer.Option("--remove", help="Take the tag away from the model.")] = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Let a tag point to a model, and to no other any more; task documents name the model as @TAG."""
    with connect(context, server) as api:
        path = model_path(name, tag)
        found = api.delete(path) if remove else api.put(path)
    if as_json:
        print_json(found)
    else:
        typer.echo(f"Model {clean(name)}: {'no longer has' if remove else 'has'} the tag {clean(tag)}.")


def forget(
    context: typer.Context,
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Needed: nobody can bring the parts back.")] = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Let every party delete its part of a model, and show their receipts; the task stays."""
    if not yes:
        raise CliError("--yes: expected it, since nobody can bring a deleted part back.", ExitCode.USAGE)
    with connect(context, server) as api:
        found = api.delete(model_path(name))
    (print_json if as_json else print_model)(found)


def parties(context: typer.Context, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """List the parties that tasks may name."""
    with connect(context, server) as api:
        answer = api.get("/parties")
    if as_json:
        print_json(answer)
        return
    if not answer["parties"]:
        typer.echo("No registry: every (addr, http_port) is a party on the server's own machine.")
        return
    names = list(dict.fromkeys(key for party in answer["parties"] for key in party))
    print_table("", names, [[party.get(key) for key in names] for party in answer["parties"]])


def watch_task(
    context: typer.Context, name: NameArgument, as_json: JsonOption = False, server: ServerOption = None
) -> None:
    """Show the progress of a task until it ends."""
    with connect(context, server) as api:
        _watch(api, name, as_json)


def _watch(api: Server, name: str, as_json: bool) -> None:
    """Watch until the end and leave with the exit code of the task."""
    raise typer.Exit(int(watch(api, name, as_json)))


def read_document(file: str) -> bytes:
    """Return the document of a file as strict JSON."""
    from fedray.task.text import load_json

    try:
        text = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise CliError(f"FILE: cannot read {clean(file)}: {reason}.", ExitCode.USAGE) from error
    try:
        return json.dumps(load_json(text)).encode()
    except SpecError as error:
        raise CliError(f"FILE: {clean(file)}: {error.message}", ExitCode.USAGE) from error
