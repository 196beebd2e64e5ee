"""Boosted trees on the credit data: seconds, bytes and memory, and the AUC beside the oracle's and scikit-learn's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.align import Peak
from benchmarks.credit import COLUMNS, DEALER_PORT, LABEL_PORT, MAIN_PORT, feature_port
from benchmarks.lines import Line, line, spread
from benchmarks.tasks import client, cluster, plan_of, run_plan
from benchmarks.train import aligned_tables
from fedray.data.load import load_split
from fedray.data.root import DataRoot
from fedray.ml import metrics
from fedray.parties.oracle import insecure_oracle
from fedray.task.plan import TaskPlan

__all__ = ["Boosting", "boosting_plan", "run"]


@dataclass(frozen=True)
class Boosting:
    """What is trained: trees, their depth, bins, learning rate; by so many computing parties."""

    trees: int = 10
    depth: int = 4
    bins: int = 32
    rate: float = 0.3
    parties: int = 3


def run(data: Path, transport: str, boosting: Boosting, repeat: int) -> Line:
    """Align once, train `repeat` times, train in clear; return one line."""
    with aligned_tables(data, boosting.parties) as (root, rows):
        with cluster(transport, boosting.parties + 1):
            runs = [_costs(f"trees-{k}", boosting, root, transport) for k in range(repeat)]
        auc_oracle, auc_plain = _clear(boosting, root)
    return {
        **line("trees", transport),
        "parties": boosting.parties,
        "rows": rows,
        "features": COLUMNS,
        "trees": boosting.trees,
        "depth": boosting.depth,
        "bins": boosting.bins,
        **runs[-1],
        **spread("s_per_tree", [one["s_per_tree"] for one in runs]),
        "rss_mb": max(one["rss_mb"] for one in runs),
        "auc_oracle": auc_oracle,
        "auc_plain": auc_plain,
    }


def boosting_plan(name: str, boosting: Boosting, transport: str) -> TaskPlan:
    """Return a plan of training trees on the aligned tables, with one test, at the end."""
    main = {
        "client_type": "secure_xgboost_main",
        "n_estimators": boosting.trees,
        "max_depth": boosting.depth,
        "max_bin": boosting.bins,
        "learning_rate": boosting.rate,
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
    with Peak() as peak:
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
        "rss_mb": peak.mib,
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
