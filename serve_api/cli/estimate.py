"""`fedray estimate`: what a task will cost, from its document and the sizes of its tables; asks no server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fedray.errors import FedrayError
from serve_api.cli.commands import read_document
from serve_api.cli.exit_codes import CliError, ExitCode
from serve_api.cli.options import JsonOption
from serve_api.cli.progress import size_text
from serve_api.cli.screen import print_json, print_table

if TYPE_CHECKING:
    from fedray.parties.estimate import Estimate

__all__ = ["estimate"]


def estimate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Task document; - reads the standard input.")],
    rows: Annotated[
        int, typer.Option(min=2, max=10**12, help="Aligned rows; of an alignment the largest table's ids.")
    ],
    columns: Annotated[
        str, typer.Option(metavar="N,N,...", help="Columns of features of each client with data, in order; 0 for none.")
    ],
    latency_ms: Annotated[
        float, typer.Option(min=0, max=1e6, help="Of a message to another party and its answer.")
    ] = 1.5,
    megabytes_per_s: Annotated[float, typer.Option(min=1e-3, max=1e6, help="That a party can send.")] = 100.0,
    as_json: JsonOption = False,
) -> None:
    """Say what a task will cost: rounds, bytes, memory, and the seconds that it waits for its lines at least."""
    document, widths = read_document(file), _columns(columns)
    try:
        found = _estimate(document, rows, widths)
    except FedrayError as error:
        raise CliError(f"FILE: {error.message}", ExitCode.USAGE) from None
    seconds = found.seconds(latency_ms / 1e3, megabytes_per_s * 1e6)
    if as_json:
        print_json({**found.as_dict(), "seconds": seconds})
        return
    typer.echo(
        f"{found.rounds} rounds, {size_text(found.bytes)}; at least {seconds:.1f} s on the lines, own work on top"
    )
    lines = [(party, size_text(found.sent.get(party, 0)), size_text(size)) for party, size in found.memory.items()]
    print_table("by party", ("party", "sends", "memory"), lines)


def _estimate(document: bytes, rows: int, columns: tuple[int, ...]) -> Estimate:
    # the parts of trainings load slowly, and no other command needs them
    from fedray.data.split import sizes
    from fedray.parties.estimate import Sizes, estimate
    from fedray.task.plan import make_plan
    from fedray.task.registry import Registry
    from fedray.task.spec import parse_text

    plan = make_plan(parse_text(document), Registry.local(), seed="")
    return estimate(plan, Sizes(columns, sizes(rows)))


def _columns(text: str) -> tuple[int, ...]:
    try:
        columns = tuple(int(part) for part in text.split(","))
    except ValueError:
        columns = ()
    if not columns or not all(0 <= width < 10**6 for width in columns):
        raise CliError(f"--columns {text[:80]}: expected numbers of columns such as 10,13,0", ExitCode.USAGE)
    return columns
