"""Where every transport ends: envelopes wait here, by sender and in order, until the party takes them."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable

from fedray.channel.codec import Blob
from fedray.channel.seal import HEAD_BYTES, Head, Kind, parse_head
from fedray.errors import FedrayError, PeerLost, RecvTimeout, RemoteProtocolError

MAX_WAITING_BYTES = 1 << 31
"""Most that one sender may have waiting here; a party that reads its mail never comes near."""


class Mailbox:
    """Envelopes from every peer; ``deliver`` is called by the transport, ``take`` by the party's thread.

    Order is kept per sender by the sequence number: an early envelope waits for the missing ones, a number seen
    before is an error. A failure, once set, is what every later ``take`` raises.
    """

    def __init__(self, task: bytes) -> None:
        self._task = task
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._ready: dict[int, deque[tuple[Head, Blob]]] = defaultdict(deque)
        self._early: dict[int, dict[int, tuple[Head, Blob]]] = defaultdict(dict)
        self._next: dict[int, int] = defaultdict(int)
        self._waiting_bytes: dict[int, int] = defaultdict(int)
        self._hello: dict[int, bytes] = {}
        self._abort: tuple[int, Blob] | None = None
        self._failure: FedrayError | None = None
        self._gone: set[int] = set()
        self._read: Callable[[float], None] | None = None

    def read_by(self, read: Callable[[float], None]) -> None:
        """Let whoever waits here bring in the mail: `read` delivers what comes within so many seconds, or returns."""
        self._read = read

    @property
    def over(self) -> bool:
        """Whether a failure or an abort has come."""
        return self._failure is not None or self._abort is not None

    def deliver(self, sender: int, blob: Blob) -> None:
        """Accept an envelope that the transport says is from `sender`; never blocks, never raises to the peer."""
        try:
            with self._lock:
                self._accept(sender, blob)
                if self._read is None:  # else the only one who waits is the caller
                    self._changed.notify_all()
        except RemoteProtocolError as error:
            self.fail(error)

    def _accept(self, sender: int, blob: Blob) -> None:
        head = parse_head(blob)
        if head.sender != sender or head.task != self._task:
            raise RemoteProtocolError(f"party {sender} sent an envelope that names another sender or task")
        if head.kind is Kind.HELLO:
            if sender in self._hello:
                raise RemoteProtocolError(f"party {sender} introduced itself twice")
            self._hello[sender] = bytes(blob[HEAD_BYTES:])
        elif head.kind is Kind.ABORT:
            self._abort = self._abort or (sender, blob)
        else:
            self._enqueue(sender, head, blob)

    def _enqueue(self, sender: int, head: Head, blob: Blob) -> None:
        early, due = self._early[sender], self._next[sender]
        if head.seq < due or head.seq in early:
            raise RemoteProtocolError(f"party {sender} sent envelope {head.seq} twice")
        self._waiting_bytes[sender] += len(blob)
        if self._waiting_bytes[sender] > MAX_WAITING_BYTES:
            raise RemoteProtocolError(f"party {sender} sent more than {MAX_WAITING_BYTES} bytes that nobody asked for")
        if head.seq > due:
            early[head.seq] = head, blob
            return
        ready = self._ready[sender]
        ready.append((head, blob))
        while (due := due + 1) in early:
            ready.append(early.pop(due))
        self._next[sender] = due

    def fail(self, error: FedrayError) -> None:
        """Wake every reader with `error`; the first failure stays."""
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()

    def check(self) -> None:
        """Raise the failure or the abort that has come; never waits."""
        if self._read is not None:
            self._read(0.0)
        if self._failure is not None:
            raise self._failure
        if self._abort is not None:
            raise Aborted

    def hang_up(self, sender: int) -> None:
        """Note that nothing more will come from `sender`: whoever waits for it, or will, gets PeerLost."""
        with self._changed:
            self._gone.add(sender)
            self._changed.notify_all()

    def take(self, sender: int, timeout_s: float) -> tuple[Head, Blob]:
        """Return the next envelope of `sender`, with its head; RecvTimeout after `timeout_s`, or the failure set."""
        ready = self._ready[sender]
        if not ready or self.over:
            self._wait(lambda: bool(ready), sender, timeout_s)
        with self._lock:
            head, blob = ready.popleft()
            self._waiting_bytes[sender] -= len(blob)
            return head, blob

    def take_hello(self, sender: int, timeout_s: float) -> bytes:
        """Return the public key with which `sender` introduced itself."""
        self._wait(lambda: sender in self._hello, sender, timeout_s)
        return self._hello[sender]

    def hello(self, sender: int) -> bytes | None:
        """Return the public key of `sender` if it has come."""
        return self._hello.get(sender)

    @property
    def abort(self) -> tuple[int, Blob] | None:
        """Sender and sealed envelope of the first abort that came, if any."""
        return self._abort

    def _wait(self, ready: Callable[[], bool], sender: int, timeout_s: float) -> None:
        """Return when something is ready, raise when nothing will be."""

        def over() -> bool:
            return self.over or ready() or sender in self._gone

        if self._read is None:
            with self._changed:
                in_time = self._changed.wait_for(over, timeout_s)
        else:
            in_time = self._read_until(over, self._read, timeout_s)
        if self._failure is not None:
            raise self._failure
        if self._abort is not None:
            raise Aborted
        if sender in self._gone and not ready():
            raise PeerLost(f"party {sender} ended its streams before it had said all")
        if not in_time:
            raise RecvTimeout(f"party {sender} said nothing for {timeout_s:g} s")

    def _read_until(self, over: Callable[[], bool], read: Callable[[float], None], timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while not over():
            rest = deadline - time.monotonic()
            if rest <= 0:
                return False
            read(rest)
        return True


class Aborted(Exception):
    """An abort envelope is waiting; the channel opens it and raises TaskAborted."""
