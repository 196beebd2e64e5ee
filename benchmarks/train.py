"""Training on the credit data: milliseconds, rounds and bytes a batch, and the AUC beside the oracle's."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.tasks import client, cluster, make_root, plan_of, run_plan
from fedray.data.root import DataRoot
from fedray.errors import DataError
from fedray.ml import metrics
from fedray.parties.oracle import insecure_oracle
from fedray.task.plan import TaskPlan

__all__ = ["run", "training_plan"]

FILES = {"f1": "credit_default_data1.csv", "f2": "credit_default_data2.csv", "l": "credit_default_label.csv"}
PORTS = {"main": 8377, "f1": 8084, "f2": 8082, "l": 8884, "dealer": 8999}


def run(
    data: Path, transport: str, widths: tuple[int, ...], numbers: tuple[int, int, float, str], repeat: int
) -> dict[str, object]:
    """Align once, train `repeat` times, train the oracle; return one line.

    Parameters
    ----------
    numbers
        Batch size, epochs, learning rate, loss.
    """
    batch, epochs, rate, loss = numbers
    with tempfile.TemporaryDirectory() as folder:
        root = make_root(Path(folder))
        for file in FILES.values():
            shutil.copy(_find(data, file), root.path / "raw" / file)
        aligned, _ = run_plan(_alignment(), root, "memory")
        steps = epochs * aligned[0]["result"]["n_train"] // batch + 1
        with cluster(transport):
            runs = [
                _once(
                    training_plan(f"train-{k}", widths, (batch, steps, rate, loss), transport), root, transport, steps
                )
                for k in range(repeat)
            ]
        auc_oracle, ms_oracle = _oracle(training_plan("oracle", widths, (batch, steps, rate, loss)), root, steps)
    times = sorted(float(str(line["ms_per_batch"])) for line in runs)
    return {
        "bench": "train",
        "transport": transport,
        "security": "semi-honest, any n-1 of n computing parties, with a dealer that colludes with none",
        "batch": batch,
        "steps": steps,
        "widths": list(widths),
        "loss": loss,
        **runs[-1],
        "ms_per_batch": statistics.median(times),
        "ms_per_batch_min": times[0],
        "ms_per_batch_max": times[-1],
        "auc_oracle": auc_oracle,
        "ms_per_batch_oracle": ms_oracle,
        "runs": repeat,
    }


def _find(data: Path, file: str) -> Path:
    for folder in (data, data / "Splitted_Indexed_Data"):
        if (folder / file).is_file():
            return folder / file
    raise DataError(f"--data: no {file} there")


def _alignment() -> TaskPlan:
    clients = [client("main_client", PORTS["main"], client_type="alignment_main")]
    for name, role in (("f1", "feature_client"), ("f2", "feature_client"), ("l", "label_client")):
        config = {"client_type": "alignment_data", "raw_data_path": FILES[name], "out_data_path": name}
        clients.append(client(role, PORTS[name], **config))
    return plan_of("align", clients)


def training_plan(
    name: str, widths: tuple[int, ...], numbers: tuple[int, int, float, str], transport: str = "ray"
) -> TaskPlan:
    """Return a plan of training on the aligned credit files; numbers are batch size, steps, rate and loss."""
    batch, steps, rate, loss = numbers
    main = {
        "client_type": "shared_nn_main",
        "in_dim": widths[0],
        "layers": list(widths[1:]),
        "batch_size": batch,
        "max_iter": steps,
        "test_per_batches": steps,
        "learning_rate": rate,
        "transport": "fast" if transport == "fast" else "ray",
    }
    feature = {"client_type": "shared_nn_feature"}
    label = {"client_type": "shared_nn_label", "loss": loss, "metric": "auc"}
    return plan_of(
        name,
        [
            client("main_client", PORTS["main"], **main),
            client("crypto_producer", PORTS["dealer"], client_type="triplet_producer"),
            client("feature_client", PORTS["f1"], data_path="f1", **feature),
            client("feature_client", PORTS["f2"], data_path="f2", **feature),
            client("label_client", PORTS["l"], data_path="l", **label),
        ],
    )


def _once(plan: TaskPlan, root: DataRoot, transport: str, steps: int) -> dict[str, object]:
    outcomes, seconds = run_plan(plan, root, transport)
    data = [outcomes[member.index]["cost"]["train"] for member in plan.data]
    dealt = sum(outcome["cost"].get("deal", {"bytes": 0})["bytes"] for outcome in outcomes.values())
    return {
        "ms_per_batch": max(cost["seconds"] for cost in data) / steps * 1000,
        "rounds_per_batch": max(cost["rounds"] for cost in data) / steps,
        "messages_per_batch": sum(cost["messages"] for cost in data) / steps,
        "bytes_per_batch": sum(cost["bytes"] for cost in data) / steps,
        "dealer_bytes_per_batch": dealt / steps,
        "auc": outcomes[plan.main.index]["result"]["metrics"]["auc"],
        "seconds": seconds,
    }


def _oracle(plan: TaskPlan, root: DataRoot, steps: int) -> tuple[float, float]:
    oracle, _, labels = insecure_oracle(plan, root)
    started = time.monotonic()
    oracle.train(steps)
    ms = (time.monotonic() - started) / steps * 1000
    return metrics.evaluate("auc", labels, oracle.predict())["auc"], ms
