"""`fedray cluster`: what `ray up cluster.yaml` needs before it starts, and what its hosts ask about themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from fedray.errors import FedrayError
from serve_api.cli.exit_codes import CliError, ExitCode

__all__ = ["build"]

HostsArgument = Annotated[Path, typer.Argument(metavar="FILE", help="hosts.toml.")]


def build() -> typer.Typer:
    """Build the group of commands."""
    group = typer.Typer(help="Prepare a cluster for ray up; what a host offers.", no_args_is_help=True)
    group.command("secrets")(secrets)
    group.command("address")(address)
    group.command("offers")(offers)
    return group


def secrets(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="cluster.yaml of Ray's local provider.")],
    replace: Annotated[bool, typer.Option("--replace", help="Make new ones in place of those that are there.")] = False,
) -> None:
    """Make a cluster's token and certificate, in the folder that its file sends to the hosts."""
    from serve_api.cluster_secrets import ClusterFile, write_secrets

    try:
        cluster = ClusterFile.read(file)
        write_secrets(cluster.secrets, cluster.addresses, replace=replace)
    except FedrayError as error:
        raise CliError(str(error), ExitCode.USAGE) from None
    typer.echo(f"Token and certificate for {len(cluster.addresses)} hosts are in {cluster.secrets}; keep them secret.")


def address(file: HostsArgument) -> None:
    """Print the address under which this host is in hosts.toml."""
    typer.echo(_here(file)[0])


def offers(file: HostsArgument) -> None:
    """Print what this host offers to the cluster, as ray start --resources takes it."""
    typer.echo(json.dumps(dict(_here(file)[1])))


def _here(file: Path) -> tuple[str, Mapping[str, int]]:
    from serve_api.hosts import Hosts, is_mine

    try:
        hosts = Hosts.from_toml(file)
        mine = hosts.here(is_mine)
    except FedrayError as error:
        raise CliError(str(error), ExitCode.USAGE) from None
    return mine, hosts.offers[mine]
