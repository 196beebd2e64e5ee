"""Work shared between a party's own process and its workers: in order, or as summands of one sum.

A worker has at most AHEAD orders that it has not answered, so that what travels is bounded. The party's own process
takes its part, so that k workers make k + 1 processes at work.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from fedray.pool.pool import Answer, Arrays, Order, Pool, Shelf
from fedray.pool.works import carry_out

__all__ = ["AHEAD", "Line", "in_order", "summed"]

AHEAD = 2
"""Orders that a worker has at a time: one that it does, and one that is on its way."""

MOST_EARLY = 16
"""Answers that may wait for an earlier one."""

Ring = npt.NDArray[np.uint64]
Make = Callable[[], Order]


class Line:
    """Orders that workers have not answered yet, in turn at each.

    Parameters
    ----------
    pool
        Who does them.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._open: list[deque[Answer]] = [deque() for _ in range(pool.count)]

    def has_room(self, worker: int) -> bool:
        """Return whether the worker may have another order now."""
        return len(self._open[worker]) < AHEAD

    def give(self, worker: int, order: Order) -> None:
        """Give a worker an order, as soon as it has room for it; what it answers to an earlier one is dropped."""
        if not self.has_room(worker):
            self._open[worker].popleft().get()
        self.add(worker, order)

    def add(self, worker: int, order: Order) -> None:
        """Give a worker that has room an order."""
        self._open[worker].append(self._pool.call(worker, order))

    def answered(self) -> Iterator[Arrays]:
        """Yield the answers that are there; never waits."""
        for answers in self._open:
            while answers and answers[0].ready():
                yield answers.popleft().get()

    def oldest(self) -> Arrays | None:
        """Return the next answer of the worker that has most of its orders before it; None where all have answered."""
        longest = max(self._open, key=len, default=None)
        return longest.popleft().get() if longest else None


def summed(pool: Pool, shape: tuple[int, ...], mine: Iterable[Ring], theirs: Sequence[tuple[int, Make]]) -> Ring:
    """Return the sum modulo 2^64 of summands that are made here and at workers.

    Parameters
    ----------
    shape
        Of the sum and of each summand.
    mine
        The summands that this process makes, each when it is asked for.
    theirs
        By worker, what makes an order whose answer is one summand; in turn at each.
    """
    total: Ring = np.zeros(shape, np.uint64)
    left: list[deque[Make]] = [deque() for _ in range(pool.count)]
    for worker, make in theirs:
        left[worker].append(make)
    line, own = Line(pool), iter(mine)
    while True:
        for worker, orders in enumerate(left):
            while orders and line.has_room(worker):
                line.add(worker, orders.popleft()())
        part = next(own, None)
        if part is None:
            answer = line.oldest()
            if answer is None:
                return total
            (part,) = answer
        total += part
        for (found,) in line.answered():
            total += found


def in_order(pool: Pool, orders: Iterable[Order]) -> Iterator[Arrays]:
    """Yield the answers of orders that need nothing that is kept, in their order; whoever is free takes the next."""
    line = _Numbered(pool)
    for number, order in enumerate(orders):
        if not line.give(number, order):
            line.done[number] = carry_out(Shelf(), order)
        yield from line.due()
    yield from line.rest()


class _Numbered:
    """Orders by number, and the answers that have come before it is their turn."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._open: list[deque[tuple[int, Answer]]] = [deque() for _ in range(pool.count)]
        self._next = 0
        self.done: dict[int, Arrays] = {}

    def give(self, number: int, order: Order) -> bool:
        """Give an order to the worker that has fewest before it; return False where none has room."""
        self._take()
        worker = min(range(self._pool.count), key=lambda one: len(self._open[one]), default=None)
        if worker is None or len(self._open[worker]) >= AHEAD:
            return False
        self._open[worker].append((number, self._pool.call(worker, order)))
        return True

    def due(self) -> Iterator[Arrays]:
        """Yield the answers whose turn it is; wait for one only where too many others wait for it."""
        while True:
            if self._next not in self.done and len(self.done) >= MOST_EARLY:
                self._wait()
            if self._next not in self.done:
                return
            yield self.done.pop(self._next)
            self._next += 1

    def rest(self) -> Iterator[Arrays]:
        """Yield the answers that are still to come."""
        while self.done or any(self._open):
            if self._next not in self.done:
                self._wait()
            yield self.done.pop(self._next)
            self._next += 1

    def _take(self) -> None:
        for waiting in self._open:
            while waiting and waiting[0][1].ready():
                number, answer = waiting.popleft()
                self.done[number] = answer.get()

    def _wait(self) -> None:
        """Wait for the answer whose turn it is: it is the first that its worker has not given, or comes soon after."""
        waiting = next(some for some in self._open if any(number == self._next for number, _ in some))
        while self._next not in self.done:
            number, answer = waiting.popleft()
            self.done[number] = answer.get()
