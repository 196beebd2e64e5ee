"""Sessions, rounds, shares: what leaves when, what counts as a round, and that nothing is opened untagged."""

from __future__ import annotations

import numpy as np
import pytest

from fedray.channel import Channel
from fedray.errors import LocalProtocolError
from fedray.mpc import Session, Share
from fedray.mpc.dealer import Supply
from fedray.ring import encode
from tests.parties import Played, compute, joined, play, split

ONE = np.ones(3, dtype=np.uint64)


def test_reveal_opens_to_all_and_is_noted() -> None:
    x = np.array([-1.5, 0.0, 2.25])
    summands = split(encode(x, 2.0**20), 3, np.random.default_rng(0))

    def protocol(s: Session, supply: Supply) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return s.reveal("range_guard", Share(summands[s.rank], 2.0**20))

    played = compute(3, protocol, reveals=["range_guard"])
    for found in played.all()[:3]:
        np.testing.assert_array_equal(found, x)
    noted = [{"tag": "range_guard", "to": [0, 1, 2], "count": 1, "shapes": [[3]]}]
    assert [channel.reveals.as_list() for channel in played.channels] == [noted] * 3 + [[]]


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 2)], ids=str)
@pytest.mark.parametrize("parties", [2, 3, 5])
def test_an_opening_of_any_shape_is_the_sum_and_leaves_what_was_opened(shape: tuple[int, ...], parties: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2**64, shape, dtype=np.uint64)
    summands = [np.asarray(part) for part in split(np.asarray(x), parties, rng)]
    kept = [part.copy() for part in summands]

    def protocol(s: Session, supply: Supply) -> list[object]:
        with s.round("opening") as r:
            opened, bits = r.open(summands[s.rank]), r.open_bits(summands[s.rank])
        return [opened.value, bits.value]

    for sums, bits in compute(parties, protocol).all()[:parties]:
        np.testing.assert_array_equal(sums, x)
        np.testing.assert_array_equal(bits, np.bitwise_xor.reduce(kept))
    for part, before in zip(summands, kept, strict=True):
        np.testing.assert_array_equal(part, before)


def test_reveal_to_one_goes_to_nobody_else() -> None:
    summands = split(encode([2.5], 4.0), 3, np.random.default_rng(0))

    def protocol(s: Session, supply: Supply) -> object:
        return s.reveal_to(2, "scores", Share(summands[s.rank], 4.0))

    played = compute(3, protocol, reveals=["scores"])
    results = played.all()
    assert results[:2] == [None, None]
    assert results[2].tolist() == [2.5]
    assert [len(view) for view in played.views] == [0, 0, 2, 0]
    assert {entry["to"] == [2] for channel in played.channels[:3] for entry in channel.reveals.as_list()} == {True}


@pytest.mark.parametrize("to_one", [False, True])
def test_an_unlisted_tag_raises_before_anything_leaves(to_one: bool) -> None:
    def protocol(s: Session, supply: Supply) -> None:
        with pytest.raises(LocalProtocolError, match="'secret', which the plan does not list"):
            s.reveal_to(0, "secret", Share(ONE, 1.0)) if to_one else s.reveal("secret", Share(ONE, 1.0))

    played = compute(2, protocol, reveals=["public"])
    played.all()
    assert not any(played.views)


def test_openings_of_one_block_share_a_frame_and_a_round() -> None:
    def protocol(s: Session, supply: Supply) -> tuple[int, int, int]:
        with s.round("both") as r:
            one, two = r.open(ONE), r.open(ONE * np.uint64(2))
            three = r.gather(0, ONE)
        return int(one.value[0]), int(two.value[0]), int(three.value[0]) if s.rank == 0 else -1

    played = compute(4, protocol)
    assert played.all()[:4] == [(4, 8, 4), *[(4, 8, -1)] * 3]
    assert [channel.cost.total().rounds for channel in played.channels[:4]] == [1] * 4
    assert [channel.cost.total().messages for channel in played.channels[:4]] == [3] * 4
    assert [len(frame.arrays) for _, frame in played.views[0]] == [3, 3, 3]
    assert [len(frame.arrays) for _, frame in played.views[1]] == [2, 2, 2]


