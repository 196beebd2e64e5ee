"""FATE-Flow: models deployed, loaded, bound, exported, imported, over the real services and a scripted runner."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from fedray.data.root import DataRoot
from tests.api.conftest import World
from tests.api.fate import Fate, conf_v1, conf_v2

Json = dict[str, Any]
PARTIES = {"guest": ["9999"], "host": ["10000"], "arbiter": ["10000"]}


@pytest.fixture
def fate(world: World, tmp_path: Path) -> Fate:
    found = Fate(world, tmp_path)
    found.tables()
    return found


def trained(fate: Fate, version: int) -> Json:
    told = fate.submit(version)
    fate.run_all()
    found: Json = told["data"]["model_info"]
    return found


@pytest.fixture
def model(fate: Fate) -> Json:
    return trained(fate, 2)


def asked(model: Json, **more: object) -> Json:
    initiator = {"role": "guest", "party_id": "9999"}
    parameters = {"work_mode": 0, **model}
    return {"initiator": initiator, "role": PARTIES, "job_parameters": parameters, **more}


def of_guest(model: Json, **more: object) -> Json:
    return {"role": "guest", "party_id": 9999, **model, **more}


def test_a_model_is_deployed_and_predicts(fate: Fate, model: Json) -> None:
    conf = conf_v2(job_type="predict", **model)
    refused = fate.post("job/submit", {"job_dsl": {}, "job_runtime_conf": conf})
    assert refused["retcode"] == 100
    assert "has not been deployed yet" in refused["retmsg"]
    components = ["dataio_0", "intersection_0", "hetero_lr_0"]
    told = fate.post("model/deploy", {**model, "cpn_list": components})
    assert told["retcode"] == 0
    assert told["data"]["guest"] == {"9999": 0}
    assert told["data"]["detail"]["host"] == {"10000": {"retcode": 0, "retmsg": "success"}}
    deployed = {name: told["data"][name] for name in ("model_id", "model_version")}
    assert deployed["model_id"] == model["model_id"]
    assert deployed["model_version"] > model["model_version"]
    dsl = fate.post("model/get/predict/dsl", deployed)["data"]
    assert set(dsl["components"]) == {*components}
    dsl["components"]["reader_0"] = {"module": "Reader", "output": {"data": ["data"]}}
    dsl["components"]["dataio_0"]["input"]["data"] = {"data": ["reader_0.data"]}
    again = fate.post("model/deploy", {**model, "dsl": json.dumps(dsl)})["data"]
    conf = conf_v2(job_type="predict", **{name: again[name] for name in deployed})
    for given in (dsl, {}):
        predicted = fate.post("job/submit", {"job_dsl": given, "job_runtime_conf": conf})
        assert predicted["retcode"] == 0, predicted
        fate.run_all()
        assert {row["f_status"] for row in fate.rows(predicted["jobId"])} == {"success"}
        config = fate.post("job/config", {"job_id": predicted["jobId"]})["data"]
        assert "hetero_lr_0" in config["train_runtime_conf"]["component_parameters"]["common"]


def test_a_model_of_1_4_predicts_at_once(fate: Fate) -> None:
    model = trained(fate, 1)
    conf = conf_v1(job_type="predict", **model)
    for role in ("guest", "host"):
        data = conf["role_parameters"][role]["args"]["data"]
        data["eval_data"] = data.pop("train_data")
    told = fate.post("job/submit", {"job_dsl": {}, "job_runtime_conf": conf})
    assert told["retcode"] == 0, told
    fate.run_all()
    rows = fate.rows(told["jobId"])
    assert {row["f_status"] for row in rows} == {"success"}
    assert "evaluation_0" not in json.loads(rows[0]["f_dsl"])["components"]
    missing = {**conf, "job_parameters": {**conf["job_parameters"], "model_version": "1"}}
    assert fate.post("job/submit", {"job_dsl": {}, "job_runtime_conf": missing})["retcode"] == 100


def test_a_training_that_has_not_ended_is_no_model(fate: Fate) -> None:
    model = fate.submit(2)["data"]["model_info"]
    for path in ("model/deploy", "model/get/predict/dsl"):
        assert fate.post(path, model)["retcode"] == 100
    told = fate.post("model/load", asked(model))
    assert (told["retcode"], told["retmsg"]) == (101, "failed")
    assert told["data"]["guest"] == {"9999": 100}
    assert "its training is waiting" in told["data"]["detail"]["guest"]["9999"]["retmsg"]


def test_load_and_bind(fate: Fate, model: Json) -> None:
    told = fate.post("model/load", asked(model))
    assert (told["retcode"], told["retmsg"]) == (0, "success")
    assert told["jobId"]
    assert told["data"] == {
        "detail": {
            role: {one: {"retcode": 0, "retmsg": "success"}} for role, one in (("guest", "9999"), ("host", "10000"))
        },
        "guest": {"9999": 0},
        "host": {"10000": 0},
    }
    assert fate.post("model/load", {"job_id": model["model_version"]})["retcode"] == 0
    assert fate.post("model/bind", asked(model, service_id="svc")) == {"retcode": 0, "retmsg": "service id is svc"}
    assert fate.post("model/bind", asked(model)) == {"retcode": 101, "retmsg": "no service id"}
    assert fate.post("model/bind", asked({**model, "model_version": "1"}, service_id="svc"))["retcode"] == 100
    assert fate.post("model/load", {})["retcode"] == 100
    (row,) = fate.post("model/query", of_guest(model, query_filters=["loaded_times", "service_id", "nonsense"]))["data"]
    assert row == {"f_loaded_times": 2, "f_service_id": ["svc"]}
    newer = trained(fate, 2)
    fate.post("model/bind", asked(newer, service_id="svc"))
    assert fate.post("model/query", of_guest(model))["data"][0]["f_service_id"] == []
    assert fate.post("model/query", {"model_id": "none"})["retcode"] == 100


def test_transfer_export_store_restore(fate: Fate, model: Json) -> None:
    named = {"name": model["model_version"], "namespace": f"guest#9999#{model['model_id']}"}
    found = fate.post("model/transfer", named)
    assert found["retcode"] == 0, found
    for name, content in found["data"].items():
        assert set(name) >= {".", ":"}
        json.loads(base64.b64decode(content))
    assert fate.post("model/transfer", {**named, "namespace": "guest#1#x"})["retcode"] == 100
    reply = fate.get("model/export", of_guest(model))
    name = f"guest#9999#{model['model_id']}_{model['model_version']}.zip"
    assert reply.headers["content-disposition"] == f"attachment; filename={name}"
    assert reply.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
        assert {"pipeline.pb", "define/define_meta.yaml"} <= set(archive.namelist())
    assert fate.get("model/export", of_guest({**model, "model_version": "1"})).status_code == 210
    assert fate.get("model/export", {**of_guest(model), "party_id": 1}).json()["retcode"] == 210
    stored = fate.post("model/store", of_guest(model))
    assert fate.ended(stored["jobId"])["f_status"] == "success"
    assert "stored already" in fate.post("model/store", of_guest(model))["retmsg"]
    assert fate.post("model/store", of_guest(model, force_update=True))["retcode"] == 0
    restored = fate.post("model/restore", of_guest(model))
    assert fate.ended(restored["jobId"])["f_status"] == "success"
    (task,) = fate.post("job/task/query", {"job_id": restored["jobId"]})["data"]
    assert task["f_component_name"] == "restore_0"
    assert fate.post("model/restore", of_guest({**model, "model_version": "1"}))["retcode"] == 100


def test_what_was_stored_before_files_were_sealed_is_restored(fate: Fate, model: Json) -> None:
    deployed = fate.post("model/deploy", {**model, "cpn_list": ["dataio_0", "intersection_0", "hetero_lr_0"]})["data"]
    version = {name: deployed[name] for name in ("model_id", "model_version")}
    assert fate.ended(fate.post("model/store", of_guest(version))["jobId"])["f_status"] == "success"
    (file,) = DataRoot(fate.root).sealed_dir("fate-models").path.iterdir()
    file.write_bytes(fate.get("model/export", of_guest(version)).content)
    fate.world.store.papers.remove("fate/model", f"{version['model_id']}/{version['model_version']}")
    assert fate.ended(fate.post("model/restore", of_guest(version))["jobId"])["f_status"] == "success"
    assert fate.post("model/get/predict/dsl", version)["retcode"] == 0
    again = fate.post("model/store", of_guest(version, force_update=True))
    assert fate.ended(again["jobId"])["f_status"] == "success"
    assert not file.read_bytes().startswith(b"PK")


def send(fate: Fate, content: bytes, fields: Json) -> Json:
    """Import as `flow` does: text fields, one of them the client's path, and the file under the same name."""
    data = {name: str(value) for name, value in {**fields, "file": "/client/model.zip", "verbose": 1}.items()}
    reply = fate.http.post("/v1/model/import", data=data, files={"file": ("model.zip", content)})
    assert reply.status_code == 200
    found: Json = reply.json()
    return found


