"""The fast transport's own promises: who may connect, and what the end of a stream means."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from fedray.channel import Mailbox, task_id
from fedray.channel.identity import Identity
from fedray.channel.seal import Head, Kind
from fedray.channel.stream import Address, StreamTransport
from fedray.errors import ChannelError, PeerLost, RemoteProtocolError

TASK = task_id("5a" * 32)
SOON_S = 5.0


class Pair:
    """Two parties that are joined by streams."""

    def __init__(self) -> None:
        self.boxes = [Mailbox(TASK), Mailbox(TASK)]
        self.ways = [StreamTransport(me, box, "127.0.0.1") for me, box in enumerate(self.boxes)]
        self.addresses = {me: way.address for me, way in enumerate(self.ways)}

    def connect(self, addresses: dict[int, Address] | None = None) -> list[Exception | None]:
        """Let both connect; return their errors."""
        errors: list[Exception | None] = [None, None]

        def one(me: int) -> None:
            try:
                self.ways[me].connect(self.addresses if me == 0 or addresses is None else addresses, SOON_S)
            except ChannelError as error:
                errors[me] = error

        threads = [threading.Thread(target=one, args=(me,)) for me in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for way in self.ways:
            way.bring_mail()
        return errors


@pytest.fixture
def pair() -> Iterator[Pair]:
    joined = Pair()
    yield joined
    for way in joined.ways:
        way.close()


def envelope(sender: int, seq: int, body: bytes = b"x") -> bytes:
    return Head(Kind.LAST, sender, 1 - sender, seq, TASK).pack() + body


def test_envelopes_arrive_whole_and_in_order(pair: Pair) -> None:
    assert pair.connect() == [None, None]
    sent = [envelope(0, seq, bytes(size)) for seq, size in enumerate((0, 1, 70_000, 5_000_000, 3))]
    sending = threading.Thread(target=lambda: [pair.ways[0].send(1, blob) for blob in sent])
    sending.start()
    assert [bytes(pair.boxes[1].take(0, SOON_S)[1]) for _ in sent] == sent
    sending.join()


def test_two_that_send_each_other_much_do_not_wait_for_each_other(pair: Pair) -> None:
    pair.connect()
    sent = [envelope(me, 0, bytes(30_000_000)) for me in (0, 1)]
    ends: list[bytes] = [b"", b""]

    def one(me: int) -> None:
        pair.ways[me].send(1 - me, sent[me])
        ends[me] = bytes(pair.boxes[me].take(1 - me, 20.0)[1])

    threads = [threading.Thread(target=one, args=(me,), daemon=True) for me in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert ends == sent[::-1]


def test_who_sends_to_one_that_takes_nothing_still_hears_of_a_failure(pair: Pair) -> None:
    pair.connect()
    sending = threading.Thread(target=pair.ways[0].send, args=(1, envelope(0, 0, bytes(50_000_000))), daemon=True)
    sending.start()
    time.sleep(0.1)
    assert sending.is_alive()
    pair.boxes[0].fail(RemoteProtocolError("over"))
    sending.join(SOON_S)
    assert not sending.is_alive()


def test_the_end_of_a_stream_wakes_who_waits_after_what_was_said(pair: Pair) -> None:
    pair.connect()
    pair.ways[0].send(1, envelope(0, 0))
    pair.ways[0].close()
    assert pair.boxes[1].take(0, SOON_S)[1] == envelope(0, 0)
    started = time.monotonic()
    with pytest.raises(PeerLost):
        pair.boxes[1].take(0, 30.0)
    assert time.monotonic() - started < SOON_S


def test_a_stranger_is_not_let_in(pair: Pair) -> None:
    """A certificate of its own, or none, does not get anybody a stream, and does not disturb the others."""

    def knock(identity: Identity | None) -> None:
        context = ssl.create_default_context(cadata=pair.ways[0].address.certificate)
        if identity is not None:
            context = identity.context(ssl.PROTOCOL_TLS_CLIENT, [pair.ways[0].address.certificate])
        context.check_hostname = False
        plain = socket.create_connection(("127.0.0.1", pair.ways[0].address.port), SOON_S)
        with pytest.raises(OSError), context.wrap_socket(plain) as stream:
            stream.sendall(b"\x01\x00\x00\x00x")
            if stream.recv(1) == b"":
                raise ConnectionError

    knocking = [threading.Thread(target=knock, args=(who,)) for who in (None, Identity("stranger"))]
    for thread in knocking:
        thread.start()
    assert pair.connect() == [None, None]
    for thread in knocking:
        thread.join(10)
        assert not thread.is_alive()
    pair.ways[1].send(0, envelope(1, 0))
    assert pair.boxes[0].take(1, SOON_S)[1] == envelope(1, 0)


def test_another_certificate_at_the_address_is_refused(pair: Pair) -> None:
    false = {**pair.addresses, 0: replace(pair.addresses[0], certificate=Identity("false").certificate)}
    errors = pair.connect(false)
    assert isinstance(errors[1], ChannelError)
    assert "127.0.0.1" in str(errors[1])


def test_nobody_at_the_address(pair: Pair) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = {**pair.addresses, 0: replace(pair.addresses[0], port=taken.getsockname()[1])}
        errors = pair.connect(nobody)
    assert "no stream to" in str(errors[1])
    assert "only 0 of 1 parties" in str(errors[0])


def test_a_giant_length_is_refused(pair: Pair) -> None:
    pair.connect()
    pair.ways[0]._out[1].stream.sendall((0xFFFFFFFF).to_bytes(4, "little"))
    with pytest.raises(RemoteProtocolError, match="the most is"):
        pair.boxes[1].take(0, SOON_S)


def test_what_was_said_is_heard_although_the_speaker_has_gone_and_takes_no_more(pair: Pair) -> None:
    pair.connect()
    pair.ways[1].send(0, envelope(1, 0))
    pair.ways[0].send(1, envelope(0, 0))  # never read
    time.sleep(0.1)
    pair.ways[1].close()
    time.sleep(0.1)
    for seq in range(1, 4):
        pair.ways[0].send(1, envelope(0, seq))
    assert pair.boxes[0].take(1, SOON_S)[1] == envelope(1, 0)
    with pytest.raises(PeerLost):
        pair.boxes[0].take(1, SOON_S)
