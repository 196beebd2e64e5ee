"""Plots of the tables' lines, as SVG files that are the same for the same lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from benchmarks.lines import Line
from benchmarks.sweep import BATCH, PARTIES
from fedray.errors import DataError

__all__ = ["draw"]

Lines = Sequence[dict[str, Any]]

HEADROOM = 1.1
SIZE, WIDE = (5.2, 3.4), (7.0, 4.2)


def draw(lines: Sequence[Line], out: Path) -> list[Path]:
    """Write the plots for which there are lines; return their files.

    Raises
    ------
    DataError
        There are no lines to draw.
    """
    out.mkdir(parents=True, exist_ok=True)
    files = []
    with mpl.rc_context():
        mpl.rc("svg", fonttype="none", hashsalt="fedray")
        mpl.rc("font", size=9)
        mpl.rc("axes", grid=True, axisbelow=True)
        mpl.rc("grid", alpha=0.3)
        for name, figure in _figures(lines):
            file = out / f"{name}.svg"
            figure.savefig(file, metadata={"Date": None}, bbox_inches="tight")
            files.append(file)
    if not files:
        raise DataError("no line of sweep, ops, dealer or scaling to draw")
    return files


def _figures(lines: Sequence[Line]) -> Iterator[tuple[str, Figure]]:
    def of(bench: str) -> Lines:
        return [line for line in lines if line["bench"] == bench]

    if sweep := of("sweep"):
        batches = [line for line in sweep if line["parties"] == PARTIES]
        parties = [line for line in sweep if line["batch"] == BATCH]
        yield "sweep-batches", _curves(batches, "batch", f"rows of a batch ({PARTIES} parties)", log=True)
        yield "sweep-parties", _curves(parties, "parties", f"computing parties (batches of {BATCH})", log=False)
    if ops := of("ops"):
        yield "ops", _operations(ops)
    if dealer := of("dealer"):
        yield "dealer", _dealer(dealer)
    if scaling := of("scaling"):
        yield "scaling", _scaling(scaling)


def _curves(lines: Lines, x: str, label: str, *, log: bool) -> Figure:
    """Milliseconds a batch by transport; bars from the least to the most of the runs."""
    figure, axes = _axes(SIZE)
    for transport in dict.fromkeys(line["transport"] for line in lines):
        mine = sorted((line for line in lines if line["transport"] == transport), key=lambda line: line[x])
        _errorbars(axes, mine, x, transport)
    if log:
        axes.set_xscale("log")
    axes.set_xticks(sorted({line[x] for line in lines}))
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(label)
    axes.set_ylabel("ms a batch")
    axes.legend(title="transport")
    return figure


def _errorbars(axes: Axes, lines: Lines, x: str, label: str) -> None:
    middle = [line["ms_per_batch"] for line in lines]
    below = [line["ms_per_batch"] - line["ms_per_batch_min"] for line in lines]
    above = [line["ms_per_batch_max"] - line["ms_per_batch"] for line in lines]
    axes.errorbar([line[x] for line in lines], middle, yerr=[below, above], marker="o", capsize=3, label=label)


def _operations(lines: Lines) -> Figure:
    """Seconds of each operation, with dealing and without."""
    figure, axes = _axes(WIDE)
    places = range(len(lines))
    names = [f"{line['op']} {' x '.join(map(str, line['shape']))}" for line in lines]
    axes.barh([place - 0.2 for place in places], [line["seconds"] for line in lines], 0.4, label="with dealing")
    axes.barh([place + 0.2 for place in places], [line["online_seconds"] for line in lines], 0.4, label="online")
    axes.set_yticks(list(places), names)
    axes.invert_yaxis()
    axes.set_xlabel(f"seconds ({lines[0]['parties']} parties)")
    axes.legend()
    return figure


def _dealer(lines: Lines) -> Figure:
    """Words a second by kind, steps a second by training."""
    figure = Figure(figsize=WIDE)
    upper, lower = figure.subplots(2, 1, height_ratios=(8, 3))
    kinds = [line for line in lines if "kind" in line]
    designs = [line for line in lines if "design" in line]
    upper.barh([line["kind"] for line in kinds], [line["words_per_second"] / 1e6 for line in kinds])
    upper.set_xlabel("million words of corrections a second")
    lower.barh([line["design"] for line in designs], [line["steps_per_second"] for line in designs])
    lower.set_xscale("log")
    lower.set_xlabel(f"steps a second (batches of {BATCH})")
    for axes in (upper, lower):
        axes.invert_yaxis()
    figure.tight_layout()
    return figure


def _scaling(lines: Lines) -> Figure:
    """Milliseconds and bytes over rows and over features, on the two slices through one point."""
    figure = Figure(figsize=(7.6, 5.0))
    grid = figure.subplots(2, 2, sharex="col")
    for column, (x, other) in enumerate((("rows", "features"), ("features", "rows"))):
        fixed = _most_common([line[other] for line in lines])
        mine = sorted((line for line in lines if line[other] == fixed), key=lambda line: line[x])
        _errorbars(grid[0][column], mine, x, "")
        grid[1][column].plot([line[x] for line in mine], [line["bytes_per_batch"] / 1e3 for line in mine], "o-")
        for axes, name in ((grid[0][column], "ms_per_batch_max"), (grid[1][column], "bytes_per_batch")):
            axes.set_ylim(0.0, HEADROOM * max(line[name] for line in mine) / (1e3 if "bytes" in name else 1.0))
        grid[1][column].set_xscale("log")
        grid[1][column].set_xlabel(f"{x} ({fixed} {other})")
    grid[0][0].set_ylabel("ms a batch")
    grid[1][0].set_ylabel("kB a batch")
    figure.tight_layout()
    return figure


def _most_common(numbers: Sequence[int]) -> int:
    return max(set(numbers), key=numbers.count)


def _axes(size: tuple[float, float]) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size)
    return figure, figure.subplots()
