"""`fedray keys`: keys of PaddleDTX clients. Works on the server's own root; a server that runs knows it at once."""

from __future__ import annotations

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
from serve_api.cli.token import RootOption, note_command, shown
from serve_api.paddledtx.keys import Key, Keys
from serve_api.paddledtx.signing import new_private, public_of

__all__ = ["build"]

NameOption = Annotated[str, typer.Option("--name", help="Whose it is; the audit log says it.")]
PartyOption = Annotated[
    list[str] | None, typer.Option("--party", metavar="NAME", help="A party for which it signs as executor.")
]


def build() -> typer.Typer:
    """Build the group of commands."""
    group = typer.Typer(help="Make, add, list and revoke keys of PaddleDTX clients.", no_args_is_help=True)
    group.command("new")(new)
    group.command("add")(add)
    group.command("list")(list_keys)
    group.command("revoke")(revoke)
    return group


def new(
    root: RootOption,
    name: NameOption,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="New folder for private.key and public.key.")],
    party: PartyOption = None,
) -> None:
    """Make a pair of keys, keep the public one here, and write both as PaddleDTX clients read them."""
    private = new_private()
    public = public_of(private).hex()
    try:
        out.mkdir(mode=0o700)
    except OSError as error:
        why = f"--out {out}: expected a folder that is not there yet ({error.strerror})"
        raise CliError(why, ExitCode.USAGE) from None
    try:
        _keys(root, lambda keys: keys.add(name, public, party or []))
    except CliError:
        out.rmdir()
        raise
    for file, text in (("private.key", private.hex()), ("public.key", public)):
        with os.fdopen(os.open(out / file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write(text)
    note_command(root, "keys new", name)
    typer.echo(public)


def add(
    root: RootOption,
    name: NameOption,
    public: Annotated[str, typer.Option("--public", metavar="HEX", help="The public key, 128 hexadecimal digits.")],
    party: PartyOption = None,
) -> None:
    """Keep the public key of a pair that was made elsewhere, such as by executor-cli."""
    _keys(root, lambda keys: keys.add(name, public.strip(), party or []))
    note_command(root, "keys add", name)
    typer.echo(f"Key {name} added.")


def list_keys(root: RootOption, as_json: JsonOption = False) -> None:
    """List keys: names, parties, times and public keys; the first is the server's own."""
    own, kept = _keys(root, lambda keys: (keys.server.hex(), keys.all()))
    rows = [_row(Key("(server)", own, (), 0.0)), *(_row(key) for key in kept)]
    if as_json:
        print_json({"keys": rows})
    else:
        print_table("", list(rows[0]), [[shown(value) for value in row.values()] for row in rows])


def revoke(name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the key.")], root: RootOption) -> None:
    """Revoke a key; nothing that it signs counts from the next request on."""
    _keys(root, lambda keys: keys.revoke(name))
    note_command(root, "keys revoke", name)
    typer.echo(f"Key {name} revoked.")


def _keys(root: Path, act: Any) -> Any:
    try:
        return act(Keys(root, time.time))
    except FedrayError as error:
        raise CliError(str(error), ExitCode.USAGE) from None


def _row(key: Key) -> dict[str, Any]:
    fields = asdict(key)
    return {name: fields[name] for name in ("name", "parties", "created_at", "revoked_at", "public")}
