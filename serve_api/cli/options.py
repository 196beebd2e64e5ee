"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from serve_api.cli.client import DEFAULT_URL, Server

__all__ = ["JsonOption", "NameArgument", "ServerOption", "WatchOption", "connect"]

ServerOption = Annotated[
    str | None, typer.Option("--server", metavar="URL", help="The server; also before the command.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
WatchOption = Annotated[
    bool, typer.Option("--watch", help="Show the progress until the task ends; with --json its events, one a line.")
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the task.")]


def connect(context: typer.Context, url: str | None) -> Server:
    """Return the server that the command, else the line before it, else the environment names."""
    return Server(url or context.find_root().obj or DEFAULT_URL)
