"""The service of pipelines, over a real store and a runner that only notes what it was told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fedray.errors import Conflict, FedrayError, NotFound, PeerLost, PlacementError, PolicyError, SpecError, StateError
from fedray.pipeline.advance import GOES_ON_S, PATIENCE_S
from fedray.pipeline.service import Pipeline, PipelineStatus
from fedray.task.record import Status
from fedray.task.service import TaskService
from fedray.task.standing import Standing
from tests.api.documents import alignment, predicting, training
from tests.pipeline_world import World, stand
from tests.pipelines import aligned, binned, pipeline, step, trained


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


class TestSteps:
    def test_one_after_the_other(self, world: World) -> None:
        created = world.service.create(pipeline())
        assert (created.status, created.started_ms, created.ended_ms) == (PipelineStatus.RUNNING, None, None)
        assert [one.task for one in created.steps] == [None] * 4
        assert world.steps() == stand(*["waiting"] * 4)
        assert world.go() == stand("queued", "waiting", "waiting", "waiting")
        assert world.run("p.align") == stand("finished", "queued", "waiting", "waiting")
        assert world.run("p.bins") == stand("finished", "finished", "queued", "waiting")
        assert world.run("p.train") == stand("finished", "finished", "finished", "queued")
        assert world.service.get("p").status is PipelineStatus.RUNNING
        world.server.now = 123.5
        assert world.run("p.predict") == stand(*["finished"] * 4)
        done = world.service.get("p")
        assert (done.status, done.created_ms, done.started_ms, done.ended_ms) == ("finished", 100_000, 100_000, 123_500)
        assert [one.kind for one in done.steps] == ["alignment", "binning", "shared_nn", "predict"]
        assert [one.needs for one in done.steps] == [(), ("align",), ("bins",), ("align", "bins", "train")]
        assert world.calls("submit") == [f"p.{name}" for name in ("align", "bins", "train", "predict")]

    def test_tasks_take_what_earlier_ones_made(self, world: World) -> None:
        world.service.create(pipeline())
        world.run("p.align", "p.bins", "p.train")
        configs = {
            name: [client["client_config"] for client in world.tasks.document(f"p.{name}")["clients"]]
            for name in ("align", "bins", "train", "predict")
        }
        assert configs["align"][1]["out_data_path"] == "pipelines/p.align/1"
        assert [configs["bins"][place]["data_path"] for place in (2, 3)] == [
            "pipelines/p.align/1",
            "pipelines/p.align/3",
        ]
        assert [configs["train"][place]["data_path"] for place in (2, 3)] == [
            "pipelines/p.bins/2",
            "pipelines/p.bins/3",
        ]
        assert configs["predict"][0]["model"] == "p.train"
        assert configs["predict"][2]["transforms"] == ["p.bins"]

    def test_those_that_do_not_need_each_other_run_side_by_side(self, world: World) -> None:
        document = {
            "name": "p",
            "steps": [
                step("align", aligned()),
                step("bins", binned()),
                step("train", trained()),
                step("predict", trained(), "bins"),
            ],
        }
        world.service.create(document)
        assert world.run("p.align") == stand("finished", "queued", "queued", "waiting")
        assert world.run("p.bins") == stand("finished", "finished", "queued", "queued")

    def test_nothing_to_do_costs_no_call(self, world: World) -> None:
        assert not world.service.step()
        world.service.create(pipeline())
        world.go()
        calls = len(world.runner.calls)
        assert not world.service.step()
        assert len(world.runner.calls) == calls

    def test_several_pipelines_at_once(self, world: World) -> None:
        for number in range(20):
            world.service.create(pipeline(f"p{number}"))
        world.service.step()
        assert len(world.calls("submit")) == 20
        page = world.service.list(limit=3)
        assert ([one.name for one in page.pipelines], page.total) == (["p19", "p18", "p17"], 20)
        assert world.service.list(status="finished").total == 0
        assert world.service.list(search="P1").total == 11


class TestFailures:
    def test_of_a_task(self, world: World) -> None:
        world.service.create(pipeline())
        world.run("p.align")
        world.end("p.bins", Status.FAILED, FedrayError("a table is gone", "bank", "read"))
        assert world.go() == stand("finished", "failed", "skipped", "skipped")
        failed = world.service.get("p")
        assert (failed.status, failed.steps[1].message) == ("failed", "bank, read: a table is gone")
        assert failed.ended_ms is not None

    def test_what_runs_beside_it_goes_on_and_nothing_new_begins(self, world: World) -> None:
        steps = [
            step("align", aligned()),
            step("bins", binned()),
            step("train", trained()),
            step("predict", trained(), "train"),
        ]
        world.service.create({"name": "p", "steps": steps})
        world.run("p.align")
        world.end("p.bins", Status.FAILED, FedrayError("no"))
        assert world.go() == stand("finished", "failed", "queued", "waiting")
        assert world.service.get("p").status is PipelineStatus.RUNNING
        assert world.run("p.train") == stand("finished", "failed", "finished", "skipped")
        assert world.service.get("p").status is PipelineStatus.FAILED

    @pytest.mark.parametrize("call", ["check", "ready", "submit"])
    def test_of_a_step_that_is_refused(self, world: World, call: str) -> None:
        world.service.create(pipeline())
        world.run()
        world.runner.errors[call] = PolicyError("rule kinds: binning is not allowed", "bank")
        assert world.run("p.align") == stand("finished", "failed", "skipped", "skipped")
        assert world.service.get("p").steps[1].message == "bank: rule kinds: binning is not allowed"

    def test_of_ours_does_not_let_it_wait_for_ever(self, world: World) -> None:
        world.service.create(pipeline())
        world.runner.errors["check"] = ZeroDivisionError("a value")
        assert world.go() == stand("failed", "skipped", "skipped", "skipped")
        assert world.service.get("p").steps[0].message == "internal error: ZeroDivisionError; see the server's log"

    def test_one_without_room_is_tried_again_for_a_while(self, world: World) -> None:
        world.service.create(pipeline())
        world.runner.errors["check"] = PlacementError("no node offers party_far")
        assert world.go() == stand(*["waiting"] * 4)
        world.server.now += PATIENCE_S - 1
        assert world.go() == stand(*["waiting"] * 4)
        world.server.now += 2
        assert world.go() == stand("failed", "skipped", "skipped", "skipped")
        assert world.service.get("p").steps[0].message == "no node offers party_far"

    def test_one_that_finds_room_in_time(self, world: World) -> None:
        world.service.create(pipeline())
        world.runner.errors["ready"] = PlacementError("the supervisor does not answer")
        assert world.go()["align"] == "created"
        world.runner.errors.clear()
        assert world.go()["align"] == "queued"

    def test_a_task_of_another_with_the_name_of_a_step(self, world: World) -> None:
        world.service.create(pipeline())
        world.run()
        world.tasks.create(alignment("p.bins"))
        assert world.steps()["bins"] == "waiting"
        assert world.run("p.align") == stand("finished", "failed", "skipped", "skipped")
        assert "p.bins is there already" in world.service.get("p").steps[1].message
        world.service.resume("p")
        assert world.go() == stand("finished", "queued", "waiting", "waiting")
        assert world.calls("submit")[-1] == "p.bins~2"

    def test_a_training_that_goes_on_by_itself_has_not_failed(self, world: World) -> None:
        task = trained()
        task["clients"][0]["client_config"] |= {"resume": "auto", "checkpoint_every": 5}
        world.service.create({"name": "p", "steps": [step("align", aligned()), step("train", task)]})
        world.run("p.align")
        world.end("p.train", Status.FAILED, PeerLost("a process is gone"))
        assert not world.service.step()
        world.store.transition("p.train", Status.QUEUED)
        assert world.go() == {"align": "finished", "train": "queued"}
        world.end("p.train", Status.FAILED, PeerLost("a process is gone"))
        world.server.now += GOES_ON_S + 1
        assert world.go() == {"align": "finished", "train": "failed"}


class TestApprovals:
    @pytest.fixture
    def asked(self, world: World) -> World:
        world.runner.standings = [Standing("bank", manual=True, approval_hours=1.0)]
        world.service.create(pipeline())
        return world

    def test_a_step_waits(self, asked: World) -> None:
        assert asked.go()["align"] == "created"
        assert asked.service.get("p").steps[0].message == "waits for the approval of bank"
        calls = len(asked.runner.calls)
        assert not asked.service.step()
        assert len(asked.runner.calls) == calls
        asked.tasks.approve("p.align", "bank")
        assert asked.steps()["align"] == "queued"

    def test_a_rejection_ends_it(self, asked: World) -> None:
        asked.go()
        asked.tasks.reject("p.align", "bank", "not this month")
        assert asked.go()["align"] == "failed"
        assert asked.service.get("p").status is PipelineStatus.FAILED

    def test_the_end_of_the_time_is_seen_though_nobody_looks(self, asked: World) -> None:
        asked.go()
        asked.server.now += 3700
        assert asked.go()["align"] == "failed"

    def test_one_that_was_approved_and_not_started(self, asked: World) -> None:
        asked.go()
        asked.runner.errors["ready"] = FedrayError("no table")
        asked.tasks.approve("p.align", "bank")
        assert asked.go()["align"] == "failed"
        assert asked.service.get("p").steps[0].message == "no table"


class TestCancel:
    def test_what_runs_is_cancelled_and_the_rest_skipped(self, world: World) -> None:
        world.service.create(pipeline())
        world.run("p.align")
        cancelled = world.service.cancel("p")
        assert cancelled.status is PipelineStatus.CANCELLED
        assert world.steps() == stand("finished", "cancelled", "skipped", "skipped")
        assert world.calls("cancel") == ["p.bins"]
        assert world.go() == stand("finished", "cancelled", "skipped", "skipped")

    def test_before_anything_has_begun(self, world: World) -> None:
        world.service.create(pipeline())
        world.service.cancel("p")
        assert world.go() == stand(*["skipped"] * 4)
        assert world.runner.calls == []

    def test_of_one_that_has_ended(self, world: World) -> None:
        world.service.create(pipeline())
        world.service.cancel("p")
        with pytest.raises(StateError, match='Pipeline with name "p" has been cancelled'):
            world.service.cancel("p")

    def test_of_one_step_ends_the_pipeline(self, world: World) -> None:
        world.service.create(pipeline())
        world.run("p.align")
        world.tasks.cancel("p.bins")
        assert world.go() == stand("finished", "cancelled", "skipped", "skipped")
        assert world.service.get("p").status is PipelineStatus.CANCELLED

    def test_while_a_task_is_being_made(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        world.service.create(pipeline())
        create = TaskService.create

        def late(tasks: TaskService, document: object) -> Any:
            world.service.cancel("p")
            return create(tasks, document)

        monkeypatch.setattr(TaskService, "create", late)
        world.go()
        assert world.store.get("p.align").status is Status.CANCELLED
        assert world.service.get("p").status is PipelineStatus.CANCELLED

    def test_a_cancellation_that_was_broken_off_is_completed(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.service.create(pipeline())
        world.go()
        with monkeypatch.context() as patched:
            patched.setattr(TaskService, "cancel", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                world.service.cancel("p")
        assert world.service.get("p").status is PipelineStatus.CANCELLING
        world.again().step()
        assert world.service.get("p").status is PipelineStatus.CANCELLED
        assert world.store.get("p.align").status is Status.CANCELLED

    def test_where_the_runner_does_not_answer(self, world: World) -> None:
        world.service.create(pipeline())
        world.go()
        world.runner.errors["cancel"] = PlacementError("the supervisor does not answer")
        with pytest.raises(PlacementError):
            world.service.cancel("p")
        assert world.service.get("p").status is PipelineStatus.CANCELLED


class TestCreate:
    def test_a_name_that_is_taken(self, world: World) -> None:
        world.service.create(pipeline())
        with pytest.raises(Conflict, match='Pipeline with name "p" already exists'):
            world.service.create(pipeline())

    def test_a_name_of_a_task_that_is_taken(self, world: World) -> None:
        world.tasks.create(training("p.train"))
        with pytest.raises(Conflict, match=r"p\.train"):
            world.service.create(pipeline())
        assert world.service.list().total == 0

    def test_a_model_of_other_parties(self, world: World) -> None:
        document = pipeline()
        del document["steps"][3]["task"]["clients"][2]
        document["steps"][3]["task"]["clients"].insert(
            2,
            {
                **document["steps"][0]["task"]["clients"][2],
                "client_config": {"client_type": "predict_feature", "computation_port": 8083, "data_path": "f2"},
            },
        )
        with pytest.raises(SpecError, match=r"^steps\[3\]\.task\.clients: model \"p.train\" was trained by "):
            world.service.create(document)

    def test_a_model_that_is_not_there(self, world: World) -> None:
        document = {"name": "p", "steps": [step("predict", predicting("x", "gone"))]}
        with pytest.raises(SpecError, match=r"^steps\[0\]\.task\.clients\[0\]\.client_config\.model: no task has"):
            world.service.create(document)

    def test_a_model_that_is_there(self, world: World) -> None:
        world.tasks.create(training("old"))
        world.tasks.start("old")
        world.end("old")
        world.tasks.models.tag("old", "champion")
        world.service.create({"name": "p", "steps": [step("predict", predicting("x", "@champion"))]})
        assert world.go() == {"predict": "queued"}
        assert world.again().step() is False

    def test_what_is_not_there(self, world: World) -> None:
        for call in (world.service.get, world.service.cancel, world.service.resume, world.service.remove):
            with pytest.raises(NotFound, match='Pipeline with name "nope" not exist'):
                call("nope")
            with pytest.raises(NotFound):
                call("no\0pe")


class TestRemove:
    def test_its_tasks_stay(self, world: World) -> None:
        world.service.create(pipeline())
        world.go()
        with pytest.raises(StateError, match="is running"):
            world.service.remove("p")
        world.service.cancel("p")
        world.service.remove("p")
        with pytest.raises(NotFound):
            world.service.get("p")
        assert world.store.get("p.align").status is Status.CANCELLED
        with pytest.raises(Conflict, match=r"p\.align"):
            world.service.create(pipeline())


def test_a_pipeline_as_it_is_sent(world: World) -> None:
    view: Pipeline = world.service.create({"name": "p", "steps": [step("align", aligned())]})
    assert view.as_dict() == {
        "name": "p",
        "status": "running",
        "steps": [
            {
                "name": "align",
                "task": None,
                "status": "waiting",
                "message": "",
                "kind": "alignment",
                "needs": [],
                "progress": None,
            }
        ],
        "created_ms": 100_000,
        "started_ms": None,
        "ended_ms": None,
    }
