"""The dealer: relations hold for every kind, its look-ahead is bounded, and the two sides cannot slip apart."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from fedray.channel import Channel
from fedray.errors import LocalProtocolError, RemoteProtocolError
from fedray.mpc import Session
from fedray.mpc.correlation import (
    BackwardMask,
    ColumnTriple,
    Correlation,
    DenseTriple,
    ElementMask,
    ForwardMask,
    Triple,
    TruncMask,
    WaveMask,
)
from fedray.mpc.dealer import LOOK_AHEAD, Bundle, PrivateShape, Supply, deal
from fedray.mpc.schedule import Segment
from fedray.ring import Ring, series
from tests import plain
from tests.parties import compute, joined, play

ROWS = np.array([[0, 2], [1, 1], [2, 0]])
SHAPE = PrivateShape(1, "train", (3, 4))
KINDS: tuple[Correlation, ...] = (
    Triple("triple", (2, 3)),
    DenseTriple("dense", (2, 3, 4), training=True),
    DenseTriple("test", (2, 3, 4), training=False),
    ColumnTriple("column", (2, 3)),
    TruncMask("trunc", (5,), 13),
    WaveMask("wave", (2, 2), 30, 24, 2.0**16, 2),
    ForwardMask("F", 1, "train", "this", (2, 4, 3)),
    BackwardMask("B", 1, "train", "this", (2, 4, 3)),
    ElementMask("E", 1, "train", "this", (2, 4)),
)


def bundles(size: int, corrected: int) -> tuple[list[list[Bundle]], Ring]:
    """Return each party's steps, and the owner's one-time mask."""
    segment = Segment("all", 3, KINDS, {"this": ROWS})

    def protocol(s: Session, supply: Supply) -> tuple[list[Bundle], Ring]:
        return [supply.step("all") for _ in range(3)], supply.mask(SHAPE)

    results = compute(size, protocol, [segment], [SHAPE], corrected=corrected).all()[:size]
    return [steps for steps, _ in results], results[1][1]


def total(parties: Sequence[Bundle], name: str, part: str) -> Ring:
    return joined(party[name][part] for party in parties if part in party[name])


@pytest.mark.parametrize(("size", "corrected"), [(2, 0), (2, 1), (3, 2), (4, 1)])
def test_relations(size: int, corrected: int) -> None:
    made, u = bundles(size, corrected)
    for step, rows in enumerate(ROWS):
        parties = [steps[step] for steps in made]

        def of(name: str, part: str, parties: Sequence[Bundle] = parties) -> Ring:
            return total(parties, name, part)

        np.testing.assert_array_equal(of("triple", "C"), of("triple", "A") * of("triple", "B"))
        for name in ("dense", "test", "column"):
            np.testing.assert_array_equal(of(name, "AW"), plain.matmul(of(name, "A"), of(name, "W")))
        a, w, d = (of("dense", part) for part in "AWD")
        np.testing.assert_array_equal(of("dense", "AtD"), plain.matmul(a.T, d))
        np.testing.assert_array_equal(of("dense", "DWt"), plain.matmul(d, w.T))
        a, w, d, slope = (of("column", part) for part in "AWDS")
        back = plain.matmul(d, w[:-1].T)
        np.testing.assert_array_equal(of("column", "AtD"), plain.matmul(a.T, d))
        for part, value in {"DWt": back, "SW": slope * w[:-1].T, "SD": slope * d, "SDW": slope * back}.items():
            np.testing.assert_array_equal(of("column", part), value)
        r = of("trunc", "R")
        np.testing.assert_array_equal(of("trunc", "R1"), (r % np.uint64(1 << 63)) >> np.uint64(13))
        np.testing.assert_array_equal(of("trunc", "B"), r >> np.uint64(63))
        cosines, sines = series.tables(of("wave", "R").reshape(1, -1), 30, 24, 2.0**16, stride=2, compiled=False)
        np.testing.assert_array_equal(of("wave", "cos"), cosines[0])
        np.testing.assert_array_equal(of("wave", "sin"), sines[0])
        np.testing.assert_array_equal(of("F", "UV"), plain.matmul(u[rows], of("F", "V")))
        np.testing.assert_array_equal(of("B", "UtM"), plain.matmul(u[rows].T, of("B", "M")))
        np.testing.assert_array_equal(of("E", "UV"), u[rows] * of("E", "V"))


def test_the_owner_holds_no_summand_of_what_hides_things_from_it() -> None:
    made, _ = bundles(3, 0)
    for name, part in (("F", "V"), ("B", "M"), ("E", "V")):
        assert [part in steps[0][name] for steps in made] == [True, False, True]


def test_steps_and_parties_have_masks_of_their_own() -> None:
    made, _ = bundles(3, 0)
    seen = [array.tobytes() for steps in made for step in steps for parts in step.values() for array in parts.values()]
    assert len(set(seen)) == len(seen)


def many(count: int, log: list[int] | None = None) -> Iterator[Segment]:
    for number in range(count):
        if log is not None:
            log.append(number)
        yield Segment(f"s/{number}", 1, (Triple("t", (4,)),))


def test_look_ahead_is_bounded() -> None:
    made: list[int] = []
    taking = threading.Event()
    count = 5 * LOOK_AHEAD

    def dealer(channel: Channel) -> None:
        deal(channel, (0, 1), 0, (), many(count, made))

    def taker(channel: Channel) -> list[int]:
        supply = Supply(channel, 2, 0, 0, many(count))
        taking.wait(10)
        heights = []
        for _ in range(count):
            supply.step("s/")
            channel.flush()
            heights.append(len(made))
        return heights

    def bystander(channel: Channel) -> None:
        last = -1
        while len(made) > last or len(made) <= LOOK_AHEAD:  # until the dealer has stopped
            last = len(made)
            time.sleep(0.2)
        taking.set()
        assert len(made) == LOOK_AHEAD + 1

    heights = play([taker, bystander, dealer]).all()[0]
    assert isinstance(heights, list)
    assert all(height <= taken + LOOK_AHEAD + 2 for taken, height in enumerate(heights, start=1))
    assert len(made) == count


def test_the_dealer_waits_for_nobody_but_the_corrected_party() -> None:
    def dealer(channel: Channel) -> int:
        deal(channel, (0, 1), 0, (), many(LOOK_AHEAD))
        return channel.cost.total().rounds

    def party(channel: Channel) -> int:
        supply = Supply(channel, 2, channel.me, 0, many(LOOK_AHEAD))
        for _ in range(LOOK_AHEAD):
            supply.step("s/")
        return channel.cost.total().rounds

    played = play([party, party, dealer])
    assert played.all() == [0, 0, 0]
    assert {(frm, frame.label) for frm, frame in played.views[0]} == {(2, "deal")}
    assert played.views[1] == []


@pytest.mark.parametrize("taken", [1, LOOK_AHEAD, 3 * LOOK_AHEAD])
def test_the_dealer_ends_when_the_parties_need_no_more(taken: int) -> None:
    made: list[int] = []

    def dealer(channel: Channel) -> None:
        deal(channel, (0, 1), 0, (), many(1000, made))

    def party(channel: Channel) -> None:
        supply = Supply(channel, 2, channel.me, 0, many(1000))
        for _ in range(taken):
            supply.step("s/")
        supply.end()

    played = play([party, party, dealer])
    assert played.all() == [None] * 3
    assert len(made) == taken + LOOK_AHEAD + 1
    assert {frm for frm, _ in played.views[2]} == {0}


def test_a_step_of_another_label_and_one_too_many() -> None:
    def protocol(s: Session, supply: Supply) -> None:
        with pytest.raises(LocalProtocolError, match="does not have a step of 'test'"):
            supply.step("test")
        supply.step("train/0")
        with pytest.raises(LocalProtocolError, match="schedule has ended"):
            supply.step("train")

    compute(2, protocol, [Segment("train/0", 1, (Triple("t", (1,)),))]).all()


@pytest.mark.parametrize(
    "corrections",
    [(), (np.zeros((1, 3), np.uint64),), (np.zeros((1, 4)),), (np.zeros((2, 4), np.uint64),)],
    ids=["none", "short", "floats", "another number of steps"],
)
def test_corrections_of_a_wrong_shape(corrections: tuple[Ring, ...]) -> None:
    def dealer(channel: Channel) -> None:
        channel.send(0, "deal", *corrections)

    def party(channel: Channel) -> None:
        supply = Supply(channel, 2, channel.me, 0, many(1))
        if channel.me == 0:
            with pytest.raises(RemoteProtocolError, match="correction of a wrong shape"):
                supply.step("s/")
        else:
            supply.step("s/")

    play([party, party, dealer]).all()


def test_a_label_that_comes_twice_is_refused_by_both_sides() -> None:
    twice = [Segment("s/0", 1, (Triple("t", (4,)),))] * 2

    def dealer(channel: Channel) -> None:
        with pytest.raises(LocalProtocolError, match="twice"):
            deal(channel, (0, 1), 0, (), twice)

    def party(channel: Channel) -> None:
        supply = Supply(channel, 2, channel.me, 0, twice)
        supply.step("s/")
        with pytest.raises(LocalProtocolError, match="twice"):
            supply.step("s/")

    play([party, party, dealer]).all()


@pytest.mark.parametrize("arrays", [[], [5], [4, 4], [3]])
def test_corrections_that_the_schedule_does_not_name_are_refused(arrays: list[int]) -> None:
    def dealer(channel: Channel) -> None:
        channel.send(0, "deal", *[np.zeros(size, np.uint64) for size in arrays])

    def party(channel: Channel) -> None:
        supply = Supply(channel, 2, channel.me, 0, many(1))
        if channel.me == 0:
            with pytest.raises(RemoteProtocolError, match="wrong shape"):
                supply.step("s/")

    play([party, party, dealer]).all()
