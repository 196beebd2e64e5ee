"""The extension of the PaddleDTX API: publish, confirm, reject and start by signed requests, over a scripted runner."""

from __future__ import annotations

import base64
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from fedray.errors import PolicyError
from fedray.task.record import Status
from fedray.task.standing import Standing
from serve_api.paddledtx.go_json import canonical
from serve_api.paddledtx.shape import PREFIX, task_id
from serve_api.paddledtx.signing import new_private, public_of, sign
from serve_api.paddledtx.wire.task_pb2 import GetTaskRequest, ListTaskRequest
from tests.api.conftest import World
from tests.api.documents import alignment
from tests.api.test_paddledtx import Paddle, signed

BANK, SHOP = "127.0.0.1:8084", "127.0.0.1:8884"


def linear(algo: int = 0, **fields: Any) -> dict[str, Any]:
    """Return the parameters of linear-vl or logistic-vl; Go leaves out what is 0."""
    train = {"label": "y", "alpha": 0.1, "amplitude": 1e-4, "accuracy": 10, "batchSize": 4, **fields}
    kept = {"trainParams": {name: value for name, value in train.items() if value}}
    return {"algo": algo, **kept} if algo else kept


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Ledger:
    """A requester and two executors, whose tables are aligned."""

    def __init__(self, world: World, root: Path) -> None:
        self.world, self.api = world, Paddle(world, root)
        self.requester, self.bank, self.shop = new_private(), new_private(), new_private()
        keys = self.api.desk.keys
        keys.add("ann", public_of(self.requester).hex())
        keys.add("bank", public_of(self.bank).hex(), [BANK])
        keys.add("shop", public_of(self.shop).hex(), [SHOP])
        document = alignment("aligned")
        document["clients"][3]["client_config"]["columns"] = ["y", "x"]
        world.service.create(document)
        world.service.start("aligned")
        world.store.transition("aligned", Status.RUNNING)
        world.tell("aligned", "dataset", {"n_train": 400, "n_test": 100})
        world.finish("aligned")

    def task(self, **fields: Any) -> dict[str, Any]:
        return {
            "taskID": str(uuid.uuid4()),
            "name": "net",
            "description": "of two",
            "requester": text(public_of(self.requester)),
            "dataSets": [
                {"executor": text(public_of(self.bank)), "dataID": "f1", "psiLabel": "id"},
                {"executor": text(public_of(self.shop)), "dataID": "l", "psiLabel": "id"},
            ],
            "algoParam": {"algo": 2, "trainParams": {"label": "y", "alpha": 0.1, "batchSize": 4}},
            "publishTime": time.time_ns(),
            **fields,
        }

    def publish(self, task: dict[str, Any], private: bytes | None = None) -> dict[str, Any]:
        return self.send("publish", task, private or self.requester)

    def confirm(self, task: str, private: bytes, reason: str = "", now: int | None = None) -> dict[str, Any]:
        body = {
            "pubkey": text(public_of(private)),
            "taskID": task,
            "rejectReason": reason,
            "currentTime": time.time_ns() if now is None else now,
        }
        return self.send("confirm", body, private)

    def start(self, task: str, private: bytes | None = None) -> dict[str, Any]:
        return self.send("start", {"taskID": task}, private or self.requester)

    def send(self, path: str, body: dict[str, Any], private: bytes) -> dict[str, Any]:
        reply: dict[str, Any] = self.api.post(path, {**body, "signature": text(sign(private, canonical(body)))})
        return reply

    def status(self, task: str) -> str:
        return str(self.api.ask("GetTaskById", GetTaskRequest(taskID=task)).status)

    def manual(self) -> None:
        self.world.runner.standings = [Standing(BANK, "ab", manual=True, approval_hours=1.0)]


@pytest.fixture
def ledger(world: World, tmp_path: Path) -> Ledger:
    return Ledger(world, tmp_path)


