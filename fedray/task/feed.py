"""What happens in the tasks of another API's jobs becomes its messages, step by step, in nobody's way.

A feed reads the store, as every query does; it keeps there how far it is, together with the messages, so that none is
lost and none comes twice, whoever dies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from fedray.errors import NotFound, PlacementError
from fedray.task.jobs import Job
from fedray.task.messages import Message
from fedray.task.store import Store, StoredEvent

__all__ = ["Feed"]

_AT_ONCE: Final = 200
"""Events of a job that are told in one step."""

Shape = Callable[[Job, StoredEvent], Sequence[Message]]
"""The messages that tell of an event; raises ``PlacementError`` where it is to be asked again later."""


class Feed:
    """The events of an API's jobs, told on.

    Parameters
    ----------
    store
        Has the jobs, their events, and takes the messages.
    api
        Whose jobs.
    shape
        Puts an event into the words of the API.
    """

    def __init__(self, store: Store, api: str, shape: Shape) -> None:
        self._store, self._api, self._shape = store, api, shape

    def step(self) -> bool:
        """Tell what has happened since the last step, oldest first; return whether there was anything.

        A job of which that fails stays behind, and holds up no other.
        """
        told, failed = False, None
        for job in self._store.jobs.behind(self._api):
            try:
                told = self._tell(job) or told
            except Exception as error:  # noqa: BLE001  raised below: the others are told first
                failed = failed or error
        if failed is not None:
            raise failed
        return told

    def _tell(self, job: Job) -> bool:
        batch: list[Message] = []
        upto = job.told
        try:
            for event in self._store.events.of(job.task or "", job.told, _AT_ONCE):
                batch += self._shape(job, event)
                upto = event.id
        except (PlacementError, NotFound):
            pass  # what came before it is told now, the rest in a later step
        return upto > job.told and self._store.jobs.tell(job, upto, batch)
