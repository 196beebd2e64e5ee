"""A party's way to the others: labelled arrays, sealed per pair, counted, never waiting for ever.

What is sent to a peer leaves when this party next waits for anybody (or on `flush`), so independent messages share an
envelope without the protocols having to arrange it.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from fedray.channel import codec
from fedray.channel.codec import Array, Blob, Frame
from fedray.channel.cost import LOCAL, Cost, LabelCost
from fedray.channel.mailbox import Aborted, Mailbox
from fedray.channel.reveals import RevealLog
from fedray.channel.seal import HEAD_BYTES, FirstSealed, Head, Kind, Sealer
from fedray.errors import (
    FedrayError,
    LocalProtocolError,
    PeerLost,
    RecvTimeout,
    RemoteProtocolError,
    TaskAborted,
    error_from_dict,
)
from fedray.prg.agreement import PairSecret, PrivateKey

T = TypeVar("T")

Send = Callable[..., None]
"""A transport: takes a peer and an envelope for it, in order, without waiting for it to arrive.

A sealed envelope comes as one argument of bytes; one that is not sealed may come in pieces, one argument each.
"""

Observer = Callable[[int, Frame], None]
"""Sees every frame that comes in, with its sender: a party's view, for tests."""


@dataclass(frozen=True)
class Timeouts:
    """Seconds to wait: for a peer's first word, for any later one, and for any sign that its process answers."""

    connect_s: float = 60.0
    receive_s: float = 600.0
    silent_s: float = 60.0