def test_a_life_without_data_owners_to_wait_for(ledger: Ledger, world: World) -> None:
    task = ledger.task()
    reply = ledger.publish(task)
    assert (reply["code"], reply["data"]["status"]) == ("0", "Ready")
    assert [data["confirmedAt"] for data in reply["data"]["dataSets"]] == [task["publishTime"]] * 2
    assert [data.get("isTagPart") for data in reply["data"]["dataSets"]] == [None, True]
    name = PREFIX + task["taskID"]
    config = world.service.document(name)["clients"][0]["client_config"]
    wanted = {"in_dim": 30, "layers": [15, 1], "learning_rate": 0.1, "batch_size": 4, "max_iter": 500}
    assert {field: config[field] for field in wanted} == wanted
    assert ledger.start(task["taskID"])["data"]["status"] == "ToProcess"
    assert world.runner.submitted[-1] == name
    world.store.transition(name, Status.RUNNING)
    assert ledger.status(task["taskID"]) == "Processing"
    assert ledger.api.ask("StartTask", signed(ledger.bank, task["taskID"])).taskID == task["taskID"]
    world.finish(name)
    done = ledger.api.ask("GetTaskById", GetTaskRequest(taskID=task["taskID"]))
    assert (done.status, done.name, done.description) == ("Finished", "net", "of two")
    assert done.publishTime == task["publishTime"]
    assert done.startTime < done.endTime
    for key in (ledger.requester, ledger.bank, ledger.shop):
        assert ledger.api.names(ListTaskRequest(pubKey=public_of(key))) == ["net"]
    both = ListTaskRequest(pubKey=public_of(ledger.requester), ePubKey=public_of(ledger.shop))
    assert ledger.api.names(both) == ["net"]
    assert ledger.api.failed("GetPredictResult", signed(ledger.requester, task["taskID"]))[1] == "10002"


def trained(ledger: Ledger, world: World) -> str:
    """Return the id of a training that has finished."""
    task = ledger.task(algoParam=linear(1, labelName="1"))
    assert ledger.publish(task)["code"] == "0"
    run(ledger, world, task["taskID"])
    return str(task["taskID"])


def run(ledger: Ledger, world: World, task: str, result: dict[str, Any] | None = None) -> None:
    assert ledger.start(task)["code"] == "0"
    world.store.transition(PREFIX + task, Status.RUNNING)
    world.store.reports.save(PREFIX + task, {"task": PREFIX + task, "result": result or {}})
    world.finish(PREFIX + task)


def predict(model: str, **fields: Any) -> dict[str, Any]:
    return {"algo": 1, "taskType": 1, "modelTaskID": model, **fields}


def test_a_requester_gets_the_predictions(ledger: Ledger, world: World) -> None:
    task = ledger.task(algoParam=predict(trained(ledger, world)))
    task["dataSets"][1]["psiLabel"] = "customer"
    assert ledger.publish(task)["code"] == "0"
    clients = world.service.document(PREFIX + task["taskID"])["clients"]
    assert clients[0]["client_config"]["return_predictions"] is True
    assert [client["client_config"].get("data_path") for client in clients] == [None, None, "f1", "l"]
    asked = signed(ledger.requester, task["taskID"])
    assert ledger.api.failed("GetPredictResult", asked)[:2] == ("failed to get reader from xuperdb: ", "10004")
    rows = [["2", 30.25], ["10", 1e-7], ["1", 27.5]]
    run(ledger, world, task["taskID"], {"predictions": {"id": "id", "rows": rows}})
    found = ledger.api.ask("GetPredictResult", asked)
    assert found.payload == b'[["customer","value"],["1","27.5"],["10","1e-07"],["2","30.25"]]'
    assert ledger.api.ask("GetPredictResult", signed(ledger.requester, task["taskID"], old=True)) == found
    done = ledger.api.ask("GetTaskById", GetTaskRequest(taskID=task["taskID"]))
    assert [data.isTagPart for data in done.dataSets] == [False, False]
    assert done.algoParam.HasField("trainParams")
    stranger = new_private()
    assert ledger.api.failed("GetPredictResult", signed(stranger, task["taskID"]))[1] == "10002"
    forged = signed(stranger, task["taskID"], key=public_of(ledger.requester))
    assert ledger.api.failed("GetPredictResult", forged)[1] == "10008"
    again = ledger.task(algoParam=predict(task["taskID"]))
    assert ledger.publish(again)["message"].startswith("bad param:algoParam.modelTaskID")  # no training


def test_predictions_that_cannot_be(ledger: Ledger, world: World) -> None:
    model = trained(ledger, world)
    wrong = {
        "algoParam.algo": ledger.task(algoParam={"taskType": 1, "modelTaskID": model}),
        "dataSets, expected the executors": ledger.task(algoParam=predict(model)),
        "dataSets[0].dataID": ledger.task(algoParam=predict(model)),
    }
    other = new_private()
    ledger.api.desk.keys.add("other", public_of(other).hex(), ["127.0.0.1:9"])
    wrong["dataSets, expected the executors"]["dataSets"][0]["executor"] = text(public_of(other))
    wrong["dataSets[0].dataID"]["dataSets"][0]["dataID"] = "elsewhere"
    for field, task in wrong.items():
        reply = ledger.publish(task)
        assert reply["code"] == "10002"
        assert reply["message"].startswith(f"bad param:{field}")
    assert ledger.publish(ledger.task(algoParam=predict("x")))["code"] == "10004"


