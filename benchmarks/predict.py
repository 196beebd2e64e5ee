"""Predicting all rows of the credit data with a kept model: seconds from the files to the file, rounds and bytes."""

from __future__ import annotations

from pathlib import Path

from benchmarks.align import Peak
from benchmarks.credit import COLUMNS, DEALER_PORT, LABEL_PORT, MAIN_PORT, Training, feature_port, training_plan
from benchmarks.lines import Line, line, spread
from benchmarks.tasks import client, cluster, plan_of, run_plan
from benchmarks.train import aligned_tables
from benchmarks.trees import Boosting, boosting_plan
from fedray.data.root import DataRoot
from fedray.task.plan import TaskPlan

__all__ = ["MODELS", "run"]

MODELS = ("linear", "network", "trees")

PARTIES = 3
STEPS = 20
"""Of the training: how good the model is does not matter here."""


def run(data: Path, transport: str, model: str, repeat: int) -> Line:
    """Align and train once, predict all rows `repeat` times; return one line."""
    with aligned_tables(data, PARTIES) as (root, _):
        run_plan(_training(model), root, "memory")
        with cluster(transport, PARTIES + 1):
            runs = [_costs(f"predict-{k}", root, transport) for k in range(repeat)]
    return {
        **line("predict", transport),
        "model": model,
        "parties": PARTIES,
        "features": COLUMNS,
        **runs[-1],
        **spread("s", [one["s"] for one in runs]),
        "rss_mb": max(one["rss_mb"] for one in runs),
    }


def _training(model: str) -> TaskPlan:
    if model == "trees":
        return boosting_plan("model", Boosting(parties=PARTIES), "memory")
    if model == "network":
        return training_plan("model", Training(widths=(32, 1), batch=256, steps=STEPS, parties=PARTIES))
    return plan_of("model", [*_helpers("linear_main", max_iter=STEPS), *_data_clients("linear", label=True)])


def _plan(name: str, transport: str) -> TaskPlan:
    main = {"model": "model", "transport": "fast" if transport == "fast" else "ray"}
    return plan_of(name, [*_helpers("predict_main", **main), *_data_clients("predict", label=False)])


def _helpers(kind: str, **main: object) -> list[dict[str, object]]:
    return [
        client("main_client", MAIN_PORT, client_type=kind, **main),
        client("crypto_producer", DEALER_PORT, client_type="triplet_producer"),
    ]


def _data_clients(kind: str, *, label: bool) -> list[dict[str, object]]:
    """Return the clients with data; the label client names its folder for the ids, or for the labels of a training."""
    made = [
        client("feature_client", feature_port(k), client_type=f"{kind}_feature", data_path=f"f{k}")
        for k in range(1, PARTIES)
    ]
    extra = {} if label else {"out_data_path": "out"}
    return [*made, client("label_client", LABEL_PORT, client_type=f"{kind}_label", data_path="l", **extra)]


def _costs(name: str, root: DataRoot, transport: str) -> dict[str, float]:
    """Predict once; return what it cost.

    Seconds `s` are those of the slowest data client from its first file to its last, `seconds` those of the whole task
    with the start of its processes. Rounds are the most of any data client, bytes the sum over the data clients; the
    dealer's are beside them.
    """
    plan = _plan(name, transport)
    with Peak() as peak:
        outcomes, seconds = run_plan(plan, root, transport)
    parts = [outcomes[member.index]["cost"] for member in plan.data]
    phases = ("read", "shapes", "share", "predict", "write")
    return {
        "rows": outcomes[plan.main.index]["result"]["rows"],
        "s": max(sum(part[phase]["seconds"] for phase in phases) for part in parts),
        "s_predict": max(part["predict"]["seconds"] for part in parts),
        "rounds": max(part["predict"]["rounds"] for part in parts),
        "bytes": sum(cost["bytes"] for part in parts for cost in part.values()),
        "dealer_bytes": sum(o["cost"].get("deal", {"bytes": 0})["bytes"] for o in outcomes.values()),
        "seconds": seconds,
        "rss_mb": peak.mib,
    }
