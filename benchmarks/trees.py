"""Boosted trees on the credit data: seconds, bytes and memory, and the AUC beside the oracle's and scikit-learn's."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.align import Peak
from benchmarks.credit import COLUMNS, DEALER_PORT, LABEL_PORT, MAIN_PORT, alignment_plan, feature_port
from benchmarks.lines import Line, line, spread
from benchmarks.scaling import write_made
from benchmarks.tasks import client, cluster, make_root, plan_of, run_plan
from benchmarks.train import aligned_tables
from fedray.data.load import load_split
from fedray.data.root import DataRoot
from fedray.ml import metrics
from fedray.parties.oracle import insecure_oracle
from fedray.task.plan import TaskPlan

__all__ = ["Boosting", "Made", "boosting_plan", "run"]


@dataclass(frozen=True)
class Boosting:
    """What is trained: trees, their depth, bins, learning rate; by so many computing parties, with so much memory."""

    trees: int = 10
    depth: int = 4
    bins: int = 32
    rate: float = 0.3
    parties: int = 3
    matrix_memory_mb: int = 1024


@dataclass(frozen=True)
class Made:
    """Tables that are made up: rows of the aligned tables, training and test, and features of all parties."""

    rows: int
    features: int = COLUMNS


def run(data: Path | Made, transport: str, boosting: Boosting, repeat: int) -> Line:
    """Align once, train `repeat` times, train in clear; return one line.

    Parameters
    ----------
    data
        The folder of the credit data, or what to make up.
    """
    tables = _made_tables(data, boosting.parties) if isinstance(data, Made) else aligned_tables(data, boosting.parties)
    with tables as (root, rows):
        with cluster(transport, boosting.parties + 1):
            runs = [_costs(f"trees-{k}", boosting, root, transport) for k in range(repeat)]
        auc_oracle, auc_plain = _clear(boosting, root)
    return {
        **line("trees", transport),
        "parties": boosting.parties,
        "rows": rows,
        "features": data.features if isinstance(data, Made) else COLUMNS,
        "trees": boosting.trees,
        "depth": boosting.depth,
        "bins": boosting.bins,
        "matrix_memory_mb": boosting.matrix_memory_mb,
        **runs[-1],
        **spread("s_per_tree", [one["s_per_tree"] for one in runs]),
        **{name: max(one[name] for one in runs) for name in ("rss_mb", "rss_mb_data", "rss_mb_dealer")},
        "auc_oracle": auc_oracle,
        "auc_plain": auc_plain,
    }


@contextmanager
def _made_tables(made: Made, parties: int) -> Iterator[tuple[DataRoot, int]]:
    """Make tables up and align them in a temporary folder; yield the data root and the number of training rows."""
    with tempfile.TemporaryDirectory() as folder:
        root = make_root(Path(folder))
        write_made(root, made.rows, made.features, parties)
        aligned, _ = run_plan(alignment_plan(parties), root, "memory")
        yield root, int(aligned[0]["result"]["n_train"])


def boosting_plan(name: str, boosting: Boosting, transport: str) -> TaskPlan:
    """Return a plan of training trees on the aligned tables, with one test, at the end."""
    main = {
        "client_type": "secure_xgboost_main",
        "n_estimators": boosting.trees,
        "max_depth": boosting.depth,
        "max_bin": boosting.bins,
        "learning_rate": boosting.rate,
        "matrix_memory_mb": boosting.matrix_memory_mb,
        "test_per_trees": boosting.trees,
        "transport": "fast" if transport == "fast" else "ray",
    }
    features = [
        client("feature_client", feature_port(k), client_type="secure_xgboost_feature", data_path=f"f{k}")
        for k in range(1, boosting.parties)
    ]
    return plan_of(
        name,
        [
            client("main_client", MAIN_PORT, **main),
            client("crypto_producer", DEALER_PORT, client_type="triplet_producer"),
            *features,
            client("label_client", LABEL_PORT, client_type="secure_xgboost_label", data_path="l"),
        ],
    )


def _costs(name: str, boosting: Boosting, root: DataRoot, transport: str) -> dict[str, float]:
    """Train once; return what a tree cost and what came of it.

    Seconds are those of the slowest data client in the phase of training; rounds the most of any, bytes the sum over
    the data clients, of training alone. The dealer's bytes are all it sent, over the trees.
    """
    plan = boosting_plan(name, boosting, transport)
    with Peak() as data_peak, Peak("CryptoProducer") as dealer_peak:
        outcomes, seconds = run_plan(plan, root, transport)
    parts = [outcomes[member.index]["cost"] for member in plan.data]
    data = [part["train"] for part in parts]
    dealt = sum(outcome["cost"].get("deal", {"bytes": 0})["bytes"] for outcome in outcomes.values())
    return {
        "s_per_tree": max(cost["seconds"] for cost in data) / boosting.trees,
        "rounds_per_tree": max(cost["rounds"] for cost in data) / boosting.trees,
        "bytes": sum(cost["bytes"] for part in parts for cost in part.values()) + dealt,
        "bytes_per_tree": sum(cost["bytes"] for cost in data) / boosting.trees,
        "dealer_bytes_per_tree": dealt / boosting.trees,
        "share_seconds": max(part["share"]["seconds"] for part in parts),
        "share_bytes": sum(part["share"]["bytes"] for part in parts),
        "auc": outcomes[plan.main.index]["result"]["metrics"]["auc"],
        "seconds": seconds,
        "rss_mb": max(data_peak.mib, dealer_peak.mib),
        "rss_mb_data": data_peak.mib,
        "rss_mb_dealer": dealer_peak.mib,
    }


def _clear(boosting: Boosting, root: DataRoot) -> tuple[float, float]:
    """Return the AUC of the oracle, and of scikit-learn's trees with the same numbers on the joined tables."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    oracle, _, labels = insecure_oracle(boosting_plan("oracle", boosting, "memory"), root)
    oracle.train(boosting.trees)
    splits = [load_split(root.path / "generated" / f"f{k}") for k in range(1, boosting.parties)]
    model = HistGradientBoostingClassifier(
        learning_rate=boosting.rate,
        max_iter=boosting.trees,
        max_depth=boosting.depth,
        max_leaf_nodes=None,
        max_bins=boosting.bins,
        l2_regularization=1.0,
        min_samples_leaf=1,
        early_stopping=False,
    )
    y = load_split(root.path / "generated" / "l").train[:, 0]
    model.fit(np.hstack([split.train for split in splits]), y)
    plain = model.predict_proba(np.hstack([split.test for split in splits]))[:, 1:]
    return tuple(metrics.evaluate("auc", labels, p)["auc"] for p in (oracle.predict(), plain))  # type: ignore[return-value]
