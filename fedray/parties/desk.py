"""Where requests from outside wait until the party's own thread takes them: bounded, and never waiting for ever.

A party that answers requests while its task runs reads its desk; whoever plays the party hands requests in, from other
threads. What a request asks for is the party's affair.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeoutError

import numpy as np
import numpy.typing as npt

from fedray.errors import FedrayError, PlacementError, StateError

__all__ = ["Asked", "Desk"]

Float = npt.NDArray[np.float64]

ROOM = 64
"""Requests that may wait; a further one is refused at once."""


class Asked:
    """A request: the ids of the rows that are asked for, and the way back for the answer."""

    def __init__(self, ids: tuple[str, ...]) -> None:
        self.ids = ids
        self._answer: Future[Float] = Future()

    def begin(self) -> bool:
        """Return whether somebody still waits for the answer; from then on one must be given."""
        return self._answer.set_running_or_notify_cancel()

    def answer(self, values: Float) -> None:
        """Answer, a row of values for each id; nothing if the desk was closed meanwhile."""
        with contextlib.suppress(InvalidStateError):
            self._answer.set_result(values)

    def refuse(self, error: FedrayError) -> None:
        """Refuse; whoever asked gets the error. Nothing if it was answered before."""
        with contextlib.suppress(InvalidStateError):
            self._answer.set_exception(error)

    def wait(self, timeout_s: float) -> Float:
        """Return the answer.

        Raises
        ------
        FedrayError
            The request was refused, or nobody answered in time.
        """
        try:
            return self._answer.result(timeout_s)
        except FutureTimeoutError:
            self._answer.cancel()
            raise PlacementError(
                f"no answer within {timeout_s:g} s; the task is still making ready, or overloaded: try again"
            ) from None


class Desk:
    """The requests of one party; `ask`, `end` and `close` may be called by any thread, the others by the party's."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[Asked] = deque()
        self._taken: list[Asked] = []
        self._ending = False
        self._closed: FedrayError | None = None

    @property
    def ending(self) -> bool:
        """Whether the party is asked to come to its end: nothing new is taken, what waits is answered."""
        return self._ending

    def ask(self, ids: tuple[str, ...], timeout_s: float) -> Float:
        """Hand a request in and wait for its answer, shape (ids, outputs).

        Raises
        ------
        StateError
            The task ends or has ended.
        PlacementError
            Too many wait already, or nobody answered in time.
        FedrayError
            The party refused.
        """
        asked = Asked(ids)
        with self._changed:
            if self._closed is not None:
                raise self._closed
            if self._ending:
                raise StateError("the task is about to end and takes no more requests")
            if len(self._waiting) >= ROOM:
                raise PlacementError(f"{ROOM} requests wait already; try again")
            self._waiting.append(asked)
            self._changed.notify_all()
        return asked.wait(timeout_s)

    def take(self, timeout_s: float) -> list[Asked]:
        """Return all requests that wait, once there is one; none if none came in time, or the end was asked for."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ending or self._closed, timeout_s)
            self._taken = [asked for asked in self._waiting if asked.begin()]
            self._waiting.clear()
            return self._taken

    def end(self) -> None:
        """Ask the party to come to its end in order."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()

    def close(self, error: FedrayError) -> None:
        """Refuse what waits, what was taken and is not answered yet, and whatever comes; the first error stays."""
        with self._changed:
            self._closed = self._closed or error
            for asked in self._taken:
                asked.refuse(self._closed)
            for asked in self._waiting:
                if asked.begin():
                    asked.refuse(self._closed)
            self._waiting.clear()
            self._changed.notify_all()
