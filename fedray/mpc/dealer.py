"""The dealer and its streams: makes correlations ahead of the parties, with a bounded look-ahead."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np

from fedray.channel import Channel
from fedray.errors import LocalProtocolError, RemoteProtocolError
from fedray.mpc import layout
from fedray.mpc.correlation import MaskRows, Part
from fedray.mpc.layout import Ledger
from fedray.mpc.schedule import Segment
from fedray.prg import Stream
from fedray.ring import Ring

LOOK_AHEAD = 6
"""Segments that the dealer may be ahead of the party that takes the corrections."""

_CREDIT = "deal.credit"

Bundle = Mapping[str, Mapping[str, Ring]]
"""What one step takes: by correlation and part, my summands."""

Arrays: TypeAlias = dict[str, dict[str, Ring]]
"""By correlation and part, of all steps of a segment."""


@dataclass(frozen=True)
class PrivateShape:
    """A private matrix: its owner's rank, its name, its shape."""

    owner: int
    matrix: str
    shape: tuple[int, int]


def one_time_mask(stream: Stream, matrix: PrivateShape) -> Ring:
    """Return U for a private matrix, from the key of its owner and the dealer."""
    return stream.words(f"U/{matrix.matrix}", matrix.shape)


def deal(
    channel: Channel,
    computing: tuple[int, ...],
    corrected: int,
    matrices: Iterable[PrivateShape],
    segments: Iterable[Segment],
) -> None:
    """Play the dealer: make every segment's correlations and stream the corrections.

    It ends with the schedule, or when `Supply.end` says that the parties need no more.

    Parameters
    ----------
    computing
        Channel indices of the computing parties.
    corrected
        Rank of the party that takes the corrections.
    matrices
        The private matrices whose one-time masks the schedule uses.
    segments
        The public schedule.

    Cost: 0 rounds; per segment one message to one party, of the derived parts' size.
    Leaks: nothing; the dealer knows shapes and schedule only.
    Ref: [Bea91], with seeds instead of shares.
    """
    streams = [Stream(channel.secret(party, "masks")) for party in computing]
    masks = {(m.owner, m.matrix): one_time_mask(streams[m.owner], m) for m in matrices}
    ledger = Ledger()
    for number, segment in enumerate(segments):
        ledger.use(segment.label)
        correction = make(streams, corrected, MaskRows(masks, segment.rows), segment)
        if number >= LOOK_AHEAD and channel.recv(computing[corrected], _CREDIT, background=True):
            return  # a credit that holds an array is the end mark
        channel.send(computing[corrected], "deal", correction)
        channel.flush()


def make(streams: list[Stream], corrected: int, masks: MaskRows, segment: Segment) -> Ring:
    """Return the correction of a segment, as `layout.corrections` lays it out."""
    summands = [_summands(stream, segment, rank, corrected) for rank, stream in enumerate(streams)]
    places = layout.corrections(segment.correlations, segment.steps)
    correction = np.empty(layout.size_of(places), dtype=np.uint64)
    wanted = {(place.correlation, place.part): place.of(correction) for place in places}
    for correlation in segment.correlations:
        totals = {part.name: _total(summands, correlation.name, part) for part in correlation.uniform()}
        made = correlation.relate(totals, masks)
        for part in correlation.derived():
            out = wanted[correlation.name, part.name]
            out[...] = made[part.name]
            take = np.bitwise_xor if part.xor else np.subtract
            for rank, mine in enumerate(summands):
                if rank != corrected:
                    take(out, mine[correlation.name][part.name], out=out)
    return correction


def _summands(stream: Stream, segment: Segment, rank: int, corrected: int) -> Arrays:
    """Expand one party's summands of a segment, by correlation and part, each of shape (T, *part.shape)."""
    places = layout.keystream(segment.correlations, segment.steps, rank, corrected)
    block = stream.words(segment.label, (layout.size_of(places),))
    return _arrays(places, block)


def _arrays(places: layout.Layout, block: Ring) -> Arrays:
    found: Arrays = defaultdict(dict)
    for place in places:
        found[place.correlation][place.part] = place.of(block)
    return found


def _total(summands: list[Arrays], correlation: str, part: Part) -> Ring:
    having = [mine[correlation][part.name] for rank, mine in enumerate(summands) if rank != part.without]
    join = np.bitwise_xor if part.xor else np.add
    total: Ring = join(having[0], having[1]) if len(having) > 1 else having[0]
    for more in having[2:]:
        join(total, more, out=total)
    return total


