"""The life of FATE jobs beside the plain way: time limits, a server that ends in between, tables that change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fedray.data.root import DataRoot
from fedray.errors import SpecError
from fedray.pipeline.service import Pipeline
from fedray.task.record import Status
from serve_api.fate_flow.states import States
from serve_api.fate_flow.time_limits import TimeLimits
from tests.api.conftest import World
from tests.api.fate import HETERO_LR, Fate, conf_v1, conf_v2, dsl_v2

Json = dict[str, Any]
GUEST = {"namespace": "exp", "table_name": "guest"}
TABLE = "id,y,x0,x1\n1,0,2,3\n2,1,3,4\n"


@pytest.fixture
def fate(world: World, tmp_path: Path) -> Fate:
    found = Fate(world, tmp_path)
    found.tables()
    return found


def limited(version: int, timeout: object) -> tuple[Json, Json]:
    """Return DSL and configuration with a time limit."""
    dsl, conf = (HETERO_LR, conf_v1()) if version == 1 else (dsl_v2(), conf_v2())
    parameters = conf["job_parameters"]
    (parameters if version == 1 else parameters.setdefault("common", {}))["timeout"] = timeout
    return dsl, conf


class Clock:
    """Unix milliseconds that a test sets."""

    now = 0

    def __call__(self) -> int:
        return self.now


def submit(fate: Fate, version: int, timeout: object) -> Json:
    dsl, conf = limited(version, timeout)
    return fate.post("job/submit", {"job_dsl": dsl, "job_runtime_conf": conf})


@pytest.mark.parametrize("version", [1, 2])
def test_a_job_that_runs_for_too_long_is_stopped(fate: Fate, version: int) -> None:
    job_id = submit(fate, version, 5)["jobId"]
    clock, desk = Clock(), fate.desk
    limits = TimeLimits(fate.world.store.papers, desk.book, desk.states, fate.pipelines, clock)
    fate.advance()
    clock.now = desk.now() + 60_000
    limits.step()  # it waits for others: that time does not count
    assert {row["f_status"] for row in fate.rows(job_id)} == {"waiting"}
    fate.world.store.transition(fate.world.runner.submitted[0], Status.RUNNING)
    limits.step()
    assert {row["f_status"] for row in fate.rows(job_id)} == {"running"}  # it is looked at again later
    clock.now += 60_000
    limits.step()
    assert {row["f_status"] for row in fate.rows(job_id)} == {"timeout"}
    assert fate.world.runner.cancelled == [fate.world.runner.submitted[0]]
    tasks = fate.post("job/task/query", {"job_id": job_id, "component_name": "intersection_0"})["data"]
    assert {row["f_status"] for row in tasks} == {"timeout"}
    limits.step()
    assert not fate.world.store.papers.all("fate/limit")


def test_a_job_that_ends_in_time_is_watched_no_more(fate: Fate) -> None:
    job_id = submit(fate, 1, "5")["jobId"]
    fate.run_all()
    clock = Clock()
    clock.now = fate.desk.now() + 60_000
    TimeLimits(fate.world.store.papers, fate.desk.book, fate.desk.states, fate.pipelines, clock).step()
    assert {row["f_status"] for row in fate.rows(job_id)} == {"success"}
    assert not fate.world.store.papers.all("fate/limit")


@pytest.mark.parametrize("timeout", [0, -1, 1.5, "soon", True, [], "9999999999"])
def test_a_time_limit_is_a_whole_number_of_seconds(fate: Fate, timeout: object) -> None:
    told = submit(fate, 1, timeout)
    assert told["retcode"] == 100
    assert "job_parameters.timeout: expected seconds" in told["retmsg"]


def test_a_job_whose_pipeline_is_refused_is_none(fate: Fate, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [job.id for job in fate.desk.book.all()]

    def refuse(_: object) -> None:
        raise SpecError("steps: no")

    monkeypatch.setattr(fate.pipelines, "create", refuse)
    monkeypatch.setattr(fate.desk.pipelines, "create", refuse)
    assert "steps: no" in fate.submit(1, check=False)["retmsg"]
    assert [job.id for job in fate.desk.book.all()] == before


def test_a_server_that_ends_before_the_pipeline_is_made_leaves_a_failed_job(
    fate: Fate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(fate.desk.pipelines, "create", die)
    with pytest.raises(SystemExit):
        fate.desk.work().submit(HETERO_LR, conf_v1())
    job = fate.desk.book.all()[0]
    assert fate.desk.states.of(job).status == "waiting"
    later = States(fate.pipelines, lambda: job.created_ms + 61_000)
    assert later.of(job).status == "failed"
    assert fate.pipelines.list().total == 0


def while_it_is_made(fate: Fate, monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Do something whenever a job is in the book and its pipeline is not there yet."""
    create = fate.desk.pipelines.create

    def acted(document: object) -> Pipeline:
        act()
        return create(document)

    monkeypatch.setattr(fate.desk.pipelines, "create", acted)


@pytest.mark.parametrize("path", ["job/stop", "job/clean/queue"])
def test_a_job_that_is_stopped_before_its_pipeline_is_made_does_not_run(
    fate: Fate, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    told = []
    while_it_is_made(fate, monkeypatch, lambda: told.append(fate.post(path, {"job_id": fate.desk.book.all()[0].id})))
    job_id = fate.submit(1)["jobId"]
    assert [reply["retcode"] for reply in told] == [0]
    fate.run_all()
    assert fate.world.runner.submitted == []
    assert {row["f_status"] for row in fate.rows(job_id)} == {"canceled"}


def test_a_table_that_a_job_reads_is_not_deleted(fate: Fate) -> None:
    job_id = fate.submit(1)["jobId"]
    told = fate.post("table/delete", GUEST)
    assert (told["retcode"], job_id in told["retmsg"], "has not ended" in told["retmsg"]) == (100, True, True)
    fate.run_all()
    assert fate.post("table/delete", GUEST)["retcode"] == 0


def test_a_table_that_a_job_reads_whose_pipeline_is_being_made_is_not_deleted(
    fate: Fate, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    while_it_is_made(fate, monkeypatch, lambda: told.append(fate.post("table/delete", GUEST)))
    job_id = fate.submit(1)["jobId"]
    assert [(reply["retcode"], job_id in reply["retmsg"]) for reply in told] == [(100, True)]
    fate.run_all()
    assert fate.post("table/delete", GUEST)["retcode"] == 0


def test_the_file_of_a_table_stays_until_the_job_that_reads_it_has_ended(fate: Fate) -> None:
    entry = fate.desk.tables.find("exp", "guest")
    assert entry is not None
    file = fate.desk.tables.path(entry)
    fate.submit(1)
    fate.table(TABLE, "guest", drop=1)
    assert file.exists()
    fate.run_all()
    fate.table(TABLE, "another")
    assert not file.exists()
    assert fate.post("table/table_info", GUEST)["data"]["count"] == 2


def test_a_stored_model_is_sealed(fate: Fate) -> None:
    model = fate.submit(1)["data"]["model_info"]
    fate.run_all()
    asked = {**model, "role": "guest", "party_id": 9999}
    assert fate.ended(fate.post("model/store", asked)["jobId"])["f_status"] == "success"
    folder = DataRoot(fate.root).sealed_dir("fate-models")
    (file,) = folder.path.iterdir()
    assert not file.read_bytes().startswith(b"PK")
    assert folder.read(file.name).startswith(b"PK")
