"""What a server's tasks did, as text that Prometheus reads: numbers by status, kind and phase, of no single task.

Totals are those of the finished tasks that the store knows, so they survive a restart of the server. Each report is
read once.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from fedray.errors import StateError
from fedray.task.record import Status
from fedray.task.store import Store

__all__ = ["NAMES", "Metrics"]

_PAGE = 100
_COUNTED = ("seconds", "rounds", "messages", "bytes")

NAMES: Mapping[str, tuple[str, str]] = {
    "fedray_tasks": ("gauge", "Tasks by status."),
    "fedray_queue_length": ("gauge", "Tasks that wait for room on their nodes."),
    "fedray_finished_tasks_total": ("counter", "Finished tasks by kind."),
    "fedray_task_seconds_total": ("counter", "Seconds of finished tasks, by kind."),
    **{
        f"fedray_phase_{what}_total": ("counter", f"{what.capitalize()} of finished tasks, by kind and phase.")
        for what in _COUNTED
    },
}
"""Every metric: its type, and what it is."""

Labels = tuple[tuple[str, str], ...]


class Metrics:
    """Adds up the reports of a store.

    Parameters
    ----------
    store
        Of the server.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: set[str] = set()
        self._totals: Counter[tuple[str, Labels]] = Counter()
        self._lock = threading.Lock()

    def text(self) -> str:
        """Return all metrics in Prometheus' text format."""
        values: dict[tuple[str, Labels], float] = {
            ("fedray_tasks", (("status", status.value),)): self._store.list_tasks(status, limit=1)[1]
            for status in Status
        }
        values["fedray_queue_length", ()] = len(self._store.queue())
        with self._lock:
            self._read_new()
            values |= self._totals
        return "".join(
            f"# HELP {name} {what}\n# TYPE {name} {kind}\n{''.join(_lines(name, values))}"
            for name, (kind, what) in NAMES.items()
        )

    def _read_new(self) -> None:
        """Add the reports that have not been read yet; a task that has finished stays so."""
        offset, total = 0, len(self._seen) + 1
        while len(self._seen) < total:
            page, total = self._store.list_tasks(Status.FINISHED, limit=_PAGE, offset=offset)
            for task in page:
                if task.name not in self._seen:
                    self._seen.add(task.name)
                    self._add(task.name, task.kind)
            offset += len(page)
            if not page:
                return

    def _add(self, name: str, kind: str) -> None:
        by_kind: Labels = (("kind", kind),)
        self._totals["fedray_finished_tasks_total", by_kind] += 1
        try:
            report: Mapping[str, Any] = self._store.reports.get(name)
        except StateError:
            return  # it has none
        # a report that an older version wrote may lack some of it
        self._totals["fedray_task_seconds_total", by_kind] += report.get("seconds", {}).get("total", 0.0)
        for phase, cost in report.get("cost", {}).get("by_phase", {}).items():
            for what in _COUNTED:
                self._totals[f"fedray_phase_{what}_total", (*by_kind, ("phase", phase))] += cost.get(what, 0)


def _lines(name: str, values: Mapping[tuple[str, Labels], float]) -> Iterable[str]:
    for (found, labels), value in sorted(values.items()):
        if found == name:
            inside = ",".join(f'{key}="{text}"' for key, text in labels)
            yield f"{name}{{{inside}}} {value:.10g}\n" if inside else f"{name} {value:.10g}\n"
