"""All tables at once: each command in a process of its own, its lines in a file of their own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from fedray.errors import FedrayError

__all__ = ["TABLES", "commands", "run"]

TABLES = ("machine", "ops", "dealer", "train", "sweep", "scaling", "align", "memory")

LINE = '{"bench": '

TRAININGS = (("fast", ""), ("ray", ""), ("fast", "32,1"), ("fast", "64,32,1"))
"""Transport and layers."""


def commands(table: str, data: Path, quick: bool) -> list[list[str]]:
    """Return the commands, as arguments of ``python -m benchmarks``, whose lines make a table.

    Parameters
    ----------
    quick
        Fewer points and single runs: to see that it works.
    """
    credit = ["--data", str(data)]
    once = ["--repeat", "1"] if quick else []
    if table == "train":
        return [
            ["train", *credit, "--batch", "256", "--transport", transport, "--hidden", hidden, *once]
            for transport, hidden in TRAININGS[: 2 if quick else None]
        ]
    if table == "sweep":
        return [["sweep", *credit, *(["--quick"] if quick else [])]]
    if table in ("scaling", "dealer"):
        return [[table, *(["--quick"] if quick else [])]]
    if table == "ops":
        return [["ops", *(["--small"] if quick else []), *once]]
    if table == "align":
        return [["align", "--rows", "10000" if quick else "1000000"]]
    return [[table]]


def run(data: Path, out: Path, only: tuple[str, ...], quick: bool) -> Iterator[tuple[str, float]]:
    """Write ``TABLE.jsonl`` for each table; yield its name and the seconds it took.

    Raises
    ------
    FedrayError
        A command failed; it has said why on its standard error. Files that are complete stay.
    """
    out.mkdir(parents=True, exist_ok=True)
    for table in only or TABLES:
        started = time.monotonic()
        text = "".join(_lines(arguments) for arguments in commands(table, data, quick))
        _write(out / f"{table}.jsonl", text)
        yield table, time.monotonic() - started


def _lines(arguments: list[str]) -> str:
    command = [sys.executable, "-m", "benchmarks", *arguments, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise FedrayError(f"python -m benchmarks {arguments[0]} ended with status {done.returncode}")
    # Ray sometimes talks on its driver's standard output
    return "".join(line for line in done.stdout.splitlines(keepends=True) if line.startswith(LINE))


def _write(file: Path, text: str) -> None:
    """Write the whole file or nothing."""
    part = file.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(file)
