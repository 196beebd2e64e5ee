"""Events of a job's task, in the words of the API: the messages."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from fedray.errors import FedrayError, NotFound, PlacementError, StateError, error_from_dict
from fedray.task.folding import dumps
from fedray.task.jobs import Job, JobKey
from fedray.task.messages import Message
from fedray.task.record import TRAIN_PHASE, Event, EventKind, Status
from fedray.task.rows import StoredEvent
from fedray.task.service import TaskService
from serve_api.k12ai.codes import Code
from serve_api.k12ai.dialect import Detail, Dialect, Subject
from serve_api.k12ai.requests import APP

__all__ = ["API", "OUTGOING", "Pending", "Telling", "container"]

API: Final = "k12ai"
OUTGOING: Final = "k12ai>webhook"
"""Topic of what is posted to the webhook; no key that anybody polls leads to it."""

_LOOK_BACK: Final = 100
"""Events before the end of a task among which its trace is looked for."""

_MOST_PENDING: Final = 64
_CONFIGURATION: Final = frozenset({"SpecError", "DataError"})
_CRASHES: Final = frozenset({"PeerLost", "RecvTimeout", "PlacementError"})


class Pending:
    """Which rows tasks are to answer for: in memory only, since ids belong in no database of the server."""

    def __init__(self) -> None:
        self._ids: dict[str, tuple[str, ...]] = {}
        self._lock = threading.Lock()

    def add(self, task: str, ids: tuple[str, ...]) -> None:
        """Note the rows of a task; raises ``PlacementError`` where too many tasks wait for theirs."""
        with self._lock:
            if len(self._ids) >= _MOST_PENDING:
                raise PlacementError(f"{_MOST_PENDING} predictions wait already; try again")
            self._ids[task] = ids

    def of(self, task: str) -> tuple[str, ...]:
        """Return the rows of a task; none where they were answered or forgotten."""
        with self._lock:
            return self._ids.get(task, ())

    def done(self, task: str) -> None:
        """Forget the rows of a task."""
        with self._lock:
            self._ids.pop(task, None)


def _subject_of(job: Job) -> Subject:
    """Return whose job it is."""
    about = job.about
    return Subject(job.key.owner, job.key.project, about["service_name"], about.get("app", APP), about.get("token", ""))


class Telling:
    """Puts events into messages.

    Parameters
    ----------
    service
        Answers for reports, events and predictions.
    dialect
        The form of messages.
    posts
        Whether messages go to a webhook as well.
    pending
        The rows that tasks are to answer for.
    """

    def __init__(self, service: Callable[[], TaskService], dialect: Dialect, posts: bool, pending: Pending) -> None:
        self._service, self._dialect, self._posts, self._pending = service, dialect, posts, pending

    def shape(self, job: Job, stored: StoredEvent) -> list[Message]:
        """Return the messages that tell of an event; raises ``PlacementError`` where it is to be asked again."""
        event = stored.event
        at = event.time_s
        if event.kind == EventKind.RECORD:
            values = _row(event)
            body = self._dialect.metrics(job.op, values, lambda: self._progress(job, values["batch"]))
            return self._say(job, "metrics", body, at)
        if event.kind == EventKind.STATUS:
            return self._status(job, stored, Status(str(event.data["status"])))
        if event.kind == EventKind.PHASE and event.data.get("phase") == "serve":
            return self._predictions(job, at)
        return []

    def messages(self, kind: str, op: str, body: object, at: float, subject: Subject | None) -> list[Message]:
        """Return a message as it waits for whoever takes it, and for the webhook if there is one."""
        message = self._dialect.message(kind, op, body, at, subject)
        key = f"{APP if subject is None else subject.app}.{message['type']}"
        return [Message(topic, dumps(message)) for topic in (f"{API}/{key}", *([OUTGOING] if self._posts else []))]

    def _say(self, job: Job, kind: str, body: object, at: float, verb: str = "start") -> list[Message]:
        return self.messages(kind, f"{job.op}.{verb}", body, at, _subject_of(job))

    def _status(self, job: Job, stored: StoredEvent, status: Status) -> list[Message]:
        at, reply = stored.event.time_s, self._dialect.reply
        match status:
            case Status.QUEUED:
                return self._state(job, Code.STARTING, "starting", "", at)
            case Status.RUNNING:
                return self._state(job, Code.RUNNING, "running", "", at)
            case Status.FINISHED:
                return [*self._results(job, at), *self._state(job, Code.FINISHED, "finish", "norm", at)]
            case Status.CANCELLED:
                self._pending.done(job.task or "")
                told = self._say(job, "error", reply(Code.STOPPED, container(job.op, job.key)), at, "stop")
                return [*told, *self._state(job, Code.STOPPED, "exit", "manual", at)]
            case Status.FAILED:
                self._pending.done(job.task or "")
                way, body = self._failure(job, stored)
                return [*self._say(job, "error", body, at), *self._state(job, Code.JOB_FAILED, "exit", way, at)]
        return []

    def _state(self, job: Job, code: Code, value: str, way: str, at: float) -> list[Message]:
        found = self._dialect.state(code, value, way)
        return [] if found is None else self._say(job, *found, at)

    def _failure(self, job: Job, stored: StoredEvent) -> tuple[str, object]:
        """Return in which way a job ended that failed, and the body of its error."""
        told = stored.event.data.get("error")
        error = error_from_dict(told if isinstance(told, dict) else {})
        trace = self._trace(job, stored.id, error.party)
        kind = str(trace.get("type") or type(error).__name__)
        detail = Detail(kind, str(error), trace.get("places", ()))
        code = Code.JOB_FAILED
        if kind in ("MemoryError", "OutOfMemoryError"):
            code = Code.OUT_OF_MEMORY
        elif type(error).__name__ in _CONFIGURATION:
            code = Code.BAD_CONFIGURATION
        way = "crash" if type(error).__name__ in _CRASHES else "error"
        return way, self._dialect.reply(code, str(error), detail)

    def _trace(self, job: Job, until: int, party: str) -> Mapping[str, Any]:
        """Return the last trace of a party before an event; nothing where it left none, as when its process died."""
        events = self._service().events(job.task or "", max(0, until - _LOOK_BACK), _LOOK_BACK)
        kept = [one.event for one in events if one.id < until and one.event.kind == EventKind.TRACE]
        return next((event.data for event in reversed(kept) if event.party == party), {})

    def _results(self, job: Job, at: float) -> list[Message]:
        """Return what the report says of a job that finished: the numbers of an evaluation."""
        result = _result(self._service(), job.task or "")
        if self._pending.of(job.task or "") or result.get("answered") == 0:
            self._pending.done(job.task or "")
            text = "the rows were not predicted: the server was started again meanwhile; ask again"
            return self._say(job, "error", self._dialect.reply(Code.JOB_FAILED, text), at)
        values = _evaluated(result.get("evaluation"))
        return self._say(job, "metrics", self._dialect.metrics(job.op, values), at) if values else []

    def _predictions(self, job: Job, at: float) -> list[Message]:
        """Ask the task, which answers now, for the rows of its request."""
        task = job.task or ""
        ids = self._pending.of(task)
        if not ids:
            return []
        try:
            answer = self._service().ask(task, dumps({"ids": list(ids)}))
        except PlacementError:
            raise  # it is still starting, or overloaded
        except FedrayError as error:
            return self._unanswered(job, error, at)
        self._pending.done(task)
        return [
            message
            for index, values in enumerate(answer.predictions)
            for message in self._say(job, "predict", _predicted(index, values), at)
        ]

    def _unanswered(self, job: Job, error: FedrayError, at: float) -> list[Message]:
        task = job.task or ""
        self._pending.done(task)
        try:
            self._service().cancel(task)
        except StateError:
            return []  # it has ended, and its end is told
        except FedrayError:
            pass  # it ends by itself, as nobody asks it any more
        detail = Detail(type(error).__name__, error.message)
        return self._say(job, "error", self._dialect.reply(Code.BAD_CONFIGURATION, error.message, detail), at)

    def _progress(self, job: Job, done: object) -> float | None:
        """Return which part of its steps a training has done; None where it has not told how many there are."""
        told = self._service().get(job.task or "").progress or {}
        total = told.get("total")
        if told.get("phase") != TRAIN_PHASE or not isinstance(total, int) or not isinstance(done, int) or total < 1:
            return None
        return min(1.0, done / total)


def container(step: str, key: JobKey) -> str:
    """Return a job's name as the original told the container in which it ran."""
    return f"container name:{step}-{key.owner}-{key.project}"


