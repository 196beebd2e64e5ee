"""What the routes and the messages of one process have in common."""

from __future__ import annotations

from fedray.task.feed import Feed
from fedray.task.service import TaskService
from fedray.task.store import Store
from serve_api.k12ai.dialect import dialect_of
from serve_api.k12ai.settings import K12Settings
from serve_api.k12ai.telling import API, OUTGOING, Pending, Telling
from serve_api.k12ai.work import Work
from serve_api.pump import Pump
from serve_api.service import GetService
from serve_api.webhook import Webhook

__all__ = ["Desk"]


class Desk:
    """The API of one process.

    Parameters
    ----------
    get_service
        Returns the service.
    settings
        As the operator set them.
    """

    def __init__(self, get_service: GetService, settings: K12Settings) -> None:
        self.settings, self.dialect = settings, dialect_of(settings)
        self._pending = Pending()
        self.telling = Telling(get_service, self.dialect, bool(settings.webhook), self._pending)

    def work(self, service: TaskService) -> Work:
        """Return what starts and stops jobs for one request."""
        return Work(service, self.telling, self.dialect, self._pending)

    def pumps(self, store: Store) -> list[Pump]:
        """Return what has to go on beside the routes: events become messages, messages are posted."""
        pumps = [Pump("k12ai messages", Feed(store, API, self.telling.shape).step)]
        if self.settings.webhook:
            pumps.append(Pump("k12ai webhook", Webhook(store.messages, OUTGOING, self.settings.webhook).step))
        return pumps
