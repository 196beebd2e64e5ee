"""Processes die while the server runs: tasks fail with a reason, the server goes on, as the next test's task shows."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import pytest

from fedray.data.root import DataRoot
from fedray.ml.metrics import evaluate
from fedray.parties.oracle import insecure_oracle
from fedray.task.plan import make_plan
from fedray.task.registry import Registry
from fedray.task.spec import parse
from tests.chaos.moments import moments
from tests.e2e.documents import linear_training, training
from tests.e2e.test_happy import fedray
from tests.server import ROLES, FedrayServer, patience, until

pytestmark = [pytest.mark.e2e, pytest.mark.ray, pytest.mark.timeout(240)]

PARTY = {"MainClient": 8377, "CryptoProducer": 8999, "FeatureClient": 8084, "LabelClient": 8884}


def train_for_long(server: FedrayServer, name: str) -> None:
    server.begin(training(name, max_iter=10**7, test_per_batches=10**6))
    server.wait_training(name)


@pytest.mark.parametrize("role", ROLES)
def test_a_party_is_killed_in_training(aligned: FedrayServer, role: str) -> None:
    name = f"killed-{role}"
    train_for_long(aligned, name)
    assert len(aligned.roles()) == 5
    victim = aligned.roles(role)[0]
    os.kill(victim, signal.SIGKILL)
    until(lambda: aligned.get("/queryStatus", task_name=name)["msg"] == "Failed", patience(5))
    error = aligned.task(name)["error"]
    assert error["type"] == "PeerLost"
    ports = (8084, 8082) if role == "FeatureClient" else (PARTY[role],)
    assert error["party"] in {f"127.0.0.1:{port}" for port in ports}
    assert "died" in error["message"]
    until(lambda: not aligned.roles(), patience(5), lambda: f"{aligned.roles()}")


def test_a_party_is_killed_when_it_starts(aligned: FedrayServer) -> None:
    name = aligned.begin(training("killed-early", max_iter=10**7))
    until(lambda: aligned.roles("LabelClient"), 60)
    os.kill(aligned.roles("LabelClient")[0], signal.SIGKILL)
    done = aligned.wait(name, timeout_s=60)
    assert done["error"]["type"] == "PeerLost"
    assert done["error"]["party"] == "127.0.0.1:8884"


def test_the_supervisor_is_killed(aligned: FedrayServer) -> None:
    train_for_long(aligned, "without-supervisor")
    (victim,) = aligned.processes("ray::Supervisor")
    os.kill(victim, signal.SIGKILL)
    done = aligned.wait("without-supervisor", timeout_s=patience(15))
    assert done["status"] == "failed"
    assert "the supervisor's process died while this task was running" in done["error"]["message"]
    until(lambda: not aligned.roles(), patience(5), lambda: f"{aligned.roles()}")
    assert aligned.processes("ray::Supervisor") != [victim]


def test_requests_while_the_supervisor_is_away_are_answered(aligned: FedrayServer) -> None:
    name = aligned.create(training("impatient", max_iter=5, test_per_batches=5))
    os.kill(aligned.processes("ray::Supervisor")[0], signal.SIGKILL)
    replies: list[Any] = []
    asked = [threading.Thread(target=lambda: replies.append(aligned.get("/startTask", task_name=name))) for _ in "12"]
    for thread in asked:
        thread.start()
    for thread in asked:
        thread.join(60)
    assert len(replies) == 2
    assert not [reply for reply in replies if "Traceback" in str(reply)]
    refused = [reply["msg"] for reply in replies if reply["status"] == "err"]
    assert all("try again" in msg or "already" in msg for msg in refused), refused
    until(lambda: not isinstance(aligned.get("/api/v1/queue").get("error"), dict), patience(20))
    if aligned.task(name)["status"] == "created":
        assert aligned.get("/startTask", task_name=name)["status"] == "ok"
    assert aligned.wait(name)["status"] in ("finished", "failed")


def files(server: FedrayServer, name: str) -> list[str]:
    return [path.name for path in (server.root / ".fedray" / "checkpoints" / name).glob("*/*/*")]


def test_a_training_goes_on(aligned: FedrayServer) -> None:
    """A party dies and it goes on by itself, once; then the supervisor does, and it goes on when it is told to."""
    numbers: dict[str, Any] = {"max_iter": 400, "test_per_batches": 200, "checkpoint_every": 50, "random_state": 1}
    document = linear_training("goes-on", **numbers, resume="auto", resume_attempts=1)
    aligned.begin(document)
    until(lambda: (aligned.task("goes-on")["checkpoint"] or 0) >= 50, patience(30), longest_s=0.2)
    os.kill(aligned.roles("FeatureClient")[0], signal.SIGKILL)
    aligned.wait("goes-on", "queued", timeout_s=patience(15))
    aligned.wait("goes-on", "running", timeout_s=patience(15))
    os.kill(aligned.processes("ray::Supervisor")[0], signal.SIGKILL)
    failed = aligned.wait("goes-on", "failed", timeout_s=patience(15))
    assert failed["resumable"] is True
    reply = fedray(aligned, "resume", "goes-on")
    assert reply.returncode == 0, reply.stderr
    done = aligned.wait("goes-on")
    assert (done["status"], done["error"], done["n_batches"]) == ("finished", None, 400)
    found = aligned.get("/api/v1/tasks/goes-on/report")["result"]
    assert found["resumed_from"] >= 50
    assert found["resumed_from"] % 50 == 0
    oracle, _, y = insecure_oracle(make_plan(parse(document), Registry.local(), ""), DataRoot(aligned.root))
    oracle.train(400)
    expected = evaluate("auc", y, oracle.predict())["auc"]
    assert abs(found["metrics"]["auc"] - expected) < 0.005
    assert [row[1] for row in aligned.get("/queryRecord", task_name="goes-on")["msg"]] == [200, 400]
    events = aligned.get("/api/v1/tasks/goes-on/events", limit=1000)["events"]
    assert [event["data"]["status"] for event in events if event["kind"] == "status"].count("queued") == 3
    again = fedray(aligned, "resume", "goes-on")
    assert (again.returncode, "has already finished" in again.stderr) == (3, True)
    assert not files(aligned, "goes-on")


@pytest.mark.timeout(400)
def test_random_moments(aligned: FedrayServer) -> None:
    """Two of what `python -m tests.chaos.moments` does with more, and other kinds of models."""
    found = list(moments(aligned, 5, 2, ("linear",)))
    assert len(found) == 2  # each has compared its last test with the float64 twin's


def test_a_cancelled_training_leaves_no_checkpoint(aligned: FedrayServer) -> None:
    name = aligned.begin(linear_training("given-up", max_iter=10**7, test_per_batches=10**6, checkpoint_every=50))
    until(lambda: files(aligned, name), 60)
    aligned.post(f"/api/v1/tasks/{name}/cancel")
    until(lambda: not files(aligned, name), patience(30), lambda: f"{files(aligned, name)}")
    assert aligned.task(name)["status"] == "cancelled"


def test_the_http_replica_is_killed(aligned: FedrayServer) -> None:
    aligned.begin(training("without-replica", max_iter=1500, test_per_batches=500))
    aligned.wait_training("without-replica")
    (victim,) = aligned.processes("ray::ServeReplica")
    os.kill(victim, signal.SIGKILL)
    until(lambda: victim not in aligned.processes("ray::ServeReplica"), 5)

    def answers() -> bool:
        reply = aligned.ask("GET", "/helloWorld")
        return reply.status_code == 200 and reply.text.startswith("Hello World")

    until(answers, patience(15))
    assert aligned.wait("without-replica", timeout_s=100)["status"] == "finished"
    assert [row[1] for row in aligned.get("/queryRecord", task_name="without-replica")["msg"]] == [500, 1000, 1500]
