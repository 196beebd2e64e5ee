"""Whether the other parties still answer: asked again and again, so that nobody waits long for one that does not.

A process that dies is missed by its streams and by the supervisor. One that is frozen, or whose host reaches the head
but not this one, ends nothing: its connections stay open, and what it should say just does not come.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import ray
from ray.actor import ActorHandle

from fedray.errors import FedrayError, PeerLost

__all__ = ["Pulse"]

BEATS = 12
"""Questions that a party leaves open in the time after which it counts as lost."""


class Pulse:
    """Asks the other parties, in a thread of its own, whether they are there.

    Time is counted in questions that stay open, not by the clock: a party that was frozen itself has asked nobody.

    Parameters
    ----------
    peers
        The other parties' actors, by index.
    names
        All parties' display names.
    silent_s
        Seconds without an answer after which a party counts as lost.
    lost
        Told once, the first that is.
    """

    def __init__(
        self,
        peers: Mapping[int, ActorHandle[Any]],
        names: tuple[str, ...],
        silent_s: float,
        lost: Callable[[FedrayError], None],
    ) -> None:
        self._peers, self._names, self._silent_s, self._lost = peers, names, silent_s, lost
        self._over = threading.Event()
        threading.Thread(target=self._beat, name="pulse", daemon=True).start()

    def stop(self) -> None:
        """Ask nobody any more."""
        self._over.set()

    def _beat(self) -> None:
        asked = {index: peer.pulse.remote() for index, peer in self._peers.items()}
        missed = dict.fromkeys(asked, 0)
        while not self._over.wait(self._silent_s / BEATS):
            # an error is an answer too: of a party that has died the supervisor knows more
            answered = set(ray.wait(list(asked.values()), num_returns=len(asked), timeout=0)[0])
            for index, peer in self._peers.items():
                if asked[index] in answered:
                    asked[index], missed[index] = peer.pulse.remote(), 0
                    continue
                missed[index] += 1
                if missed[index] == BEATS:
                    self._lost(self._loss(index))
                    return

    def _loss(self, index: int) -> PeerLost:
        name = self._names[index]
        return PeerLost(
            f"{name} has not answered for {self._silent_s:g} s, though its process did not end; see whether it or its "
            "host is frozen, overloaded, or cut off from the others",
            name,
        )
