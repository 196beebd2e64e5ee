"""Parties in threads over the memory transport: how the tests of protocols run them and look at what they said."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from fedray.channel import Channel, Frame, Timeouts
from fedray.channel.memory import Wire, connect
from fedray.errors import FedrayError, TaskAborted
from fedray.mpc import Session, Share
from fedray.mpc.dealer import PrivateShape, Supply, deal
from fedray.mpc.schedule import Segment
from fedray.pool import Pool
from fedray.ring import Ring

T = TypeVar("T")

DIGEST = "5a" * 32
SOON = Timeouts(connect_s=60.0, receive_s=60.0)
JOIN_S = 60.0


class Played(Generic[T]):
    """What came of a conversation: results and errors by party, and every frame that came in."""

    def __init__(self, size: int) -> None:
        self.results: dict[int, T] = {}
        self.errors: dict[int, BaseException] = {}
        self.views: list[list[tuple[int, Frame]]] = [[] for _ in range(size)]
        self.channels: list[Channel] = []

    def all(self) -> list[T]:
        """Return the results by party; raise the first error that is not another party's."""
        for error in sorted(self.errors.values(), key=lambda e: isinstance(e, TaskAborted)):
            raise error
        return [self.results[party] for party in sorted(self.results)]


def play(
    plays: Sequence[Callable[[Channel], T]],
    *,
    reveals: Iterable[str] = (),
    timeouts: Timeouts = SOON,
    wire: Wire | None = None,
    digest: str = DIGEST,
) -> Played[T]:
    """Run one function per party, each in its thread with its channel open; a party that fails aborts."""
    played: Played[T] = Played(len(plays))

    def observer(view: list[tuple[int, Frame]]) -> Callable[[int, Frame], None]:
        return lambda frm, frame: view.append((frm, frame))

    names = [f"party_{index}" for index in range(len(plays))]
    observers = [observer(view) for view in played.views]
    played.channels = connect(names, digest, tuple(reveals), timeouts=timeouts, observers=observers, wire=wire)

    def run(index: int) -> None:
        channel = played.channels[index]
        try:
            channel.open()
            result = plays[index](channel)
            channel.flush()
            played.results[index] = result
        except BaseException as error:
            played.errors[index] = error
            if not isinstance(error, TaskAborted):
                channel.abort(error if isinstance(error, FedrayError) else FedrayError(type(error).__name__))

    threads = [threading.Thread(target=run, args=(index,), daemon=True) for index in range(len(plays))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(JOIN_S)
    if any(thread.is_alive() for thread in threads):
        raise TimeoutError("a party hangs")
    return played


def compute(
    size: int,
    protocol: Callable[[Session, Supply], T],
    segments: Sequence[Segment] = (),
    matrices: Sequence[PrivateShape] = (),
    *,
    corrected: int = 0,
    reveals: Iterable[str] = (),
    dealer_bytes: int | None = None,
    dealer_pool: Pool | None = None,
) -> Played[Any]:
    """Run a protocol at `size` computing parties, with a dealer as the last party that deals `segments`."""
    computing = tuple(range(size))

    def computing_party(channel: Channel) -> T:
        session = Session(channel, computing)
        return protocol(session, Supply(channel, size, session.rank, corrected, iter(segments)))

    def dealer(channel: Channel) -> None:
        deal(channel, computing, corrected, matrices, iter(segments), dealer_bytes, pool=dealer_pool)

    return play([*[computing_party] * size, dealer], reveals=reveals)


def split(x: Ring, size: int, rng: np.random.Generator) -> list[Ring]:
    """Return `size` summands of x, uniform but for their sum."""
    summands = [rng.integers(0, 1 << 64, x.shape, dtype=np.uint64) for _ in range(size - 1)]
    return [*summands, x - np.sum(summands, axis=0, dtype=np.uint64)]


def joined(shares: Iterable[Share | Ring]) -> Ring:
    """Return the sum of the parties' summands."""
    values = [share.value if isinstance(share, Share) else share for share in shares]
    total: Ring = np.sum(np.stack(values), axis=0, dtype=np.uint64)
    return total


def words(rng: np.random.Generator, *shape: int) -> Ring:
    """Return uniform ring elements."""
    return rng.integers(0, 1 << 64, shape, dtype=np.uint64)
