"""Cost of training over rows and features, on made-up tables."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from benchmarks.credit import Training, alignment_plan
from benchmarks.lines import Line, spread
from benchmarks.tasks import cluster, make_root, run_plan
from benchmarks.train import costs, head
from fedray.data.root import DataRoot

__all__ = ["run", "write_made"]

ROWS, FEATURES = 10_000, 32
"""The point through which both slices go."""


def run(grid: tuple[Sequence[int], Sequence[int]], transport: str, training: Training, repeat: int) -> Iterator[Line]:
    """Yield a line for each number of rows with 32 features, and for each number of features with 10,000 rows.

    Parameters
    ----------
    grid
        Numbers of rows and of features, the latter in all, not of each party.
    """
    rows, features = grid
    for point in sorted({*((count, FEATURES) for count in rows), *((ROWS, count) for count in features)}):
        with tempfile.TemporaryDirectory() as folder:
            root = make_root(Path(folder))
            write_made(root, *point, training.parties)
            aligned, _ = run_plan(alignment_plan(training.parties), root, "memory")
            with cluster(transport, training.parties + 1):
                runs = [costs(f"scaling-{k}", training, root, transport) for k in range(repeat)]
        yield {
            **head("scaling", transport, training, point[1]),
            "rows": point[0],
            "train_rows": aligned[0]["result"]["n_train"],
            **runs[-1],
            **spread("ms_per_batch", [one["ms_per_batch"] for one in runs]),
        }


def write_made(root: DataRoot, rows: int, features: int, parties: int) -> None:
    """Write the tables of all parties: standard normal features, and a label that depends on them."""
    generator = np.random.default_rng(0)
    ids = pa.array([f"ID-{number:010d}" for number in range(rows)])
    columns = np.round(generator.normal(size=(features, rows)), 4)
    noisy = columns.mean(0) * np.sqrt(features) + generator.normal(size=rows)
    for number, mine in enumerate(np.array_split(columns, parties - 1), 1):
        table = {"id": ids} | {f"x{number}_{k}": pa.array(column) for k, column in enumerate(mine)}
        pyarrow.csv.write_csv(pa.table(table), root.path / "raw" / f"f{number}.csv")
    label = pa.table({"id": ids, "y": pa.array((noisy > 0).astype(int))})
    pyarrow.csv.write_csv(label, root.path / "raw" / "l.csv")
