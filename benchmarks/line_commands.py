"""Commands that gather lines of measurements, draw them, and write them into pages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.options import Data, Quick

__all__ = ["page", "plot", "tables"]


def tables(
    data: Data,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where TABLE.jsonl are written.")],
    only: Annotated[str, typer.Option(metavar="NAME,...", help="Some tables only.")] = "",
    quick: Quick = False,
) -> None:
    """Every table, each in a file of lines; says how long each took."""
    from benchmarks.tables import TABLES, run

    wanted = tuple(name for name in only.split(",") if name)
    if unknown := set(wanted) - set(TABLES):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))[:80]}: expected some of {', '.join(TABLES)}")
    for table, seconds in run(data, out, wanted, quick):
        print(f"{table:>10}  {seconds:6.1f} s", flush=True)


def plot(
    files: Annotated[list[Path], typer.Argument(metavar="FILE.jsonl...")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the SVG files are written.")],
) -> None:
    """Draw the lines of ops, dealer, sweep and scaling."""
    from benchmarks.lines import read
    from benchmarks.plot import draw

    for file in draw(list(read(files)), out):
        print(file.name)


def page(
    files: Annotated[list[Path], typer.Argument(metavar="FILE.jsonl...")],
    out: Annotated[Path, typer.Option(metavar="PAGE.md", help="The page whose tables are replaced.")],
) -> None:
    """Write the lines as tables into a page, between its marks `<!-- NAME -->` and `<!-- end -->`."""
    from benchmarks.lines import read
    from benchmarks.page import fill

    fill(out, list(read(files)))
