"""What the routes of one process have in common."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, cast

from fastapi import Depends, Request

from fedray.data.private_file import make_folder
from fedray.task.papers import Papers
from fedray.task.service import TaskService
from serve_api.fate_flow.book import Book
from serve_api.fate_flow.chores import Chores
from serve_api.fate_flow.data import Data
from serve_api.fate_flow.jobs import Work
from serve_api.fate_flow.models import Models
from serve_api.fate_flow.numbers import JobIds, milliseconds
from serve_api.fate_flow.settings import FateSettings
from serve_api.fate_flow.states import Pipelines, States, readers
from serve_api.fate_flow.tables import TableBook
from serve_api.fate_flow.time_limits import TimeLimits
from serve_api.fate_flow.tracking import Tracking
from serve_api.service import GetService

__all__ = ["FateDesk", "TheDesk"]


class FateDesk:
    """The API of one process.

    Parameters
    ----------
    papers
        Of the store.
    get_service
        Returns the service of tasks.
    pipelines
        The service of pipelines.
    settings
        As the operator set them.
    clock
        Gives Unix time in seconds.
    """

    def __init__(
        self,
        papers: Papers,
        get_service: GetService,
        pipelines: Pipelines,
        settings: FateSettings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings, self.pipelines, self._get_service = settings, pipelines, get_service
        self.ids = JobIds(clock)
        self.now = lambda: milliseconds(clock())
        self.book, self.tables = Book(papers, self.now), TableBook(papers, settings.root, self._readers)
        self.states = States(pipelines, self.now)
        self.limits = TimeLimits(papers, self.book, self.states, pipelines, self.now)
        self.models = Models(papers, self.book, self.states)
        self.chores = Chores(self.book)
        self.data = Data(settings, self.book, self.tables, self.chores, self.ids, self.now)
        self._incoming = settings.root / ".fedray" / "fate-incoming"
        shutil.rmtree(self._incoming, ignore_errors=True)  # of a process that ended in the middle
        self.data.give_up()
        self.tables.sweep()

    def _readers(self, file: str) -> list[str]:
        return readers(self.pipelines, self.book, file, self.now())

    @property
    def service(self) -> TaskService:
        """The service of tasks."""
        return self._get_service()

    def work(self) -> Work:
        """Return what changes jobs, for one request."""
        parts = (self.book, self.tables, self.models, self.chores, self.limits, self.ids, self.now)
        return Work(self.service, self.pipelines, *parts)

    def tracking(self) -> Tracking:
        """Return what tells of components, for one request."""
        return Tracking(self.service, self.pipelines, self.book, self.settings.root)

    def incoming(self) -> Path:
        """Return a new folder for what one request sends; the request removes that, and nothing else."""
        make_folder(self._incoming)
        return Path(tempfile.mkdtemp(dir=self._incoming))


def _desk(request: Request) -> FateDesk:
    return cast("FateDesk", request.app.state.fate)


TheDesk = Annotated[FateDesk, Depends(_desk)]
"""A parameter of a route: the desk of the application."""