class Channel:
    """One party's end of a task's conversation.

    Parameters
    ----------
    me
        My index among the parties.
    names
        The parties' display names, by index.
    digest
        The plan's digest, hex: only parties with the same plan understand each other.
    mailbox
        Where the transport delivers.
    send
        The transport.
    reveals
        The log of openings in clear.
    sealed
        Whether every envelope is sealed, or over a transport of mutually authenticated, encrypted streams the first.
    """

    def __init__(
        self,
        me: int,
        names: tuple[str, ...],
        digest: str,
        mailbox: Mailbox,
        send: Send,
        reveals: RevealLog,
        timeouts: Timeouts = Timeouts(),
        observer: Observer | None = None,
        *,
        sealed: bool = True,
    ) -> None:
        self.me, self.names, self.reveals = me, names, reveals
        self.cost = Cost()
        self._task = task_id(digest)
        self._private = PrivateKey(bytes.fromhex(digest))
        self._mailbox, self._send_blob = mailbox, send
        self._timeouts, self._observer = timeouts, observer
        self._secrets: dict[int, PairSecret] = {}
        self._sealed = sealed
        self._sealers: dict[int, Sealer] = {}
        self._outbox: dict[int, list[Blob]] = defaultdict(list)
        self._first: dict[int, LabelCost] = {}
        self._accounted_s = 0.0
        self._inbox: dict[tuple[int, str], deque[tuple[Array, ...]]] = defaultdict(deque)
        self._phase = "start"
        self._spoken = False
        self._over = False

    @property
    def peers(self) -> tuple[int, ...]:
        """Everybody else."""
        return tuple(index for index in range(len(self.names)) if index != self.me)

    def open(self) -> None:
        """Introduce this party to all others and agree a secret with each; call once, before anything else."""
        for peer in self.peers:
            hello = Head(Kind.HELLO, self.me, peer, 0, self._task).pack() + self._private.public
            self._send_blob(peer, hello)
        for peer in self.peers:
            self._meet(peer, self._guard(peer, self._mailbox.take_hello, self._timeouts.connect_s))

    def _meet(self, peer: int, key: bytes) -> None:
        self._secrets[peer] = self._private.agree(key)
        kind = Sealer if self._sealed else FirstSealed
        self._sealers[peer] = kind(self._secrets[peer], self.me, peer, self._task)

    def secret(self, peer: int, purpose: str) -> bytes:
        """Return a 32-byte key that only `peer` and this party have, for one purpose."""
        return self._secrets[peer].key(purpose)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count costs under `name`; an error on its way out learns where it happened."""
        before, self._phase = self._phase, name
        started, accounted_s = time.monotonic(), self._accounted_s
        try:
            yield
        except TaskAborted:
            raise
        except FedrayError as error:
            raise error.at(self.names[self.me], name) from error
        finally:
            waited_s = self._accounted_s - accounted_s  # and what inner phases took
            self._spend(LOCAL, time.monotonic() - started - waited_s)
            self._phase = before

    def _line(self, label: str) -> LabelCost:
        return self.cost.phases[self._phase].lines[label]

    def _spend(self, label: str, seconds: float) -> None:
        self._line(label).seconds += seconds
        self._accounted_s += seconds

    def send(self, to: int, label: str, *arrays: Array) -> None:
        """Say something to a peer; it leaves when this party next waits, or on `flush`.

        Until then nobody may write to the arrays.
        """
        self.send_all((to,), label, *arrays)

    def send_all(self, peers: Iterable[int], label: str, *arrays: Array) -> None:
        """Say the same to several peers; what is said is put into bytes once."""
        pieces = codec.pieces(Frame(label, arrays))
        size, line = sum(map(len, pieces)), self._line(label)
        for to in peers:
            if to == self.me:
                raise LocalProtocolError(f"{label}: a party does not send to itself")
            line.frame_bytes += size
            self._first.setdefault(to, line)
            self._outbox[to].extend(pieces)

    def recv(self, frm: int, label: str, *, background: bool = False) -> tuple[Array, ...]:
        """Return the arrays of the next frame with this label from a peer, read-only.

        A `background` frame was sent ahead (the dealer's), so waiting for it is no round.

        Raises
        ------
        RecvTimeout, TaskAborted, RemoteProtocolError
            Nothing came in time; another party failed; a peer broke the rules.
        """
        self.flush()
        if self._spoken and not background:
            self._line(label).rounds += 1
            self._spoken = False
        waiting = self._inbox[frm, label]
        if not waiting:
            started = time.monotonic()
            while not waiting:
                self._take(frm)
            self._spend(label, time.monotonic() - started)
        return waiting.popleft()

    def _take(self, frm: int) -> None:
        """Wait for a peer's next envelope and sort its frames by label."""
        for frame in self._read(frm):
            if self._observer:
                self._observer(frm, frame)
            self._inbox[frm, frame.label].append(frame.arrays)

    def send_json(self, to: int, label: str, value: object) -> None:
        """Say a small public value (shapes, counts, metrics) as JSON."""
        self.send(to, label, np.frombuffer(json.dumps(value).encode(), dtype=np.uint8))

    def recv_json(self, frm: int, label: str) -> Any:
        """Return the value of a peer's `send_json`."""
        arrays = self.recv(frm, label)
        if len(arrays) != 1 or arrays[0].dtype != np.uint8:
            raise RemoteProtocolError(f"{self.names[frm]} sent no JSON under {label!r}")
        return self._json(frm, arrays[0].tobytes())

    def flush(self) -> None:
        """Send what is waiting to leave."""
        for peer, pieces in self._outbox.items():
            if pieces:
                self._send_body(peer, pieces)
                pieces.clear()

    def check(self) -> None:
        """Raise if another party has failed, or somebody has ended the task; never waits."""
        try:
            self._mailbox.check()
        except Aborted:
            raise self._aborted() from None

    def abort(self, error: FedrayError) -> None:
        """Tell every peer that this party failed; never raises, later calls do nothing."""
        if self._over:
            return
        self._over = True
        sealers, self._sealers = self._sealers, {}
        self._outbox.clear()
        body = json.dumps(error.at(self.names[self.me], self._phase).as_dict()).encode()
        for peer in self.peers:
            # a peer whose key has not come is told, without a word, that this party is gone
            bare = Head(Kind.ABORT, self.me, peer, 0, self._task).pack()
            self._send_blob(peer, sealers[peer].seal(Kind.ABORT, body) if peer in sealers else bare)

    def _send_body(self, peer: int, body: list[Blob]) -> None:
        sealer = self._sealers.get(peer)
        if sealer is None:
            raise LocalProtocolError("the channel is not open")
        line = self._first.pop(peer)
        line.envelope_bytes -= sum(map(len, body))
        for envelope in sealer.envelopes(body):
            line.messages += 1
            line.envelope_bytes += sum(map(len, envelope))
            self._send_blob(peer, *envelope)
        self._spoken = True

    def _read(self, frm: int) -> list[Frame]:
        pieces: list[Blob] = []
        size = 0
        while True:
            head, blob = self._guard(frm, self._mailbox.take, self._timeouts.receive_s)
            head, body = self._sealers[frm].open(blob, head)
            pieces.append(body)
            size += len(body)
            if size > codec.MAX_FRAME:
                raise RemoteProtocolError(f"{self.names[frm]} sent an envelope over {codec.MAX_FRAME} bytes")
            if head.kind is Kind.LAST:
                return codec.decode(body if len(pieces) == 1 else b"".join(pieces))

    def _guard(self, frm: int, take: Callable[[int, float], T], timeout_s: float) -> T:
        try:
            return take(frm, timeout_s)
        except Aborted:
            raise self._aborted() from None
        except PeerLost as error:
            if error.party:
                raise  # it says already who is lost
            message = f"{self.names[frm]} ended before it had said all; see whether its process or node died"
            raise PeerLost(message, self.names[self.me], self._phase) from None
        except RecvTimeout as error:
            waited = error.message.split(" for ")[-1]
            message = f"{self.names[frm]} said nothing for {waited}; see whether its node runs and is not overloaded"
            raise RecvTimeout(message, self.names[self.me], self._phase) from None

    def _aborted(self) -> FedrayError:
        sender, blob = self._mailbox.abort or (self.me, b"")
        key = self._mailbox.hello(sender)
        if sender not in self._sealers and key is not None:
            self._meet(sender, key)  # it failed while this party was still waiting for the others
        sealer = self._sealers.get(sender)
        if sealer is None or len(blob) == HEAD_BYTES:
            return TaskAborted("the party failed before its keys were agreed", self.names[sender], self._phase)
        _, body = sealer.open(blob)
        told = self._json(sender, body)
        if not isinstance(told, dict) or not all(isinstance(value, str) for value in told.values()):
            raise RemoteProtocolError(f"{self.names[sender]} aborted without saying why")
        cause = error_from_dict(told)
        return TaskAborted(cause.message, cause.party or self.names[sender], cause.phase)

    def _json(self, frm: int, data: Blob) -> Any:
        try:
            return json.loads(bytes(data))
        except (ValueError, RecursionError):
            raise RemoteProtocolError(f"{self.names[frm]} sent something that is no JSON") from None


def task_id(digest: str) -> bytes:
    """Return the 8 bytes of a plan's digest that every envelope carries."""
    return bytes.fromhex(digest)[:8]
