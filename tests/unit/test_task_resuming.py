"""Trainings that were broken off, at the service: which go on, and which are given up."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedray.errors import NotFound, PeerLost, PlacementError, StateError
from fedray.task.plan import make_plan
from fedray.task.record import Event, Status
from fedray.task.registry import Registry
from fedray.task.spec import parse
from tests.task_server import Server, advance, network


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def broken_off(server: Server, **main: object) -> None:
    """Let a training fail after a checkpoint."""
    server.service.create(network(**main))
    advance(server, Status.QUEUED, Status.RUNNING)
    told = {"phase": "train", "done": 620, "total": 10_010, "checkpoint": 500}
    server.store.events.add("net", [Event("progress", told)])
    server.store.transition("net", Status.FAILED, PeerLost("the process died", "bank").as_dict())
    server.runner.calls.clear()


def test_a_failed_training_goes_on(server: Server) -> None:
    broken_off(server)
    view = server.service.get("net")
    assert (view.status, view.checkpoint, view.resumable) == (Status.FAILED, 500, True)
    view = server.service.resume("net")
    assert (view.status, view.error, view.ended_at, view.resumable) == (Status.QUEUED, None, None, False)
    assert server.runner.calls == ["ready net", "checkpoint net", "resume net"]
    with pytest.raises(StateError, match="is already running"):
        server.service.resume("net")
    advance(server, Status.RUNNING, Status.FINISHED)
    assert server.service.get("net").checkpoint is None
    with pytest.raises(StateError, match="net has already finished"):
        server.service.resume("net")


@pytest.mark.parametrize(
    ("ways", "words"),
    [
        ([], "has not been started"),
        ([Status.QUEUED, Status.RUNNING, Status.FINISHED], "has already finished"),
        ([Status.CANCELLED], "has been cancelled"),
    ],
)
def test_what_did_not_fail_does_not_go_on(server: Server, ways: list[Status], words: str) -> None:
    server.service.create(network())
    advance(server, *ways)
    with pytest.raises(StateError, match=f"^Task with name net {words}$"):
        server.service.resume("net")
    assert server.runner.calls == ["check net"]


@pytest.mark.parametrize("main", [{"checkpoint_every": 0}, {"parity": True}])
def test_a_training_without_checkpoints_does_not_go_on(server: Server, main: dict[str, object]) -> None:
    server.service.create(network(**main))
    advance(server, Status.QUEUED, Status.FAILED)
    with pytest.raises(StateError, match='Task with name "net" keeps no checkpoints, so it cannot go on'):
        server.service.resume("net")
    assert not server.service.get("net").resumable


@pytest.mark.parametrize("call", ["ready", "checkpoint"])
def test_a_training_that_cannot_go_on_now_stays_as_it_is(server: Server, call: str) -> None:
    broken_off(server)
    before = server.service.get("net")
    server.runner.errors[call] = StateError("no checkpoint in common")
    with pytest.raises(StateError, match="no checkpoint in common"):
        server.service.resume("net")
    assert server.service.get("net") == before


def test_a_training_that_cannot_be_handed_over_fails_again(server: Server) -> None:
    broken_off(server)
    server.runner.errors["resume"] = PlacementError("the supervisor is not running")
    with pytest.raises(PlacementError):
        server.service.resume("net")
    view = server.service.get("net")
    assert (view.status, view.resumable) == (Status.FAILED, True)


def test_forgetting_a_failed_training_deletes_its_checkpoints(server: Server) -> None:
    broken_off(server)
    server.now = 200.0
    found = server.service.models.delete("net")
    assert (found.model, found.predicts, found.trained_at, found.deleted_at) == ("net", False, None, 200.0)
    assert [receipt["index"] for receipt in found.receipts] == [2]
    view = server.service.get("net")
    assert (view.status, view.checkpoint, view.resumable) == (Status.FAILED, None, False)
    with pytest.raises(NotFound, match='Task with name "net" is failed, so there is no model of it'):
        server.service.models.delete("net")


def test_a_plan_says_how_often_it_goes_on_by_itself(server: Server) -> None:
    plans = [
        make_plan(parse(network(**main)), Registry.local(), "seed")
        for main in ({}, {"resume": "auto"}, {"resume": "auto", "resume_attempts": 7, "checkpoint_every": 0})
    ]
    assert [(plan.checkpoint_every, plan.resume_attempts) for plan in plans] == [(500, 0), (500, 3), (0, 7)]
    assert server.runner.calls == []
