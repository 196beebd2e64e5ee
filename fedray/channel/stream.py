"""The fast transport: one stream per direction between each pair of parties.

Every party listens, and opens a stream to every other for what it has to say. Certificates are made per task inside
the party and exchanged beforehand over a way that is trusted to deliver them (Ray, on one cluster); mutual TLS 1.3
under exactly these certificates decides who speaks, and brings the key of the stream: all that is said is sealed in
records under it, see `fedray.channel.records`.

No thread reads in the background: the party's own thread reads whatever has come, from everybody, when it waits for
somebody or when a peer does not take what it sends. So an envelope costs no change of threads, and two parties that
send each other much do not wait for each other.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from fedray.channel.arrivals import Arrivals
from fedray.channel.codec import Blob
from fedray.channel.identity import Identity
from fedray.channel.mailbox import Mailbox
from fedray.channel.records import KEY_BYTES, Writer
from fedray.errors import ChannelError, PeerLost, RemoteProtocolError

__all__ = ["Address", "StreamTransport"]

STUCK_S = 600.0
"""Seconds after which a peer that takes nothing of what is sent to it counts as lost."""

PROBES: Mapping[str, int] = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 4}
"""A node that answers nothing for 30 s counts as lost: the way to it is cut. It answers, however busy a party is."""

_SLICE_S = 0.2


@dataclass(frozen=True)
class Address:
    """Where a party listens, and the certificate under which it speaks and listens.

    Attributes
    ----------
    certificate
        PEM.
    """

    host: str
    port: int
    certificate: str


@dataclass(frozen=True, eq=False)
class _Outgoing:
    """A stream to a peer, and what seals it."""

    stream: socket.socket
    records: Writer


class StreamTransport:
    """One party's streams to and from all others.

    Parameters
    ----------
    me
        My index among the parties.
    mailbox
        Takes what arrives.
    host
        Address of this node, on which the party listens.
    """

    def __init__(self, me: int, mailbox: Mailbox, host: str) -> None:
        self._me, self._mailbox = me, mailbox
        self._identity = Identity(f"fedray party {me}")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=64)
        port = int(self._listener.getsockname()[1])
        self.address = Address(host, port, self._identity.certificate)
        self._out: dict[int, _Outgoing] = {}
        self._in: dict[int, Arrivals] = {}
        self._by_number: dict[int, int] = {}
        self._reading = select.poll()
        self._closed = threading.Event()

    def connect(self, peers: Mapping[int, Address], timeout_s: float) -> None:
        """Open a stream to every other party and accept theirs.

        Raises
        ------
        ChannelError
            A party cannot be reached, or somebody else answers at its address.
        """
        others = {index: address for index, address in peers.items() if index != self._me}
        accepting = threading.Thread(target=self._accept, args=(others, timeout_s), daemon=True)
        accepting.start()
        for index, address in others.items():
            self._out[index] = self._open(address, timeout_s)
        accepting.join(timeout_s)
        if len(self._in) != len(others):
            raise ChannelError(f"only {len(self._in)} of {len(others)} parties opened a stream within {timeout_s:g} s")

    def bring_mail(self) -> None:
        """Let whoever waits at the mailbox read the streams; call when every party is to speak over them."""
        self._mailbox.read_by(self.read)

    def send(self, to: int, *envelope: Blob) -> None:
        """Send an envelope, in one piece or more; while the peer's buffers are full, take what others send."""
        out = self._out.get(to)
        if out is None:
            return
        try:
            for record in out.records.records(envelope):
                self._write(out.stream, record)
        except TimeoutError:
            self._mailbox.hang_up(to)
        except OSError:
            self._out.pop(to, None)  # it reads no more; what it said before it went may not have been read yet
            if to not in self._in:
                self._mailbox.hang_up(to)

    def _write(self, stream: socket.socket, record: bytes) -> None:
        sent, deadline = 0, None
        while sent < len(record):
            try:
                sent += stream.send(memoryview(record)[sent:] if sent else record)
            except BlockingIOError:
                deadline = deadline or time.monotonic() + STUCK_S
                self._wait_to_write(stream, deadline)

    def _wait_to_write(self, stream: socket.socket, deadline: float) -> None:
        if time.monotonic() > deadline or self._mailbox.over:
            raise TimeoutError
        number = stream.fileno()
        self._reading.register(number, select.POLLOUT)
        try:
            self._take(_SLICE_S)
        finally:
            self._reading.unregister(number)

    def read(self, timeout_s: float) -> None:
        """Deliver what has come or comes within some `timeout_s`; returns at the first arrival."""
        self._take(min(timeout_s, _SLICE_S))

    def _take(self, timeout_s: float) -> None:
        for number, _ in self._reading.poll(timeout_s * 1000.0):
            peer = self._by_number.get(number)
            if peer is not None:  # else a stream that takes again what this party says
                self._drain(peer, self._in[peer])

    def _drain(self, peer: int, arrivals: Arrivals) -> None:
        try:
            for blob in arrivals.take():
                self._mailbox.deliver(peer, blob)
        except RemoteProtocolError as error:
            self._mailbox.fail(error)
            self._lose(peer, arrivals)
        except (PeerLost, OSError, ValueError):
            self._lose(peer, arrivals)  # a stream that broke is one that ended

    def _lose(self, peer: int, arrivals: Arrivals) -> None:
        self._reading.unregister(arrivals.number)
        del self._in[peer], self._by_number[arrivals.number]
        if not self._closed.is_set():
            self._mailbox.hang_up(peer)

    def close(self) -> None:
        """Close everything; peers see the end of my streams."""
        self._closed.set()
        outgoing, incoming = ([one.stream for one in ways.values()] for ways in (self._out, self._in))
        for stream in (self._listener, *outgoing, *incoming):
            with contextlib.suppress(OSError):
                stream.close()

    def _open(self, address: Address, timeout_s: float) -> _Outgoing:
        context = self._identity.context(ssl.PROTOCOL_TLS_CLIENT, [address.certificate])
        key = os.urandom(KEY_BYTES)
        try:
            plain = socket.create_connection((address.host, address.port), timeout_s)
            with context.wrap_socket(plain) as stream:
                stream.sendall(key)
                return _Outgoing(_bare(stream), Writer(key))
        except (OSError, ssl.SSLError) as error:
            raise ChannelError(
                f"no stream to {address.host}:{address.port} ({type(error).__name__}); a firewall between the nodes?"
            ) from None

    def _accept(self, others: Mapping[int, Address], timeout_s: float) -> None:
        context = self._identity.context(ssl.PROTOCOL_TLS_SERVER, [address.certificate for address in others.values()])
        by_certificate = {ssl.PEM_cert_to_DER_cert(address.certificate): index for index, address in others.items()}
        self._listener.settimeout(timeout_s)
        while by_certificate:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            plain.settimeout(timeout_s)
            with contextlib.suppress(OSError, ssl.SSLError), context.wrap_socket(plain, server_side=True) as stream:
                peer = by_certificate.pop(stream.getpeercert(binary_form=True) or b"", None)
                if peer is not None:  # else a party that called twice
                    self._listen(peer, stream)

    def _listen(self, peer: int, stream: ssl.SSLSocket) -> None:
        key = b""
        while len(key) < KEY_BYTES:
            came = stream.recv(KEY_BYTES - len(key))
            if not came:
                return
            key += came
        plain = _bare(stream)
        _probe(plain)
        arrivals = Arrivals(plain, key)
        self._by_number[arrivals.number] = peer
        self._in[peer] = arrivals
        self._reading.register(arrivals.number, select.POLLIN)


def _bare(stream: ssl.SSLSocket) -> socket.socket:
    """End TLS on both sides and return the connection below it; it does not block."""
    stream.unwrap()
    plain = socket.socket(fileno=stream.detach())
    plain.setblocking(False)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return plain


def _probe(plain: socket.socket) -> None:
    """Ask the other node now and then whether it is there; only here, as nothing is sent back on such a stream."""
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in PROBES.items():
        if hasattr(socket, name):  # not every system has all of them
            plain.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
