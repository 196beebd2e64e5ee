"""Lines as tables of a Markdown page, between marks: `<!-- ops -->` ... `<!-- end -->`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.lines import Line
from benchmarks.sweep import BATCH, PARTIES
from fedray.errors import DataError

__all__ = ["BLOCKS", "fill", "render"]

Lines = Sequence[dict[str, Any]]
MARK = re.compile(r"(<!-- (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
NONE = "–"  # noqa: RUF001 - a dash for a reader


def fill(page: Path, lines: Sequence[Line]) -> None:
    """Replace what stands between the marks of a page; blocks without lines stay as they are.

    Raises
    ------
    DataError
        The page has no marks, or one of a name that is no block.
    """
    text = page.read_text(encoding="utf-8")
    part = page.with_suffix(".part")
    part.write_text(render(text, lines), encoding="utf-8")
    part.replace(page)


def render(text: str, lines: Sequence[Line]) -> str:
    """Return the text of a page with its blocks made anew; raises as `fill`."""
    names = [found["name"] for found in MARK.finditer(text)]
    if not names or set(names) - set(BLOCKS):
        raise DataError(f"expected marks <!-- NAME --> and <!-- end --> with the names {', '.join(BLOCKS)}")

    def block(found: re.Match[str]) -> str:
        bench, make = BLOCKS[found["name"]]
        mine = [line for line in lines if line["bench"] == bench]
        return f"{found[1]}{make(mine)}\n{found[3]}" if mine else found[0]

    return MARK.sub(block, text)


def _machine(lines: Lines) -> str:
    m = lines[-1]
    versions = ", ".join(f"{name} {m[name]}" for name in ("python", "numpy", "numba", "ray", "cryptography"))
    note = f" **{m['note']}**" if "note" in m else ""
    return (
        f"{m['date']}: {m['cores']} cores ({m['processor']}), {m['memory_gib']} GiB, {m['system']}; {versions}.{note}"
    )


def _ops(lines: Lines) -> str:
    return _table(
        [
            "operation",
            "shape",
            "s, median (least, most)",
            "s online",
            "rounds",
            "MB between parties",
            "MB dealt",
            "error",
        ],
        [
            [
                line["op"],
                " x ".join(map(str, line["shape"])),
                _spread(line, "seconds"),
                _number(line["online_seconds"]),
                line["rounds"],
                _number(line["bytes"] / 1e6),
                _number(line["dealer_bytes"] / 1e6),
                f"{line['max_error']:.1e}" if line["max_error"] else "0",
            ]
            for line in lines
        ],
    )


def _kinds(lines: Lines) -> str:
    return _table(
        ["correlation", "shape", "words", "million words a second, median (least, most)"],
        [
            [
                line["kind"],
                " x ".join(map(str, line["shape"])),
                line["words"],
                _spread({name: _scaled(value) for name, value in line.items()}, "words_per_second"),
            ]
            for line in lines
            if "kind" in line
        ],
    )


def _scaled(value: Any) -> Any:
    return value / 1e6 if isinstance(value, float) else value


def _designs(lines: Lines) -> str:
    return _table(
        ["training", "batch", "parties", "steps a second, median (least, most)"],
        [
            [line["design"], line["batch"], line["parties"], _spread(line, "steps_per_second")]
            for line in lines
            if "design" in line
        ],
    )


def _train(lines: Lines) -> str:
    return _table(
        [
            "layers",
            "transport",
            "ms a batch, median (least, most)",
            "steady",
            "rounds",
            "messages",
            "kB",
            "kB dealt",
            "AUC",
        ],
        [
            [
                ", ".join(map(str, line["widths"])),
                f"`{line['transport']}`",
                _spread(line, "ms_per_batch"),
                _number(line["ms_per_batch_steady"]),
                _number(line["rounds_per_batch"]),
                _number(line["messages_per_batch"]),
                _number(line["bytes_per_batch"] / 1e3),
                _number(line["dealer_bytes_per_batch"] / 1e3),
                f"{line['auc']:.4f} ({line['auc_oracle']:.4f})",
            ]
            for line in lines
        ],
    )


def _sweep(fixed: str, at: int, varied: str, word: str) -> Callable[[Lines], str]:
    """Return what makes a table of one slice: transports as columns, milliseconds a batch."""

    def make(lines: Lines) -> str:
        mine = [line for line in lines if line[fixed] == at]
        transports = list(dict.fromkeys(line["transport"] for line in mine))
        cells = {(line[varied], line["transport"]): _spread(line, "ms_per_batch") for line in mine}
        points = sorted({line[varied] for line in mine})
        return _table(
            [word, *(f"`{transport}`" for transport in transports)],
            [[point, *(cells.get((point, transport), NONE) for transport in transports)] for point in points],
        )

    return make


def _scaling(lines: Lines) -> str:
    return _table(
        ["rows", "features", "ms a batch, median (least, most)", "rounds", "kB", "kB dealt", "s sharing", "MB sharing"],
        [
            [
                line["rows"],
                line["features"],
                _spread(line, "ms_per_batch"),
                _number(line["rounds_per_batch"]),
                _number(line["bytes_per_batch"] / 1e3),
                _number(line["correction_bytes_per_batch"] / 1e3),
                _number(line["share_seconds"]),
                _number(line["share_bytes"] / 1e6),
            ]
            for line in lines
        ],
    )


def _align(lines: Lines) -> str:
    return _table(
        ["tables", "rows each", "in common", "transport", "s, median (least, most)", "MiB at the largest party"],
        [
            [
                line["parties"],
                line["rows"],
                line["common"],
                f"`{line['transport']}`",
                _spread(line, "seconds"),
                _number(line["rss_mb"]),
            ]
            for line in lines
        ],
    )


def _memory(lines: Lines) -> str:
    return _table(["processes", "MiB (PSS)"], [[line["processes"], _number(line["pss_mb"])] for line in lines])


BLOCKS: dict[str, tuple[str, Callable[[Lines], str]]] = {
    "machine": ("machine", _machine),
    "ops": ("ops", _ops),
    "dealer-kinds": ("dealer", _kinds),
    "dealer-designs": ("dealer", _designs),
    "train": ("train", _train),
    "sweep-batches": ("sweep", _sweep("parties", PARTIES, "batch", "batch")),
    "sweep-parties": ("sweep", _sweep("batch", BATCH, "parties", "parties")),
    "scaling": ("scaling", _scaling),
    "align": ("align", _align),
    "memory": ("memory", _memory),
}
"""By the name of a mark: whose lines, and what is made of them."""


def _table(heads: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (heads, ["---"] * len(heads), *rows))


def _spread(line: dict[str, Any], name: str) -> str:
    """Return median, least and most."""
    middle, least, most = (_number(line[f"{name}{end}"]) for end in ("", "_min", "_max"))
    return f"{middle} ({least}, {most})" if line["runs"] > 1 else middle


def _number(value: float | None) -> str:
    """Return a number with about three digits, never with an exponent."""
    if value is None:
        return NONE
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}" if abs(value) >= 0.001 else f"{value:.4f}"
