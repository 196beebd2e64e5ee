"""What every line of a benchmark says beside its numbers, and how numbers of several runs become one."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from benchmarks.machine import cores
from fedray.errors import DataError

__all__ = ["ALIGNING", "SHARING", "Line", "line", "read", "spread"]

Line = dict[str, object]

SHARING = "semi-honest, any n-1 of n computing parties, with a dealer that colludes with none"
ALIGNING = "semi-honest, helper that does not collude"


def line(bench: str, transport: str, security: str = SHARING) -> Line:
    """Return the head of a line: benchmark, transport, security class, processors that all processes share."""
    return {"bench": bench, "transport": transport, "security": security, "cores": cores()}


def spread(name: str, numbers: Sequence[float]) -> Line:
    """Return the median of some runs under `name`, their least and most beside it, and how many they are."""
    return {
        name: statistics.median(numbers),
        f"{name}_min": min(numbers),
        f"{name}_max": max(numbers),
        "runs": len(numbers),
    }


def read(files: Iterable[Path]) -> Iterator[Line]:
    """Yield the lines of JSON-lines files.

    Raises
    ------
    DataError
        A file is not there, or a line is no JSON object with a field `bench`.
    """
    for file in files:
        if not file.is_file():
            raise DataError(f"{file.name}: no such file of lines; `python -m benchmarks tables` writes them")
        for number, text in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            try:
                found = json.loads(text)
            except ValueError:
                found = None
            if not isinstance(found, dict) or "bench" not in found:
                raise DataError(f"{file.name}, line {number}: expected a JSON object with a field bench")
            yield found
