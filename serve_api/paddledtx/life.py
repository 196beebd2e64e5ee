"""Publish, confirm, reject, start: what the original does on a blockchain, as an extension of ours by signed requests.

A published task becomes one native task, so data owners confirm it by the approvals that every task has.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from google.protobuf.json_format import ParseDict, ParseError

from fedray.errors import Conflict, FedrayError
from fedray.task.jobs import Job, JobKey
from fedray.task.papers import Papers
from fedray.task.record import Status
from fedray.task.service import TaskService
from serve_api.paddledtx.calls import check_signature
from serve_api.paddledtx.documents import prediction_document, training_of
from serve_api.paddledtx.faults import Code, Fault
from serve_api.paddledtx.go_json import as_go, canonical
from serve_api.paddledtx.keys import Key, Keys
from serve_api.paddledtx.ledger import API, Ledger
from serve_api.paddledtx.settings import PaddleSettings
from serve_api.paddledtx.shape import PREFIX
from serve_api.paddledtx.wire.common_pb2 import PREDICT
from serve_api.paddledtx.wire.task_pb2 import FLTask

__all__ = ["Life"]

Json = Mapping[str, Any]

_UUID: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_CONFIRMED: Final = "paddledtx/confirmed"
"""By task and party, the time in the last confirmation or rejection that counted."""

CLOCKS_DIFFER_NS: Final = 600 * 10**9
"""How far the time in a signed request may be from the server's: what is older is a replay."""