def test_a_data_owner_confirms_by_his_executor(ledger: Ledger, world: World) -> None:
    ledger.manual()
    task = ledger.task()
    assert ledger.publish(task)["data"]["status"] == "Confirming"
    assert ledger.start(task["taskID"])["code"] == "10013"
    assert ledger.confirm(task["taskID"], ledger.shop)["code"] == "10013"  # is not asked
    reply = ledger.confirm(task["taskID"], ledger.bank)
    assert (reply["code"], reply["data"]["status"]) == ("0", "Ready")
    assert reply["data"]["dataSets"][0]["confirmedAt"] > task["publishTime"]
    assert [entry[1:] for entry in world.runner.approved] == [(BANK, "paddledtx bank")]
    assert ledger.confirm(task["taskID"], ledger.bank)["code"] == "10013"  # once
    assert ledger.start(task["taskID"])["data"]["status"] == "ToProcess"
    assert ledger.start(task["taskID"])["code"] == "10013"


def test_it_may_be_confirmed_natively_too(ledger: Ledger, world: World) -> None:
    ledger.manual()
    task = ledger.task()
    ledger.publish(task)
    world.service.approve(PREFIX + task["taskID"], BANK)
    assert ledger.status(task["taskID"]) == "Ready"


def test_a_data_owner_rejects(ledger: Ledger) -> None:
    ledger.manual()
    task = ledger.task()
    ledger.publish(task)
    reply = ledger.confirm(task["taskID"], ledger.bank, "not this year")
    assert (reply["data"]["status"], reply["data"]["errMessage"]) == ("Rejected", "not this year")
    assert reply["data"]["dataSets"][0]["rejectedAt"]
    assert "confirmedAt" not in reply["data"]["dataSets"][0]
    assert ledger.start(task["taskID"])["code"] == "10013"


def again(ledger: Ledger, task: str, now: int, private: bytes | None = None) -> dict[str, Any]:
    return ledger.send("start", {"taskID": task, "currentTime": now}, private or ledger.requester)


def test_a_task_that_failed_is_started_again(ledger: Ledger, world: World) -> None:
    task = ledger.task()["taskID"]
    assert ledger.publish(ledger.task(taskID=task))["code"] == "0"
    assert ledger.start(task)["code"] == "0"
    assert again(ledger, task, time.time_ns())["code"] == "10013"  # it has not failed
    world.store.transition(PREFIX + task, Status.RUNNING)
    world.fail(PREFIX + task, PolicyError("the data", "bank"))
    assert (ledger.status(task), ledger.start(task)["code"]) == ("Failed", "10013")
    now = time.time_ns()
    assert again(ledger, task, now - 3600 * 10**9)["code"] == "10010"
    assert again(ledger, task, now, ledger.bank)["code"] == "10008"
    assert again(ledger, task, now)["data"]["status"] == "ToProcess"
    assert world.runner.submitted[-1] == f"{PREFIX}{task}.2"
    world.store.transition(f"{PREFIX}{task}.2", Status.RUNNING)
    world.fail(f"{PREFIX}{task}.2", PolicyError("the data again", "bank"))
    assert again(ledger, task, now)["code"] == "10013"  # the request was taken before
    ledger.manual()
    assert again(ledger, task, now + 1)["data"]["status"] == "Confirming"
    assert ledger.api.names(ListTaskRequest(pubKey=public_of(ledger.requester))) == ["net"]
    assert ledger.confirm(task, ledger.bank)["data"]["status"] == "ToProcess"
    name = f"{PREFIX}{task}.3"
    world.store.transition(name, Status.RUNNING)
    world.finish(name)
    done = ledger.api.ask("GetTaskById", GetTaskRequest(taskID=task))
    assert (done.status, done.errMessage) == ("Finished", "")
    assert done.endTime > done.startTime > 0


def fail_and_start_again(ledger: Ledger, world: World, task: str) -> None:
    world.store.transition(PREFIX + task, Status.RUNNING)
    world.fail(PREFIX + task, PolicyError("the data", "bank"))
    assert again(ledger, task, time.time_ns())["data"]["status"] == "Confirming"


