"""Logs as JSON lines with task, party and phase, for whoever collects logs; off unless the environment wants them.

A line has fields that are named here and nothing else: no text or trace of an exception, which may hold a value.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fedray.data.log_file import LogFile
from fedray.errors import FedrayError
from fedray.task.record import Event, EventKind, Status

__all__ = ["FILE", "LogSetting", "log_end", "log_event", "log_status", "log_to"]

FILE = Path(".fedray") / "log" / "fedray.jsonl"
"""Below a data root."""

FIELDS = ("event", "task", "party", "phase", "seconds", "rounds", "bytes", "error")
_LOGGED = frozenset({EventKind.PHASE, EventKind.NOTE, EventKind.RESUMED, EventKind.TRACE})
"""Progress and records are in the task's own events; they come too often for a log."""
_LONGEST = 2000
_KEPT = 5
_MIB = 1 << 20

log = logging.getLogger("fedray.party")
server_log = logging.getLogger("fedray.supervisor")


@dataclass(frozen=True)
class LogSetting:
    """What the environment says of logs.

    Attributes
    ----------
    json
        Whether they are written.
    most_mib
        When a file begins anew.
    """

    json: bool = False
    most_mib: float = 10.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> LogSetting:
        """Return what ``FEDRAY_LOG`` and ``FEDRAY_LOG_MIB`` say; a number that is none counts as the default."""
        try:
            most = float(environment.get("FEDRAY_LOG_MIB", ""))
        except ValueError:
            most = 0.0
        return cls(environment.get("FEDRAY_LOG", "").casefold() == "json", most if 0 < most < 1e6 else cls.most_mib)


class JsonLines(logging.Handler):
    """Writes what is logged to a file, a JSON document a line."""

    def __init__(self, file: LogFile) -> None:
        super().__init__(logging.INFO)
        self._file = file

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; what cannot be written is left out, as no task shall fail by its log."""
        try:
            self._file.append(f"{json.dumps(_fields(record))}\n".encode())
        except OSError:
            return


def log_to(root: Path, setting: LogSetting) -> None:
    """Let this process log to the file in a data root, if the setting wants it; once, however often it is asked."""
    logger = logging.getLogger("fedray")
    if not setting.json or any(isinstance(handler, JsonLines) for handler in logger.handlers):
        return
    logger.addHandler(JsonLines(LogFile(root / FILE, int(setting.most_mib * _MIB), _KEPT)))
    logger.setLevel(logging.INFO)


def log_event(task: str, event: Event) -> None:
    """Log what a party tells of a task, where it is worth a line."""
    if event.kind not in _LOGGED:
        return
    where = {"event": event.kind, "task": task, "party": event.party, "phase": event.data.get("phase", "")}
    log.info("%s", event.data.get("text", event.data.get("type", "")), extra=where)


def log_end(task: str, party: str, seconds: float, error: FedrayError | None = None) -> None:
    """Log that a party's part of a task has ended, and by which error."""
    where = {"event": "ended", "task": task, "party": party, "seconds": round(seconds, 3)}
    if error is None:
        log.info("the party has done its part", extra=where)
    else:
        log.error("%s", error.message, extra={**where, "phase": error.phase, "error": type(error).__name__})


def log_status(task: str, status: Status, error: FedrayError | None = None) -> None:
    """Log, at the server, that a task has come to a status, and by which error."""
    where = {"event": EventKind.STATUS.value, "task": task}
    if error is None:
        server_log.info("%s", status.value, extra=where)
        return
    facts = {"party": error.party, "phase": error.phase, "error": type(error).__name__}
    server_log.error("%s: %s", status.value, error.message, extra={**where, **facts})


def _fields(record: logging.LogRecord) -> dict[str, object]:
    said = {name: getattr(record, name) for name in FIELDS if getattr(record, name, "") != ""}
    if record.exc_info and record.exc_info[0] is not None:
        said["error"] = record.exc_info[0].__name__
    return {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "process": record.process,
        **said,
        "message": record.getMessage()[:_LONGEST],
    }
