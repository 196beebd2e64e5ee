"""Logs of a job, as FATE lays them out: made of its tasks' events, which hold no value of any table."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, BinaryIO, Final

from fedray.errors import NotFound
from fedray.task.record import Event, EventKind
from fedray.task.service import TaskService
from serve_api.fate_flow.archives import bytes_file
from serve_api.fate_flow.book import Job
from serve_api.fate_flow.job import PartyId
from serve_api.fate_flow.states import JobState, TaskState

__all__ = ["log_members"]

_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
_SHOWN: Final = (EventKind.STATUS, EventKind.PHASE, EventKind.NOTE, EventKind.DATASET, EventKind.RECORD)
_MOST_EVENTS: Final = 10_000
Line = tuple[str, str]
"""A level, and what is written."""


def log_members(
    service: TaskService, job: Job, state: JobState, said: Mapping[str, Mapping[PartyId, Sequence[str]]]
) -> Iterator[tuple[str, BinaryIO]]:
    """Yield the files of a job's log; `said` has lines of components for single parties."""
    schedule = [_line("INFO", job.created_ms / 1000, f"job {job.id} is submitted")]
    by_party: dict[tuple[str, str], list[Line]] = {party: [] for party in job.parties}
    for task in state.tasks:
        lines = [*_warnings(job, task), *_events(service, task)]
        if task.message:
            lines.append(_line("ERROR", (state.ended_ms or job.updated_ms) / 1000, task.message))
        schedule.append(_line("INFO", job.updated_ms / 1000, f"component {task.component} is {task.status}"))
        for role, party_id in task.parties:
            own = said.get(task.component, {}).get(PartyId(role, party_id), ())
            told = [*lines, *(_line("INFO", (state.ended_ms or job.updated_ms) / 1000, one) for one in own)]
            by_party.setdefault((role, party_id), []).extend(told)
            yield from _files(f"{role}/{party_id}/{task.component}", told, more=("std.log", "stat.log"))
    for (role, party_id), lines in by_party.items():
        yield from _files(f"{role}/{party_id}", lines)
    if state.ended_ms is not None:
        schedule.append(_line("INFO", state.ended_ms / 1000, f"job {job.id} is {state.status}"))
    yield "fate_flow_schedule.log", _file(schedule)
    yield "fate_flow_audit.log", _file([])


def _warnings(job: Job, task: TaskState) -> list[Line]:
    """Return what was said of the component's parameters when the job was submitted."""
    compiled: Sequence[Mapping[str, Any]] = (job.compiled or {}).get("components", ())
    said: Sequence[str] = next((one["warnings"] for one in compiled if one["name"] == task.component), [])
    return [_line("WARNING", job.created_ms / 1000, warning) for warning in said]


def _events(service: TaskService, task: TaskState) -> Iterator[Line]:
    for name in task.tasks:
        with contextlib.suppress(NotFound):  # it may be gone
            told = 0
            while told < _MOST_EVENTS and (events := service.events(name, told)):
                yield from (_told(one.event) for one in events)
                told = events[-1].id


def _told(event: Event) -> Line:
    level = "INFO" if event.kind in _SHOWN else "DEBUG"
    if "error" in event.data:
        level = "ERROR"
    who = f"{event.party}: " if event.party else ""
    return _line(level, event.time_s, f"{who}{event.kind} {json.dumps(event.data)}")


def _line(level: str, seconds: float, text: str) -> Line:
    when = datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S,%f")[:-3]
    return level, f"[{level}] [{when}] - {text}\n"


def _files(folder: str, lines: Sequence[Line], more: Sequence[str] = ()) -> Iterator[tuple[str, BinaryIO]]:
    """Yield a file for each level, with what is of it or worse."""
    for place, level in enumerate(_LEVELS):
        wanted = _LEVELS[place:]
        yield f"{folder}/{level}.log", _file([line for line in lines if line[0] in wanted])
    for name in more:
        yield f"{folder}/{name}", _file([])


def _file(lines: Sequence[Line]) -> BinaryIO:
    return bytes_file("".join(text for _, text in lines).encode("utf-8", "backslashreplace"))
