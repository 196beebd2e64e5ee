"""FATE-Flow: jobs submitted, queried, stopped, told of, over the real services and a scripted runner."""

from __future__ import annotations

import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

from fedray.errors import FedrayError
from fedray.task.record import Status
from tests.api.conftest import World
from tests.api.fate import HETERO_LR, Fate, conf_v1

Json = dict[str, Any]


@pytest.fixture
def fate(world: World, tmp_path: Path) -> Fate:
    found = Fate(world, tmp_path)
    found.tables()
    return found


@pytest.fixture(params=[1, 2])
def told(request: pytest.FixtureRequest, fate: Fate) -> Json:
    """A job that was submitted, of either generation."""
    return fate.submit(request.param)


def test_a_job_is_submitted_runs_and_ends(fate: Fate, told: Json) -> None:
    job_id, model = told["jobId"], told["data"]["model_info"]
    assert re.fullmatch(r"\d{21,22}", job_id)
    assert model == {"model_id": "arbiter-10000#guest-9999#host-10000#model", "model_version": job_id}
    assert {"board_url", "job_dsl_path", "job_runtime_conf_path", "logs_directory"} <= set(told["data"])
    assert [row["f_status"] for row in fate.rows(job_id)] == ["waiting"] * 3
    fate.advance()
    assert fate.post("job/task/query", {"job_id": job_id, "status": "running"})["retcode"] == 101
    fate.world.store.transition(fate.world.runner.submitted[0], Status.RUNNING)
    assert {row["f_status"] for row in fate.rows(job_id)} == {"running"}
    running = fate.post("job/task/query", {"job_id": job_id, "status": "running", "role": "guest", "party_id": 9999})
    assert [row["f_component_name"] for row in running["data"]] == ["intersection_0"]
    fate.run_all()
    rows = fate.rows(job_id)
    assert {(row["f_status"], row["f_progress"], row["f_tag"]) for row in rows} == {("success", 100, "job_end")}
    assert all(row["f_elapsed"] is not None for row in rows)
    tasks = fate.post("job/task/query", {"job_id": job_id, "role": "guest"})["data"]
    assert {row["f_status"] for row in tasks} == {"success"}
    assert {row["f_task_id"] for row in tasks} == {f"{job_id}_{row['f_component_name']}" for row in tasks}


def test_rows_have_the_types_of_their_generation(fate: Fate) -> None:
    old, new = (fate.rows(fate.submit(version)["jobId"]) for version in (1, 2))
    texts = ("f_roles", "f_dsl", "f_runtime_conf", "f_train_runtime_conf")
    assert [type(old[0][name]) for name in texts] == [str] * 4
    assert [type(new[0][name]) for name in texts] == [dict] * 4
    assert json.loads(old[0]["f_roles"]) == new[0]["f_roles"] == {"guest": [9999], "host": [10000], "arbiter": [10000]}
    assert [row["f_is_initiator"] for row in old] == [1, 0, 0]
    assert [row["f_is_initiator"] for row in new] == [True, False, False]
    assert [*old[0]] == sorted(old[0])
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", new[0]["f_create_date"])


def test_filters(fate: Fate) -> None:
    first, second = fate.submit(1)["jobId"], fate.submit(2)["jobId"]
    noise = {"function": "query_job", "local": {"role": "guest", "party_id": "9999"}, "config": None, "limit": "5"}
    for party in ("9999", 9999):
        (row,) = fate.post("job/query", {"job_id": first, "role": "guest", "party_id": party, **noise})["data"]
        assert row["f_party_id"] == "9999"
    found = fate.post("job/query", {"role": "host", "status": "waiting"})["data"]
    assert [row["f_job_id"] for row in found] == [second, first]
    for wanted in ({"job_id": "1"}, {}, {"nonsense": 1}, {"job_id": first, "status": "success"}):
        assert fate.post("job/query", wanted) == {"retcode": 101, "retmsg": "find job failed"}
    assert [row["f_job_id"] for row in fate.post("job/list/job", {"limit": 2})["data"]["jobs"]] == [second, first]
    assert fate.post("job/task/query", {"job_id": "1"}) == {"retcode": 101, "retmsg": "find task failed"}
    assert fate.post("job/data/view/query", {"job_id": "1"})["retmsg"] == "find data view failed"


def test_a_doubled_slash_is_one(fate: Fate, told: Json) -> None:
    fate.run_all()
    reply = fate.http.post("/v1/job//task/query", json={"job_id": told["jobId"]})
    assert (reply.status_code, reply.json()["retcode"]) == (200, 0)
    assert fate.http.post("/v1//nothing", json={}).status_code == 404
    assert fate.http.get("/v1/job/submit").status_code == 405


