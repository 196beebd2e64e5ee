"""Envelopes of the Ray transport: a long call for each pair and direction, whose results are the envelopes.

An actor call for each envelope costs a third to a half more processor time: it is a task that is put together, queued,
matched to a method and answered. A further result of a call that already runs is none of that.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

import ray
from ray.actor import ActorHandle
from ray.exceptions import RayError

from fedray.channel.mailbox import Mailbox

__all__ = ["READERS", "Letters", "read_letters"]

READERS = 8
"""Peers that read a party's envelopes as results of one call; further ones get a call for each envelope."""

LETTERS_PER_CALL = 4096
"""Ray remembers a little of every result until the call ends (0.1 kB), so that a call must end now and then."""

LOST_S = 10.0
"""Seconds after the end of a peer's results until it counts as lost: the supervisor, who knows better, tells before."""


class Letters:
    """What one party has to say to those who read it as results of a call."""

    def __init__(self) -> None:
        self._queues: dict[int, queue.SimpleQueue[bytes]] = {}

    def post(self, to: int, letter: bytes) -> bool:
        """Take an envelope for a peer; False if that peer does not read here (yet)."""
        waiting = self._queues.get(to)
        if waiting is None:
            return False
        waiting.put(letter)
        return True

    def prepare(self, reader: int) -> queue.SimpleQueue[bytes]:
        """Return where the envelopes for a peer wait that reads here from now on."""
        return self._queues.setdefault(reader, queue.SimpleQueue())

    def read(self, reader: int) -> Iterator[bytes]:
        """Yield the next envelopes for a peer, as they come; what is beyond waits for the peer's next call."""
        waiting = self.prepare(reader)
        for _ in range(LETTERS_PER_CALL):
            yield waiting.get()


def read_letters(me: int, peer: int, actor: ActorHandle[Any], mailbox: Mailbox) -> None:
    """Bring what a peer says to me into the mailbox, in a thread of its own, until the peer's end."""
    thread = threading.Thread(target=_read, args=(me, peer, actor, mailbox), name=f"letters {peer}", daemon=True)
    thread.start()


def _read(me: int, peer: int, actor: ActorHandle[Any], mailbox: Mailbox) -> None:
    try:
        while True:
            for letter in actor.letters.remote(me):
                mailbox.deliver(peer, bytes(ray.get(letter)))
    except RayError:
        time.sleep(LOST_S)
        mailbox.hang_up(peer)
