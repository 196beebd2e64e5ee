"""FATE's own client and plain requests of both generations, against one real server that plays all parties."""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from tests.e2e.fate_client import FateClient, make_client
from tests.fate_jobs import dsl_1
from tests.server import FedrayServer, until

pytestmark = [pytest.mark.e2e, pytest.mark.ray, pytest.mark.timeout(900)]

Json = dict[str, Any]
ENDS = ("success", "failed", "canceled", "timeout")
GUEST: Json = {"role": "guest", "party_id": 9999}
LR: Json = {
    "penalty": "L2",
    "alpha": 0.01,
    "optimizer": "sgd",
    "learning_rate": 0.15,
    "batch_size": 128,
    "max_iter": 10,
}


def tables(folder: Path) -> float:
    """Write the guest's and the host's table: 569 rows, 10 + 20 columns; return the AUC of a plaintext model."""
    found = load_breast_cancer()
    features = (found.data - found.data.mean(0)) / found.data.std(0)
    model = LogisticRegression(max_iter=1000).fit(features, found.target)
    for name, columns, label in (("guest", range(10), True), ("host", range(10, 30), False)):
        with (folder / f"breast_{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", *(["y"] if label else []), *(f"x{place}" for place in range(len(columns)))])
            for row in np.random.default_rng(7 + label).permutation(len(features)):
                values = [f"{value:.6f}" for value in features[row, list(columns)]]
                writer.writerow([f"s{row:04}", *([found.target[row]] if label else []), *values])
    return float(roc_auc_score(found.target, model.decision_function(features)))


class Fate:
    """Asks the server."""

    def __init__(self, server: FedrayServer, folder: Path, auc: float) -> None:
        self.server, self.folder, self.auc = server, folder, auc

    def post(self, path: str, body: object = None) -> Json:
        found: Json = self.server.post(f"/v1/{path}", body)
        return found

    def status(self, job_id: str, role: str = "guest") -> str:
        rows = self.post("job/query", {"job_id": job_id, "role": role})["data"]
        return str(rows[0]["f_status"])

    def ended(self, job_id: str, role: str = "guest") -> str:
        until(lambda: self.status(job_id, role) in ENDS, 300, lambda: str(self.tasks(job_id)))
        return self.status(job_id, role)

    def tasks(self, job_id: str) -> list[Json]:
        found: list[Json] = self.post("job/task/query", {"job_id": job_id, "role": "guest"}).get("data", [])
        return [{key: row[key] for key in ("f_component_name", "f_status")} for row in found]

    def submit(self, dsl: Json, conf: Json) -> Json:
        told = self.post("job/submit", {"job_dsl": dsl, "job_runtime_conf": conf})
        assert told["retcode"] == 0, told
        return told

    def scores(self, job_id: str, component: str = "evaluation_0") -> dict[str, float]:
        """Return the summary of an evaluation at the guest."""
        about = {"job_id": job_id, **GUEST, "component_name": component}
        metrics = self.post("tracking/component/metric/all", about)["data"]
        (space,) = metrics.values()
        (summary,) = [one for one in space.values() if one["meta"]["metric_type"] == "EVALUATION_SUMMARY"]
        return dict(summary["data"])


@pytest.fixture(scope="module")
def fate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fate]:
    folder = tmp_path_factory.mktemp("fate-files")
    auc, root = tables(folder), tmp_path_factory.mktemp("fate") / "root"
    with FedrayServer(root, "--fate-flow", "--fate-folder", str(folder), "--max-tasks", "3") as server:
        found = Fate(server, folder, auc)
        for name in ("guest", "host"):
            conf = {"file": str(folder / f"breast_{name}.csv"), "head": 1, "partition": 4, "work_mode": 0}
            conf |= {"namespace": "exp", "table_name": f"breast_{name}", "use_local_data": 0}
            assert found.ended(found.post("data/upload", conf)["jobId"], "local") == "success"
        yield found


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, fate: Fate) -> FateClient:
    made = make_client(tmp_path_factory.mktemp("fate-client"))
    made.init(fate.server.port)
    return made


