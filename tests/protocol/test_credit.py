"""Alignment, binning and logistic regression on the credit data, against the same in float64."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fedray.data.load import load_split
from fedray.data.root import DataRoot
from fedray.ml import metrics
from fedray.parties.oracle import insecure_oracle
from fedray.parties.run import run_local
from fedray.task.plan import TaskPlan, make_plan
from fedray.task.registry import Registry
from fedray.task.spec import parse
from tests.sealed import read_document
from tests.tasks import client

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "Splitted_Indexed_Data"
TABLES = ("credit_default_data1.csv", "credit_default_data2.csv", "credit_default_label.csv")
BATCHES = 981
PORTS = (8084, 8082, 8884)
ROLES = ("feature_client", "feature_client", "label_client")

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not DATA.is_dir(), reason="the credit data is not beside the checkout"),
]


def plan_of(name: str, clients: list[dict[str, object]]) -> TaskPlan:
    return make_plan(parse({"task_name": name, "clients": clients}), Registry.local(), "seed")


def aligned_root(folder: Path) -> DataRoot:
    """Return a root with the aligned tables of all parties, ``out-<port>``."""
    (folder / "raw").mkdir()
    for table in TABLES:
        shutil.copy(DATA / table, folder / "raw" / table)
    root = DataRoot(folder)
    align = [client("main_client", 8377, client_type="alignment_main")]
    for role, port, table in zip(ROLES, PORTS, TABLES, strict=True):
        out = f"out-{port}"
        align.append(client(role, port, client_type="alignment_data", raw_data_path=table, out_data_path=out))
    aligned = run_local(plan_of("align", align), root)
    assert aligned[0].result == {"n_train": 20926, "n_test": 5231}
    return root


def test_weights_of_evidence_are_those_of_the_joined_table(tmp_path: Path) -> None:
    """Beside pandas: rates of the label in the kept bins, whose counts no party could work out alone."""
    root = aligned_root(tmp_path)
    clients = [
        client("main_client", 8377, client_type="binning_main"),
        client("crypto_producer", 8999, client_type="triplet_producer"),
    ]
    for role, port in zip(ROLES, PORTS, strict=True):
        kind = role.replace("_client", "")
        clients.append(client(role, port, client_type=f"binning_{kind}", data_path=f"out-{port}"))
    told: Any = run_local(plan_of("bins", clients), root)[0].result["columns"]
    y = load_split(root.generated_dir("out-8884")).train[:, 0]
    assert len(told) == 23
    for rank, port in enumerate(PORTS[:2]):
        table = load_split(root.generated_dir(f"out-{port}"))
        path = tmp_path / f".fedray/transforms/bins/{rank}-feature_client/transform.json"
        evidence = read_document(path)["evidence"]
        ivs = {line["column"]: line["iv"] for line in told if line["party"].endswith(str(port))}
        assert set(ivs) == set(table.columns)
        for name, edges, weighed in zip(table.columns, evidence["binning"]["edges"], evidence["weighed"], strict=True):
            cuts = [edges[end - 1] for end in weighed["ends"][:-1] if end <= len(edges)]
            inside = pd.cut(table.train[:, table.columns.index(name)], [-np.inf, *cuts, np.inf])
            counts = pd.crosstab(inside, y)
            good, bad = (counts[label] / counts[label].sum() for label in (0.0, 1.0))
            woe = np.log(bad / good)
            assert counts.to_numpy().min() >= 20
            assert weighed["positives"] == counts[1.0].tolist()
            assert weighed["woe"] == pytest.approx(woe.tolist(), abs=1e-12)
            assert abs(ivs[name] - float(((bad - good) * woe).sum())) < 1e-4


def test_logistic_regression(tmp_path: Path) -> None:
    root = aligned_root(tmp_path)
    parties = list(zip(ROLES, PORTS, TABLES, strict=True))
    main: dict[str, Any] = {
        "in_dim": 1,
        "layers": [],
        "max_iter": BATCHES,
        "test_per_batches": 500,
        "learning_rate": 0.05,
    }
    train = [
        client("main_client", 8377, client_type="shared_nn_main", **main),
        client("crypto_producer", 8999, client_type="triplet_producer"),
    ]
    for role, port, _ in parties:
        kind = "shared_nn_label" if role == "label_client" else "shared_nn_feature"
        other = {"loss": "bce", "metric": "auc_ks"} if role == "label_client" else {}
        train.append(client(role, port, client_type=kind, data_path=f"out-{port}", **other))
    plan = plan_of("train", train)
    found = run_local(plan, root)[0].result["metrics"]
    assert isinstance(found, dict)
    oracle, _, labels = insecure_oracle(plan, root)
    oracle.train(BATCHES)
    expected = metrics.evaluate("auc_ks", labels, oracle.predict())
    # logistic regression run to its end reaches 0.727 on these test rows, which are the same in every alignment
    assert found["auc"] >= 0.722
    assert abs(found["auc"] - expected["auc"]) < 0.002
    assert abs(found["ks"] - expected["ks"]) < 0.01
    assert len(load_split(tmp_path / "generated" / "out-8884").test) == len(labels)
