"""ListTask asks the database for little: nothing while nobody writes, one statement while no task has changed."""

from __future__ import annotations

from pathlib import Path

from fedray.task.record import Status
from serve_api.paddledtx.listing import Listing
from serve_api.paddledtx.signing import new_private, public_of
from serve_api.paddledtx.wire.task_pb2 import FLTasks, ListTaskRequest
from tests.api.conftest import World
from tests.api.test_paddledtx import Paddle
from tests.statements import statements


def test_a_list_while_nobody_writes_is_no_statement(world: World, tmp_path: Path) -> None:
    paddle = Paddle(world, tmp_path)
    request = ListTaskRequest(pubKey=paddle.desk.keys.server)
    for name in "abcdefgh":
        world.create(name)
    assert len(paddle.names(request)) == 8
    with statements() as seen:
        assert paddle.names(request) == list("hgfedcba")
    assert seen == []
    assert paddle.desk.ledger.at_hand()


def test_progress_is_no_change_and_one_task_that_changes_is_read_alone(world: World, tmp_path: Path) -> None:
    paddle = Paddle(world, tmp_path)
    request = ListTaskRequest(pubKey=paddle.desk.keys.server)
    for name in "abcdefgh":
        world.create(name)
    world.run("running")
    paddle.names(request)
    world.tell("running", "progress", {"phase": "train", "done": 1, "total": 2})
    assert not paddle.desk.ledger.at_hand()
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


def test_an_end_that_keeps_no_task_out_is_the_same_list(world: World, tmp_path: Path) -> None:
    paddle = Paddle(world, tmp_path)
    key = paddle.desk.keys.server
    world.create("t")
    (task,) = paddle.ask("ListTask", ListTaskRequest(pubKey=key)).fLTasks
    listed = [paddle.desk.ledger.list(Listing((key,), end=end)) for end in (0, task.publishTime, 10**20)]
    assert listed[0] is listed[1] is listed[2]
    assert paddle.desk.ledger.list(Listing((key,), end=task.publishTime - 1)) == FLTasks()
    for limit in range(1, 200):
        paddle.desk.ledger.list(Listing((key,), limit=limit))
    assert paddle.names(ListTaskRequest(pubKey=key)) == ["t"]
