"""The dealer and its streams: makes correlations ahead of the parties, with a bounded look-ahead."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fedray.channel import Channel
from fedray.errors import LocalProtocolError, RemoteProtocolError
from fedray.mpc import layout
from fedray.mpc.correlation import Helped, MaskRows, Part
from fedray.mpc.layout import Ledger
from fedray.mpc.schedule import Segment
from fedray.pool import Alone, Pool
from fedray.prg import Stream
from fedray.ring import Ring

LOOK_AHEAD = 6
"""Segments that the dealer may be ahead of the party that takes the corrections."""

MASKS = "masks"
"""The purpose of the keys from which masks come, where a task deals once."""

_DEAL, _CREDIT = "deal", "deal.credit"

Keys = Callable[[int], bytes]
"""Gives the key of the masks that I share with the party of a channel index."""

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


class HeldMasks:
    """Masks of private matrices, of which some are kept and the others expanded whenever they are asked for.

    Parameters
    ----------
    memory_bytes
        What may be kept of them; None for all.
    """

    def __init__(self, memory_bytes: int | None = None) -> None:
        self._held: dict[tuple[Stream, str], Ring] = {}
        self._room = memory_bytes

    def mask(self, stream: Stream, shape: PrivateShape) -> Ring:
        """Return U, from the one stream of its owner and the dealer; good until the next is asked for."""
        key = stream, shape.matrix
        if key in self._held:
            return self._held[key]
        u = one_time_mask(stream, shape)
        if self._room is None or u.nbytes <= self._room:
            self._room = None if self._room is None else self._room - u.nbytes
            self._held[key] = u
        return u


class OneTimeMasks(Mapping[tuple[int, str], Ring]):
    """The masks of private matrices, by owner and name, as the dealer knows them.

    Parameters
    ----------
    streams
        Those of the owners, by rank.
    matrices
        The private matrices.
    memory_bytes
        What may be kept of them; the others are expanded whenever they are asked for. None for all.
    """

    def __init__(
        self, streams: Sequence[Stream], matrices: Iterable[PrivateShape], memory_bytes: int | None = None
    ) -> None:
        self._streams = streams
        self._shapes = {(shape.owner, shape.matrix): shape for shape in matrices}
        self._held = HeldMasks(memory_bytes)

    def __getitem__(self, key: tuple[int, str]) -> Ring:
        """Return U; good until the next is asked for."""
        shape = self._shapes[key]
        return self._held.mask(self._streams[shape.owner], shape)

    def __iter__(self) -> Iterator[tuple[int, str]]:
        """Go through owners and names."""
        return iter(self._shapes)

    def __len__(self) -> int:
        """Return the number of matrices."""
        return len(self._shapes)


def deal(
    channel: Channel,
    computing: tuple[int, ...],
    corrected: int,
    matrices: Iterable[PrivateShape],
    segments: Iterable[Segment],
    memory_bytes: int | None = None,
    purpose: str = MASKS,
    keys: Keys | None = None,
    pool: Pool | None = None,
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
    memory_bytes
        What may be kept of the one-time masks, see `OneTimeMasks`.
    purpose
        Of the keys, the same at the parties' `Supply`; another whenever a task deals once more, so that labels may be
        the same.
    keys
        Public ones, for a task whose masks hide nothing; None for those that only two parties have.
    pool
        Further processes of the dealer, which expand one-time masks themselves from these keys; None for none.

    Cost: 0 rounds; per segment one message to one party, of the derived parts' size.
    Leaks: nothing; the dealer knows shapes and schedule only.
    Ref: [Bea91], with seeds instead of shares.
    """
    known = [keys(party) if keys else channel.secret(party, purpose) for party in computing]
    streams = [Stream(key) for key in known]
    masks, helped = OneTimeMasks(streams, matrices, memory_bytes), Helped(pool or Alone(), known, memory_bytes)
    ledger = Ledger()
    for number, segment in enumerate(segments):
        ledger.use(segment.label)
        correction = make(streams, corrected, MaskRows(masks, segment.rows, helped), segment)
        if number >= LOOK_AHEAD and channel.recv(computing[corrected], _credit(purpose), background=True):
            return  # a credit that holds an array is the end mark
        channel.send(computing[corrected], _deal(purpose), correction)
        channel.flush()


def _deal(purpose: str) -> str:
    """Return the label of corrections: those that one deal leaves unread are none for the next."""
    return _DEAL if purpose == MASKS else f"{_DEAL}.{purpose}"


def _credit(purpose: str) -> str:
    """Return the label of credits, of which the same is true."""
    return _CREDIT if purpose == MASKS else f"{_CREDIT}.{purpose}"


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
            out, rest = wanted[correlation.name, part.name], made[part.name]
            take = np.bitwise_xor if part.xor else np.subtract
            for rank, mine in enumerate(summands):
                if rank != corrected:
                    rest = take(rest, mine[correlation.name][part.name], out=out)
    return correction


def _summands(stream: Stream, segment: Segment, rank: int, corrected: int) -> dict[str, dict[str, Ring]]:
    """Expand one party's summands of a segment, by correlation and part, each of shape (T, *part.shape)."""
    places = layout.keystream(segment.correlations, segment.steps, rank, corrected)
    block = stream.words(segment.label, (layout.size_of(places),))
    return _arrays(places, block)


def _arrays(places: layout.Layout, block: Ring) -> dict[str, dict[str, Ring]]:
    found: dict[str, dict[str, Ring]] = defaultdict(dict)
    for place in places:
        found[place.correlation][place.part] = place.of(block)
    return found


def _total(summands: list[dict[str, dict[str, Ring]]], correlation: str, part: Part) -> Ring:
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
    purpose, keys
        Of my key with the dealer, see `deal`.
    """

    def __init__(
        self,
        channel: Channel,
        dealer: int,
        rank: int,
        corrected: int,
        segments: Iterable[Segment],
        purpose: str = MASKS,
        keys: Keys | None = None,
    ) -> None:
        self._channel, self._dealer, self._rank = channel, dealer, rank
        self._takes_corrections = rank == corrected
        self._stream = Stream(keys(dealer) if keys else channel.secret(dealer, purpose))
        self._deal, self._credit = _deal(purpose), _credit(purpose)
        self._segments: Iterator[Segment] = iter(segments)
        self._ledger = Ledger()
        self._corrected = corrected
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
            self._channel.send(self._dealer, self._credit, np.zeros(1, np.uint64))

    def _load(self) -> None:
        segment = next(self._segments, None)
        if segment is None:
            raise LocalProtocolError("the schedule has ended")
        self._ledger.use(segment.label)
        self._arrays = _summands(self._stream, segment, self._rank, self._corrected)
        if self._takes_corrections:
            places = layout.corrections(segment.correlations, segment.steps)
            for name, parts in _arrays(places, self._correction(layout.size_of(places))).items():
                self._arrays.setdefault(name, {}).update(parts)
        self._segment, self._at = segment, 0

    def _correction(self, size: int) -> Ring:
        came = self._channel.recv(self._dealer, self._deal, background=True)
        self._channel.send(self._dealer, self._credit)
        if len(came) != 1 or came[0].shape != (size,) or came[0].dtype != np.uint64:
            raise RemoteProtocolError("the dealer sent a correction of a wrong shape")
        return came[0]
