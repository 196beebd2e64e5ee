"""Jobs that run for longer than their configuration allows are stopped."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Final

from fedray.errors import NotFound, StateError
from fedray.task.papers import Papers
from serve_api.fate_flow.book import Book, Job
from serve_api.fate_flow.conf import timeout_s
from serve_api.fate_flow.states import Pipelines, States

__all__ = ["TimeLimits"]

_SHELF: Final = "fate/limit"
"""By job id, when a job is to be looked at."""


class TimeLimits:
    """The jobs with a time limit.

    Parameters
    ----------
    papers
        Of the store.
    book, states
        Of the API.
    pipelines
        Where jobs are stopped.
    now
        Gives Unix milliseconds.
    """

    def __init__(
        self, papers: Papers, book: Book, states: States, pipelines: Pipelines, now: Callable[[], int]
    ) -> None:
        self._papers, self._book, self._states = papers, book, states
        self._pipelines, self._now = pipelines, now

    def watch(self, job: Job) -> None:
        """Stop a job later that runs for too long, where its configuration says what that is."""
        seconds = timeout_s(job.conf)
        if seconds is not None:
            self._papers.add(_SHELF, job.id, {"due_ms": job.created_ms + 1000 * seconds})

    def step(self) -> bool:
        """Look at the jobs that may have run for too long; to be called again and again."""
        now = self._now()
        for paper in self._papers.all(_SHELF):
            if paper.body["due_ms"] <= now:
                self._look(paper.name, now)
        return False

    def _look(self, job_id: str, now: int) -> None:
        job = self._book.get(job_id)
        seconds = None if job is None else timeout_s(job.conf)
        if job is None or job.pipeline is None or seconds is None:
            self._papers.remove(_SHELF, job_id)
            return
        state = self._states.of(job)
        if state.status not in ("waiting", "running"):
            self._papers.remove(_SHELF, job_id)
            return
        due = 1000 * seconds + (now if state.started_ms is None else state.started_ms)  # the time in the queue is free
        if due > now:
            with contextlib.suppress(NotFound):
                self._papers.change(_SHELF, job_id, lambda _: {"due_ms": due})
            return
        self._book.change(job_id, timed_out=True)
        with contextlib.suppress(StateError, NotFound):  # it ended meanwhile
            self._pipelines.cancel(job.pipeline)
