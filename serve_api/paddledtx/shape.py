"""Tasks as ``FLTask`` messages: those that were published, and native ones that the messages have words for.

Every message has ``algoParam`` and ``algoParam.trainParams``, if need be empty: the original client reads them unasked.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from google.protobuf.json_format import ParseDict

from fedray.task.approvals import Approval, Decision
from fedray.task.config_bases import Kind
from fedray.task.record import Status
from fedray.task.store import StoredTask
from serve_api.paddledtx.keys import Keys
from serve_api.paddledtx.wire.common_pb2 import (
    DNN_PADDLEFL_VL,
    LEARN,
    LINEAR_REGRESSION_VL,
    LOGIC_REGRESSION_VL,
    PREDICT,
    Algorithm,
    Reg_Lasso,
    Reg_Ridge,
    TaskParams,
)
from serve_api.paddledtx.wire.task_pb2 import FLTask

__all__ = ["PREFIX", "label_party", "nanoseconds", "native_task", "published_task", "task_id"]

PREFIX: Final = "paddledtx."
"""Begins the name of the native task of a published one; its id follows, and a number where it was started again."""

_IDS: Final = uuid.UUID("5a1b5a0e-6d7e-5f3c-9f57-3a4b0f7f2c11")
"""Of tasks that were made natively, an id is made of the name."""

_STATES: Final = {
    Status.CREATED: "Ready",
    Status.QUEUED: "ToProcess",
    Status.RUNNING: "Processing",
    Status.FINISHED: "Finished",
    Status.FAILED: "Failed",
    Status.CANCELLED: "Failed",
}
_SUMMARY: Final = {Status.CANCELLED: "the task was cancelled"}
_DATA_ROLES: Final = ("feature_client", "label_client")


def task_id(name: str) -> str:
    """Return the id of a task that was made natively."""
    return str(uuid.uuid5(_IDS, name))


def nanoseconds(seconds: float | None) -> int:
    """Return a time as this API has it, 0 where there is none."""
    return 0 if seconds is None else round(seconds * 1e9)


def published_task(
    published: Mapping[str, Any], now: StoredTask, approvals: Sequence[Approval], address: str
) -> FLTask:
    """Return a published task as it stands.

    Parameters
    ----------
    published
        What was published, as Go's JSON has it, and ``parties``, the names of the data sets' parties.
    now
        Its native task.
    approvals
        Of that.
    address
        Where clients reach the executors.
    """
    task = ParseDict(published["task"], FLTask())
    _standing(task, _STATES[now.status], now, approvals)
    task.startTime, task.endTime = nanoseconds(now.started_at), nanoseconds(now.ended_at)
    labelled = label_party(now) if task.algoParam.taskType == LEARN else None
    decided = {one.party: one for one in approvals}
    for data, party in zip(task.dataSets, published["parties"], strict=True):
        _confirmed(data, decided.get(party), task.publishTime)
        data.address, data.isTagPart = address, party == labelled
    return _readable(task)


def native_task(
    task: StoredTask, trained: StoredTask | None, approvals: Sequence[Approval], keys: Keys, address: str
) -> FLTask | None:
    """Return a task that was made natively, None where the messages have no word for its kind.

    Parameters
    ----------
    trained
        Of a prediction: the training of its model, if it is still known.
    approvals
        Of the task.
    """
    params = _params(task, trained)
    if params is None:
        return None
    made = FLTask(taskID=task_id(task.name), name=task.name, description=f"fedray {task.kind}", requester=keys.server)
    made.algoParam.CopyFrom(params)
    _standing(made, _STATES[task.status], task, approvals)
    made.publishTime = nanoseconds(task.created_at)
    made.startTime, made.endTime = nanoseconds(task.started_at), nanoseconds(task.ended_at)
    decided = {one.party: one for one in approvals}
    for member in json.loads(task.plan)["members"]:
        if member["role"] not in _DATA_ROLES:
            continue
        party, key = member["party"]["name"], keys.of_party(member["party"]["name"])
        data = made.dataSets.add(owner=key, executor=key, dataID=member["config"].get("data_path") or "", psiLabel="id")
        data.isTagPart = params.taskType == LEARN and member["role"] == "label_client"
        data.address = address
        _confirmed(data, decided.get(party), made.publishTime)
    return _readable(made)


def _standing(task: FLTask, state: str, now: StoredTask, approvals: Sequence[Approval]) -> None:
    """Write the status and why it failed."""
    decisions = [one.decision for one in approvals]
    if state == "Ready" and None in decisions:
        state = "Confirming"
    rejected = next((one for one in approvals if one.decision is Decision.REJECTED), None)
    if state == "Failed":
        task.errMessage = (now.error or {}).get("message") or _SUMMARY.get(now.status, "")
        if rejected is not None:
            state, task.errMessage = "Rejected", rejected.reason
    task.status = state


def _confirmed(data: Any, approval: Approval | None, published: int) -> None:
    """Write when a data owner said yes or no; who is not asked said yes at once."""
    if approval is None:
        data.confirmedAt = published
    elif approval.decision is Decision.APPROVED:
        data.confirmedAt = nanoseconds(approval.decided_at)
    elif approval.decision is Decision.REJECTED:
        data.rejectedAt = nanoseconds(approval.decided_at)


def _readable(task: FLTask) -> FLTask:
    """Let the messages be there that the original client reads without asking."""
    params = task.algoParam
    params.SetInParent()
    params.trainParams.SetInParent()
    if params.evalParams.enable:
        (params.evalParams.cv if params.evalParams.evalRule == 1 else params.evalParams.randomSplit).SetInParent()
    if params.livalParams.enable:
        params.livalParams.randomSplit.SetInParent()
    return task


def _params(task: StoredTask, trained: StoredTask | None) -> TaskParams | None:
    if task.kind == Kind.PREDICT:
        learnt = None if trained is None else _algorithm(trained)
        model = _main(task)["model"]
        return None if learnt is None else TaskParams(algo=learnt[0], taskType=PREDICT, modelTaskID=_model_id(model))
    found = _algorithm(task)
    if found is None:
        return None
    algo, config = found
    params = TaskParams(algo=algo, taskType=LEARN)
    train = params.trainParams
    train.batchSize = config["batch_size"]
    train.alpha = config.get("learning_rate_init", config.get("learning_rate", 0.0))
    train.amplitude = config.get("cost_tol") or 0.0
    if config.get("alpha") and config.get("penalty", "l2"):
        train.regMode = Reg_Lasso if config.get("penalty") == "l1" else Reg_Ridge
        train.regParam = config["alpha"] * config["batch_size"]
    return params


def _algorithm(training: StoredTask) -> tuple[Algorithm, dict[str, Any]] | None:
    config = _main(training)
    if training.kind == Kind.SHARED_NN:
        return DNN_PADDLEFL_VL, config
    if training.kind != Kind.LINEAR or config["objective"] not in ("linear", "logistic"):
        return None
    return LINEAR_REGRESSION_VL if config["objective"] == "linear" else LOGIC_REGRESSION_VL, config


def _main(task: StoredTask) -> dict[str, Any]:
    members = json.loads(task.plan)["members"]
    config: dict[str, Any] = next(one["config"] for one in members if one["role"] == "main_client")
    return config


def label_party(task: StoredTask) -> str:
    """Return the party of a task's label client, "" where it has none."""
    members = json.loads(task.plan)["members"]
    return next((str(one["party"]["name"]) for one in members if one["role"] == "label_client"), "")


def _model_id(model: str) -> str:
    # what follows the id is the number of the run, of a task that was started again
    return model.removeprefix(PREFIX).partition(".")[0] if model.startswith(PREFIX) else task_id(model)
