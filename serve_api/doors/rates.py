"""How many requests a caller may make: a bucket for each, in bounded memory."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

__all__ = ["BURST_S", "Rates", "caller_at"]

BURST_S: Final = 10.0
"""The seconds of requests that a caller may make at once after a rest."""
_MOST: Final = 4096


@lru_cache(maxsize=1024)  # the same few ask again and again
def caller_at(address: str) -> str:
    """Return the caller behind an address; of IPv6 the network of 64 bits, which one caller may have for itself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return f"from {address[:64]}"
    if parsed.version == 6:
        return f"from {ipaddress.ip_network((parsed.packed, 64), strict=False)}"
    return f"from {parsed}"


@dataclass
class _Bucket:
    level: float
    seen: float
    refused: int = 0


class Rates:
    """Buckets that fill at `rate` requests a second, up to `BURST_S` seconds' worth.

    Parameters
    ----------
    rate
        Requests a second that each caller may make; 0 is no limit.
    clock
        Gives seconds, never going back.
    most
        Callers that are told apart; when so many are busy at once, all others share one bucket.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic, most: int = _MOST) -> None:
        self._rate = rate
        self._burst = rate * BURST_S
        self._clock = clock
        self._most = most
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._others = _Bucket(self._burst, clock())

    def wait(self, caller: str, seconds: float = 0.0) -> float:
        """Take a request out of the caller's bucket; return 0, or how many seconds it has to wait.

        Parameters
        ----------
        caller
            Who.
        seconds
            Take so many seconds' worth instead of one request: for what shall be rare.
        """
        if not self._rate:
            return 0.0
        bucket = self._bucket(caller)
        price = max(1.0, seconds * self._rate)
        if bucket.level >= price:
            bucket.level -= price
            return 0.0
        bucket.refused += 1
        return (price - bucket.level) / self._rate

    def forgive(self, caller: str) -> int:
        """Return how many requests of the caller were refused since the last call."""
        if not self._rate:
            return 0
        bucket = self._bucket(caller)
        counted, bucket.refused = bucket.refused, 0
        return counted

    def _bucket(self, caller: str) -> _Bucket:
        now = self._clock()
        if caller in self._buckets or self._room(now):
            bucket = self._buckets.setdefault(caller, _Bucket(self._burst, now))
            self._buckets.move_to_end(caller)
        else:
            bucket = self._others
        bucket.level = min(self._burst, bucket.level + (now - bucket.seen) * self._rate)
        bucket.seen = now
        return bucket

    def _room(self, now: float) -> bool:
        """Return whether there is room for one more; a caller whose bucket is full again needs none."""
        if len(self._buckets) < self._most:
            return True
        bucket = next(iter(self._buckets.values()))
        if bucket.level + (now - bucket.seen) * self._rate < self._burst:
            return False
        self._buckets.popitem(last=False)
        return True
