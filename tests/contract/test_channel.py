"""What a channel promises, over every transport."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import cast

import numpy as np
import pytest

from fedray.channel import Channel, Timeouts
from fedray.errors import (
    DataError,
    LocalProtocolError,
    RecvTimeout,
    RemoteProtocolError,
    TaskAborted,
)
from tests.talks import DIGEST, RayTalk, Talk, array, by_memory, by_streams, number


@pytest.fixture(scope="module")
def ray_talk() -> Iterator[Talk]:
    from actors import environment

    environment.prepare()
    import ray

    ours = not ray.is_initialized()
    if ours:
        ray.init(
            address="local",
            include_dashboard=False,
            num_cpus=1,
            resources={"party_local": 1},
            log_to_driver=False,
            logging_level="error",
        )
    yield RayTalk(3)
    if ours:
        ray.shutdown()


@pytest.fixture(params=["memory", "fast", pytest.param("ray", marks=pytest.mark.ray)])
def talk(request: pytest.FixtureRequest) -> Talk:
    if request.param == "memory":
        return by_memory
    if request.param == "fast":
        return by_streams
    over_ray: Talk = request.getfixturevalue("ray_talk")
    return over_ray


def test_messages_of_a_label_keep_their_order(talk: Talk) -> None:
    def writer(channel: Channel) -> None:
        for k in range(200):
            channel.send(1, "x", array(k))
            if k % 7 == 0:
                channel.flush()

    def reader(channel: Channel) -> list[int]:
        return [number(channel, 0) for _ in range(200)]

    assert talk(writer, reader) == [None, list(range(200))]


def test_labels_are_read_in_any_order(talk: Talk) -> None:
    def writer(channel: Channel) -> None:
        for k, label in enumerate("abcab"):
            channel.send(1, label, array(k))

    def reader(channel: Channel) -> list[int]:
        return [number(channel, 0, label) for label in "cbaba"]

    assert talk(writer, reader)[1] == [2, 1, 0, 4, 3]


def test_everybody_to_everybody(talk: Talk) -> None:
    def party(channel: Channel) -> list[int]:
        for peer in channel.peers:
            channel.send(peer, "x", array(10 * channel.me + peer))
        return [number(channel, peer) for peer in channel.peers]

    assert talk(party, party, party) == [[10, 20], [1, 21], [2, 12]]


def test_arrays_over_the_size_of_a_piece(talk: Talk) -> None:
    size = 6 << 17  # 6 MiB of words: two pieces

    def party(channel: Channel) -> tuple[bool, bool]:
        other = 1 - channel.me
        mine = np.arange(size, dtype=np.uint64) * np.uint64(channel.me + 3)
        channel.send(other, "x", mine, mine.reshape(2, -1)[:, :5])
        whole, part = channel.recv(other, "x")
        expected = np.arange(size, dtype=np.uint64) * np.uint64(other + 3)
        return bool((whole == expected).all()), bool((part == expected.reshape(2, -1)[:, :5]).all())

    assert talk(party, party) == [(True, True), (True, True)]


def test_types_and_shapes(talk: Talk) -> None:
    def writer(channel: Channel) -> None:
        channel.send(1, "x")
        channel.send(1, "y", np.zeros((0, 3)), np.full((), -7, np.int64), np.array([[1, 2]], np.uint32))

    def reader(channel: Channel) -> list[object]:
        return [len(channel.recv(0, "x")), *((a.dtype.str, a.shape, a.tolist()) for a in channel.recv(0, "y"))]

    assert talk(writer, reader)[1] == [
        0,
        ("<f8", (0, 3), []),
        ("<i8", (), -7),
        ("<u4", (1, 2), [[1, 2]]),
    ]


def test_json(talk: Talk) -> None:
    value = {"n": 3, "names": ["é", "客"], "loss": 0.1, "none": None}

    def writer(channel: Channel) -> None:
        channel.send_json(1, "told", value)

    def reader(channel: Channel) -> object:
        return channel.recv_json(0, "told")

    assert talk(writer, reader)[1] == value


@pytest.mark.parametrize("what", ["array", "bytes", "deep", "nothing", "two"])
def test_what_is_no_json_is_the_peers_fault(talk: Talk, what: str) -> None:
    def writer(channel: Channel) -> None:
        arrays = {
            "array": [np.full(3, np.nan)],
            "bytes": [np.frombuffer(b"{broken", np.uint8)],
            "deep": [np.frombuffer(b"[" * 200_000, np.uint8)],
            "nothing": [],
            "two": [np.frombuffer(b"1", np.uint8)] * 2,
        }[what]
        channel.send(1, "told", *arrays)

    def reader(channel: Channel) -> object:
        return channel.recv_json(0, "told")

    error = talk(writer, reader)[1]
    assert type(error) is RemoteProtocolError
    assert "party_0 sent" in str(error)


def test_time_out_names_peer_and_phase(talk: Talk) -> None:
    def silent(channel: Channel) -> object:
        return channel.recv(1, "never")

    def reader(channel: Channel) -> object:
        with channel.phase("train"):
            return channel.recv(0, "x")

    ends = talk(silent, reader, timeouts=Timeouts(20.0, 0.4))
    error = next(end for end in ends if type(end) is RecvTimeout)
    assert "said nothing for 0.4 s" in str(error)
    assert {type(end) for end in ends} <= {RecvTimeout, TaskAborted}
    if type(ends[1]) is RecvTimeout:
        assert str(ends[1]).startswith("party_1, train: party_0 said nothing")


def test_abort_reaches_everybody_with_who_and_why(talk: Talk) -> None:
    def failing(channel: Channel) -> None:
        number(channel, 1)
        with channel.phase("read"):
            raise DataError("column 'age' is empty")

    def waiting(channel: Channel) -> float:
        channel.send(0, "x", array(1))
        channel.flush()
        return number(channel, (channel.me + 1) % 2)

    def waiting_for_nobody(channel: Channel) -> object:
        return channel.recv(1, "never")

    started = time.monotonic()
    failed, *told = talk(failing, waiting, waiting_for_nobody)
    assert time.monotonic() - started < 15  # the time-out is 20 s
    assert type(failed) is DataError
    for error in told:
        assert type(error) is TaskAborted
        assert (error.party, error.phase, error.message) == ("party_0", "read", "column 'age' is empty")


def test_abort_says_nothing_of_what_was_queued(talk: Talk) -> None:
    def failing(channel: Channel) -> None:
        channel.send(1, "x", array(5))
        raise DataError("stop")

    def reader(channel: Channel) -> int:
        return number(channel, 0)

    assert type(talk(failing, reader)[1]) is TaskAborted


def test_another_plan_is_not_understood(talk: Talk) -> None:
    def party(channel: Channel) -> object:
        return channel.recv(channel.peers[0], "x")

    ends = talk(party, party, party, digests=[DIGEST, "6b" * 32, DIGEST], timeouts=Timeouts(20.0, 20.0))
    assert {type(end) for end in ends} <= {RemoteProtocolError, TaskAborted}
    assert any(type(end) is RemoteProtocolError for end in ends)


def test_plans_alike_in_what_travels_still_differ_in_keys(talk: Talk) -> None:
    def party(channel: Channel) -> object:
        other = 1 - channel.me
        channel.send(other, "x", array(1))
        return channel.recv(other, "x")

    ends = talk(party, party, digests=[DIGEST, DIGEST[:16] + "6b" * 24])
    assert {type(end) for end in ends} <= {RemoteProtocolError, TaskAborted}
    assert "seal is broken" in " ".join(str(end) for end in ends)


def test_secrets_are_of_the_pair(talk: Talk) -> None:
    def party(channel: Channel) -> list[bytes]:
        return [channel.secret(peer, purpose) for peer in channel.peers for purpose in ("masks", "other")]

    ends = cast("list[list[bytes]]", talk(party, party, party))
    assert ends[0][:2] == ends[1][:2]
    assert ends[0][2:] == ends[2][:2]
    assert ends[1][2:] == ends[2][2:]
    assert len({key for end in ends for key in end}) == 6


def test_sending_to_oneself_is_a_bug(talk: Talk) -> None:
    def party(channel: Channel) -> None:
        channel.send(channel.me, "x", array(1))

    assert {type(end) for end in talk(party, party)} <= {LocalProtocolError, TaskAborted}
