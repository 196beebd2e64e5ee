"""`fedray token`: who may come in. Works on the server's own root; a server that runs knows it at once."""

from __future__ import annotations

import getpass
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from fedray.errors import FedrayError
from serve_api.cli.exit_codes import CliError, ExitCode
from serve_api.cli.options import JsonOption
from serve_api.cli.screen import print_json, print_table
from serve_api.doors.audit import AuditLog
from serve_api.doors.settings import state_files
from serve_api.doors.tokens import Token, Tokens

__all__ = ["RootOption", "build", "note_command", "shown"]

RootOption = Annotated[
    Path, typer.Option("--root", metavar="DIR", envvar="FEDRAY_ROOT", help="Data root of the server; also FEDRAY_ROOT.")
]


def build() -> typer.Typer:
    """Build the group of commands."""
    group = typer.Typer(help="Make, list and revoke tokens, on the server's own machine.", no_args_is_help=True)
    group.command("new")(new)
    group.command("list")(list_tokens)
    group.command("revoke")(revoke)
    return group


def new(
    root: RootOption,
    role: Annotated[str, typer.Option("--role", help="submitter, data-owner, auditor or admin.")],
    name: Annotated[str, typer.Option("--name", help="Whose it is; the audit log says it.")],
    party: Annotated[
        list[str] | None, typer.Option("--party", metavar="NAME", help="Of a data-owner: a party it speaks for.")
    ] = None,
    days: Annotated[float | None, typer.Option("--days", help="How long it is valid; for ever without it.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write it there, for you alone, not to the terminal.")
    ] = None,
) -> None:
    """Make a token and print it; it is shown this once, and kept nowhere."""
    file = None if out is None else _new_file(out)
    secret = _tokens(root, lambda tokens: tokens.add(name, role, party or [], days), file)
    note_command(root, "token new", name)
    if file is None:
        typer.echo(secret)
    else:
        file.write_text(secret + "\n", encoding="ascii")
    typer.echo(f"Token {name} with the role {role} made; the server needs tokens from now on.", err=True)


def list_tokens(root: RootOption, as_json: JsonOption = False) -> None:
    """List tokens: names, roles and times, never the tokens themselves."""
    rows = [_row(token) for token in _tokens(root, lambda tokens: tokens.all())]
    if as_json:
        print_json({"tokens": rows})
    elif not rows:
        typer.echo("No tokens: a server on this machine's own address lets everybody on it in.")
    else:
        print_table("", list(rows[0]), [[shown(value) for value in row.values()] for row in rows])


def revoke(name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the token.")], root: RootOption) -> None:
    """Revoke a token; it is refused from the next request on."""
    _tokens(root, lambda tokens: tokens.revoke(name))
    note_command(root, "token revoke", name)
    typer.echo(f"Token {name} revoked.")


def _tokens(root: Path, act: Any, made: Path | None = None) -> Any:
    """Act on the file of tokens; remove the file that was made for one when that fails."""
    try:
        return act(Tokens(state_files(root)[0]))
    except FedrayError as error:
        if made is not None:
            made.unlink(missing_ok=True)
        raise CliError(str(error), ExitCode.USAGE) from None


def _new_file(path: Path) -> Path:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise CliError(
            f"--out {path}: expected a file that is not there yet ({error.strerror})", ExitCode.USAGE
        ) from None
    return path


def note_command(root: Path, what: str, name: str) -> None:
    """Write into the audit log what was done to which token or key, and by which user of this machine."""
    try:
        AuditLog(state_files(root)[1]).append(
            who=f"{getpass.getuser()} (command)", what=what, subject=name, outcome="done"
        )
    except FedrayError as error:
        raise CliError(f"{what}: done, but {error}", ExitCode.REFUSED) from None


def _row(token: Token) -> dict[str, Any]:
    fields = {key: value for key, value in asdict(token).items() if key != "sha256"}
    return {**fields, "role": token.role.value, "parties": list(token.parties), "valid": token.valid(time.time())}


def shown(value: object) -> object:
    """Return a value as a table shows it."""
    if isinstance(value, float):
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(value))
    if isinstance(value, list | tuple):
        return ", ".join(value)
    return value if not isinstance(value, bool) else "yes" if value else "no"
