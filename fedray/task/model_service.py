"""Everything a server can do with the models of its finished trainings."""

from __future__ import annotations

import time
from collections.abc import Callable

from fedray.task.models import (
    ModelPage,
    ModelView,
    check_unused,
    get_model,
    list_models,
    note_deleted,
    tag_model,
    untag_model,
)
from fedray.task.paging import check_page
from fedray.task.plan import TaskPlan
from fedray.task.resuming import checkpointed, note_given_up
from fedray.task.runner import Runner
from fedray.task.store import Store

__all__ = ["ModelService"]


class ModelService:
    """Lists, tags and deletes models.

    Parameters
    ----------
    store
        Keeps the trainings and the tags.
    runner
        Reaches the parties, who have the parts.
    clock
        Gives Unix time in seconds.
    """

    def __init__(self, store: Store, runner: Runner, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._runner = runner
        self._clock = clock

    def list(self, search: str | None = None, limit: int = 100, offset: int = 0) -> ModelPage:
        """Return a page of the models, the newest first; as `TaskReader.list`, raises ``SpecError``."""
        check_page(limit, offset)
        return list_models(self._store, search, limit, offset)

    def get(self, name: str) -> ModelView:
        """Return a model; raises ``NotFound``."""
        return get_model(self._store, name)

    def tag(self, name: str, tag: str) -> ModelView:
        """Let a tag point to a model, and to no other any more; raises ``NotFound``, ``SpecError``."""
        tag_model(self._store, name, tag)
        return self.get(name)

    def untag(self, name: str, tag: str) -> ModelView:
        """Remove a tag of a model; raises ``NotFound``."""
        untag_model(self._store, name, tag)
        return self.get(name)

    def delete(self, name: str) -> ModelView:
        """Let all parties delete their parts of a model, and keep their receipts; the task stays.

        Of a training that did not finish they delete the checkpoints, so that it cannot go on.

        Raises
        ------
        NotFound
            There is no such model, and no checkpoint.
        StateError
            A task that uses it waits or runs.
        FedrayError
            A party could not delete its part; nothing is noted, so it can be asked again.
        """
        broken_off = checkpointed(self._store, name)
        if broken_off is not None:
            receipts = self._runner.forget(TaskPlan.from_json(broken_off.plan))
            return note_given_up(self._store, broken_off, self._clock(), receipts)
        task = check_unused(self._store, name)
        receipts = self._runner.forget(TaskPlan.from_json(task.plan))
        note_deleted(self._store, name, self._clock(), receipts)
        return self.get(name)
