"""Single operations on shares over the fast transport: seconds, rounds, bytes and the largest error."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.lines import Line, line, spread
from benchmarks.operations import OPERATIONS
from benchmarks.parties import AHEAD, WHOLE, Measured, Play, measure
from fedray.errors import SpecError
from fedray.ring import decode

__all__ = ["run"]


def run(parties: int, repeat: int, only: str = "", small: bool = False) -> Iterator[Line]:
    """Yield one line per operation.

    Parameters
    ----------
    parties
        Computing parties, beside the dealer.
    only
        Name of the operation, or "" for all.
    small
        Take the sizes for a try.

    Raises
    ------
    SpecError
        There is no such operation.
    """
    if only and only not in OPERATIONS:
        raise SpecError(f"--op {only[:80]}: expected one of {', '.join(OPERATIONS)}")
    for name, operation in OPERATIONS.items():
        if not only or only == name:
            yield _line(Play(name, operation.small if small else operation.shape, parties, repeat))


def _line(play: Play) -> Line:
    steps = measure(play)
    whole, ahead = (_of(steps, mode) for mode in (WHOLE, AHEAD))
    computing = whole[-1][: play.parties]
    return {
        **line("ops", "fast"),
        "op": play.operation,
        "shape": list(play.shape),
        "parties": play.parties,
        **spread("seconds", [_slowest(step) for step in whole]),
        "online_seconds": statistics.median(_slowest(step) for step in ahead),
        "rounds": max(party.rounds for party in computing),
        "bytes": sum(party.bytes for party in computing),
        "dealer_bytes": whole[-1][-1].bytes,
        "max_error": _error(play, ahead[-1][: play.parties]),
    }


def _of(steps: Sequence[list[Measured]], mode: str) -> list[list[Measured]]:
    return [step for step in steps if step[0].label.startswith(mode)]


def _slowest(step: Sequence[Measured]) -> float:
    return max(party.seconds for party in step)


def _error(play: Play, last: Sequence[Measured]) -> float:
    """Return the largest absolute error over all results."""
    worst = 0.0
    operation = OPERATIONS[play.operation]
    operands = [x for x, _ in operation.operands(play.shape)]
    for place, wanted in enumerate(operation.clear(*operands)):
        total = np.add.reduce([party.results[place][0] for party in last], dtype=np.uint64)
        worst = max(worst, float(np.abs(decode(total, last[0].results[place][1]) - wanted).max()))
    return worst
