"""Whether anything in the store has changed that a list of tasks shows, in one small query."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from fedray.task.tables import approvals, jobs, tasks
from fedray.task.unchanged import Unchanged, Writes

__all__ = ["Changes", "Mark", "Stamp"]

Stamp = tuple[float | int | None, ...]
"""Of the store: equal to an earlier one only if no task, approval or job has come or changed its standing."""

Mark = tuple[str, float | None, float | None, float | None]
"""Of a task: its status, and when it was queued, began and ended. Progress changes none of these."""

_TIMES = (tasks.c.queued_at, tasks.c.started_at, tasks.c.ended_at)


class Changes:
    """Looks at the tables without reading what tasks are about.

    Parameters
    ----------
    engine
        The store's.
    writes
        Counts what is written to it.
    """

    def __init__(self, engine: sa.Engine, writes: Writes) -> None:
        self._engine = engine
        self._stamps: Unchanged[None, Stamp] = Unchanged(writes)
        count, total = sa.func.count, sa.func.sum
        parts = [
            sa.select(count(tasks.c.id), *(f(time) for time in _TIMES for f in (count, total))),
            sa.select(
                count(approvals.c.party),
                count(approvals.c.decision),
                total(approvals.c.expires_at),
                total(approvals.c.decided_at),
            ),
            sa.select(count(jobs.c.id), count(jobs.c.task), sa.func.max(jobs.c.id)),
        ]
        first, *others = (part.subquery(f"part{place}") for place, part in enumerate(parts))
        joined: sa.FromClause = first
        for other in others:  # each is one row
            joined = joined.join(other, sa.true())
        self._stamp = sa.select(first, *others).select_from(joined)

    def stamp(self) -> Stamp:
        """Return the store's stamp now; what is read after it is at least as new."""
        return self._stamps.read(None, self._read)

    def known_stamp(self) -> Stamp | None:
        """Return the stamp if nothing was written since one was read; else None, without reading."""
        return self._stamps.known(None)

    def _read(self) -> Stamp:
        with self._engine.connect() as connection:
            return tuple(connection.execute(self._stamp).one())

    def marks(self, kinds: Sequence[str]) -> dict[str, Mark]:
        """Return the marks of all tasks of some kinds, by name, the newest first."""
        wanted = sa.select(tasks.c.name, tasks.c.status, *_TIMES).where(tasks.c.kind.in_(kinds))
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(tasks.c.id.desc())).all()
        return {name: (status, queued, started, ended) for name, status, queued, started, ended in rows}
