"""What the server does by itself as a job of role local: a few at a time, beside the routes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from fedray.errors import FedrayError
from serve_api.fate_flow.book import Book, Job
from serve_api.fate_flow.faults import FateError
from serve_api.fate_flow.loading import Stopped
from serve_api.fate_flow.numbers import milliseconds

__all__ = ["ENDS", "Chores", "Progress"]

ENDS: Final = ("success", "failed", "canceled", "timeout")
_AT_ONCE: Final = 2
_TOLD_EVERY_S: Final = 0.5

_log = logging.getLogger("fedray.fate")

Work = Callable[["Progress"], Mapping[str, Any]]
"""Does it, and returns what is to be noted of it."""


class Progress:
    """How far a chore is; tells it now and then, and ends it where it was stopped.

    Parameters
    ----------
    book, job_id
        Where to tell it.
    total
        The number that is all of it.
    """

    def __init__(self, book: Book, job_id: str, total: int) -> None:
        self._book, self._job_id, self._total = book, job_id, max(1, total)
        self._done, self._told = 0, 0.0

    def __call__(self, more: int) -> None:
        """Tell how much more is done; raises ``Stopped``."""
        self._done += more
        now = time.monotonic()
        if now - self._told < _TOLD_EVERY_S:
            return
        self._told = now
        self.look()

    def look(self) -> None:
        """Tell how far it is; raises ``Stopped``."""
        percent = min(99, 100 * self._done // self._total)
        if _noted(self._book, self._job_id, {"progress": percent})["status"] in ENDS:
            raise Stopped


class Chores:
    """The chores of this process.

    Parameters
    ----------
    book
        The jobs.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="fate chore")

    def begin(self, job: Job, work: Work, total: int, after: Callable[[], None] = lambda: None) -> None:
        """Keep a job, and do it when it is its turn; ``after`` is done in any case."""
        waiting = {"status": "waiting", "progress": 0, "started_ms": None, "ended_ms": None, "message": ""}
        self._book.add(Job.from_json({**job.to_json(), "chore": waiting}))
        self._pool.submit(self._run, job.id, work, total, after)

    def stop(self, job_id: str) -> None:
        """Let a chore end; what it has written is removed by itself."""
        _noted(self._book, job_id, {"status": "canceled", "ended_ms": milliseconds(time.time())})

    def give_up(self) -> list[str]:
        """Note of each chore that was at work when the process before this one ended that it has failed; return ids."""
        left = [job.id for job in self._book.all() if job.chore is not None and job.chore["status"] not in ENDS]
        for job_id in left:
            self._end(job_id, "failed", message="the server was started anew while this job was at work")
        return left

    def _run(self, job_id: str, work: Work, total: int, after: Callable[[], None]) -> None:
        try:
            began = _noted(self._book, job_id, {"status": "running", "started_ms": milliseconds(time.time())})
            if began["status"] == "running":
                self._end(job_id, "success", progress=100, **work(Progress(self._book, job_id, total)))
        except Stopped:
            pass
        except FedrayError as error:
            self._end(job_id, "failed", message=str(error))
        except FateError as error:
            self._end(job_id, "failed", message=error.retmsg)
        except Exception as error:  # noqa: BLE001  the job has to end; its text may hold a value
            _log.error("a job of role local failed: %s", type(error).__name__)
            self._end(job_id, "failed", message=f"the server failed ({type(error).__name__})")
        finally:
            after()

    def _end(self, job_id: str, status: str, **more: object) -> None:
        _noted(self._book, job_id, {"status": status, "ended_ms": milliseconds(time.time()), **more})


def _noted(book: Book, job_id: str, more: Mapping[str, object]) -> Mapping[str, Any]:
    """Note something of a chore that has not ended, and return how it stands."""

    def change(job: Job) -> Job:
        chore = dict(job.chore or {})
        return job if chore.get("status") in ENDS else Job.from_json({**job.to_json(), "chore": {**chore, **more}})

    return book.update(job_id, change).chore or {}