def test_a_body_that_is_no_json(fate: Fate) -> None:
    for body in (b"{", b"[]", b"\xff"):
        reply = fate.http.post("/v1/job/query", content=body)
        assert (reply.status_code, reply.json()["retcode"]) == (400, 100)
    assert fate.http.post("/v1/job/query", content=b"x" * (2 << 20)).status_code == 413


def test_notes(fate: Fate, told: Json) -> None:
    about = {"job_id": told["jobId"], "role": "guest", "party_id": 9999, "notes": "a note"}
    assert fate.post("job/update", about) == {"retcode": 0, "retmsg": "success"}
    assert [row["f_description"] for row in fate.rows(told["jobId"])] == ["a note", "", ""]
    assert fate.post("job/query", {"description": "a note"})["data"][0]["f_job_id"] == told["jobId"]
    assert fate.post("job/update", {**about, "job_id": "1"}) == {"retcode": 101, "retmsg": "find job failed"}
    assert fate.post("job/update", {**about, "party_id": 1})["retcode"] == 101
    del about["party_id"]
    assert fate.post("job/update", about) == {"retcode": 100, "retmsg": "'party_id'"}


def test_config(fate: Fate, told: Json) -> None:
    found = fate.post("job/config", {"job_id": told["jobId"], "role": "guest", "party_id": "9999"})["data"]
    assert set(found) == {"job_id", "dsl", "runtime_conf", "train_runtime_conf", "model_info"}
    assert found["model_info"] == told["data"]["model_info"]
    assert "hetero_lr_0" in found["dsl"]["components"]
    assert fate.post("job/config", {"job_id": "1", "role": "guest", "party_id": "9999"})["retcode"] == 101


def test_a_running_job_is_stopped(fate: Fate, told: Json) -> None:
    job_id = told["jobId"]
    fate.advance()
    fate.world.store.transition(fate.world.runner.submitted[0], Status.RUNNING)
    assert fate.post("job/stop", {"job_id": job_id})["retmsg"] == "kill job success"
    assert {row["f_status"] for row in fate.rows(job_id)} == {"canceled"}
    assert fate.world.runner.cancelled == [fate.world.runner.submitted[0]]
    tasks = fate.post("job/task/query", {"job_id": job_id, "role": "guest"})["data"]
    stopped = {row["f_status"] for row in tasks if row["f_component_name"] not in ("reader_0", "dataio_0")}
    assert stopped == ({"canceled"} if isinstance(fate.rows(job_id)[0]["f_dsl"], dict) else {"failed"})
    assert fate.post("job/stop", {"job_id": job_id, "operate": "kill"})["retcode"] == 0
    fate.run_all()
    assert len(fate.world.runner.submitted) == 1
    assert fate.post("job/stop", {"job_id": "123"})["retmsg"] == "can not found job: 123"
    assert fate.post("table/table_info", {"namespace": "exp", "table_name": "guest"})["data"]["count"] == 40


def test_a_failed_task_fails_the_job_and_its_log_says_why(fate: Fate, told: Json) -> None:
    fate.advance()
    task = fate.world.runner.submitted[0]
    fate.world.store.transition(task, Status.RUNNING)
    fate.world.fail(task, FedrayError("it was too cold"))
    fate.advance()
    assert {row["f_status"] for row in fate.rows(told["jobId"])} == {"failed"}
    reply = fate.get("job/log", {"job_id": told["jobId"]})
    assert reply.headers["content-type"] == "application/x-tar"
    assert reply.headers["content-disposition"] == f"attachment; filename=job_{told['jobId']}_log.tar.gz"
    with tarfile.open(fileobj=io.BytesIO(reply.content), mode="r:gz") as archive:
        names = archive.getnames()
        failed = archive.extractfile("guest/9999/intersection_0/ERROR.log")
        assert failed is not None
        assert b"it was too cold" in failed.read()
    assert {"fate_flow_schedule.log", "fate_flow_audit.log", "guest/9999/INFO.log", "host/10000/ERROR.log"} <= set(
        names
    )
    missing = fate.get("job/log", {"job_id": "1"})
    assert (missing.status_code, missing.json()["retcode"]) == (210, 210)


def test_the_queue_is_cleaned(fate: Fate) -> None:
    assert fate.post("job/clean/queue")["retmsg"] == "There are no jobs in the queue"
    jobs = [fate.submit(1)["jobId"] for _ in range(3)]
    assert set(fate.http.post("/v1/job/clean/queue").json()["data"]) == set(jobs)
    assert all(fate.rows(job)[0]["f_status"] == "canceled" for job in jobs)
    fate.run_all()
    assert fate.world.runner.submitted == []


