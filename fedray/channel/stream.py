"""The fast transport: one TLS 1.3 stream per direction between each pair of parties.

Every party listens, and opens a stream to every other for what it has to say, so that each stream is written by one
thread and read by one. Certificates are made per task inside the party and exchanged beforehand over a way that is
trusted to deliver them (Ray, on one cluster); a stream is accepted only under one of exactly these certificates.

On the stream, each envelope follows its length (u32, little-endian).
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from fedray.channel.codec import MAX_FRAME
from fedray.channel.identity import Identity
from fedray.channel.mailbox import Mailbox
from fedray.errors import ChannelError, FedrayError, PeerLost, RemoteProtocolError

__all__ = ["Address", "StreamTransport"]

_LENGTH = struct.Struct("<I")
_MAX_ENVELOPE = MAX_FRAME
_BUFFER_BYTES = 1 << 20


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
        self._out: dict[int, ssl.SSLSocket] = {}
        self._in: list[ssl.SSLSocket] = []
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

    def send(self, to: int, blob: bytes) -> None:
        """Send an envelope; waits only when the peer's buffers are full."""
        stream = self._out.get(to)
        try:
            if stream is not None:
                stream.sendall(_LENGTH.pack(len(blob)) + blob)
        except OSError:
            self._mailbox.hang_up(to)

    def close(self) -> None:
        """Close everything; peers see the end of my streams."""
        self._closed.set()
        for stream in (self._listener, *self._out.values(), *self._in):
            with contextlib.suppress(OSError):
                stream.close()

    def _open(self, address: Address, timeout_s: float) -> ssl.SSLSocket:
        context = self._identity.context(ssl.PROTOCOL_TLS_CLIENT, [address.certificate])
        try:
            plain = socket.create_connection((address.host, address.port), timeout_s)
            stream = context.wrap_socket(plain)
        except (OSError, ssl.SSLError) as error:
            raise ChannelError(
                f"no stream to {address.host}:{address.port} ({type(error).__name__}); a firewall between the nodes?"
            ) from None
        _tune(stream)
        return stream

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
            stream = _handshake(context, plain)
            peer = by_certificate.pop(stream.getpeercert(binary_form=True) or b"", None) if stream else None
            if stream is None or peer is None:
                plain.close()  # a stranger, or a party that called twice
                continue
            _tune(stream)
            self._in.append(stream)
            threading.Thread(target=self._read, args=(peer, stream), name=f"stream {peer}", daemon=True).start()

    def _read(self, peer: int, stream: ssl.SSLSocket) -> None:
        try:
            with stream.makefile("rb", buffering=_BUFFER_BYTES) as file:
                while head := file.read(_LENGTH.size):
                    self._mailbox.deliver(peer, _envelope(file.read, head))
        except FedrayError as error:
            self._mailbox.fail(error)
        except (OSError, ValueError):
            pass  # the stream broke: the same as its end
        if not self._closed.is_set():
            self._mailbox.hang_up(peer)


def _envelope(read: object, head: bytes) -> bytes:
    if len(head) < _LENGTH.size or not callable(read):
        raise PeerLost("a stream ended within an envelope")
    (length,) = _LENGTH.unpack(head)
    if length > _MAX_ENVELOPE:
        raise RemoteProtocolError(f"a peer announced an envelope of {length} bytes; the most is {_MAX_ENVELOPE}")
    blob = read(length)
    if not isinstance(blob, bytes) or len(blob) < length:
        raise PeerLost("a stream ended within an envelope")
    return blob


def _handshake(context: ssl.SSLContext, plain: socket.socket) -> ssl.SSLSocket | None:
    try:
        return context.wrap_socket(plain, server_side=True)
    except (OSError, ssl.SSLError):
        return None


def _tune(stream: ssl.SSLSocket) -> None:
    stream.settimeout(None)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
