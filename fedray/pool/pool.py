"""What a party may ask its further processes, and a pool that has none."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from fedray.errors import LocalProtocolError

__all__ = ["LEAST_ROWS", "Alone", "Answer", "Array", "Arrays", "Facts", "Order", "Pool", "Shelf"]

Array: TypeAlias = npt.NDArray[Any]
Arrays: TypeAlias = tuple[Array, ...]
Facts: TypeAlias = Mapping[str, Any]
"""What JSON holds: names, numbers, lists of them."""

LEAST_ROWS = 100_000
"""Rows of a table from which on work is shared: for fewer, a process would take longer to start than they take."""


@dataclass(frozen=True, eq=False)
class Order:
    """Something to be done at a worker.

    Attributes
    ----------
    work
        Its name in `fedray.pool.works`.
    facts
        What it needs to know beside numbers in bulk.
    arrays
        Which nobody writes to.
    """

    work: str
    facts: Facts
    arrays: Arrays = ()


class Answer(Protocol):
    """What will come of an order."""

    def ready(self) -> bool:
        """Return whether `get` would not wait."""

    def get(self) -> Arrays:
        """Return the arrays, once they are there.

        Raises
        ------
        FedrayError
            The worker failed, has died, or did not answer in time; or the task has ended meanwhile.
        """


class Pool(Protocol):
    """The further processes of a party, its workers."""

    @property
    def count(self) -> int:
        """How many there are, the party's own process not counted."""

    def call(self, worker: int, order: Order) -> Answer:
        """Give an order to a worker, 0 to `count` - 1; never waits for the answer. Each does its orders in turn."""

    def worth(self, rows: int) -> Pool:
        """Return this pool, or one without workers where a table of so many rows is too small for it."""


class Alone:
    """The pool of a party that has one process only."""

    @property
    def count(self) -> int:
        """None."""
        return 0

    def call(self, worker: int, order: Order) -> Answer:
        """Refuse.

        Raises
        ------
        LocalProtocolError
            Always: there is no worker.
        """
        raise LocalProtocolError(f"{order.work} was given to worker {worker} of a pool without workers")

    def worth(self, rows: int) -> Pool:  # noqa: ARG002 - the interface
        """Return this pool."""
        return self


@dataclass
class Shelf:
    """What a worker keeps between two orders.

    Attributes
    ----------
    folder
        Gives a folder for matrices that are too large for the memory; asked only if there are any.
    borrowed
        Whether arrays of an order are gone when it has been done: in memory that processes share, say.
    kept
        By what the works call it.
    """

    folder: Callable[[], Path] = Path
    borrowed: bool = False
    kept: dict[Hashable, Any] = field(default_factory=dict)

    def own(self, array: Array) -> Array:
        """Return an array of an order as one that may be kept."""
        return np.array(array) if self.borrowed else array