class Supply:
    """A computing party's side of the dealer: hands out its summands step by step.

    Parameters
    ----------
    dealer
        The dealer's channel index.
    rank, corrected
        My rank, and the rank that takes the corrections.
    segments
        The public schedule.
    """

    def __init__(self, channel: Channel, dealer: int, rank: int, corrected: int, segments: Iterable[Segment]) -> None:
        self._channel, self._dealer, self._rank = channel, dealer, rank
        self._takes_corrections = rank == corrected
        self._stream = Stream(channel.secret(dealer, "masks"))
        self._segments: Iterator[Segment] = iter(segments)
        self._ledger = Ledger()
        self._corrected = corrected
        self._loaded = _Loaded({})
        self._owed = 0
        self._segment: Segment | None = None
        self._at = 0

    def mask(self, matrix: PrivateShape) -> Ring:
        """Return U of my own private matrix."""
        return one_time_mask(self._stream, matrix)

    def step(self, label: str) -> Bundle:
        """Return the next step's summands; each is handed out once.

        What the dealer corrects is waited for when it is first asked for, so that a first round may go out before.

        Parameters
        ----------
        label
            Start of the segment's label that the caller means to be in, as a check.
        """
        self._pay()
        if self._segment is None or self._at == self._segment.steps:
            self._load()
        segment = self._segment
        if segment is None or not segment.label.startswith(label):
            raise LocalProtocolError(f"the schedule does not have a step of {label!r} here")
        at, self._at = self._at, self._at + 1
        return self._loaded.at(at)

    def end(self) -> None:
        """Tell the dealer that the parties stop before the schedule's end; said by the one who takes corrections."""
        self._loaded.settle()
        self._pay()
        if self._takes_corrections:
            self._channel.send(self._dealer, _CREDIT, np.zeros(1, np.uint64))

    def _pay(self) -> None:
        """Give the dealer credit for what I have taken: between steps, so that it travels with their first message."""
        for _ in range(self._owed):
            self._channel.send(self._dealer, _CREDIT)
        self._owed = 0

    def _load(self) -> None:
        segment = next(self._segments, None)
        if segment is None:
            raise LocalProtocolError("the schedule has ended")
        self._ledger.use(segment.label)
        self._loaded.settle()  # the dealer's mail comes in the order of the segments
        mine = _summands(self._stream, segment, self._rank, self._corrected)
        arrays = {correlation.name: mine.get(correlation.name, {}) for correlation in segment.correlations}
        late = partial(self._corrections, segment) if self._takes_corrections else None
        self._loaded, self._segment, self._at = _Loaded(arrays, late), segment, 0

    def _corrections(self, segment: Segment) -> Arrays:
        places = layout.corrections(segment.correlations, segment.steps)
        return _arrays(places, self._correction(layout.size_of(places)))

    def _correction(self, size: int) -> Ring:
        came = self._channel.recv(self._dealer, "deal", background=True)
        self._owed += 1
        if len(came) != 1 or came[0].shape != (size,) or came[0].dtype != np.uint64:
            raise RemoteProtocolError("the dealer sent a correction of a wrong shape")
        return came[0]


class _Loaded:
    """A segment's summands at one party.

    Parameters
    ----------
    arrays
        By correlation and part, for all steps.
    late
        Waits for those that the dealer corrects; None where there are none.
    """

    def __init__(self, arrays: Arrays, late: Callable[[], Arrays] | None = None) -> None:
        self.arrays, self._late = arrays, late

    def settle(self) -> None:
        """Wait for what is still to come."""
        late, self._late = self._late, None
        for name, parts in late().items() if late else ():
            self.arrays[name].update(parts)

    def at(self, step: int) -> Bundle:
        """Return a step's summands."""
        return {name: _Parts(self, name, step) for name in self.arrays}


class _Parts(Mapping[str, Ring]):
    """A correlation's parts at one step; one that is not there yet is waited for."""

    def __init__(self, loaded: _Loaded, name: str, step: int) -> None:
        self._loaded, self._parts, self._step = loaded, loaded.arrays[name], step

    def __getitem__(self, part: str) -> Ring:
        if part not in self._parts:
            self._loaded.settle()
        array: Ring = self._parts[part][self._step]
        return array

    def __iter__(self) -> Iterator[str]:
        self._loaded.settle()
        return iter(self._parts)

    def __len__(self) -> int:
        self._loaded.settle()
        return len(self._parts)
