"""Messages posted to one address of the operator's, in order, a few times each; a task never waits for it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

import httpx

from fedray.task.messages import Messages, Waiting

__all__ = ["TRIES", "Webhook"]

TRIES: Final = 3
TIMEOUT_S: Final = 5.0
PAUSES_S: Final = (1.0, 4.0)
"""Seconds before the second and the third try."""

_log = logging.getLogger("fedray.webhook")


class Webhook:
    """Sends the messages of a topic.

    Parameters
    ----------
    messages
        Where they wait.
    topic
        Which.
    url
        Where to.
    clock
        Gives Unix time in seconds.
    transport
        Another way than the network, for tests.
    """

    def __init__(
        self,
        messages: Messages,
        topic: str,
        url: str,
        clock: Callable[[], float] = time.time,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._messages, self._topic, self._url, self._clock = messages, topic, url, clock
        # no proxy of the environment, no redirect: it goes where the operator said, or nowhere
        self._http = httpx.Client(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False, transport=transport)

    def step(self) -> bool:
        """Try the oldest message, if it is due; return whether one was tried.

        Those behind it wait, so that they arrive in order; after three tries it is dropped.
        """
        message = self._messages.next(self._topic)
        now = self._clock()
        if message is None or message.due_at > now or not self._messages.claim(message, now + 4 * TIMEOUT_S):
            return False
        why = self._post(message)
        if not why:
            self._messages.drop(message)
        elif message.tries + 1 >= TRIES:
            _log.warning("a message was not delivered in %d tries (%s); it is dropped", TRIES, why)
            self._messages.drop(message)
        else:
            self._messages.postpone(message, self._clock() + PAUSES_S[message.tries])
        return True

    def _post(self, message: Waiting) -> str:
        """Post a message; return why that failed, or ""."""
        headers = {"Content-Type": "application/json", "X-Fedray-Message": str(message.id)}
        try:
            with self._http.stream("POST", self._url, content=message.body, headers=headers) as reply:
                return "" if reply.is_success else f"HTTP status {reply.status_code}"  # the answer is not read
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return type(error).__name__
