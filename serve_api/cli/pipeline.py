"""`fedray pipeline`: several tasks of which some take what others made, as one thing to start, watch and cancel."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from serve_api.cli.client import Server, pipeline_path
from serve_api.cli.commands import read_document
from serve_api.cli.options import JsonOption, ServerOption, connect
from serve_api.cli.pipeline_watch import progress_text, watch_pipeline
from serve_api.cli.screen import clean, print_json, print_table, when

__all__ = ["build"]

Json = dict[str, Any]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the pipeline.")]
WatchOption = Annotated[
    bool, typer.Option("--watch", help="Show its steps until it ends; with --json a line for each change of a step.")
]


def build() -> typer.Typer:
    """Build the group of commands."""
    group = typer.Typer(help="Run several tasks, of which some take what others made.", no_args_is_help=True)
    group.command("run")(run)
    group.command("list")(list_pipelines)
    group.command("show")(show)
    group.command("watch")(watch)
    group.command("cancel")(cancel)
    group.command("resume")(resume)
    group.command("remove")(remove)
    return group


def run(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Pipeline document; - reads the standard input.")],
    watch: WatchOption = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Create a pipeline from a JSON document; its steps begin by themselves."""
    document = read_document(file)
    with connect(context, server) as api:
        made = api.post("/pipelines", document)
        _answer(api, made, watch, as_json, f"created, with {len(made['steps'])} steps.")


def list_pipelines(
    context: typer.Context,
    status: Annotated[str | None, typer.Option("--status", help="Only pipelines in this state.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="The most pipelines to show.")] = 50,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """List pipelines, the newest first."""
    with connect(context, server) as api:
        page = api.get("/pipelines", {"status": status, "limit": limit})
    if as_json:
        print_json(page)
        return
    rows = [(one["name"], one["status"], _done(one), _time(one["created_ms"])) for one in page["pipelines"]]
    print_table("", ("pipeline", "status", "steps finished", "created"), rows)
    typer.echo(f"{len(rows)} of {page['total']} pipelines")


def show(context: typer.Context, name: NameArgument, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Show a pipeline as it stands, with its steps and their tasks; exits 0 whatever its status is."""
    with connect(context, server) as api:
        found = api.get(pipeline_path(name))
    (print_json if as_json else _print)(found)


def watch(context: typer.Context, name: NameArgument, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Show the steps of a pipeline until it ends; Ctrl-C stops watching, not the pipeline."""
    with connect(context, server) as api:
        raise typer.Exit(int(watch_pipeline(api, name, as_json)))


def cancel(
    context: typer.Context, name: NameArgument, as_json: JsonOption = False, server: ServerOption = None
) -> None:
    """Cancel the tasks of a pipeline that are at work; the steps after them are skipped."""
    with connect(context, server) as api:
        found = api.post(pipeline_path(name, "cancel"))
        _answer(api, found, False, as_json, f"asked to cancel; its status is {found['status']}.")


def resume(
    context: typer.Context,
    name: NameArgument,
    watch: WatchOption = False,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Let a pipeline go on that failed or was cancelled; steps that have finished are not done again."""
    with connect(context, server) as api:
        found = api.post(pipeline_path(name, "resume"))
        _answer(api, found, watch, as_json, "goes on.")


def remove(
    context: typer.Context, name: NameArgument, as_json: JsonOption = False, server: ServerOption = None
) -> None:
    """Let the server forget a pipeline that has ended; its tasks, and what they made, stay."""
    with connect(context, server) as api:
        found = api.delete(pipeline_path(name))
        _answer(api, found, False, as_json, "removed; its tasks stay.")


def _answer(api: Server, pipeline: Json, watched: bool, as_json: bool, said: str) -> None:
    """Say what was done, as a sentence or as the document; or follow the pipeline, and leave with its exit code."""
    if watched:
        raise typer.Exit(int(watch_pipeline(api, pipeline["name"], as_json)))
    if as_json:
        print_json(pipeline)
    else:
        typer.echo(f"Pipeline {clean(pipeline['name'])} {clean(said)}")


def _print(pipeline: Json) -> None:
    rows = [
        ("pipeline", pipeline["name"]),
        ("status", pipeline["status"]),
        ("created", _time(pipeline["created_ms"])),
        ("started", _time(pipeline.get("started_ms"))),
        ("ended", _time(pipeline.get("ended_ms"))),
    ]
    print_table("", ("field", "value"), [row for row in rows if row[1]])
    steps = [
        (step["name"], step["kind"], step["status"], step["task"] or "", progress_text(step), step["message"])
        for step in pipeline["steps"]
    ]
    print_table("steps", ("step", "kind", "status", "task", "progress", "message"), steps)


def _done(pipeline: Json) -> str:
    finished = sum(step["status"] == "finished" for step in pipeline["steps"])
    return f"{finished} of {len(pipeline['steps'])}"


def _time(milliseconds: object) -> str:
    return when(milliseconds / 1000) if isinstance(milliseconds, int) else ""
