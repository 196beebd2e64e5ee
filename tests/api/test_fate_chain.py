"""FATE-Flow: jobs that really run, their parties in threads of this process, from the upload to the predictions."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedray.data.documents import save_document
from fedray.data.party_key import KEY_VARIABLE, KeySetting
from fedray.data.root import DataRoot
from fedray.task.registry import Registry
from fedray.task.service import TaskService
from fedray.task.store import Store
from serve_api.fate_flow.job import PartyId
from serve_api.fate_flow.results import StepResults
from tests.api.conftest import World
from tests.api.fate import Fate, conf_v1, conf_v2
from tests.api.threads import ThreadRunner

Json = dict[str, Any]
ROWS = 60


def upload(fate: Fate) -> None:
    """Upload a guest's and a host's table; the last rows are not in common."""
    x = np.random.default_rng(3).normal(size=(ROWS + 5, 4)).round(3)
    y = (x @ [1.0, -1.0, 1.0, 0.5] > 0).astype(int)
    guest = "".join(f"r{k},{y[k]},{x[k, 0]},{x[k, 1]}\n" for k in range(ROWS))
    host = "".join(f"r{k},{x[k, 2]},{x[k, 3]}\n" for k in range(ROWS + 5))
    fate.table(f"id,y,x0,x1\n{guest}", "guest")
    fate.table(f"id,x0,x1\n{host}", "host")


@pytest.fixture(scope="module")
def fate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fate]:
    root = tmp_path_factory.mktemp("fate")
    (root / "generated").mkdir()
    with Store(f"sqlite:///{root}/tasks.db") as store:
        runner = ThreadRunner(store, root)
        service = TaskService(store, runner, Registry.local(), new_seed=lambda: "seed")
        found = Fate(World(store, runner, service), Path(root))
        upload(found)
        yield found


@pytest.fixture(scope="module", params=[1, 2])
def trained(request: pytest.FixtureRequest, fate: Fate) -> Json:
    """A hetero LR of either generation that has ended."""
    told = fate.submit(request.param)
    fate.advance()
    assert {row["f_status"] for row in fate.rows(told["jobId"])} == {"success"}, fate.tasks_of(told["jobId"])
    return {**told, "version": request.param}


def ask(fate: Fate, job: Json, path: str, component: str, role: str = "guest") -> Json:
    party = 9999 if role == "guest" else 10000
    about = {"job_id": job["jobId"], "role": role, "party_id": party, "component_name": component}
    found = fate.post(f"tracking/component/{path}", about)
    assert (found["retcode"], found["retmsg"]) == (0, "success"), found
    return found


def test_metrics(fate: Fate, trained: Json) -> None:
    found = ask(fate, trained, "metric/all", "intersection_0")["data"]["train"]["intersection"]
    assert ["intersect_count", ROWS] in found["data"]
    assert found["meta"]["metric_type"] == "INTERSECTION"
    summary = ask(fate, trained, "metric/all", "evaluation_0")["data"]["train"]["hetero_lr_0"]
    assert summary["meta"]["metric_type"] == "EVALUATION_SUMMARY"
    assert 0.8 < dict(summary["data"])["auc"] <= 1
    assert ask(fate, trained, "metrics", "hetero_lr_0", "arbiter")["data"] == {"train": ["loss"]}
    about = {"job_id": trained["jobId"], "role": "arbiter", "party_id": "10000", "component_name": "hetero_lr_0"}
    loss = fate.post("tracking/component/metric_data", {**about, "metric_name": "loss", "metric_namespace": "train"})
    assert loss["meta"]["metric_type"] == "LOSS"
    assert all(len(pair) == 2 for pair in loss["data"])


def test_model_and_rows(fate: Fate, trained: Json) -> None:
    model = ask(fate, trained, "output/model", "hetero_lr_0")
    assert model["meta"]["module_name"] == "HeteroLR"
    assert model["data"]
    version = trained["data"]["model_info"]
    about = {"name": version["model_version"], "namespace": f"guest#9999#{version['model_id']}"}
    buffers = fate.post("model/transfer", about)["data"]
    assert any(name.startswith("hetero_lr_0.") and name.endswith("Param") for name in buffers)
    rows = ask(fate, trained, "output/data", "hetero_lr_0")
    header, data = rows["meta"]["header"], rows["data"]
    if trained["version"] == 2:
        assert rows["meta"]["total"] == [ROWS]
        (header,), (data,) = header, data
    assert header == ["id", "label", "predict_result", "predict_score", "predict_detail", "type"]
    assert len(data) == ROWS
    assert {row[-1] for row in data} == {"train"}


def test_prediction(fate: Fate, trained: Json) -> None:
    model = trained["data"]["model_info"]
    if trained["version"] == 1:
        conf = conf_v1(job_type="predict", **model)
        for role in ("guest", "host"):
            data = conf["role_parameters"][role]["args"]["data"]
            data["eval_data"] = data.pop("train_data")
        dsl: Json = {}
    else:
        told = fate.post("model/deploy", {**model, "cpn_list": ["dataio_0", "intersection_0", "hetero_lr_0"]})["data"]
        version = {name: told[name] for name in ("model_id", "model_version")}
        dsl = fate.post("model/get/predict/dsl", version)["data"]
        dsl["components"]["reader_0"] = {"module": "Reader", "output": {"data": ["data"]}}
        dsl["components"]["dataio_0"]["input"]["data"] = {"data": ["reader_0.data"]}
        conf = conf_v2(job_type="predict", **version)
    job = fate.post("job/submit", {"job_dsl": dsl, "job_runtime_conf": conf})
    assert job["retcode"] == 0, job
    fate.advance()
    assert {row["f_status"] for row in fate.rows(job["jobId"])} == {"success"}, fate.tasks_of(job["jobId"])
    rows = ask(fate, job, "output/data", "hetero_lr_0")["data"]
    rows = rows if trained["version"] == 1 else rows[0]
    assert len(rows) == ROWS
    assert {row[-1] for row in rows} == {"predict"}


def test_no_id_and_no_value_in_a_log(fate: Fate, trained: Json) -> None:
    reply = fate.get("job/log", {"job_id": trained["jobId"]})
    with tarfile.open(fileobj=io.BytesIO(reply.content), mode="r:gz") as archive:
        files = [archive.extractfile(name) for name in archive.getnames()]
        said = "".join(file.read().decode() for file in files if file is not None)
    assert "aligning" in said or "phase" in said
    for row in range(10, ROWS):
        assert f"r{row}" not in said
    assert json.dumps(trained["data"]["model_info"]["model_id"]) not in said


def test_the_check_of_an_installation_finds_its_sum_in_the_log(fate: Fate) -> None:
    dsl = {"components": {"secure_add_example_0": {"module": "SecureAddExample"}}}
    conf = {**conf_v1(), "algorithm_parameters": {"secure_add_example_0": {"data_num": 20}}}
    told = fate.post("job/submit", {"job_dsl": dsl, "job_runtime_conf": conf})
    fate.advance()
    assert fate.rows(told["jobId"])[0]["f_status"] == "success", fate.tasks_of(told["jobId"])
    reply = fate.get("job/log", {"job_id": told["jobId"]})
    with tarfile.open(fileobj=io.BytesIO(reply.content), mode="r:gz") as archive:
        said = {
            role: archive.extractfile(f"{role}/secure_add_example_0/INFO.log").read().decode()  # type: ignore[union-attr]
            for role in ("guest/9999", "host/10000")
        }
    assert "success to calculate secure_sum, it is 40.0" in said["guest/9999"]
    assert "secure_sum" not in said["host/10000"]


def test_what_parties_have_sealed_with_a_key_of_the_environment_is_read(
    fate: Fate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "ab" * 32)
    root = DataRoot(tmp_path, KeySetting.from_environment(os.environ))
    save_document(root.sealed_dir("statistics/one", create=True), "statistics.json", {"columns": []})
    found = StepResults(fate.world.service, None, tmp_path).kept(
        PartyId("guest", "9999"), "statistics/one", "statistics.json"
    )
    assert found is not None
    assert found["columns"] == []
