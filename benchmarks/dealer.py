"""The dealer alone: words of correlations a second, by kind, and steps a second of whole trainings."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.credit import Training
from benchmarks.designs import design_of
from benchmarks.lines import Line, line, spread
from fedray.ml.schedule import SEGMENT_WORDS, matrices, segments
from fedray.mpc import layout, waves
from fedray.mpc.compare import MsbMask
from fedray.mpc.correlation import (
    BackwardMask,
    Correlation,
    DenseTriple,
    ForwardMask,
    MaskRows,
    SquareMask,
    Triple,
    TruncMask,
    WaveMask,
)
from fedray.mpc.dealer import PrivateShape, make, one_time_mask
from fedray.mpc.schedule import Segment
from fedray.prg import Stream
from fedray.ring import series

__all__ = ["run"]

ROWS, COLUMNS, COLUMNS_IN_ALL = 16_740, 12, 23
"""Of the credit data: training rows, columns at the larger of two clients, columns of all."""

STEPS, NOT_TRAINING = "train/", ("init", "test/")
"""Labels of segments."""

BATCH = 256
WIDTHS: dict[str, tuple[int, ...]] = {"logistic": (1,), "network 32,1": (32, 1), "network 64,32,1": (64, 32, 1)}

KINDS: dict[str, Correlation] = {
    "triple": Triple("c", (10_000,)),
    "square": SquareMask("c", (10_000,)),
    "truncation": TruncMask("c", (10_000,), 20),
    "comparison": MsbMask("c", (1_000,)),
    "series": WaveMask("c", (BATCH,), 26, waves.HARMONICS, stride=waves.ODD),
    "dense layer": DenseTriple("c", (BATCH, 64, 32), True),
    "private forward": ForwardMask("c", 0, "train", "next", (BATCH, COLUMNS, 1)),
    "private backward": BackwardMask("c", 0, "train", "this", (BATCH, COLUMNS, 1)),
}


@dataclass(frozen=True)
class Dealing:
    """What the dealer has: keys with every party, and the one-time masks of the private matrices."""

    streams: list[Stream]
    masks: dict[tuple[int, str], np.ndarray[tuple[int, ...], np.dtype[np.uint64]]]

    def make(self, segment: Segment) -> None:
        """Make the corrections of a segment, and forget them."""
        make(self.streams, len(self.streams) - 1, MaskRows(self.masks, segment.rows), segment)


def run(parties: int, seconds: float, repeat: int) -> Iterator[Line]:
    """Yield a line for each kind of correlation and for each design of a training.

    Parameters
    ----------
    seconds
        Of each run, at least.
    """
    series.warm_up()
    for kind, correlation in KINDS.items():
        yield _kind(kind, correlation, parties, partial(_per_second, seconds=seconds, repeat=repeat))
    for name, widths in WIDTHS.items():
        yield _design(name, widths, parties, partial(_per_second, seconds=seconds, repeat=repeat))


Rate = Callable[[Dealing, Iterator[Segment]], list[float]]


def _kind(kind: str, correlation: Correlation, parties: int, rate: Rate) -> Line:
    words = layout.size_of(layout.corrections((correlation,), 1))
    steps = max(1, SEGMENT_WORDS // words)
    rows = np.random.default_rng(0).integers(ROWS, size=(steps, BATCH))
    endless = (
        Segment(f"{STEPS}{kind}/{number}", steps, (correlation,), {"this": rows, "next": rows})
        for number in itertools.count()
    )
    dealing = _dealing(parties, (PrivateShape(0, "train", (ROWS, COLUMNS)),))
    steps_per_second = rate(dealing, endless)
    return {
        **line("dealer", "none"),
        "kind": kind,
        "shape": list(getattr(correlation, "shape", ())),
        "parties": parties,
        "words": words,
        **spread("words_per_second", [one * words for one in steps_per_second]),
    }


def _design(name: str, widths: tuple[int, ...], parties: int, rate: Rate) -> Line:
    design = design_of(Training(widths, BATCH, parties=parties), COLUMNS_IN_ALL, ROWS)
    endless = (
        segment for _ in itertools.count() for segment in segments(design) if not segment.label.startswith(NOT_TRAINING)
    )
    steps_per_second = rate(_dealing(parties, matrices(design)), endless)
    return {
        **line("dealer", "none"),
        "design": name,
        "batch": BATCH,
        "parties": parties,
        **spread("steps_per_second", steps_per_second),
    }


def _dealing(parties: int, shapes: tuple[PrivateShape, ...]) -> Dealing:
    streams = [Stream(bytes([rank]) * 32) for rank in range(parties)]
    return Dealing(streams, {(m.owner, m.matrix): one_time_mask(streams[m.owner], m) for m in shapes})


def _per_second(dealing: Dealing, endless: Iterator[Segment], *, seconds: float, repeat: int) -> list[float]:
    """Return the steps a second of each run, after a segment that warms up."""
    dealing.make(next(endless))
    return [_once(dealing, endless, seconds) for _ in range(repeat)]


def _once(dealing: Dealing, endless: Iterator[Segment], seconds: float) -> float:
    started, done, taken = time.monotonic(), 0, 0.0
    while taken < seconds:
        segment = next(endless)
        dealing.make(segment)
        done += segment.steps if segment.label.startswith(STEPS) else 0  # what the guard takes is time, but no step
        taken = time.monotonic() - started
    return done / taken