def _row(event: Event) -> dict[str, object]:
    columns, row = event.data["columns"], event.data["row"]
    names = ["batch" if name == "n_batches" else str(name) for name in _listed(columns)]
    values = dict(zip(names, _listed(row), strict=True))
    return {**{name: value for name, value in values.items() if name != "time"}, "time": values.get("time")}


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()


def _result(service: TaskService, task: str) -> Mapping[str, Any]:
    try:
        result = service.report(task).get("result")
    except (StateError, NotFound):
        return {}
    return result if isinstance(result, dict) else {}


def _evaluated(evaluation: object) -> dict[str, object]:
    """Return the metrics of an evaluation, flat; of several outputs each name has its number behind it."""
    if not isinstance(evaluation, dict):
        return {}
    outputs = evaluation.get("outputs", [])
    found: dict[str, object] = {}
    for place, output in enumerate(outputs, start=1):
        behind = f"_{place}" if len(outputs) > 1 else ""
        found |= {f"{name}{behind}": value for name, value in output.get("metrics", {}).items()}
    return {**found, "rows": evaluation.get("rows")} if found else {}


def _predicted(index: int, values: Sequence[float]) -> dict[str, object]:
    return {"index": index, "prediction": json.dumps({"prediction": list(values)}) + "\n"}
