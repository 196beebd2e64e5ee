"""Jobs and tasks as rows of FATE's tables: one for each role and party; filters are columns without their ``f_``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from serve_api.fate_flow.book import Job
from serve_api.fate_flow.numbers import milliseconds, party_model_id, task_id
from serve_api.fate_flow.states import JobState, TaskState

__all__ = ["JOB_FILTERS", "TASK_FILTERS", "VIEW_FILTERS", "fits", "job_rows", "task_rows", "usable", "view_rows"]

Row = dict[str, Any]

_TIMES: Final = ("create_time", "update_time", "start_time", "end_time", "elapsed")
JOB_FILTERS: Final = frozenset(
    {
        *("job_id", "name", "description", "tag", "role", "party_id", "roles", "initiator_party_id", "is_initiator"),
        *("initiator_role", "dsl", "runtime_conf", "train_runtime_conf", "run_ip", "status", "current_steps"),
        *("current_tasks", "progress", "work_mode", *_TIMES),
    }
)
TASK_FILTERS: Final = frozenset(
    {"job_id", "component_name", "task_id", "role", "party_id", "status", "operator", "run_ip", "run_pid", *_TIMES}
)
VIEW_FILTERS: Final = frozenset(
    {
        *("job_id", "component_name", "task_id", "role", "party_id", "table_name", "table_namespace"),
        *("party_model_id", "model_version", "create_time", "update_time"),
    }
)
_WORDS: Final = ("status", "role")


def usable(fields: Mapping[str, object], known: Iterable[str]) -> dict[str, object]:
    """Return the filters of a request; all else that clients send along is left out."""
    return {name: fields[name] for name in known if fields.get(name) not in (None, "")}


def fits(row: Row, filters: Mapping[str, object]) -> bool:
    """Return whether a row has what the filters say; numbers may come as text."""
    return all(_same(row.get(f"f_{name}"), value, name) for name, value in filters.items())


def _same(got: object, wanted: object, name: str) -> bool:
    if isinstance(wanted, list):  # one of several
        return any(_same(got, one, name) for one in wanted)
    if isinstance(got, bool) or isinstance(wanted, bool):
        return str(int(bool(got))) == str(int(wanted) if isinstance(wanted, bool) else wanted)
    if isinstance(got, dict):
        return got == wanted
    text = str(wanted)
    return str(got) == (text.casefold() if name in _WORDS else text)


def job_rows(job: Job, state: JobState, address: str) -> list[Row]:
    """Return the rows of a job, one for each party."""
    texts = not job.new_shapes
    running = [task_id(job.id, task.component) for task in state.tasks if task.status == "running"]
    roles = {role: [_number(one) for one in ids] for role, ids in job.roles.items()}
    common = {
        "f_job_id": job.id,
        "f_name": "",
        "f_roles": _object(roles, texts),
        "f_initiator_role": job.initiator[0],
        "f_initiator_party_id": job.initiator[1],
        "f_work_mode": 0,
        "f_dsl": _object(job.dsl, texts),
        "f_runtime_conf": _object(job.conf, texts),
        "f_train_runtime_conf": _object(job.train_conf, texts),
        "f_run_ip": address,
        "f_status": state.status,
        "f_progress": state.progress,
        "f_current_steps": None,
        "f_current_tasks": _object(running, texts),
        "f_tag": "" if state.status == "waiting" else "end_waiting" if state.ended_ms is None else "job_end",
        **_times(job, state, dates=not texts),
    }
    if not texts:
        common |= {"f_runtime_conf_on_party": job.conf, "f_engine_name": "STANDALONE", "f_engine_type": "computing"}
    return [_of_party(job, common, role, party_id, texts) for role, party_id in job.parties]


def _of_party(job: Job, common: Row, role: str, party_id: str, texts: bool) -> Row:
    first = (role, party_id) == job.initiator
    mine = {
        "f_role": role,
        "f_party_id": party_id,
        "f_description": job.notes.get(f"{role}#{party_id}", ""),
        "f_is_initiator": int(first) if texts else first,
    }
    return dict(sorted({**common, **mine}.items()))


def task_rows(job: Job, state: JobState, address: str) -> list[Row]:
    """Return the rows of a job's tasks, one for each component and party; those that have not begun are none yet."""
    told = [task for task in state.tasks if task.status != "waiting"]
    return [_task_row(job, state, task, role, one, address) for task in told for role, one in task.parties]


def _task_row(job: Job, state: JobState, task: TaskState, role: str, party_id: str, address: str) -> Row:
    ended = task.status not in ("waiting", "running")
    row = {
        "f_job_id": job.id,
        "f_component_name": task.component,
        "f_task_id": task_id(job.id, task.component),
        "f_role": role,
        "f_party_id": party_id,
        "f_operator": "python_operator",
        "f_run_ip": address,
        "f_run_pid": None,
        "f_status": task.status,
        **_times(job, state, dates=job.new_shapes),
    }
    if not ended:
        row |= {"f_end_time": None, "f_elapsed": None}
    if job.new_shapes:
        row |= {
            "f_task_version": 0,
            "f_party_status": task.status,
            "f_run_on_this_party": True,
            "f_federated_mode": "SINGLE",
            "f_federated_status_collect_type": "PULL",
            "f_initiator_role": job.initiator[0],
            "f_initiator_party_id": job.initiator[1],
            "f_engine_conf": {},
        }
    return dict(sorted(row.items()))


def view_rows(job: Job, state: JobState, tables: Mapping[str, tuple[str, str, int]]) -> list[Row]:
    """Return the rows of a job's data views; ``tables`` has namespace, name and rows of what a component has read."""
    rows = []
    for task in state.tasks:
        namespace, name, count = tables.get(task.component, ("", "", 0))
        for role, party_id in task.parties:
            row = {
                "f_job_id": job.id,
                "f_component_name": task.component,
                "f_task_id": task_id(job.id, task.component),
                "f_role": role,
                "f_party_id": party_id,
                "f_table_name": name,
                "f_table_namespace": namespace,
                "f_partition": None,
                "f_table_count_upload": count,
                "f_table_count_actual": count,
                "f_party_model_id": party_model_id(role, party_id, job.model_id),
                "f_model_version": job.model_version,
                "f_size": 0,
                "f_ttl": 0,
                "f_type": "",
                "f_tag": "",
                "f_description": "",
                "f_create_time": job.created_ms,
                "f_update_time": job.updated_ms,
            }
            rows.append(row)
    return rows


def _times(job: Job, state: JobState, *, dates: bool) -> Row:
    ended = state.ended_ms
    elapsed = None if ended is None or state.started_ms is None else max(0, ended - state.started_ms)
    times = {
        "f_create_time": job.created_ms,
        "f_update_time": max(job.updated_ms, ended or 0),
        "f_start_time": state.started_ms,
        "f_end_time": ended,
    }
    said = {name.replace("_time", "_date"): _date(value) for name, value in times.items()} if dates else {}
    return {**times, "f_elapsed": elapsed, **said}


def _date(value: int | None) -> str | None:
    if value is None:
        return None
    return datetime.fromtimestamp(value / milliseconds(1.0), UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")


def _object(value: object, texts: bool) -> object:
    return json.dumps(value) if texts else value


def _number(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else text