def test_a_job_is_cleaned(fate: Fate, told: Json) -> None:
    about = {"job_id": told["jobId"], "component_name": "intersection_0"}
    assert fate.post("job/clean", about) == {"retcode": 0, "retmsg": "success"}
    assert fate.post("tracking/component/metric/all", about) == {"retcode": 0, "retmsg": "no data", "data": {}}
    assert fate.post("job/clean", {"job_id": "1"}) == {"retcode": 100, "retmsg": "no found task"}
    assert fate.post("table/delete", {"job_id": told["jobId"]})["retcode"] == 0
    assert fate.post("tracking/component/metric/delete", {"model": told["jobId"][:8]})["retcode"] == 0
    assert fate.post("tracking/component/metric/delete", {"job_id": "1"})["retcode"] == 100


def test_dependencies(fate: Fate, told: Json) -> None:
    found = fate.post("pipeline/dag/dependency", {"job_id": told["jobId"], "role": "guest", "party_id": 9999})["data"]
    assert found["component_list"].index("dataio_0") < found["component_list"].index("evaluation_0")
    assert found["component_module"]["hetero_lr_0"] == "HeteroLR"
    assert found["dependencies"]["evaluation_0"][0]["component_name"] == "hetero_lr_0"
    given = {"job_dsl": HETERO_LR, "job_runtime_conf": conf_v1(), "role": "guest", "party_id": "9999"}
    assert fate.post("pipeline/dag/dependency", given)["data"]["component_need_run"]["hetero_lr_0"] is True
    assert fate.post("pipeline/dag/dependency", {"job_id": told["jobId"]})["retcode"] == 100
    unknown = fate.post("pipeline/dag/dependency", {"job_id": "1", "role": "guest", "party_id": 9999})
    assert unknown == {"retcode": 100, "retmsg": "query job 1 failed"}


def test_data_views(fate: Fate, told: Json) -> None:
    job_id = told["jobId"]
    found = fate.post("tracking/job/data_view", {"job_id": job_id, "role": "guest", "party_id": 9999})["data"]
    assert found["partner"] == {"host": ["10000"], "arbiter": ["10000"]}
    assert [*found["dataset"]["guest"]["9999"].values()] == ["exp.guest"]
    assert [*found["dataset"]["host"]["10000"].values()] == ["exp.host"]
    host = fate.post("tracking/job/data_view", {"job_id": job_id, "role": "host", "party_id": 10000})["data"]
    assert [*host["dataset"]] == ["host"]
    assert fate.post("tracking/job/data_view", {"job_id": job_id, "role": "host", "party_id": 1})["retcode"] == 101
    assert fate.post("tracking/job/data_view", {"job_id": "1"})["retcode"] == 101
    rows = fate.post("job/data/view/query", {"job_id": job_id, "role": "guest"})["data"]
    assert {row["f_party_model_id"] for row in rows} == {f"guest#9999#{told['data']['model_info']['model_id']}"}


def test_parameters_and_what_is_not_there(fate: Fate, told: Json) -> None:
    about = {"job_id": told["jobId"], "role": "guest", "party_id": 9999, "component_name": "hetero_lr_0"}
    found = fate.post("tracking/component/parameters", about)["data"]
    assert found["module"] == "HeteroLR"
    assert (found["HeteroLogisticParam"]["max_iter"], found["HeteroLogisticParam"]["penalty"]) == (3, "L2")
    components = fate.post("tracking/component/list", {"job_id": told["jobId"]})["data"]["components"]
    assert "evaluation_0" in components
    unknown = {**about, "component_name": "none_0"}
    told_of = fate.post("tracking/component/parameters", unknown)
    assert (told_of["retcode"], told_of["retmsg"]) == (0, "can not found this component parameters")
    assert fate.post("tracking/component/parameters", {**about, "job_id": "1"})["retcode"] == 101
    for path in ("metrics", "metric/all", "output/model", "output/data"):
        nothing = fate.post(f"tracking/component/{path}", {**about, "component_name": "evaluation_0"})
        assert (nothing["retcode"], nothing["retmsg"]) == (0, "no data"), path
        assert fate.post(f"tracking/component/{path}", unknown)["retcode"] == 100
    named = {**about, "metric_name": "loss", "metric_namespace": "train"}
    assert fate.post("tracking/component/metric_data", named)["retmsg"] == "no data"
    assert "metric_name" in fate.post("tracking/component/metric_data", about)["retmsg"]
    assert fate.post("tracking/component/output/data/table", unknown)["retcode"] == 100
    assert fate.post("tracking/component/summary/download", about)["retcode"] == 0
    missing = fate.get("tracking/component/output/data/download", {**about, "component_name": "evaluation_0"})
    assert (missing.status_code, missing.json()["retmsg"]) == (210, "no data")
    none = fate.get("tracking/component/output/data/download", {**about, "limit": 0})
    assert none.json()["retmsg"] == "limit is 0"


