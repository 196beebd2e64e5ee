"""`fedray ask`: predictions of single rows from a task that runs."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from serve_api.cli.client import task_path
from serve_api.cli.exit_codes import CliError, ExitCode
from serve_api.cli.options import JsonOption, NameArgument, ServerOption, connect
from serve_api.cli.screen import in_six_digits, print_json, print_table

__all__ = ["ask"]


def ask(
    context: typer.Context,
    name: NameArgument,
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Rows; - reads ids, one a line, from the input.")],
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Ask a running task of kind serve for the predictions of rows, by their ids."""
    wanted = _lines() if ids == ["-"] else ids
    with connect(context, server) as api:
        answer = api.post(task_path(name, "predictions"), json.dumps({"ids": wanted}).encode())
    if as_json:
        print_json(answer)
        return
    found = answer["predictions"]
    outputs = len(found[0]) if found else 0
    head = ["prediction"] if outputs == 1 else [f"prediction_{k + 1}" for k in range(outputs)]
    print_table("", ["id", *head], [in_six_digits([one, *row]) for one, row in zip(wanted, found, strict=True)])


def _lines() -> list[str]:
    ids = [line.strip() for line in sys.stdin if line.strip()]
    if not ids:
        raise CliError("ID: expected ids on the standard input, one a line, got none.", ExitCode.USAGE)
    return ids
