"""Tags of models: names of one's own, such as `champion`, that point to one model at a time and may be moved."""

from __future__ import annotations

import re
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from fedray.errors import SpecError
from fedray.task.tables import tags, tasks
from fedray.task.text import show

__all__ = ["MARK", "Tags", "check_tag"]

MARK = "@"
"""What a document writes before a tag to name the model that it points to."""

_TAG = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def check_tag(tag: str) -> None:
    """See that a tag can be one.

    Raises
    ------
    SpecError
        It is none.
    """
    if not _TAG.fullmatch(tag):
        raise SpecError(
            f"tag: expected 1 to 64 of a-z, 0-9, '.', '_' and '-', the first a letter or digit, got {show(tag)}"
        )


class Tags:
    """The tags in the database of a server.

    Parameters
    ----------
    engine
        The store's.
    clock
        Gives Unix time in seconds.
    """

    def __init__(self, engine: sa.Engine, clock: Callable[[], float]) -> None:
        self._engine, self._clock = engine, clock

    def put(self, tag: str, model: str) -> None:
        """Let a tag point to a model, whatever it pointed to before; the model's task exists."""
        chosen = sa.select(tasks.c.id).where(tasks.c.name == model).scalar_subquery()
        values = {"task_id": chosen, "set_at": self._clock()}
        while not self._moved(tag, values):
            try:
                with self._engine.begin() as connection:
                    connection.execute(tags.insert().values(tag=tag, **values))
            except IntegrityError:
                continue  # another was faster, so that there is one to move
            return

    def _moved(self, tag: str, values: dict[str, object]) -> bool:
        with self._engine.begin() as connection:
            return connection.execute(tags.update().where(tags.c.tag == tag).values(**values)).rowcount > 0

    def drop(self, model: str, tag: str | None = None) -> int:
        """Remove a tag of a model, or all it has; return how many there were."""
        mine = tags.c.task_id == sa.select(tasks.c.id).where(tasks.c.name == model).scalar_subquery()
        with self._engine.begin() as connection:
            wanted = mine if tag is None else mine & (tags.c.tag == tag)
            return connection.execute(tags.delete().where(wanted)).rowcount

    def find(self, tag: str) -> str | None:
        """Return the model that a tag points to; None where there is no such tag."""
        return self.all().get(tag)

    def all(self) -> dict[str, str]:
        """Return the models by tag, in the order of the tags."""
        joined = sa.select(tags.c.tag, tasks.c.name).join(tasks, tasks.c.id == tags.c.task_id).order_by(tags.c.tag)
        with self._engine.connect() as connection:
            return {row.tag: row.name for row in connection.execute(joined)}

    def of(self, model: str) -> tuple[str, ...]:
        """Return the tags of a model, in their order."""
        return tuple(tag for tag, name in self.all().items() if name == model)
