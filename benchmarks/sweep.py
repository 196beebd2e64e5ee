"""Milliseconds a batch over batch size, number of parties and transport, on the credit data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from benchmarks.credit import COLUMNS, Training
from benchmarks.lines import Line, spread
from benchmarks.tasks import cluster
from benchmarks.train import aligned_tables, costs, head
from fedray.data.root import DataRoot

__all__ = ["BATCH", "PARTIES", "points", "run"]

BATCH, PARTIES = 256, 3
"""The point through which both slices go."""


def points(batches: Sequence[int], parties: Sequence[int]) -> list[tuple[int, int]]:
    """Return (batch, parties): every batch size with three parties, every number of parties with batches of 256."""
    return sorted({*((batch, PARTIES) for batch in batches), *((BATCH, count) for count in parties)})


def run(
    data: Path,
    grid: tuple[Sequence[int], Sequence[int], Sequence[str]],
    training: Training,
    repeat: int,
) -> Iterator[Line]:
    """Yield a line for each transport and point.

    Parameters
    ----------
    grid
        Batch sizes, numbers of parties, transports.
    training
        Its batch size and number of parties are those of the points, whatever they were.
    """
    batches, parties, transports = grid
    wanted = points(batches, parties)
    with ExitStack() as stack:
        roots = {count: stack.enter_context(aligned_tables(data, count))[0] for count in {count for _, count in wanted}}
        for transport in transports:
            for batch, count in wanted:
                yield _point(roots[count], transport, replace(training, batch=batch, parties=count), repeat)


def _point(root: DataRoot, transport: str, training: Training, repeat: int) -> Line:
    with cluster(transport, training.parties + 1):
        runs = [costs(f"sweep-{k}", training, root, transport) for k in range(repeat)]
    return {
        **head("sweep", transport, training, COLUMNS),
        **runs[-1],
        **spread("ms_per_batch", [one["ms_per_batch"] for one in runs]),
    }
