"""The `fedray` command.

Client commands need neither Ray nor numbers: `httpx` and `rich` load when they are used, so that the
command starts fast. A command that needs more loads it inside its own function.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated

import typer

from serve_api.cli import (
    ask,
    audit,
    cluster,
    commands,
    demo,
    doctor,
    estimate,
    keys,
    pipeline,
    policy,
    serve,
    token,
    unseal,
)
from serve_api.cli.client import DEFAULT_URL
from serve_api.cli.exit_codes import CliError, exit_codes_help
from serve_api.cli.options import Access
from serve_api.cli.screen import clean

__all__ = ["build_cli", "main"]

_HELP = "Train models by secret sharing on data that may not be pooled.\n\n\b\nExit codes:\n" + exit_codes_help()


def build_cli() -> typer.Typer:
    """Build the command line; a new command is one more line here."""
    app = typer.Typer(
        name="fedray",
        help=_HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_globals)
    app.command("submit")(commands.submit)
    app.command("start")(commands.start)
    app.command("resume")(commands.resume)
    app.command("watch")(commands.watch_task)
    app.command("status")(commands.status)
    app.command("record")(commands.record)
    app.command("report")(commands.report)
    app.command("tasks")(commands.tasks)
    app.command("ask")(ask.ask)
    app.command("models")(commands.models)
    app.command("model")(commands.model)
    app.command("tag")(commands.tag)
    app.command("forget")(commands.forget)
    app.command("parties")(commands.parties)
    app.command("cancel")(commands.cancel)
    app.command("show")(policy.show)
    app.command("approve")(policy.approve)
    app.command("reject")(policy.reject)
    app.command("serve")(serve.serve)
    app.command("demo")(demo.demo)
    app.command("doctor")(doctor.doctor)
    app.command("estimate")(estimate.estimate)
    app.add_typer(pipeline.build(), name="pipeline")
    app.command("unseal")(unseal.unseal)
    app.add_typer(token.build(), name="token")
    app.add_typer(keys.build(), name="keys")
    app.add_typer(audit.build(), name="audit")
    app.add_typer(policy.build(), name="policy")
    app.add_typer(cluster.build(), name="cluster")
    return app


def main() -> None:
    """Run the command line and end the process with one of the exit codes."""
    try:
        build_cli()(prog_name="fedray")
    except CliError as error:
        typer.echo(f"fedray: {clean(error.message)}", err=True)
        sys.exit(error.code)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(installed_version("fedray"))
        raise typer.Exit


def _globals(
    context: typer.Context,
    server: Annotated[
        str, typer.Option("--server", metavar="URL", envvar="FEDRAY_SERVER", help="The server.")
    ] = DEFAULT_URL,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file", metavar="FILE", envvar="FEDRAY_TOKEN_FILE", help="File with a token; also FEDRAY_TOKEN."
        ),
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option("--ca-file", metavar="FILE", envvar="FEDRAY_CA_FILE", help="Who signed the server's certificate."),
    ] = None,
    version: Annotated[  # noqa: ARG001  its callback acts on it
        bool, typer.Option("--version", help="Print the version and end.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    context.obj = Access(
        server, os.environ.get("FEDRAY_TOKEN"), token_file, ca_file
    )  # no option: others see the command line
