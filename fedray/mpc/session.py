"""The computing parties of a task and the rounds in which they talk.

A round is a ``with`` block: what is opened or sent inside leaves in one frame per peer when the block ends, and the
answers are there after it. Independent openings share a frame because they stand in the same block.
"""

from __future__ import annotations

from collections import defaultdict
from types import TracebackType
from typing import Self

import numpy as np

from fedray.channel import Channel
from fedray.errors import LocalProtocolError, RemoteProtocolError
from fedray.mpc.share import Share
from fedray.ring import Ring, decode, encode


class Session:
    """One computing party's view of the group.

    Parameters
    ----------
    channel
        This party's channel, open.
    computing
        Channel indices of the computing parties, the same order everywhere; a party's place in it is its rank.

    Attributes
    ----------
    rank, size
        My place and the number of computing parties.
    """

    def __init__(self, channel: Channel, computing: tuple[int, ...]) -> None:
        if len(computing) < 2 or channel.me not in computing:
            raise LocalProtocolError("a session needs this party and at least one other")
        self.channel = channel
        self.computing = computing
        self.rank = computing.index(channel.me)
        self.size = len(computing)
        self.others = tuple(rank for rank in range(self.size) if rank != self.rank)

    def constant(self, x: object, scale: float, shape: tuple[int, ...] = ()) -> Share:
        """Return a share of public numbers: encoded at rank 0, zero elsewhere; local.

        Parameters
        ----------
        x
            Array-like of floats, broadcast to `shape`.
        """
        whole = np.broadcast_to(np.asarray(x, dtype=np.float64), shape or np.shape(np.asarray(x)))
        return Share(encode(whole, scale) if self.rank == 0 else np.zeros(whole.shape, np.uint64), scale)

    def round(self, label: str) -> Round:
        """Return a round whose frames carry `label`."""
        return Round(self, label)

    def reveal(self, tag: str, share: Share) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        """Open a declared output to all computing parties and decode it.

        Cost: 1 round; n (n - 1) |x| elements.
        Leaks: x, under a tag that the plan must list.
        Ref: design.
        """
        self.channel.reveals.add(tag, self.computing, share.shape)
        with self.round(f"reveal.{tag}") as r:
            opened = r.open(share.value)
        return decode(opened.value, share.scale)

    def reveal_to(self, rank: int, tag: str, share: Share) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None:
        """Open a declared output to one party and decode it there; None elsewhere.

        Cost: 1 round; (n - 1) |x| elements.
        Leaks: x to that party, under a tag that the plan must list.
        Ref: design.
        """
        self.channel.reveals.add(tag, (self.computing[rank],), share.shape)
        with self.round(f"reveal.{tag}") as r:
            gathered = r.gather(rank, share.value)
        return decode(gathered.value, share.scale) if rank == self.rank else None


class Pending:
    """What a round will bring; `value` may be read after the round."""

    def __init__(self, own: Ring | None, expected: int, *, xor: bool = False) -> None:
        self._sum = own
        self._join = np.bitwise_xor if xor else np.add
        self._missing = expected
        self._into: Ring | None = None  # the sum, once it is an array of this object's own

    def add(self, part: Ring) -> None:
        """Add one peer's summand."""
        if self._sum is None:
            self._sum = part
        else:
            self._sum = self._join(self._sum, part, out=self._into)
            self._into = self._sum if part.ndim else None  # of no dimensions it is a number, not an array
        self._missing -= 1

    @property
    def value(self) -> Ring:
        """The sum of all summands."""
        if self._missing or self._sum is None:
            raise LocalProtocolError("a round's result was read before the round had ended")
        return self._sum


class Round:
    """Collects what is said in one round; see the module's docstring."""

    def __init__(self, session: Session, label: str) -> None:
        self._s = session
        self._label = label
        self._out: dict[int, list[Ring]] = defaultdict(list)
        self._expected: dict[int, list[tuple[Pending, tuple[int, ...]]]] = defaultdict(list)

    def open(self, x: Ring) -> Pending:
        """Open [x] in the ring to all: masked values, or outputs through `Session.reveal`."""
        return self._open(x, xor=False)

    def open_bits(self, x: Ring) -> Pending:
        """Open words shared by exclusive or to all: masked bits only."""
        return self._open(x, xor=True)

    def _open(self, x: Ring, *, xor: bool) -> Pending:
        for peer in self._s.others:
            self._out[peer].append(x)
        return self._from_others(Pending(x, self._s.size - 1, xor=xor), x.shape)

    def _from_others(self, pending: Pending, shape: tuple[int, ...]) -> Pending:
        for peer in self._s.others:
            self._expected[peer].append((pending, shape))
        return pending

    def gather(self, owner: int, x: Ring, without_own: bool = False) -> Pending:
        """Send my summand to `owner`; there, the pending value is the sum of all (or of all others')."""
        if self._s.rank != owner:
            self._out[owner].append(x)
            return Pending(None, 1)
        return self._from_others(Pending(None if without_own else x, self._s.size - 1), x.shape)

    def give(self, peer: int, x: Ring) -> None:
        """Send an array to the party of rank `peer`, which calls `receive`."""
        self._out[peer].append(x)

    def receive(self, peer: int, shape: tuple[int, ...]) -> Pending:
        """Expect an array of `shape` from the party of rank `peer`."""
        pending = Pending(None, 1)
        self._expected[peer].append((pending, shape))
        return pending

    def _outgoing(self) -> list[tuple[list[Ring], list[int]]]:
        """Return what is said with those it is said to; an opening to all goes to several."""
        groups: dict[tuple[int, ...], tuple[list[Ring], list[int]]] = {}
        for peer, arrays in self._out.items():
            groups.setdefault(tuple(map(id, arrays)), (arrays, []))[1].append(peer)
        return list(groups.values())

    def __enter__(self) -> Self:
        """Start collecting."""
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        """Send one frame per peer and take theirs."""
        if kind is not None:
            return
        channel, computing = self._s.channel, self._s.computing
        for arrays, peers in self._outgoing():
            channel.send_all([computing[peer] for peer in peers], self._label, *arrays)
        for peer, expected in self._expected.items():
            came = channel.recv(computing[peer], self._label)
            if len(came) != len(expected):
                name = channel.names[computing[peer]]
                raise RemoteProtocolError(f"{name} sent {len(came)} arrays in {self._label!r}, not {len(expected)}")
            for array, (pending, shape) in zip(came, expected, strict=True):
                if array.shape != shape or array.dtype != np.uint64:
                    name = channel.names[computing[peer]]
                    raise RemoteProtocolError(
                        f"{name} sent a wrong shape in {self._label!r}: {array.shape}, not {shape}"
                    )
                pending.add(array)
