"""Training: milliseconds, rounds and bytes a batch, and the AUC beside the oracle's."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.credit import COLUMNS, Training, alignment_plan, training_plan, write_tables
from benchmarks.designs import correction_bytes
from benchmarks.lines import Line, line, spread
from benchmarks.tasks import cluster, make_root, run_plan
from fedray.data.root import DataRoot
from fedray.ml import metrics
from fedray.parties.oracle import insecure_oracle

__all__ = ["aligned_tables", "costs", "head", "run"]

START_SHARE = 0.1
"""Part of the steps that the steady state leaves out."""


def run(data: Path, transport: str, training: Training, epochs: int, repeat: int) -> Line:
    """Align once, train `repeat` times, each time also a tenth of the steps alone, train the oracle; return one line.

    Parameters
    ----------
    training
        Its `steps` are those of the epochs, whatever they were.
    """
    with aligned_tables(data, training.parties) as (root, rows):
        training = replace(training, steps=epochs * rows // training.batch + 1)
        start = replace(training, steps=max(1, round(START_SHARE * training.steps)))
        with cluster(transport, training.parties + 1):
            runs = [costs(f"train-{k}", training, root, transport) for k in range(repeat)]
            starts = [costs(f"start-{k}", start, root, transport) for k in range(repeat)]
        auc_oracle, ms_oracle = _oracle(training, root)
    return {
        **head("train", transport, training, COLUMNS),
        **runs[-1],
        **spread("ms_per_batch", _numbers(runs, "ms_per_batch")),
        "ms_per_batch_steady": _steady(runs, starts, (training.steps, start.steps)),
        "auc_oracle": auc_oracle,
        "ms_per_batch_oracle": ms_oracle,
    }


@contextmanager
def aligned_tables(data: Path, parties: int) -> Iterator[tuple[DataRoot, int]]:
    """Cut and align the credit data in a temporary folder; yield the data root and the number of training rows."""
    with tempfile.TemporaryDirectory() as folder:
        root = make_root(Path(folder))
        write_tables(data, root, parties)
        aligned, _ = run_plan(alignment_plan(parties), root, "memory")
        yield root, int(aligned[0]["result"]["n_train"])


def head(bench: str, transport: str, training: Training, columns: int) -> Line:
    """Return the head of a line and what was trained, on so many columns of features in all."""
    return {
        **line(bench, transport),
        "parties": training.parties,
        "features": columns,
        "batch": training.batch,
        "steps": training.steps,
        "widths": list(training.widths),
        "loss": training.loss,
        "correction_bytes_per_batch": correction_bytes(training, columns),
    }


def costs(name: str, training: Training, root: DataRoot, transport: str) -> dict[str, float]:
    """Train once on the aligned tables; return what a batch cost and what came of it.

    Milliseconds are those of the slowest data client in the phase of training: no start of processes, no sharing of
    features, no test. Rounds are the most of any data client; messages and bytes are sums over the data clients.
    The dealer's bytes are all it sent, for the test too, over the steps.
    """
    steps, plan = training.steps, training_plan(name, training, transport)
    outcomes, seconds = run_plan(plan, root, transport)
    parts = [outcomes[member.index]["cost"] for member in plan.data]
    data, share = [part["train"] for part in parts], [part["share"] for part in parts]
    dealt = sum(outcome["cost"].get("deal", {"bytes": 0})["bytes"] for outcome in outcomes.values())
    return {
        "ms_per_batch": max(cost["seconds"] for cost in data) / steps * 1000,
        "rounds_per_batch": max(cost["rounds"] for cost in data) / steps,
        "messages_per_batch": sum(cost["messages"] for cost in data) / steps,
        "bytes_per_batch": sum(cost["bytes"] for cost in data) / steps,
        "dealer_bytes_per_batch": dealt / steps,
        "share_seconds": max(cost["seconds"] for cost in share),
        "share_bytes": sum(cost["bytes"] for cost in share),
        "auc": outcomes[plan.main.index]["result"]["metrics"]["auc"],
        "seconds": seconds,
    }


def _numbers(runs: list[dict[str, float]], name: str) -> list[float]:
    return [run[name] for run in runs]


def _steady(runs: list[dict[str, float]], starts: list[dict[str, float]], steps: tuple[int, int]) -> float | None:
    """Return the milliseconds of a batch after the first tenth: what all steps took, less what that tenth alone takes.

    None if there is no more than one step.
    """
    whole, start = (
        statistics.median(_numbers(some, "ms_per_batch")) * count
        for some, count in zip((runs, starts), steps, strict=True)
    )
    return (whole - start) / (steps[0] - steps[1]) if steps[0] > steps[1] else None


def _oracle(training: Training, root: DataRoot) -> tuple[float, float]:
    oracle, _, labels = insecure_oracle(training_plan("oracle", training), root)
    started = time.monotonic()
    oracle.train(training.steps)
    ms = (time.monotonic() - started) / training.steps * 1000
    return metrics.evaluate("auc", labels, oracle.predict())["auc"], ms