def v1(model: str, **parameters: object) -> tuple[Json, Json]:
    """Return DSL and configuration of FATE 1.4 that align, train a module, and evaluate it."""
    name = {"HeteroLR": "hetero_lr_0", "HeteroSecureBoost": "secureboost_0"}[model]
    training = {
        "module": model,
        "input": {"data": {"train_data": ["intersection_0.train"]}},
        "output": {"data": ["train"], "model": ["model"]},
    }
    evaluation = {
        "module": "Evaluation",
        "input": {"data": {"data": [f"{name}.train"]}},
        "output": {"data": ["evaluate"]},
        "need_deploy": False,
    }
    dsl = dsl_1((name, training), ("evaluation_0", evaluation))
    conf = {
        "initiator": GUEST,
        "job_parameters": {"work_mode": 0},
        "role": {"guest": [9999], "host": [10000], "arbiter": [10000]},
        "role_parameters": {role: read("train_data", role) for role in ("guest", "host")},
        "algorithm_parameters": {name: parameters, "evaluation_0": {"eval_type": "binary"}},
    }
    return dsl, conf


def read(key: str, role: str) -> Json:
    table = [{"name": f"breast_{role}", "namespace": "exp"}]
    dataio = {"with_label": [role == "guest"], "label_name": ["y"], "label_type": ["int"], "output_format": ["dense"]}
    return {"args": {"data": {key: table}}, "dataio_0": dataio}


def test_dsl_v1_trains_evaluates_and_predicts(fate: Fate) -> None:
    told = fate.submit(*v1("HeteroLR", **LR))
    assert fate.ended(told["jobId"]) == "success", fate.tasks(told["jobId"])
    assert abs(fate.scores(told["jobId"])["auc"] - fate.auc) < 0.01
    loss = {"job_id": told["jobId"], "role": "arbiter", "party_id": 10000, "component_name": "hetero_lr_0"}
    assert fate.post("tracking/component/metrics", loss)["data"] == {"train": ["loss"]}
    conf = {
        "initiator": GUEST,
        "job_parameters": {"work_mode": 0, "job_type": "predict", **told["data"]["model_info"]},
        "role": {"guest": [9999], "host": [10000], "arbiter": [10000]},
        "role_parameters": {role: read("eval_data", role) for role in ("guest", "host")},
    }
    predicted = fate.submit({}, conf)
    assert fate.ended(predicted["jobId"]) == "success", fate.tasks(predicted["jobId"])
    about = {"job_id": predicted["jobId"], **GUEST, "component_name": "hetero_lr_0"}
    shown = fate.post("tracking/component/output/data", about)
    assert (len(shown["data"]), shown["meta"]["total"]) == (100, 569)
    assert shown["meta"]["header"][1:] == ["label", "predict_result", "predict_score", "predict_detail", "type"]
    reply = fate.server.ask("GET", "/v1/tracking/component/output/data/download", json=about)
    with tarfile.open(fileobj=io.BytesIO(reply.content), mode="r:gz") as archive:
        rows = archive.extractfile("output_data.csv")
        assert rows is not None
        assert len(rows.read().splitlines()) == 570
        assert {"data.csv", "data.meta", "output_data_meta.json"} & {*archive.getnames()}


def test_dsl_v1_secureboost(fate: Fate) -> None:
    told = fate.submit(*v1("HeteroSecureBoost", num_trees=5, tree_param={"max_depth": 3}, learning_rate=0.3))
    assert fate.ended(told["jobId"]) == "success", fate.tasks(told["jobId"])
    assert fate.scores(told["jobId"])["auc"] > fate.auc - 0.02


