"""ListTask asks the database for little: one statement while nothing has changed, however many tasks there are."""

from __future__ import annotations

from pathlib import Path

from fedray.task.record import Status
from serve_api.paddledtx.signing import new_private, public_of
from serve_api.paddledtx.wire.task_pb2 import ListTaskRequest
from tests.api.conftest import World
from tests.api.test_paddledtx import Paddle
from tests.statements import statements


def test_a_list_without_a_change_is_one_statement(world: World, tmp_path: Path) -> None:
    paddle = Paddle(world, tmp_path)
    request = ListTaskRequest(pubKey=paddle.desk.keys.server)
    for name in "abcdefgh":
        world.create(name)
    assert len(paddle.names(request)) == 8
    with statements() as seen:
        assert paddle.names(request) == list("hgfedcba")
    assert len(seen) == 1


def test_progress_is_no_change_and_one_task_that_changes_is_read_alone(world: World, tmp_path: Path) -> None:
    paddle = Paddle(world, tmp_path)
    request = ListTaskRequest(pubKey=paddle.desk.keys.server)
    for name in "abcdefgh":
        world.create(name)
    world.run("running")
    paddle.names(request)
    world.tell("running", "progress", {"phase": "train", "done": 1, "total": 2})
    with statements() as seen:
        paddle.names(request)
    assert len(seen) == 1
    world.finish("running")
    with statements() as seen:
        found = {task.name: task.status for task in paddle.ask("ListTask", request).fLTasks}
    assert found["running"] == "Finished"
    assert len(seen) == 5  # the stamp, jobs, approvals, marks, and that task


def test_every_change_is_seen_at_once(world: World, tmp_path: Path) -> None:
    paddle = Paddle(world, tmp_path)
    request = ListTaskRequest(pubKey=paddle.desk.keys.server)
    seen = []
    world.create("t")
    for status in (None, Status.QUEUED, Status.RUNNING, Status.FAILED, Status.QUEUED):
        if status is not None:
            world.store.transition("t", status)
        seen.append([task.status for task in paddle.ask("ListTask", request).fLTasks])
    assert seen == [["Ready"], ["ToProcess"], ["Processing"], ["Failed"], ["ToProcess"]]


def test_a_new_key_is_seen_in_the_tasks_that_were_kept(world: World, tmp_path: Path) -> None:
    paddle, bank = Paddle(world, tmp_path), public_of(new_private())
    world.create("t")
    request = ListTaskRequest(pubKey=paddle.desk.keys.server)
    (before,) = paddle.ask("ListTask", request).fLTasks
    paddle.desk.keys.add("bank", bank.hex(), ["127.0.0.1:8084"])
    (after,) = paddle.ask("ListTask", request).fLTasks
    assert bank not in {data.executor for data in before.dataSets}
    assert bank in {data.executor for data in after.dataSets}
