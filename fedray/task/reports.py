"""Reports of tasks in the database of a server."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from fedray.errors import StateError
from fedray.task.folding import dumps
from fedray.task.rows import id_of
from fedray.task.tables import reports

__all__ = ["Reports"]


class Reports:
    """The reports in the database of a server.

    Parameters
    ----------
    engine
        The store's.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def save(self, name: str, report: dict[str, object]) -> None:
        """Keep the report of a task; a later one takes its place.

        Raises
        ------
        NotFound
            No task has this name.
        """
        task_id, text = id_of(self._engine, name), dumps(report)
        with self._engine.begin() as connection:
            connection.execute(reports.delete().where(reports.c.task_id == task_id))
            connection.execute(reports.insert().values(task_id=task_id, report=text))

    def get(self, name: str) -> dict[str, Any]:
        """Return the report of a task.

        Raises
        ------
        NotFound
            No task has this name.
        StateError
            It has no report yet.
        """
        found = sa.select(reports.c.report).where(reports.c.task_id == id_of(self._engine, name))
        with self._engine.connect() as connection:
            text = connection.execute(found).scalar()
        if text is None:
            raise StateError(f"Task with name {name} has no report yet; it comes when the task has finished")
        report: dict[str, Any] = json.loads(text)
        return report
