"""Names as FATE forms them: job ids, task ids, model ids."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

__all__ = ["JobIds", "milliseconds", "model_id", "party_model_id", "task_id"]

_STAMP: Final = "%Y%m%d%H%M%S%f"


class JobIds:
    """Makes job ids: the local time to the microsecond, and a counter that tells jobs of one microsecond apart.

    Parameters
    ----------
    clock
        Gives Unix time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._last, self._count = "", 0

    def next(self) -> str:
        """Return an id that this process has not given before."""
        with self._lock:
            stamp = datetime.fromtimestamp(self._clock()).strftime(_STAMP)
            self._count = self._count + 1 if stamp == self._last else 0
            self._last = stamp
            return f"{stamp}{self._count}"


def milliseconds(seconds: float) -> int:
    """Return a time as FATE writes it."""
    return int(seconds * 1000)


def model_id(roles: Mapping[str, Sequence[str]]) -> str:
    """Return the model id of a job of these parties, such as ``guest-9999#host-10000#model``."""
    return "#".join(
        [
            *(
                f"{role}-{'_'.join(sorted(ids, key=lambda one: (len(one), one)))}"
                for role, ids in sorted(roles.items())
            ),
            "model",
        ]
    )


def party_model_id(role: str, party_id: str, model: str) -> str:
    """Return the model id of one party."""
    return f"{role}#{party_id}#{model}"


def task_id(job_id: str, component: str) -> str:
    """Return the id of a component's task."""
    return f"{job_id}_{component}"
