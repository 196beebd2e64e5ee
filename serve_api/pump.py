"""A thread that does something again and again beside the routes, and survives what goes wrong."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

__all__ = ["Pump"]

IDLE_S: Final = 0.5
"""Seconds between two looks while there is nothing to do."""

AFTER_FAILURE_S: Final = 5.0

_log = logging.getLogger("fedray.pump")


class Pump:
    """A thread.

    Parameters
    ----------
    name
        Of the thread, and in the log.
    step
        Does what there is to do; returns whether there was anything.
    """

    def __init__(self, name: str, step: Callable[[], bool]) -> None:
        self._name, self._step = name, step
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """End after the step that is being done."""
        self._ends.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._ends.is_set():
            try:
                wait_s = 0.0 if self._step() else IDLE_S
            except Exception as error:  # noqa: BLE001  tasks and routes go on, so this does too
                # no text: a stranger's exception may hold a value
                _log.error("%s: %s; it goes on", self._name, type(error).__name__)
                wait_s = AFTER_FAILURE_S
            self._ends.wait(wait_s)
