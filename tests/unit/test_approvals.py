"""Approvals at the service: who is asked, what waits, what starts, what ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fedray.errors import Conflict, DataError, NotFound, PlacementError, PolicyError, SpecError, StateError
from fedray.task.approvals import Decision
from fedray.task.approving import ApprovalState
from fedray.task.record import Status
from fedray.task.standing import Standing
from tests.task_server import Server, network

HOUR_S = 3600.0
A, B = "a:3", "a:4"


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """Return a server with a task that two parties are asked to approve."""
    made = Server(tmp_path)
    made.runner.standings = [Standing("a:1"), Standing(A, "0f", True, 2.0), Standing(B, "0e", True, 5.0)]
    made.service.create(network())
    return made


def calls(server: Server) -> list[str]:
    found = list(server.runner.calls)
    server.runner.calls.clear()
    return found


def test_a_created_task_waits_for_those_who_are_asked(server: Server) -> None:
    view = server.service.get("net")
    assert (view.status, view.waits_for) == ("created", (A, B))
    assert server.service.list().tasks[0].waits_for == (A, B)
    found = server.service.approvals("net")
    assert (found.state, found.start_wanted) == (ApprovalState.WAITING, False)
    assert [(one.party, one.expires_at - 100.0) for one in found.approvals] == [(A, 2 * HOUR_S), (B, 5 * HOUR_S)]
    assert [member["party"]["root"] for member in found.plan["members"]] == [None] * 4
    assert {"shapes", "test_predictions"} < {reveal["tag"] for reveal in found.plan["reveals"]}
    assert found.as_dict()["approvals"] == [one.as_dict() for one in found.approvals]


def test_the_last_approval_starts_a_task_that_was_started(server: Server) -> None:
    assert server.service.start("net").status == "created"
    assert server.service.start("net").waits_for == (A, B)
    calls(server)
    server.service.approve("net", A, who="dora")
    assert calls(server) == [f"approve net {A} dora"]
    assert server.service.approvals("net").start_wanted
    found = server.service.approve("net", B, who="otto")
    assert calls(server) == [f"approve net {B} otto", "ready net", "submit net"]
    assert (found.state, found.status) == (ApprovalState.APPROVED, "queued")
    assert [(one.who, one.decision) for one in found.approvals] == [("dora", "approved"), ("otto", "approved")]
    told = [(event.event.party, event.event.data.get("text")) for event in server.service.events("net")]
    assert (A, "the data owner has approved the task") in told


def test_an_approved_task_that_nobody_has_started_waits_for_its_start(server: Server) -> None:
    server.service.approve("net", A)
    server.service.approve("net", B)
    assert server.service.get("net").status == "created"
    assert server.service.get("net").waits_for == ()
    assert server.service.start("net").status == "queued"


def test_a_rejection_ends_the_task(server: Server) -> None:
    server.service.start("net")
    server.service.approve("net", A)
    found = server.service.reject("net", A, "not this month", who="dora")  # also after a yes
    assert (found.state, found.status, found.start_wanted) == (ApprovalState.REJECTED, "failed", False)
    error = server.service.get("net").error
    assert error is not None
    assert (error["type"], error["party"]) == ("PolicyError", A)
    assert error["message"] == "the data owner has rejected the task: not this month"
    for act in (server.service.start, lambda name: server.service.approve(name, B)):
        with pytest.raises(StateError, match="has already failed"):
            act("net")


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "x" * 201])
def test_a_reason_is_one_line(server: Server, reason: str) -> None:
    with pytest.raises(SpecError, match=r"^reason: expected one line"):
        server.service.reject("net", A, reason)
    assert server.service.get("net").status == "created"


def test_the_time_to_approve_ends(server: Server) -> None:
    server.service.start("net")
    server.now += 2 * HOUR_S - 1
    assert server.service.get("net").status == "created"
    server.service.approve("net", A)
    server.now += 3 * HOUR_S + 1
    view = server.service.get("net")
    assert view.status == "failed"
    assert view.error is not None
    assert (view.error["type"], view.error["party"]) == ("PolicyError", B)
    assert "not approved the task in time" in view.error["message"]
    assert server.service.approvals("net").state is ApprovalState.EXPIRED
    assert not [call for call in calls(server) if call.startswith("submit")]


def test_who_asks_for_the_status_alone_sees_that_the_time_has_ended(server: Server) -> None:
    assert server.service.status("net") is Status.CREATED
    server.now += 2 * HOUR_S + 1
    assert server.service.status("net") is Status.FAILED


def test_an_approval_that_comes_late_is_refused(server: Server) -> None:
    server.now += 2 * HOUR_S
    with pytest.raises(StateError, match="has already failed"):
        server.service.approve("net", A)


def test_approvals_of_another_plan_or_party_are_refused(server: Server) -> None:
    digest = server.service.approvals("net").digest
    with pytest.raises(Conflict, match="is another than the one that was looked at"):
        server.service.approve("net", A, digest="0" * 64)
    with pytest.raises(StateError, match=f'is not asked to approve task "net"; asked is {A}, {B}'):
        server.service.approve("net", "a:1", digest=digest)
    with pytest.raises(StateError, match="is not asked"):
        server.service.reject("net", "a:1", "no")
    with pytest.raises(NotFound):
        server.service.approve("other", A)
    server.service.approve("net", A, digest=digest)
    with pytest.raises(StateError, match='has approved task "net" already'):
        server.service.approve("net", A)


def test_an_approval_that_the_party_could_not_keep_does_not_count(server: Server) -> None:
    server.runner.errors["approve"] = DataError("no space", A)
    with pytest.raises(DataError):
        server.service.approve("net", A)
    assert server.service.get("net").waits_for == (A, B)


def test_what_keeps_an_approved_task_from_starting_is_in_its_events(server: Server) -> None:
    server.service.start("net")
    server.service.approve("net", A)
    server.runner.errors["ready"] = PlacementError("no node offers party_b", B)
    assert server.service.approve("net", B).status == "created"
    texts = [str(event.event.data.get("text")) for event in server.service.events("net")]
    assert "approved, but it could not start, so start it again: no node offers party_b" in texts
    server.runner.errors.clear()
    assert server.service.start("net").status == "queued"


def test_who_is_asked_follows_the_policies_of_the_start(server: Server) -> None:
    server.service.approve("net", A)
    server.runner.standings = [Standing("a:1", "0f", True, 1.0), Standing(A, "0f"), Standing(B, "0e")]
    assert server.service.start("net").waits_for == ("a:1",)
    server.runner.standings = []
    assert server.service.start("net").status == "queued"


def test_a_task_that_nobody_is_asked_for_says_so(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.service.create(network())
    assert server.service.approvals("net").state is ApprovalState.NOT_NEEDED
    with pytest.raises(StateError, match="asked is nobody"):
        server.service.approve("net", A)


def test_a_policy_that_refuses_lets_no_task_be_created(server: Server) -> None:
    server.runner.errors["check"] = PolicyError("rule kinds", A)
    with pytest.raises(PolicyError):
        server.service.create(network("other"))
    with pytest.raises(NotFound):
        server.service.get("other")


def test_approvals_are_there_after_a_restart_and_of_two_words_the_first_counts(server: Server, tmp_path: Path) -> None:
    server.service.start("net")
    server.service.approve("net", A)
    again = Server(tmp_path)
    again.runner.standings = server.runner.standings
    assert again.service.approvals("net").start_wanted
    assert again.service.get("net").waits_for == (B,)
    assert not again.store.approvals.decide("net", A, Decision.APPROVED)
    assert again.service.approve("net", B).status == "queued"


def test_a_cancelled_task_asks_nobody(server: Server) -> None:
    server.service.cancel("net")
    view: Any = server.service.get("net")
    assert (view.status, view.waits_for) == ("cancelled", ())