def test_the_pipeline_sdk_trains_deploys_and_predicts(fate: Fate, client: FateClient) -> None:
    told = {"guest": "breast_guest", "host": "breast_host", "namespace": "exp", "parameters": LR}
    found = client.sdk(told)
    assert abs(found["summary"]["hetero_lr_0"]["train"]["auc"] - fate.auc) < 0.01
    assert found["rows"] == 570
    assert found["predicted"][1] == 570
    assert found["predicted"][0][-1] == "type"
    (scores,) = found["scores"].values()
    assert abs(next(iter(scores.values()))["auc"] - fate.auc) < 0.01


def test_the_flow_command(fate: Fate, client: FateClient) -> None:
    dsl, conf = v1("HeteroLR", **LR)
    upload = {"file": str(fate.folder / "breast_guest.csv"), "head": 1, "partition": 4, "work_mode": 0}
    conf_file = client.file("upload.json", {**upload, "namespace": "exp", "table_name": "again"})
    uploaded = client.flow("data", "upload", "-c", conf_file)
    assert (uploaded["retcode"], fate.ended(uploaded["jobId"], "local")) == (0, "success")
    assert "table already exists" in client.flow("data", "upload", "-c", conf_file)["retmsg"]
    assert client.flow("table", "info", "-n", "exp", "-t", "again")["data"]["count"] == 569
    told = client.flow("job", "submit", "-c", client.file("conf.json", conf), "-d", client.file("dsl.json", dsl))
    assert told["retcode"] == 0, told
    job = told["jobId"]
    assert fate.ended(job) == "success", fate.tasks(job)
    assert client.flow("job", "query", "-j", job, "-r", "guest", "-p", "9999")["data"][0]["f_status"] == "success"
    component = ("-j", job, "-r", "guest", "-p", "9999", "-cpn")
    out = str(fate.folder / "out")
    answers = [
        client.flow("component", "metric-all", *component, "evaluation_0"),
        client.flow("component", "parameters", *component, "hetero_lr_0"),
        client.flow("component", "output-model", *component, "hetero_lr_0"),
        client.flow("component", "output-data", *component, "hetero_lr_0", "-o", out),
        client.flow("component", "output-data-table", *component, "hetero_lr_0"),
        client.flow("component", "get-summary", *component, "evaluation_0", "-o", out),
        client.flow("component", "list", "-j", job),
        client.flow("task", "query", "-j", job),
        client.flow("job", "config", "-j", job, "-r", "guest", "-p", "9999", "-o", out),
        client.flow("job", "log", "-j", job, "-o", out),
        client.flow("job", "view", "-j", job),
        client.flow("data", "upload-history"),
        client.flow("table", "delete", "-n", "exp", "-t", "again"),
    ]
    assert [answer["retcode"] for answer in answers] == [0] * len(answers), answers
    assert {answer["retcode"] for answer in (client.flow("job", "stop", "-j", job), client.flow("job", "list"))} == {0}


def test_jobs_that_are_submitted_at_once_all_end(fate: Fate) -> None:
    dsl, conf = v1("HeteroLR", **{**LR, "max_iter": 2})
    jobs = [fate.submit(dsl, conf)["jobId"] for _ in range(6)]
    waiting = {row["f_job_id"] for row in fate.post("job/query", {"role": "guest", "status": "waiting"})["data"]}
    assert waiting <= set(jobs)
    assert len(waiting) >= 2  # three tasks run at a time
    assert [fate.ended(job) for job in jobs] == ["success"] * 6
    until(lambda: not fate.server.roles(), 60)


def test_a_job_is_stopped_in_the_middle(fate: Fate) -> None:
    dsl, conf = v1("HeteroLR", **{**LR, "max_iter": 10_000, "learning_rate": 1e-6})
    job = fate.submit(dsl, conf)["jobId"]
    until(lambda: {"f_component_name": "hetero_lr_0", "f_status": "running"} in fate.tasks(job), 120)
    assert fate.post("job/stop", {"job_id": job})["retcode"] == 0
    assert fate.status(job) == "canceled"
    until(lambda: not fate.server.roles(), 60)
    assert fate.post("table/table_info", {"namespace": "exp", "table_name": "breast_guest"})["data"]["count"] == 569
