"""`fedray unseal`: what a party keeps sealed, in clear, on its own machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from serve_api.cli.exit_codes import CliError, ExitCode
from serve_api.cli.screen import clean

__all__ = ["unseal"]


def unseal(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file below .fedray of the party's own data root.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="A new file, for its owner only; else standard output.")
    ] = None,
) -> None:
    """Open a file that is sealed with a party's key: statistics, bins, a part of a model, a checkpoint."""
    from fedray.data.party_key import KeySetting
    from fedray.data.root import sealed_folder_at
    from fedray.errors import FedrayError

    try:
        content = sealed_folder_at(file.parent, KeySetting.from_environment(os.environ)).read(file.name)
    except FedrayError as error:
        raise CliError(f"FILE: {clean(error.message)}", ExitCode.REFUSED) from None
    except OSError as error:
        raise CliError(f"FILE: {clean(str(file))}: {error.strerror}.", ExitCode.USAGE) from None
    if out is None:
        typer.echo(content, nl=False)
        return
    try:
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as made:
            made.write(content)
    except OSError as error:
        raise CliError(f"--out: {clean(str(out))}: {error.strerror}.", ExitCode.USAGE) from None
