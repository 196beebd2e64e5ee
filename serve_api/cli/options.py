"""Options that several commands share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from serve_api.cli.client import DEFAULT_URL, Server
from serve_api.cli.exit_codes import CliError, ExitCode

__all__ = ["Access", "JsonOption", "NameArgument", "ServerOption", "WatchOption", "connect"]

ServerOption = Annotated[
    str | None, typer.Option("--server", metavar="URL", help="The server; also before the command.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
WatchOption = Annotated[
    bool, typer.Option("--watch", help="Show the progress until the task ends; with --json its events, one a line.")
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the task.")]


@dataclass(frozen=True)
class Access:
    """How the line before the command, or the environment, says that a server is reached."""

    url: str = DEFAULT_URL
    token: str | None = None
    token_file: Path | None = None
    ca_file: Path | None = None


def connect(context: typer.Context, url: str | None) -> Server:
    """Return the server that the command, else the line before it, else the environment names."""
    access = context.find_root().obj or Access()
    return Server(url or access.url, token=_token(access), ca_file=access.ca_file)


def _token(access: Access) -> str:
    """Return the token to send, or ""; a file that the line names goes before the environment's token."""
    if access.token_file is None:
        return (access.token or "").strip()
    try:
        if access.token_file.stat().st_mode & 0o077:
            raise CliError("--token-file: expected a file that only you may read; chmod 600 it", ExitCode.USAGE)
        return access.token_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise CliError("--token-file: expected a file with a token, it cannot be read", ExitCode.USAGE) from None