def test_import(fate: Fate, model: Json) -> None:
    deployed = fate.post("model/deploy", {**model, "cpn_list": ["dataio_0", "intersection_0", "hetero_lr_0"]})["data"]
    version = {name: deployed[name] for name in ("model_id", "model_version")}
    content = fate.get("model/export", of_guest(version)).content
    assert "local cache already existed" in send(fate, content, of_guest(version))["retmsg"]
    fate.world.store.papers.remove("fate/model", f"{version['model_id']}/{version['model_version']}")
    assert fate.post("model/get/predict/dsl", version)["retcode"] == 100
    assert send(fate, content, {**of_guest(version), "role": "host", "party_id": 10000})["retcode"] == 100
    for junk in (b"", b"junk", content[: len(content) // 2]):
        assert send(fate, junk, of_guest(version))["retcode"] == 100
    assert send(fate, content, of_guest(version)) == {"retcode": 0, "retmsg": "success"}
    assert fate.post("model/get/predict/dsl", version)["retcode"] == 0


def test_predict_conf_and_dsl_as_files(fate: Fate, model: Json) -> None:
    deployed = fate.post("model/deploy", model)["data"]
    version = {name: deployed[name] for name in ("model_id", "model_version")}
    conf = fate.post("model/get/predict/conf", version)["data"]
    assert conf["job_parameters"]["common"]["model_version"] == version["model_version"]
    assert conf["component_parameters"]["role"]["host"]["0"]["reader_0"]["table"]["name"] == "name_to_be_filled_0"
    for what in ("dsl", "conf"):
        reply = fate.http.post(f"/v1/model/get/predict/{what}", json={**version, "filename": "x.json"})
        assert reply.headers["content-disposition"] == "attachment; filename=x.json"
        assert reply.json() == fate.post(f"model/get/predict/{what}", version)["data"]


def test_a_dsl_is_generated(fate: Fate) -> None:
    from tests.api.fate import dsl_v2

    asked = {"cpn_str": "[dataio_0, intersection_0,hetero_lr_0]", "train_dsl": json.dumps(dsl_v2()), "version": "2"}
    found = fate.post("job/dsl/generate", asked)
    assert set(found["data"]["components"]) == {"dataio_0", "intersection_0", "hetero_lr_0"}
    assert fate.post("job/dsl/generate", {**asked, "train_dsl": "{"})["retcode"] == 100
    reply = fate.http.post("/v1/job/dsl/generate", json={**asked, "filename": "dsl.json"})
    assert reply.json() == found["data"]


def test_tags(fate: Fate, model: Json) -> None:
    about = {"job_id": model["model_version"], "tag_name": "champion"}
    assert fate.post("model/model_tag/create", about)["retcode"] == 0
    assert fate.post("model/model_tag/retrieve", about)["data"]["tags"] == [{"name": "champion", "description": ""}]
    assert fate.post("model/model_tag/remove", about)["retcode"] == 0
    assert fate.post("model/model_tag/retrieve", about)["data"]["count"] == 0
    assert fate.post("model/model_tag/remove", about)["retcode"] == 100
    assert fate.post("model/migrate", {})["retmsg"].startswith("not supported")


def test_a_zip_that_would_fill_the_memory_or_is_broken_inside_is_refused(fate: Fate, model: Json) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("pipeline.pb", b" " * (40 << 20))
    assert "expected a zip of an exported model" in send(fate, bomb.getvalue(), of_guest(model))["retmsg"]
    content = bytearray(fate.get("model/export", of_guest(model)).content)
    start = content.index(b"pipeline.pb") + len("pipeline.pb")
    content[start : start + 20] = b"\xff" * 20  # zlib's own error
    assert "expected a zip of an exported model" in send(fate, bytes(content), of_guest(model))["retmsg"]
    assert (
        "expected a part with the file"
        in fate.http.post(
            "/v1/model/import", files={name: (None, str(value)) for name, value in of_guest(model).items()}
        ).json()["retmsg"]
    )


@pytest.mark.parametrize(
    "change",
    [{"loaded": "much"}, {"predict_dsl": {"components": {"a": 5}}}, {"predict_dsl": []}, {"tags": [1]}, {"job": "1"}],
)
def test_an_imported_model_is_read_with_care(fate: Fate, model: Json, change: Json) -> None:
    made = fate.post("model/deploy", model)["data"]
    version = {name: made[name] for name in ("model_id", "model_version")}
    with zipfile.ZipFile(io.BytesIO(fate.get("model/export", of_guest(version)).content)) as archive:
        told = json.loads(archive.read("pipeline.pb"))
    fate.world.store.papers.remove("fate/model", f"{version['model_id']}/{version['model_version']}")
    forged = io.BytesIO()
    with zipfile.ZipFile(forged, "w") as archive:
        archive.writestr("pipeline.pb", json.dumps({**told, **change}))
    assert send(fate, forged.getvalue(), of_guest(version))["retcode"] == 100
    assert fate.post("model/get/predict/dsl", version)["retcode"] == 100


def test_a_job_that_trains_another_model_is_not_the_training_of_an_imported_one(fate: Fate, model: Json) -> None:
    upload = fate.desk.book.all()[-1].id
    forged = io.BytesIO()
    told = {"model_id": model["model_id"], "version": "5", "job": upload, "services": [], "tags": []}
    with zipfile.ZipFile(forged, "w") as archive:
        archive.writestr("pipeline.pb", json.dumps({**told, "role": "guest", "party_id": "9999", "dsl": {}}))
    asked = of_guest({**model, "model_version": "5"})
    assert "the training of this model is not on this server" in send(fate, forged.getvalue(), asked)["retmsg"]


def test_a_dsl_that_is_none_is_not_deployed(fate: Fate, model: Json) -> None:
    for dsl in ({}, {"components": {"a": 5}}, {"components": {"a": {"module": "None"}}}):
        assert fate.post("model/deploy", {**model, "predict_dsl": dsl})["retcode"] == 100


def test_a_file_name_of_any_letters(fate: Fate, model: Json) -> None:
    version = {name: fate.post("model/deploy", model)["data"][name] for name in ("model_id", "model_version")}
    reply = fate.http.post("/v1/model/get/predict/dsl", json={**version, "filename": "\u6a21.json"})
    assert reply.headers["content-disposition"] == "attachment; filename=?.json"
