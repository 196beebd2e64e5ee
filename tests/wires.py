"""What a peer may say on the wire, said to the code that takes it in: for Hypothesis and for atheris.

Each function gives back normally or raises AssertionError; anything else that comes out is a finding.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Sequence
from itertools import pairwise

from fedray.channel import codec
from fedray.channel.arrivals import Arrivals
from fedray.channel.codec import LENGTH
from fedray.channel.records import KEY_BYTES, Writer
from fedray.channel.seal import parse_head
from fedray.errors import ChannelError, RemoteProtocolError

__all__ = ["arrive", "check_arrivals", "check_frames", "framed", "sealed"]

KEY = bytes(range(KEY_BYTES))


def check_frames(data: bytes) -> None:
    """Decode bytes as an envelope: they are refused, or frames that are written as these very bytes."""
    try:
        frames = codec.decode(data)
    except RemoteProtocolError:
        return
    assert b"".join(codec.encode(frame) for frame in frames) == data
    with contextlib.suppress(RemoteProtocolError):
        parse_head(data)


def framed(form: bytes, data: bytes = b"", label: int = 1, count: int = 0) -> bytes:
    """Return a frame of this form, padded, and what follows it, whether it fits or not."""
    form += bytes(-len(form) % 8)
    return codec._HEAD.pack(4 + len(form) + len(data), len(form), label, count) + form + data


def check_arrivals(contents: Sequence[bytes], cuts: Sequence[int]) -> None:
    """Let the contents of records, sealed by a peer who may say what he likes, arrive in pieces.

    What is wrong is found whatever the pieces; envelopes that come in one piece with it may be left out.
    """
    stream = sealed(contents)
    (whole, why), (cut, why_cut) = arrive(stream, []), arrive(stream, cuts)
    assert why == why_cut
    assert whole == cut or why
    expected = b"".join(contents)
    for found in (whole, cut):
        assert expected.startswith(b"".join(LENGTH.pack(len(one)) + one for one in found))
    if not why:
        rest = expected[sum(LENGTH.size + len(one) for one in whole) :]
        assert not rest or len(rest) < LENGTH.size + LENGTH.unpack_from(rest)[0]


def sealed(contents: Sequence[bytes]) -> bytes:
    """Return the records with these contents."""
    writer = Writer(KEY)
    return b"".join(writer._sealed(content) for content in contents)


def arrive(stream: bytes, cuts: Sequence[int]) -> tuple[list[bytes], str]:
    """Return the envelopes of a stream that comes in pieces, and why no more came: "" where nothing was wrong."""
    there, here = socket.socketpair()
    found: list[bytes] = []
    with there, here:
        here.setblocking(False)
        there.setblocking(False)
        arrivals = Arrivals(here, KEY)
        try:
            for piece in _pieces(stream, cuts):
                there.sendall(piece)
                while taken := arrivals.take():
                    found += [bytes(one) for one in taken]
                arrivals.take()
        except ChannelError as error:
            return found, f"lost: {error}"
        except RemoteProtocolError as error:
            return found, error.message
    return found, ""


def _pieces(stream: bytes, cuts: Sequence[int]) -> Iterator[bytes]:
    places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    return (stream[start:end] for start, end in pairwise(places))
