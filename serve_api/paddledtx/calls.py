"""The four calls of ``task.Task``, from the bytes that came to the message that is answered."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from fedray.errors import FedrayError
from serve_api.paddledtx.faults import Code, Fault, fault_of
from serve_api.paddledtx.go_json import canonical
from serve_api.paddledtx.grpc_door import MAX_REQUEST_BYTES
from serve_api.paddledtx.ledger import Known, Tasks
from serve_api.paddledtx.listing import Dialect, Listing, read_listing
from serve_api.paddledtx.signing import SIGNATURE_BYTES, verify
from serve_api.paddledtx.wire.common_pb2 import PREDICT
from serve_api.paddledtx.wire.task_pb2 import (
    FLTask,
    FLTasks,
    GetTaskRequest,
    PredictResponse,
    TaskRequest,
    TaskResponse,
)

__all__ = ["Calls", "check_signature", "signed_texts"]

Wanted = TypeVar("Wanted", bound=Message)
Results = Callable[[Known], bytes | None]
"""Returns the stored result of a prediction as it is sent; None where there is none."""

_log = logging.getLogger("fedray.paddledtx")


class Calls:
    """The calls.

    Parameters
    ----------
    tasks
        Those of the server.
    dialect
        Layout of ListTask.
    results
        Finds results.
    """

    def __init__(self, tasks: Tasks, dialect: Dialect, results: Results) -> None:
        self._tasks, self._dialect, self._results = tasks, dialect, results

    def list_tasks(self, data: bytes) -> FLTasks:
        """Answer ListTask; raises ``Fault``."""
        return self.listed(read_listing(_small(data), self._dialect))

    def listed(self, listing: Listing) -> FLTasks:
        """Answer a listing that was read."""
        return _run("failed list task", lambda: self._tasks.list(listing))

    def get_task(self, data: bytes) -> FLTask:
        """Answer GetTaskById; raises ``Fault``."""
        request = _decode(GetTaskRequest, data)
        return _run("failed get task by id", lambda: self._tasks.get(request.taskID).task)

    def predict_result(self, data: bytes) -> PredictResponse:
        """Answer GetPredictResult: its requester gets the rows of a prediction; raises ``Fault``."""
        request = _decode(TaskRequest, data)
        return _run("failed get predict result", lambda: self._result(request))

    def start_task(self, data: bytes) -> TaskResponse:
        """Answer StartTask of another executor: the task runs already, so nothing is started; raises ``Fault``."""
        request = _decode(TaskRequest, data)
        return _run("failed start task", lambda: self._started(request))

    def _result(self, request: TaskRequest) -> PredictResponse:
        known = self._tasks.get(request.taskID)
        if known.task.algoParam.taskType != PREDICT:
            raise Fault(Code.PARAMETER, "illegal taskId, not a predict task")
        if request.pubKey != known.task.requester:
            raise Fault(Code.PARAMETER, "public key is invalid")
        _check(request)
        payload = self._results(known)
        if payload is None:
            raise Fault(Code.NOT_FOUND, "key not found", "failed to get reader from xuperdb")
        _note("GetPredictResult", known)
        return PredictResponse(taskID=request.taskID, payload=payload)

    def _started(self, request: TaskRequest) -> TaskResponse:
        known = self._tasks.get(request.taskID)
        if known.task.status != "Processing":
            raise Fault(Code.PARAMETER, f"task status is not Processing, it is {known.task.status}")
        _check(request)
        if request.pubKey not in {data.executor for data in known.task.dataSets}:
            raise Fault(Code.NO_EXECUTOR, "bad param:pubKey, it is that of no executor of the task")
        _note("StartTask", known)
        return TaskResponse(taskID=request.taskID)


def signed_texts(request: TaskRequest) -> tuple[str, str]:
    """Return the texts of which a TaskRequest may hold the signature: the newer form and the older."""
    key = base64.b64encode(request.pubKey).decode()
    return canonical({"pubKey": key, "taskID": request.taskID}), f"{request.pubKey.hex()},{request.taskID}"


def check_signature(public: bytes, signature: bytes, *texts: str) -> None:
    """See that a signature is a key's, of one of these texts; raises ``Fault``."""
    if len(signature) != SIGNATURE_BYTES:
        raise Fault(Code.PARAMETER, "bad param:signature")
    if not verify(public, signature, *texts):
        raise Fault(Code.SIGNATURE, "failed to verify signature")


def _check(request: TaskRequest) -> None:
    check_signature(request.pubKey, request.signature, *signed_texts(request))


def _note(call: str, known: Known) -> None:
    """Write down that a signed call was answered: it has no time and no number of its own, so it could be a replay."""
    _log.info("%s of task %s answered; it may be a replay", call, known.task.taskID)


def _decode(kind: type[Wanted], data: bytes) -> Wanted:
    try:
        return kind.FromString(_small(data))
    except DecodeError:
        raise Fault(Code.PARAMETER, f"bad param:the message is no {kind.DESCRIPTOR.name}") from None


def _small(data: bytes) -> bytes:
    if len(data) > MAX_REQUEST_BYTES:
        raise Fault(Code.PARAMETER, f"bad param:expected a message of at most {MAX_REQUEST_BYTES} bytes")
    return data


Answered = TypeVar("Answered")


def _run(prefix: str, call: Callable[[], Answered]) -> Answered:
    try:
        return call()
    except Fault as fault:
        raise fault.after(prefix) from None
    except FedrayError as error:
        raise fault_of(error).after(prefix) from None
