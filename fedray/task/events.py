"""Events of tasks in the database of a server, and what is folded out of them: progress, batches, data set, record."""

from __future__ import annotations

import json
from collections.abc import Sequence

import sqlalchemy as sa

from fedray.task.folding import Fold, batches_of, dumps, fold
from fedray.task.record import Event, EventKind, RecordTable, Status, no_such_task
from fedray.task.rows import StoredEvent, event_from_row, event_row, id_of, named
from fedray.task.tables import events, records, tasks

__all__ = ["Events"]


class Events:
    """The events in the database of a server.

    Parameters
    ----------
    engine
        The store's.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def add(self, name: str, batch: Sequence[Event]) -> None:
        """Add events in order; progress, data set and record rows are folded into the task.

        Raises
        ------
        NotFound
            No task has this name.
        SpecError
            An event is not as ``Event`` describes it; none of the batch is kept.
        """
        if not batch:
            return
        total, rows = fold(batch), [event_row(event) for event in batch]
        with self._engine.begin() as connection:
            task_id, last = _claim_places(connection, name, len(rows))
            first = last - len(rows) + 1
            numbered = [row | {"task_id": task_id, "seq": first + place} for place, row in enumerate(rows)]
            connection.execute(events.insert(), numbered)
            _apply(connection, task_id, total)

    def of(self, name: str, after: int = 0, limit: int = 1000) -> list[StoredEvent]:
        """Return the events behind the one with id ``after``, oldest first, at most ``limit``.

        A reader who goes on from the last id it saw misses none and sees none twice.

        Raises
        ------
        NotFound
            No task has this name.
        """
        task_id = id_of(self._engine, name)
        found = sa.select(events).where(events.c.task_id == task_id, events.c.seq > after)
        with self._engine.connect() as connection:
            rows = connection.execute(found.order_by(events.c.seq).limit(limit)).mappings().all()
        return [event_from_row(row) for row in rows]

    def record(self, name: str) -> RecordTable:
        """Return the record of a task; empty before the first test.

        Raises
        ------
        NotFound
            No task has this name.
        """
        task_id = id_of(self._engine, name)
        found = sa.select(records.c.row).where(records.c.task_id == task_id).order_by(records.c.seq)
        with self._engine.connect() as connection:
            columns = connection.execute(sa.select(tasks.c.record_columns).where(tasks.c.id == task_id)).scalar()
            rows = [json.loads(row) for row in connection.execute(found).scalars()]
        return RecordTable(json.loads(columns or "[]"), rows)

    def resumptions(self, name: str) -> int:
        """Return how often a task was queued again; raises ``NotFound``."""
        told = [events.c.kind == EventKind.STATUS.value, events.c.data == dumps({"status": Status.QUEUED.value})]
        found = (
            sa.select(sa.func.count()).select_from(events).where(events.c.task_id == id_of(self._engine, name), *told)
        )
        with self._engine.connect() as connection:
            return max(0, int(connection.execute(found).scalar_one()) - 1)


def _claim_places(connection: sa.Connection, name: str, count: int) -> tuple[int, int]:
    # The update locks the task's row until the end, so places become visible in their order.
    change = tasks.update().where(named(name)).values(n_events=tasks.c.n_events + count)
    row = connection.execute(change.returning(tasks.c.id, tasks.c.n_events)).first()
    if row is None:
        raise no_such_task(name)
    return row[0], row[1]


def _apply(connection: sa.Connection, task_id: int, total: Fold) -> None:
    task = connection.execute(sa.select(tasks.c.n_batches, tasks.c.n_records).where(tasks.c.id == task_id)).one()
    n_records, n_batches = task.n_records, max(task.n_batches, total.n_batches)
    if total.resumed is not None:
        n_records, n_batches = _forget_after(connection, task_id, total.resumed), total.n_batches
    values: dict[str, object] = {"n_batches": n_batches, "n_records": n_records}
    if total.progress is not None:
        values["progress"] = dumps(total.progress)
    if total.dataset is not None:
        values["dataset"] = dumps(total.dataset)
    if total.rows:
        values |= {"record_columns": dumps(total.columns), "n_records": n_records + len(total.rows)}
        numbered = [
            {"task_id": task_id, "seq": n_records + place, "row": dumps(row)}
            for place, row in enumerate(total.rows, start=1)
        ]
        connection.execute(records.insert(), numbered)
    connection.execute(tasks.update().where(tasks.c.id == task_id).values(**values))


def _forget_after(connection: sa.Connection, task_id: int, done: int) -> int:
    """Delete the rows of the record after so many batches, which are done again; return how many rows are left."""
    found = sa.select(records.c.row).where(records.c.task_id == task_id).order_by(records.c.seq)
    kept = sum(batches_of(json.loads(row)) <= done for row in connection.execute(found).scalars())
    connection.execute(records.delete().where(records.c.task_id == task_id, records.c.seq > kept))
    return kept
