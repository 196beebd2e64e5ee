"""The routes by which data owners approve tasks, and the commands over them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fedray.errors import PolicyError
from fedray.task.standing import Standing
from serve_api.doors.roles import Role
from tests.api.conftest import World
from tests.api.documents import training
from tests.api.doors import PARTY, Locked, locked


@pytest.fixture
def doors(tmp_path: Path, world: World) -> Iterator[Locked]:
    world.runner.standings = [Standing(PARTY, "0f", True, 1.0)]
    world.create("t")
    with locked(tmp_path, world.service) as opened:
        yield opened


def test_a_data_owner_sees_the_plan_and_approves_it(doors: Locked, world: World) -> None:
    seen = doors.ask(Role.DATA_OWNER, "GET", "/api/v1/tasks/t/approvals").json()
    assert (seen["state"], seen["status"]) == ("waiting", "created")
    assert seen["plan"]["kind"] == "shared_nn"
    assert doors.ask(Role.SUBMITTER, "POST", "/api/v1/tasks/t/start").json()["waits_for"] == [PARTY]
    query = {"party": PARTY, "digest": seen["digest"]}
    reply = doors.ask(Role.DATA_OWNER, "POST", "/api/v1/tasks/t/approve", params=query)
    assert reply.status_code == 200
    assert (reply.json()["state"], reply.json()["status"]) == ("approved", "queued")
    assert reply.json()["approvals"][0]["who"] == "dora"
    assert world.runner.approved == [(seen["digest"], PARTY, "dora")]
    asked, done = doors.entries()[-2:]
    assert asked["what"] == done["what"] == "POST /api/v1/tasks/{name}/approve"
    assert (asked["outcome"], done["outcome"]) == ("asked", "done")
    assert (done["who"], done["party"], done["subject"]) == ("dora", PARTY, "t")


def test_a_data_owner_rejects(doors: Locked, world: World) -> None:
    query = {"party": PARTY, "reason": "no contract"}
    reply = doors.ask(Role.DATA_OWNER, "POST", "/api/v1/tasks/t/reject", params=query)
    assert (reply.json()["state"], reply.json()["status"]) == ("rejected", "failed")
    assert doors.entries()[-1]["party"] == PARTY
    error = world.service.get("t").error
    assert error is not None
    assert error["message"].endswith("no contract")


def test_nobody_speaks_for_another_party(doors: Locked, world: World) -> None:
    other = "127.0.0.1:8082"
    world.runner.standings = [Standing(other, "0f", True, 1.0), Standing(PARTY, "0f", True, 1.0)]
    world.create("both")
    for act, more in (("approve", {}), ("reject", {"reason": "no"})):
        path = f"/api/v1/tasks/both/{act}"
        refused = doors.ask(Role.DATA_OWNER, "POST", path, params={"party": other, **more})
        assert refused.status_code == 403
        assert f"expected a party of this token, {PARTY}" in refused.json()["error"]["message"].lower()
        assert doors.entries()[-1]["outcome"] == "refused"
        assert doors.ask(Role.SUBMITTER, "POST", path, params={"party": PARTY, **more}).status_code == 403
    assert world.runner.approved == []
    assert world.service.get("both").waits_for == (other, PARTY)


@pytest.mark.parametrize(
    ("act", "query", "status"),
    [
        ("approve", {}, 422),
        ("approve", {"party": PARTY, "why": "x"}, 422),
        ("approve", {"party": PARTY, "digest": "0" * 64}, 409),
        ("approve", {"party": "nobody"}, 409),
        ("reject", {"party": PARTY}, 422),
        ("reject", {"party": PARTY, "reason": "two\nlines"}, 400),
    ],
)
def test_what_is_wrong_is_said(doors: Locked, act: str, query: dict[str, str], status: int) -> None:
    reply = doors.ask(Role.ADMIN, "POST", f"/api/v1/tasks/t/{act}", params=query)
    assert reply.status_code == status, reply.text
    assert reply.json()["error"]["message"]


def test_a_policy_that_refuses_is_a_403_with_the_party(doors: Locked, world: World) -> None:
    world.runner.refusal = PolicyError("the party's policy, rule kinds, does not allow it", "bank")
    reply = doors.ask(Role.SUBMITTER, "POST", "/api/v1/tasks", json=training("u"))
    assert reply.status_code == 403
    error = reply.json()["error"]
    assert (error["type"], error["party"]) == ("PolicyError", "bank")


def test_the_mainserver_says_created_while_a_task_waits(doors: Locked) -> None:
    assert doors.ask(Role.SUBMITTER, "GET", "/startTask?task_name=t").json()["status"] == "ok"
    status = doors.ask(Role.SUBMITTER, "GET", "/queryStatus?task_name=t").json()
    assert status == {"status": "ok", "msg": "Created"}