@pytest.mark.parametrize("ahead_s", [0, 300])  # of the server's clock
def test_a_confirmation_of_a_run_before_is_not_taken_again(ledger: Ledger, world: World, ahead_s: int) -> None:
    ledger.manual()
    task, now = ledger.task(), time.time_ns() + ahead_s * 10**9
    ledger.publish(task)
    assert ledger.confirm(task["taskID"], ledger.bank, now=now)["code"] == "0"
    ledger.start(task["taskID"])
    fail_and_start_again(ledger, world, task["taskID"])
    assert ledger.confirm(task["taskID"], ledger.bank, now=now)["code"] == "10013"
    assert ledger.status(task["taskID"]) == "Confirming"
    reply = ledger.confirm(task["taskID"], ledger.bank, now=now + 60 * 10**9)
    assert reply["data"]["status"] == "ToProcess"


def test_a_rejection_that_came_too_late_does_not_end_the_next_run(ledger: Ledger, world: World) -> None:
    ledger.manual()
    task, now = ledger.task(), time.time_ns()
    ledger.publish(task)
    assert ledger.confirm(task["taskID"], ledger.bank, now=now)["code"] == "0"
    ledger.start(task["taskID"])
    assert ledger.confirm(task["taskID"], ledger.bank, "not this year", now + 1)["code"] == "10013"
    fail_and_start_again(ledger, world, task["taskID"])
    assert ledger.confirm(task["taskID"], ledger.bank, "not this year", now + 1)["code"] == "10013"
    assert ledger.status(task["taskID"]) == "Confirming"
    assert ledger.confirm(task["taskID"], ledger.bank, "not this year")["data"]["status"] == "Rejected"


def test_what_was_not_published_is_not_started_again(ledger: Ledger, world: World) -> None:
    assert again(ledger, "no task", 1)["code"] == "10004"
    world.run("native")
    world.fail("native", PolicyError("the data", "bank"))
    assert again(ledger, task_id("native"), time.time_ns())["code"] == "10002"


def test_what_is_sent_again_is_refused(ledger: Ledger) -> None:
    ledger.manual()
    task = ledger.task()
    assert ledger.publish(task)["code"] == "0"
    assert ledger.publish(task)["code"] == "10007"
    assert ledger.publish(ledger.task(publishTime=time.time_ns() - 3600 * 10**9))["code"] == "10010"
    assert ledger.confirm(task["taskID"], ledger.bank, now=7)["code"] == "10010"
    assert ledger.confirm(task["taskID"], ledger.bank, now=10**400)["code"] == "10010"


def test_signatures_and_keys(ledger: Ledger) -> None:
    ledger.manual()
    stranger = new_private()
    task = ledger.task()
    assert ledger.publish(task, stranger)["code"] == "10008"
    assert ledger.publish(ledger.task(requester=text(public_of(stranger))), stranger)["code"] == "10006"
    assert ledger.publish(task)["code"] == "0"
    assert ledger.start(task["taskID"], stranger)["code"] == "10008"
    assert ledger.confirm(task["taskID"], stranger)["code"] == "10006"
    assert ledger.confirm(task["taskID"], ledger.requester)["code"] == "10002"
    ledger.api.desk.keys.revoke("bank")
    assert ledger.confirm(task["taskID"], ledger.bank)["code"] == "10006"


@pytest.mark.parametrize(
    ("place", "more", "field"),
    [
        (0, {"dataID": "elsewhere"}, "dataSets[0].dataID"),
        (1, {"psiLabel": ""}, "dataSets[1].psiLabel"),
        (1, {"executor": ""}, "dataSets[1].executor"),
    ],
)
def test_data_sets_are_looked_at(ledger: Ledger, place: int, more: dict[str, str], field: str) -> None:
    task = ledger.task()
    task["dataSets"][place] |= more
    task["dataSets"][place] = {name: value for name, value in task["dataSets"][place].items() if value}
    reply = ledger.publish(task)
    assert reply["code"] in ("10002", "10006")
    assert reply["message"].startswith(f"bad param:{field}")


def test_a_party_that_refuses_leaves_nothing(ledger: Ledger, world: World) -> None:
    task = ledger.task()
    world.runner.refusal = PolicyError("not that kind", "bank")
    assert ledger.publish(task)["code"] == "10001"
    world.runner.refusal = None
    assert ledger.publish(task)["code"] == "0"


@pytest.mark.parametrize("path", ["publish", "confirm", "start"])
@pytest.mark.parametrize("body", [b"\xff", b"[]", b"{}", b'{"taskID": 5}', b'{"dataSets": 5, "signature": 7}'])
def test_garbage(ledger: Ledger, path: str, body: bytes) -> None:
    assert ledger.api.post(path, body)["code"] in ("10001", "10002", "10004", "10006")
