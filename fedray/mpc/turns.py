"""Protocols of several rounds, written so that independent ones share their rounds.

Such a protocol is a generator. At each turn it yields what it wants to say, a function of the round, and goes on with
the result when the round has ended; it never opens a round itself. So whoever plays it decides what else is said in
the same frames::

    def cube(s, x, bundle) -> Turns[Share]:
        opened = yield from turn(lambda r: open_square(r, x, bundle["square"]))
        square = close_square(s, opened, bundle["square"])
        ...

    y = play(s, "cube", cube(s, x, bundle))
    y, z = play(s, "cubes", side_by_side(cube(s, x, one), cube(s, w, other)))
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeAlias, TypeVar

from fedray.mpc.session import Round, Session

T = TypeVar("T")

Start: TypeAlias = Callable[[Round], Any]
"""What is said in a round: opens and sends, and returns what it will read when the round has ended."""

Turns: TypeAlias = Generator[Start, Any, T]
"""A protocol: yields a `Start` for each of its rounds, is sent back what that returned, and returns its result."""


def turn(start: Callable[[Round], T]) -> Turns[T]:
    """Take one round: say what `start` says, and return what it returned, readable now."""
    said: T = yield start
    return said


def play(s: Session, label: str, protocol: Turns[T]) -> T:
    """Play a protocol to its end, each turn in a round of its own, and return its result.

    Cost: that of the protocol.
    Leaks: what the protocol leaks.
    Ref: protocols, section 12.
    """
    said: Any = None
    while True:
        try:
            start = protocol.send(said)
        except StopIteration as end:
            result: T = end.value
            return result
        with s.round(label) as r:
            said = start(r)


def side_by_side(*protocols: Turns[T]) -> Turns[list[T]]:
    """Play independent protocols together: as many rounds as the longest has, and their results in order."""
    results: dict[int, T] = {}
    said: dict[int, Any] = dict.fromkeys(range(len(protocols)))
    while said:
        starts: dict[int, Start] = {}
        for place, last in said.items():
            try:
                starts[place] = protocols[place].send(last)
            except StopIteration as end:
                results[place] = end.value
        if not starts:
            break
        said = yield from turn(_all_of(starts))
    return [results[place] for place in range(len(protocols))]


def _all_of(starts: dict[int, Start]) -> Callable[[Round], dict[int, Any]]:
    return lambda r: {place: start(r) for place, start in starts.items()}
