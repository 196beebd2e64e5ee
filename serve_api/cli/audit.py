"""`fedray audit`: who did what. Asks the server, or with --root reads the log on the server's own machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from fedray.errors import FedrayError
from serve_api.cli.client import Server
from serve_api.cli.exit_codes import CliError, ExitCode
from serve_api.cli.options import JsonOption, ServerOption, connect
from serve_api.cli.screen import clean, print_json, print_table
from serve_api.doors.audit import AuditLog
from serve_api.doors.chain import Head, verify
from serve_api.doors.settings import state_files

__all__ = ["build"]

_PAGE: Final = 1000
_COLUMNS: Final = ("seq", "time", "who", "role", "from", "what", "subject", "outcome", "why")

RootOption = Annotated[
    Path | None, typer.Option("--root", metavar="DIR", help="Read the log of this data root, without a server.")
]


def build() -> typer.Typer:
    """Build the group of commands."""
    group = typer.Typer(help="Show and verify the audit log.", no_args_is_help=True)
    group.command("show")(show)
    group.command("verify")(verify_log)
    return group


def show(
    context: typer.Context,
    limit: Annotated[int, typer.Option("--limit", min=1, max=_PAGE, help="The most entries to show.")] = 50,
    after: Annotated[
        int | None, typer.Option("--after", min=0, help="Entries with larger numbers; without it the last ones.")
    ] = None,
    root: RootOption = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Show entries of the audit log, by default the last ones."""
    if root is None:
        with connect(context, server) as api:
            head = int(_page(api, 0, 1)["head"]["seq"]) if after is None else 0
            first = max(0, head - limit) if after is None else after
            entries = _page(api, first, limit)["entries"]
    else:
        entries = _local(root, after, limit)
    if as_json:
        print_json({"entries": entries})
    else:
        print_table("", list(_COLUMNS), [[entry.get(column, "") for column in _COLUMNS] for entry in entries])


def verify_log(
    context: typer.Context,
    head: Annotated[
        str | None, typer.Option("--head", metavar="SEQ:HASH", help="What an earlier verify printed and you noted.")
    ] = None,
    root: RootOption = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Follow the chain of the audit log from its first entry, and print its head to be noted elsewhere."""
    try:
        noted = None if head is None else Head.parse(head)
        if root is None:
            with connect(context, server) as api:
                told = _page(api, 0, 1)["head"]
                found = verify(_all(api), Head(int(told["seq"]), str(told["hash"])), noted)
        else:
            found = AuditLog(state_files(root)[1]).verify(noted)
    except FedrayError as error:
        raise CliError(str(error), ExitCode.USAGE) from None
    if as_json:
        print_json({"whole": not found.findings, "head": str(found.head), "findings": list(found.findings)})
    else:
        for finding in found.findings:
            typer.echo(clean(finding))
        if not found.findings:
            typer.echo(f"The audit log is whole: {found.head.seq} entries. Head, to be noted elsewhere:\n{found.head}")
    if found.findings:
        raise typer.Exit(int(ExitCode.AUDIT_BROKEN))


def _local(root: Path, after: int | None, limit: int) -> list[dict[str, Any]]:
    try:
        log = AuditLog(state_files(root)[1])
        return log.entries(max(0, log.head().seq - limit) if after is None else after, limit)
    except FedrayError as error:
        raise CliError(str(error), ExitCode.USAGE) from None


def _page(api: Server, after: int, limit: int) -> dict[str, Any]:
    return api.get("/audit", {"after": after, "limit": limit})


def _all(api: Server) -> Iterator[dict[str, Any]]:
    after = 0
    while entries := _page(api, after, _PAGE)["entries"]:
        yield from entries
        after = max(after + 1, int(entries[-1]["seq"]))
