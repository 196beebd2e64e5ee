"""Where the parts of a segment lie: in each party's keystream, and in the correction that one party gets.

A segment is one label, and a label is one keystream. A party's summands of all its parts stand in it one after the
other, so a segment costs one expansion however many parts it has.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import prod

from fedray.errors import LocalProtocolError
from fedray.mpc.correlation import Correlation, Part
from fedray.ring import Ring

__all__ = ["Layout", "Ledger", "Place", "corrections", "keystream", "size_of"]


@dataclass(frozen=True)
class Place:
    """Where one part lies, for all steps of a segment: words `start` to `stop`, as an array of `shape` (T, ...)."""

    correlation: str
    part: str
    shape: tuple[int, ...]
    start: int
    stop: int

    def of(self, block: Ring) -> Ring:
        """Return the part's array, a view of the block."""
        return block[self.start : self.stop].reshape(self.shape)


Layout = tuple[Place, ...]


@lru_cache(maxsize=64)
def keystream(correlations: tuple[Correlation, ...], steps: int, rank: int, corrected: int) -> Layout:
    """Return what the party of a rank expands: its uniform parts, and the derived ones unless it gets corrections."""
    uniform = [(c.name, part) for c in correlations for part in c.uniform() if part.without != rank]
    derived = [(c.name, part) for c in correlations for part in c.derived() if rank != corrected]
    return _laid_out(uniform + derived, steps)


@lru_cache(maxsize=64)
def corrections(correlations: tuple[Correlation, ...], steps: int) -> Layout:
    """Return what the corrected party gets: the derived parts."""
    return _laid_out([(c.name, part) for c in correlations for part in c.derived()], steps)


def size_of(layout: Layout) -> int:
    """Return the number of words."""
    return layout[-1].stop if layout else 0


def _laid_out(parts: Iterable[tuple[str, Part]], steps: int) -> Layout:
    places, at = [], 0
    for name, part in parts:
        size = steps * prod(part.shape)
        places.append(Place(name, part.name, (steps, *part.shape), at, at + size))
        at += size
    return tuple(places)


class Ledger:
    """The labels whose masks have been handed out; none is handed out a second time."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def use(self, label: str) -> None:
        """Note that a label is used.

        Raises
        ------
        LocalProtocolError
            It was used before: its masks would hide two values, and so neither.
        """
        if label in self._used:
            raise LocalProtocolError(f"the schedule names {label!r} twice; a mask may be used once only")
        self._used.add(label)