class Life:
    """What changes published tasks, for one request.

    Parameters
    ----------
    service
        Runs them.
    ledger, keys, settings
        Of the API.
    papers
        Of the store.
    clock
        Gives Unix time in seconds.
    """

    def __init__(
        self,
        service: TaskService,
        ledger: Ledger,
        keys: Keys,
        settings: PaddleSettings,
        papers: Papers,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._service, self._ledger, self._keys = service, ledger, keys
        self._settings, self._papers, self._clock = settings, papers, clock

    def publish(self, body: Json) -> FLTask:
        """Publish a task: the JSON of an FLTask and the requester's signature of it; raises ``Fault``, ``FedrayError``.

        Of several with one taskID the first counts, so a request that is sent again is refused.
        """
        wanted = _read(body)
        self._known(wanted.requester, "requester")
        self._in_time(wanted.publishTime, "publishTime")
        check_signature(wanted.requester, _bytes(body, "signature"), canonical(as_go(wanted)))
        _check(wanted)
        executors = [self._executor(place, data.executor) for place, data in enumerate(wanted.dataSets)]
        key = JobKey(API, "", wanted.taskID)
        if self._ledger.taken(wanted.taskID):
            raise Fault(Code.EXISTS, "taskID, there is a task with it")
        if wanted.algoParam.taskType == PREDICT:
            document, parties = prediction_document(wanted, executors, self._service, self._ledger)
        else:
            document, parties = training_of(wanted, executors, self._service, self._settings)
        try:
            job = self._service.jobs.claim(key, "publish", {"task": as_go(wanted), "parties": parties})
        except Conflict:
            raise Fault(Code.EXISTS, "taskID, a task with it is being published") from None
        self._make(job, {**document, "task_name": f"{PREFIX}{wanted.taskID}"})
        return self._ledger.get(wanted.taskID).task

    def confirm(self, body: Json) -> FLTask:
        """Let an executor say yes for its party's data owner, or no where a rejectReason is given; it signs that."""
        public, task, reason = _bytes(body, "pubkey"), _word(body, "taskID"), _word(body, "rejectReason")
        now = _whole(body, "currentTime")
        key = self._known(public, "pubkey")
        self._in_time(now, "currentTime")
        said = {"currentTime": now, "pubkey": body["pubkey"], "rejectReason": reason, "taskID": task}
        check_signature(public, _bytes(body, "signature"), canonical(said))
        job = self._published(task)
        parties = [party for party in job.about["parties"] if party in key.parties]
        if not parties:
            raise Fault(Code.PARAMETER, "bad param:pubkey, it is that of no executor of the task")
        self._is_of_this_run(job, now)
        for party in parties:
            self._is_later(task, party, now)
        who = f"paddledtx {key.name}"
        for party in parties:
            if reason:
                self._service.reject(str(job.task), party, reason, who=who)
                break  # the task has ended
            self._service.approve(str(job.task), party, who=who)
        return self._ledger.get(task).task

    def start(self, body: Json) -> FLTask:
        """Start a task that is Ready, as its requester; a task starts once, so a request sent again is refused.

        One that has Failed starts again, by a request with the time.
        """
        task = _word(body, "taskID")
        if "currentTime" in body:
            return self._start_again(body, task)
        job = self._published(task)
        now = self._ledger.get(task).task
        check_signature(now.requester, _bytes(body, "signature"), canonical({"taskID": task}))
        self._known(now.requester, "requester")
        if now.status != "Ready":
            raise Fault(Code.UPDATED, f"task status is {now.status}, expected Ready")
        self._service.start(str(job.task))
        return self._ledger.get(task).task

    def _start_again(self, body: Json, task: str) -> FLTask:
        """Start a task that has Failed as a new native one, which its data owners are asked for anew."""
        known, now = self._ledger.get(task), _whole(body, "currentTime")
        if known.job is None or known.job.task is None:
            raise _made_natively()
        said = {"currentTime": now, "taskID": task}
        check_signature(known.task.requester, _bytes(body, "signature"), canonical(said))
        self._known(known.task.requester, "requester")
        self._in_time(now, "currentTime")
        if known.task.status != "Failed" or now <= known.job.about.get("started", 0):
            raise Fault(Code.UPDATED, f"task status is {known.task.status}, expected Failed and a later currentTime")
        document = self._service.document(known.job.task)
        try:
            job = self._service.jobs.claim(known.job.key, "publish", {**known.job.about, "started": now})
        except Conflict:
            raise Fault(Code.UPDATED, "the task is being started") from None
        name = f"{PREFIX}{task}.{job.run}"
        self._make(job, {**document, "task_name": name})
        self._service.start(name)
        return self._ledger.get(task).task

    def _make(self, job: Job, document: Mapping[str, Any]) -> None:
        """Create the native task of a job, which is forgotten where that cannot be."""
        try:
            self._service.jobs.name(job, self._service.create(document).task_name)
        except FedrayError:
            self._service.jobs.release(job)
            raise

    def _known(self, public: bytes, field: str) -> Key:
        found = self._keys.find(public)
        if found is None:
            raise Fault(Code.NOT_ALLOWED, f"bad param:{field}, the server does not know the key; see fedray keys add")
        return found

    def _executor(self, place: int, public: bytes) -> str:
        key = self._known(public, f"dataSets[{place}].executor")
        if len(key.parties) != 1:
            raise Fault(Code.PARAMETER, f"bad param:dataSets[{place}].executor, expected the key of one party")
        return key.parties[0]

    def _in_time(self, told: int, field: str) -> None:
        if abs(told - round(self._clock() * 1e9)) > CLOCKS_DIFFER_NS:
            raise Fault(Code.EXPIRED, f"bad param:{field}, expected now in nanoseconds; an old request is not taken")

    def _is_of_this_run(self, job: Job, told: int) -> None:
        """See that a task was not started again since: the new run, which has the same id, was not meant."""
        if job.run > 1 and told <= round(job.made_at * 1e9):
            raise Fault(Code.UPDATED, "the task was started again since currentTime, expected a later one")

    def _is_later(self, task: str, party: str, told: int) -> None:
        """Keep when a party has confirmed or rejected; raises ``Fault`` where that came before, for whichever run."""
        name = f"{task} {party}"

        def later(kept: Json) -> Json:
            if told <= kept["told"]:
                raise Fault(Code.UPDATED, "the party has said so before, expected a later currentTime")
            return {"told": told}

        try:
            self._papers.add(_CONFIRMED, name, {"told": told})
        except Conflict:
            self._papers.change(_CONFIRMED, name, later)

    def _published(self, task: str) -> Job:
        job = self._ledger.get(task).job
        if job is None or job.status is None:
            raise _made_natively()
        if job.status is not Status.CREATED:
            raise Fault(Code.UPDATED, "the task has begun or ended")
        return job


def _made_natively() -> Fault:
    return Fault(Code.PARAMETER, "bad param:taskID, the task was made natively, so not by this API")


def _read(body: Json) -> FLTask:
    fields = {name: value for name, value in body.items() if name not in ("signature", "status")}
    try:
        found = ParseDict(fields, FLTask())
    except (ParseError, ValueError, TypeError, AttributeError):
        raise Fault(Code.PARAMETER, "bad param:expected the fields of an FLTask and signature, and no others") from None
    try:
        canonical(as_go(found))
    except ValueError:
        raise Fault(Code.PARAMETER, "bad param:algoParam, expected finite numbers; others cannot be signed") from None
    for field in ("errMessage", "result", "startTime", "endTime"):
        if getattr(found, field):
            raise Fault(Code.PARAMETER, f"bad param:{field}, expected none in a task that is published")
    return found


def _check(task: FLTask) -> None:
    """See that a task is complete, as the original's rules have it."""
    if not _UUID.fullmatch(task.taskID):
        raise Fault(Code.PARAMETER, "bad param:taskID, expected a UUID in lower case")
    if not task.name:
        raise Fault(Code.PARAMETER, "bad param:name, expected a text")
    if len(task.dataSets) < 2:
        raise Fault(Code.PARAMETER, "bad param:dataSets, expected at least two")
    if len({data.executor for data in task.dataSets}) < len(task.dataSets):
        raise Fault(Code.PARAMETER, "bad param:dataSets, expected an executor of its own for each")
    for place, data in enumerate(task.dataSets):
        for field in ("dataID", "psiLabel"):
            if not getattr(data, field):
                raise Fault(Code.PARAMETER, f"bad param:dataSets[{place}].{field}, expected a value")


def _word(body: Json, field: str) -> str:
    value = body.get(field, "")
    if not isinstance(value, str):
        raise Fault(Code.PARAMETER, f"bad param:{field}, expected a text")
    return value


def _whole(body: Json, field: str) -> int:
    value = body.get(field)
    if type(value) is not int:
        raise Fault(Code.PARAMETER, f"bad param:{field}, expected a whole number")
    return value


def _bytes(body: Json, field: str) -> bytes:
    try:
        return base64.b64decode(_word(body, field), validate=True)
    except ValueError:
        raise Fault(Code.PARAMETER, f"bad param:{field}, expected bytes in base64") from None