def test_gather_without_own() -> None:
    def protocol(s: Session, supply: Supply) -> int:
        with s.round("x") as r:
            pending = r.gather(1, ONE * np.uint64(s.rank + 1), without_own=True)
        return int(pending.value[0]) if s.rank == 1 else 0

    assert compute(3, protocol).all()[:3] == [0, 4, 0]


def test_a_result_cannot_be_read_too_early() -> None:
    def protocol(s: Session, supply: Supply) -> None:
        with s.round("x") as r:
            pending = r.open(ONE)
            with pytest.raises(LocalProtocolError, match="before the round had ended"):
                _ = pending.value
        assert pending.value[0] == 2
        with s.round("y") as r:
            given = r.gather(0, ONE)
        if s.rank:
            with pytest.raises(LocalProtocolError):
                _ = given.value

    compute(2, protocol).all()


def test_a_round_that_fails_sends_nothing() -> None:
    def protocol(s: Session, supply: Supply) -> None:
        with pytest.raises(KeyError), s.round("x") as r:
            r.open(ONE)
            raise KeyError

    played = compute(2, protocol)
    played.all()
    assert not any(played.views)


def test_constant_and_arithmetic() -> None:
    def protocol(s: Session, supply: Supply) -> list[Share]:
        x = s.constant([[1.5, -2.0], [0.0, 4.0]], 16.0)
        y = s.constant(1.0, 16.0, (2, 2))
        return [x + y, x - y, x.lift(3), x.sum(), x.sum(axis=0), x[:1]]

    results = compute(3, protocol).all()[:3]
    made = [joined(party[k] for party in results).view(np.int64) / results[0][k].scale for k in range(6)]
    x = np.array([[1.5, -2.0], [0.0, 4.0]])
    for found, expected in zip(made, [x + 1, x - 1, x, x.sum(), x.sum(axis=0), x[:1]], strict=True):
        np.testing.assert_array_equal(found, expected)
    assert results[0][2].scale == 48.0
    assert not any(share.value.any() for party in results[1:] for share in party)
    assert results[0][0].shape == (2, 2)


def test_shares_of_two_scales_cannot_be_added() -> None:
    for combine in (Share.__add__, Share.__sub__):
        with pytest.raises(LocalProtocolError, match="scales 2 and 1"):
            combine(Share(ONE, 2.0), Share(ONE, 1.0))


@pytest.mark.parametrize("computing", [(0,), (1, 2), ()])
def test_a_session_needs_this_party_and_another(computing: tuple[int, ...]) -> None:
    def party(channel: Channel) -> None:
        if channel.me == 0:
            with pytest.raises(LocalProtocolError, match="at least one other"):
                Session(channel, computing)

    play([party, party, party]).all()


def talk(*plays: object) -> Played[None]:
    return play(plays)  # type: ignore[arg-type]


def test_sends_without_a_wait_between_share_an_envelope() -> None:
    def writer(channel: Channel) -> None:
        for k in range(5):
            channel.send(1, f"label{k}", ONE)
        channel.recv(1, "answer")

    def reader(channel: Channel) -> None:
        for k in range(5):
            channel.recv(0, f"label{k}")
        channel.send(0, "answer")

    played = talk(writer, reader)
    played.all()
    cost = played.channels[0].cost.total()
    assert (cost.messages, cost.rounds) == (1, 1)
    assert cost.bytes == sum(cost.labels.values()) + 40
    assert len(cost.labels) == 5


def test_rounds_count_turns_not_messages() -> None:
    def first(channel: Channel) -> None:
        for _ in range(3):
            channel.send(1, "x", ONE)
            channel.recv(1, "x")
            channel.recv(1, "y")  # said in the same turn: no round of its own
        with channel.phase("ahead"):
            channel.send(1, "x", ONE)
            channel.recv(1, "z", background=True)

    def second(channel: Channel) -> None:
        channel.send(0, "z", ONE)
        for _ in range(3):
            channel.recv(0, "x")
            channel.send(0, "x", ONE)
            channel.send(0, "y", ONE)
        channel.recv(0, "x")

    played = talk(first, second)
    played.all()
    phases = played.channels[0].cost.phases
    assert (phases["start"].rounds, phases["ahead"].rounds) == (3, 0)
    assert phases["ahead"].lines["x"].bytes == phases["ahead"].labels["x"] + 40
    assert phases["ahead"].lines["z"].bytes == 0
