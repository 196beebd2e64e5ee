"""The dealer and its streams: makes correlations ahead of the parties, with a bounded look-ahead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from fedray.channel import Channel
from fedray.errors import LocalProtocolError, RemoteProtocolError
from fedray.mpc.correlation import MaskRows, Part
from fedray.mpc.schedule import Segment
from fedray.prg import Stream
from fedray.ring import Ring

LOOK_AHEAD = 6
"""Segments that the dealer may be ahead of the party that takes the corrections."""

_CREDIT = "deal.credit"

Bundle = Mapping[str, Mapping[str, Ring]]
"""What one step takes: by correlation and part, my summands."""


@dataclass(frozen=True)
class PrivateShape:
    """A private matrix: its owner's rank, its name, its shape."""

    owner: int
    matrix: str
    shape: tuple[int, int]


def one_time_mask(stream: Stream, matrix: PrivateShape) -> Ring:
    """Return U for a private matrix, from the key of its owner and the dealer."""
    return stream.words(f"U/{matrix.matrix}", matrix.shape)


def expand(stream: Stream, label: str, steps: int, part: Part) -> Ring:
    """Return one party's summand of a part for all steps of a segment, shape (T, *part.shape)."""
    return stream.words(f"{label}/{part.name}", (steps, *part.shape))


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
    for number, segment in enumerate(segments):
        corrections = make(streams, corrected, MaskRows(masks, segment.rows), segment)
        if number >= LOOK_AHEAD and channel.recv(computing[corrected], _CREDIT, background=True):
            return  # a credit that holds an array is the end mark
        channel.send(computing[corrected], "deal", *corrections)
        channel.flush()


def make(streams: list[Stream], corrected: int, masks: MaskRows, segment: Segment) -> list[Ring]:
    """Return the corrections of a segment, in the order of correlations and derived parts."""
    corrections = []
    for correlation in segment.correlations:
        label = f"{segment.label}/{correlation.name}"
        totals: dict[str, Ring] = {}
        for part in correlation.uniform():
            summands = [
                expand(stream, label, segment.steps, part)
                for rank, stream in enumerate(streams)
                if rank != part.without
            ]
            join = np.bitwise_xor if part.xor else np.add
            totals[part.name] = join.reduce(np.stack(summands), axis=0, dtype=np.uint64)
        made = correlation.relate(totals, masks)
        for part in correlation.derived():
            correction = made[part.name].copy()
            for rank, stream in enumerate(streams):
                if rank != corrected:
                    take = np.bitwise_xor if part.xor else np.subtract
                    take(correction, expand(stream, label, segment.steps, part), out=correction)
            corrections.append(correction)
    return corrections


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
        self._arrays: dict[str, dict[str, Ring]] = {}
        self._segment: Segment | None = None
        self._at = 0

    def mask(self, matrix: PrivateShape) -> Ring:
        """Return U of my own private matrix."""
        return one_time_mask(self._stream, matrix)

    def step(self, label: str) -> Bundle:
        """Return the next step's summands; each is handed out once.

        Parameters
        ----------
        label
            Start of the segment's label that the caller means to be in, as a check.
        """
        if self._segment is None or self._at == self._segment.steps:
            self._load()
        segment = self._segment
        if segment is None or not segment.label.startswith(label):
            raise LocalProtocolError(f"the schedule does not have a step of {label!r} here")
        at, self._at = self._at, self._at + 1
        return {name: {part: array[at] for part, array in parts.items()} for name, parts in self._arrays.items()}

    def end(self) -> None:
        """Tell the dealer that the parties stop before the schedule's end; said by the one who takes corrections."""
        if self._takes_corrections:
            self._channel.send(self._dealer, _CREDIT, np.zeros(1, np.uint64))

    def _load(self) -> None:
        segment = next(self._segments, None)
        if segment is None:
            raise LocalProtocolError("the schedule has ended")
        corrections = self._corrections()
        self._arrays = {}
        for correlation in segment.correlations:
            label = f"{segment.label}/{correlation.name}"
            parts = {
                part.name: expand(self._stream, label, segment.steps, part)
                for part in correlation.uniform()
                if part.without != self._rank
            }
            for part in correlation.derived():
                if corrections is None:
                    parts[part.name] = expand(self._stream, label, segment.steps, part)
                else:
                    parts[part.name] = self._checked(next(corrections, None), (segment.steps, *part.shape))
            self._arrays[correlation.name] = parts
        if corrections is not None and next(corrections, None) is not None:
            raise RemoteProtocolError("the dealer sent more corrections than the schedule has")
        self._segment, self._at = segment, 0

    def _corrections(self) -> Iterator[Ring] | None:
        if not self._takes_corrections:
            return None
        corrections = self._channel.recv(self._dealer, "deal", background=True)
        self._channel.send(self._dealer, _CREDIT)
        return iter(corrections)

    def _checked(self, correction: Ring | None, shape: tuple[int, ...]) -> Ring:
        if correction is None or correction.shape != shape or correction.dtype != np.uint64:
            raise RemoteProtocolError("the dealer sent a correction of a wrong shape")
        return correction
