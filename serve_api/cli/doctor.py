"""`fedray doctor`: whether a cluster is fit for tasks, in sentences that say what to do."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from actors import environment
from fedray.checkup.checks import Finding, Level, checked, worst
from fedray.errors import FedrayError, SpecError
from serve_api.cli.exit_codes import CliError, ExitCode
from serve_api.cli.options import JsonOption
from serve_api.cli.screen import clean, print_json, print_table

if TYPE_CHECKING:
    from fedray.checkup.facts import Facts
    from fedray.task.registry import Registry

__all__ = ["doctor"]


def doctor(
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="Ray cluster to look at, from one of its nodes; without it this machine."
        ),
    ] = None,
    registry: Annotated[
        Path | None, typer.Option(metavar="FILE", help="fedray.toml: parties that must be there.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Look whether a cluster is fit for tasks: versions, clocks, parties, ports, lines between nodes, memory, disks."""
    from fedray.task.registry import Registry

    try:
        facts = _measure(address, Registry.local() if registry is None else Registry.from_toml(registry))
    except SpecError as error:
        raise CliError(str(error), ExitCode.USAGE) from None
    except FedrayError as error:
        raise CliError(str(error), ExitCode.REFUSED) from None
    findings = checked(facts)
    if as_json:
        print_json({"findings": [finding.as_dict() for finding in findings], "facts": asdict(facts)})
    else:
        _print(facts, findings)
    if worst(findings) is Level.PROBLEM:
        raise typer.Exit(int(ExitCode.UNFIT))


def _measure(address: str | None, registry: Registry) -> Facts:
    if address is None:
        environment.prepare()
    from actors.cluster import leave, start_or_join
    from actors.probe import measure  # Ray is imported here, after its environment is set

    start_or_join(address)
    try:
        return measure(registry)
    finally:
        leave()


def _print(facts: Facts, findings: tuple[Finding, ...]) -> None:
    for finding in findings:
        typer.echo(clean(f"{finding.level.value:>7}  {finding.check}: {finding.text}"))
    lines = [
        (
            link.frm,
            link.to,
            f"{link.call_s * 1e3:.2f}",
            "none" if link.stream_s is None else f"{link.stream_s * 1e3:.2f}",
            "none" if link.bytes_per_s is None else f"{link.bytes_per_s / 1e6:.0f}",
        )
        for link in facts.links
    ]
    if lines:
        print_table("between nodes", ("from", "to", "call, ms", "stream, ms", "MB a second"), lines)