def test_output_rows(fate: Fate) -> None:
    """Those of DataIO, which are the uploaded table's: no task has to have run for them."""
    for version in (1, 2):
        job_id = fate.submit(version)["jobId"]
        fate.run_all()
        about = {"job_id": job_id, "role": "guest", "party_id": 9999, "component_name": "dataio_0"}
        shown = fate.post("tracking/component/output/data", about)
        header, total = ["id", "y", "x0", "x1"], 40
        assert shown["meta"]["header"] == (header if version == 1 else [header])
        assert shown["meta"]["total"] == (total if version == 1 else [total])
        rows = shown["data"] if version == 1 else shown["data"][0]
        assert len(rows) == 40
        tables = fate.post("tracking/component/output/data/table", about)["data"]
        assert [set(table) for table in tables] == [{"data_name", "table_name", "table_namespace"}]
        reply = fate.get("tracking/component/output/data/download", {**about, "limit": 3})
        assert reply.headers["content-type"] == "application/x-tar"
        name = f"job_{job_id}_dataio_0_guest_9999_output_data.tar.gz"
        assert reply.headers["content-disposition"] == f"attachment; filename={name}"
        with tarfile.open(fileobj=io.BytesIO(reply.content), mode="r:gz") as archive:
            lines, meta = (archive.extractfile(name) for name in ("output_data.csv", "output_data_meta.json"))
            assert lines is not None
            assert meta is not None
            told = lines.read().decode().splitlines()
            assert (told[0], len(told)) == (",".join(header), 4)
            assert json.loads(meta.read()) == {"header": header}
            assert len(archive.getnames()) == 4


LOOP: Json = {
    "components": {
        "a_0": {"module": "Union", "input": {"data": {"data": ["b_0.x"]}}, "output": {"data": ["x"]}},
        "b_0": {"module": "Union", "input": {"data": {"data": ["a_0.x"]}}, "output": {"data": ["x"]}},
    }
}


def changed(component: str, **fields: object) -> Json:
    components = HETERO_LR["components"]
    return {"components": {**components, component: {**components[component], **fields}}}


@pytest.mark.parametrize(
    "dsl",
    [
        {},
        {"components": {}},
        [],
        "text",
        LOOP,
        changed("hetero_lr_0", module="HeteroMagic"),
        changed("hetero_lr_0", module="FTL"),
        changed("hetero_lr_0", input={"data": {"train_data": ["none_0.train"]}}),
        changed("hetero_lr_0", input={}),
    ],
)
def test_a_bad_dsl_is_refused_and_the_server_goes_on(fate: Fate, dsl: object) -> None:
    refused = fate.post("job/submit", {"job_dsl": dsl, "job_runtime_conf": conf_v1()})
    assert refused["retcode"] in (100, 101)
    assert refused["retmsg"]
    assert "jobId" not in refused
    assert fate.submit(1)["retcode"] == 0
    assert len([job for job in fate.desk.book.all() if job.op == "train"]) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"initiator": {"role": "guest", "party_id": 1}},
        {"initiator": None},
        {"role": {}},
        {"job_parameters": {"work_mode": 1}},
        {"job_parameters": None},
        {"dsl_version": 3},
        {"dsl_version": 1.0},
        {"role_parameters": {"guest": {"args": {"data": {"train_data": [{"name": "no", "namespace": "exp"}]}}}}},
    ],
)
def test_a_bad_conf_is_refused(fate: Fate, change: Json) -> None:
    refused = fate.post("job/submit", {"job_dsl": HETERO_LR, "job_runtime_conf": {**conf_v1(), **change}})
    assert refused["retcode"] in (100, 101)
    assert fate.post("job/submit", {"job_dsl": HETERO_LR})["retcode"] == 100


def test_tasks_that_are_refused_leave_no_job(fate: Fate) -> None:
    before = len(fate.desk.book.all())
    fate.world.runner.refusal = FedrayError("the party is not there")
    told = fate.submit(1, check=False)
    if told["retcode"] == 0:  # refused when its first task is made, which is later
        fate.advance()
        assert {row["f_status"] for row in fate.rows(told["jobId"])} == {"failed"}
    else:
        assert len(fate.desk.book.all()) == before


def test_jobs_survive_the_process(fate: Fate, world: World, told: Json) -> None:
    fate.run_all()
    again = Fate(world, fate.root)
    assert again.rows(told["jobId"])[0]["f_status"] == "success"


def test_twenty_jobs_at_once(fate: Fate) -> None:
    jobs = [fate.submit(1 + number % 2)["jobId"] for number in range(20)]
    assert len(set(jobs)) == 20
    assert len(fate.post("job/query", {"status": "waiting", "role": "guest"})["data"]) == 20
    fate.run_all()
    assert {fate.rows(job)[0]["f_status"] for job in jobs} == {"success"}
