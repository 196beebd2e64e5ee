"""Pipelines that go on: resumed after a failure, advanced by several replicas, advanced after a crash."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fedray.errors import PeerLost, PlacementError, PolicyError, StateError
from fedray.pipeline.service import PipelineStatus
from fedray.task.plan import TaskPlan
from fedray.task.record import Event, Status
from fedray.task.service import TaskService
from tests.contract.test_store import race
from tests.pipeline_world import World, stand
from tests.pipelines import pipeline


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


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
