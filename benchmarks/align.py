"""Alignment of large tables: seconds with files in and out, and memory per party."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from benchmarks.lines import ALIGNING, Line, line, spread
from benchmarks.processes import resident_mib
from benchmarks.tasks import client, cluster, make_root, plan_of, run_plan
from fedray.data.root import DataRoot

__all__ = ["Peak", "run"]


def run(rows: int, columns: int, parties: int, transport: str, repeat: int) -> Line:
    """Write the tables, align them `repeat` times, return one line."""
    with tempfile.TemporaryDirectory() as folder:
        root = make_root(Path(folder))
        for party in range(parties):
            _write(root.path / "raw" / f"t{party}.csv", rows, columns, party)
        with cluster(transport):
            runs = [_once(f"align-{k}", parties, root, transport) for k in range(repeat)]
    return {
        **line("align", transport, ALIGNING),
        "rows": rows,
        "columns": columns,
        "parties": parties,
        "common": runs[0][2],
        **spread("seconds", [run[0] for run in runs]),
        "rss_mb": max(run[1] for run in runs),
        "phases": runs[-1][3],
    }


def _write(path: Path, rows: int, columns: int, party: int) -> None:
    """Write a table: half of its ids are everybody's, half its own, in an order of its own."""
    common = np.arange(rows // 2)
    own = np.arange(rows - rows // 2) + (party + 1) * 10 * rows
    generator = np.random.default_rng(party)
    numbers = generator.permutation(np.concatenate([common, own]))
    table = {"id": pa.array([f"ID-{number:010d}" for number in numbers])}
    table |= {f"x{party}_{k}": pa.array(np.round(generator.normal(size=rows), 4)) for k in range(columns)}
    pyarrow.csv.write_csv(pa.table(table), path)


def _once(name: str, parties: int, root: DataRoot, transport: str) -> tuple[float, float, int, dict[str, float]]:
    clients = [
        client("main_client", 7000, client_type="alignment_main", transport="fast" if transport == "fast" else "ray")
    ]
    for party in range(parties):
        config = {"client_type": "alignment_data", "raw_data_path": f"t{party}.csv", "out_data_path": f"{name}-{party}"}
        clients.append(client("feature_client", 7010 + 10 * party, **config))
    plan = plan_of(name, clients)
    with Peak() as peak:
        outcomes, seconds = run_plan(plan, root, transport)
    common = outcomes[0]["result"]["n_train"] + outcomes[0]["result"]["n_test"]
    phases: dict[str, float] = {}
    for outcome in outcomes.values():
        for phase, cost in outcome["cost"].items():
            phases[phase] = max(phases.get(phase, 0.0), cost["seconds"])
    return seconds, peak.mib, common, phases


class Peak:
    """Largest resident memory of any party's process, sampled while the block runs, in MiB.

    Parameters
    ----------
    word
        How the names of the actors' classes end, or what is in them.
    """

    EVERY_S = 0.05

    def __init__(self, word: str = "Client") -> None:
        self.mib = 0.0
        self._word = word
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Peak:
        """Start sampling."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop sampling."""
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.is_set():
            self.mib = max([self.mib, *resident_mib(self._word).values()])
            time.sleep(self.EVERY_S)
