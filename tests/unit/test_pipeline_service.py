"""The service of pipelines, over a real store and a runner that only notes what it was told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fedray.errors import Conflict, FedrayError, NotFound, PeerLost, PlacementError, PolicyError, SpecError, StateError
from fedray.pipeline.advance import GOES_ON_S, PATIENCE_S
from fedray.pipeline.service import Pipeline, PipelineService, PipelineStatus
from fedray.task.plan import TaskPlan
from fedray.task.record import Event, Status
from fedray.task.service import TaskService
from fedray.task.standing import Standing
from tests.api.documents import alignment, predicting, training
from tests.contract.test_store import race
from tests.pipelines import aligned, binned, pipeline, step, trained
from tests.unit.test_task_service import Server


class World:
    """A server, its pipelines, and ways to move their tasks."""

    def __init__(self, folder: Path) -> None:
        self.server = Server(folder)
        self.store, self.runner, self.tasks = self.server.store, self.server.runner, self.server.service
        self.service = PipelineService(self.store, self.tasks, clock=lambda: self.server.now)

    def go(self, name: str = "p") -> dict[str, str]:
        """Advance until nothing is left to be done, and return how the steps stand."""
        for _ in range(20):
            if not self.service.step():
                return self.steps(name)
        raise AssertionError("it does not come to rest")

    def steps(self, name: str = "p") -> dict[str, str]:
        return {one.name: one.status.value for one in self.service.get(name).steps}

    def end(self, task: str, status: Status = Status.FINISHED, error: FedrayError | None = None) -> None:
        if self.store.get(task).status is Status.QUEUED:
            self.store.transition(task, Status.RUNNING)
        self.store.transition(task, status, None if error is None else error.as_dict())

    def run(self, *tasks: str) -> dict[str, str]:
        """Let tasks finish, one after the other, and return how the steps stand."""
        self.go()
        for task in tasks:
            self.end(task)
            self.go()
        return self.steps()

    def calls(self, call: str) -> list[str]:
        return [what.removeprefix(f"{call} ") for what in self.runner.calls if what.startswith(f"{call} ")]

    def again(self) -> PipelineService:
        """Return the service of another replica, or of the server when it was started again."""
        return PipelineService(self.store, self.tasks, clock=lambda: self.server.now)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


def stand(*words: str) -> dict[str, str]:
    return dict(zip(("align", "bins", "train", "predict"), words, strict=True))


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


class TestResume:
    @pytest.fixture
    def failed(self, world: World) -> World:
        world.service.create(pipeline())
        world.run("p.align", "p.bins")
        world.end("p.train", Status.FAILED, PeerLost("a process is gone"))
        world.go()
        return world

    def test_a_task_is_made_anew_and_what_has_finished_stays(self, failed: World) -> None:
        resumed = failed.service.resume("p")
        assert (resumed.status, resumed.ended_ms) == ("running", None)
        assert failed.go() == stand("finished", "finished", "queued", "waiting")
        assert failed.run("p.train~2") == stand("finished", "finished", "finished", "queued")
        assert failed.tasks.document("p.predict")["clients"][0]["client_config"]["model"] == "p.train~2"
        assert failed.run("p.predict") == stand(*["finished"] * 4)
        assert failed.calls("submit") == ["p.align", "p.bins", "p.train", "p.train~2", "p.predict"]

    def test_as_often_as_one_likes(self, failed: World) -> None:
        for attempt in (2, 3):
            failed.service.resume("p")
            failed.go()
            failed.end(f"p.train~{attempt}", Status.FAILED, PeerLost("a process is gone"))
            failed.go()
        failed.service.resume("p")
        assert failed.run("p.train~4", "p.predict") == stand(*["finished"] * 4)

    def test_a_training_with_a_checkpoint_goes_on_from_it(self, failed: World) -> None:
        failed.store.events.add(
            "p.train", [Event("progress", {"phase": "train", "done": 5, "total": 9, "checkpoint": 5}, "b", 1.0)]
        )
        failed.service.resume("p")
        assert failed.calls("resume") == ["p.train"]
        assert failed.go() == stand("finished", "finished", "queued", "waiting")
        assert failed.run("p.train", "p.predict") == stand(*["finished"] * 4)

    def test_one_whose_checkpoint_is_gone_is_made_anew(self, failed: World) -> None:
        failed.store.events.add(
            "p.train", [Event("progress", {"phase": "train", "done": 5, "total": 9, "checkpoint": 5}, "b", 1.0)]
        )
        failed.runner.errors["checkpoint"] = StateError("the clients have no checkpoint in common")
        failed.service.resume("p")
        failed.go()
        assert failed.calls("submit")[-1] == "p.train~2"

    @pytest.mark.parametrize("call", ["ready", "checkpoint"])
    def test_one_whose_node_is_away_keeps_its_checkpoint(self, failed: World, call: str) -> None:
        failed.store.events.add(
            "p.train", [Event("progress", {"phase": "train", "done": 5, "total": 9, "checkpoint": 5}, "b", 1.0)]
        )
        failed.runner.errors[call] = PlacementError("no node offers a party")
        with pytest.raises(PlacementError):
            failed.service.resume("p")
        assert failed.service.get("p").status is PipelineStatus.FAILED
        failed.runner.errors.clear()
        failed.service.resume("p")
        assert failed.calls("resume") == ["p.train"]
        assert failed.go() == stand("finished", "finished", "queued", "waiting")

    def test_a_cancelled_one(self, world: World) -> None:
        world.service.create(pipeline())
        world.run("p.align")
        world.service.cancel("p")
        world.service.resume("p")
        assert world.run("p.bins~2", "p.train", "p.predict") == stand(*["finished"] * 4)
        assert world.tasks.document("p.train")["clients"][2]["client_config"]["data_path"] == "pipelines/p.bins~2/2"

    @pytest.mark.parametrize("call", ["check", "ready"])
    def test_a_step_that_was_refused_keeps_its_name(self, world: World, call: str) -> None:
        world.service.create(pipeline())
        world.runner.errors[call] = PolicyError("not now")
        assert world.go()["align"] == "failed"
        world.runner.errors.clear()
        world.service.resume("p")
        assert world.go()["align"] == "queued"
        assert world.calls("submit") == ["p.align"]

    def test_of_one_that_runs_or_has_finished(self, world: World) -> None:
        world.service.create(pipeline())
        with pytest.raises(StateError, match="is running"):
            world.service.resume("p")
        world.run("p.align", "p.bins", "p.train", "p.predict")
        with pytest.raises(StateError, match="has already finished"):
            world.service.resume("p")


class TestWhoAdvances:
    def test_the_server_starts_again_in_the_middle(self, world: World) -> None:
        world.service.create(pipeline())
        world.run("p.align")
        world.store.fail_running("the server ended while this task was running")
        other = world.again()
        while other.step():
            pass
        assert world.steps() == stand("finished", "failed", "skipped", "skipped")
        other.resume("p")
        assert world.run("p.bins~2", "p.train", "p.predict") == stand(*["finished"] * 4)

    def test_a_document_that_this_version_refuses_ends(self, world: World) -> None:
        document = pipeline()
        document["steps"][1]["task"]["clients"][0]["client_config"]["was_a_field"] = 1
        kept = {"name": "p", "steps": [{"after": [], **one} for one in document["steps"]]}
        world.store.pipelines.add("p", json.dumps(kept))
        assert world.go()["align"] == "failed"
        assert world.service.get("p").status is PipelineStatus.FAILED
        assert "was_a_field" in world.service.get("p").steps[0].message

    @pytest.mark.parametrize("call", ["create", "start"])
    def test_one_dies_while_a_step_begins(self, world: World, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
        world.service.create(pipeline())
        with monkeypatch.context() as patched:
            patched.setattr(TaskService, call, lambda *_: exec("raise KeyboardInterrupt"))
            with pytest.raises(KeyboardInterrupt):
                world.service.step()
        assert world.go() == stand("queued", "waiting", "waiting", "waiting")
        assert world.calls("submit") == ["p.align"]

    def test_two_at_the_same_moment(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        world.service.create(pipeline())
        start, other = TaskService.start, world.again()

        def after_the_other(tasks: TaskService, name: str) -> Any:
            monkeypatch.undo()
            other.step()
            return start(tasks, name)

        monkeypatch.setattr(TaskService, "start", after_the_other)
        world.service.step()
        assert world.go() == stand("queued", "waiting", "waiting", "waiting")
        assert world.calls("submit") == ["p.align"]

    def test_many_at_once_and_every_task_is_run_once(self, world: World) -> None:
        submit = world.runner.submit

        def run(plan: TaskPlan) -> None:
            submit(plan)
            world.store.transition(plan.task, Status.RUNNING)
            world.store.transition(plan.task, Status.FINISHED)

        world.runner.submit = run  # type: ignore[method-assign]
        names = ["p0", "p1"]
        for name in names:
            world.service.create(pipeline(name))

        def advance() -> bool:
            service, ends = world.again(), ("finished", "failed", "cancelled")
            for _ in range(200):
                service.step()
                if all(service.get(name).status in ends for name in names):
                    return True
            return False

        assert race([advance] * 3) == [True] * 3
        assert [world.service.get(name).status for name in names] == ["finished"] * 2
        wanted = [f"{name}.{one}" for name in names for one in ("align", "bins", "train", "predict")]
        assert sorted(world.calls("submit")) == sorted(wanted)

    def test_one_that_fails_holds_up_no_other(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        world.service.create(pipeline("broken"))
        world.service.create(pipeline("p"))
        from fedray.pipeline import advance

        whole = advance.task_names
        monkeypatch.setattr(
            advance, "task_names", lambda spec, kept: 1 / 0 if spec.name == "broken" else whole(spec, kept)
        )
        with pytest.raises(ZeroDivisionError):
            world.service.step()
        assert world.steps()["align"] == "queued"


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
