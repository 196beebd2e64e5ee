"""Protocols in turns: independent ones share their rounds and give what they give alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from fedray.mpc import Round, Session, Share
from fedray.mpc.compare import MsbMask, msb_turns, relu_masks, relu_turns
from fedray.mpc.dealer import Supply
from fedray.mpc.schedule import Segment
from fedray.mpc.session import Pending
from fedray.mpc.turns import Turns, play, side_by_side, turn
from fedray.ring import Ring, encode
from tests.parties import compute, joined, split

X, Y = np.array([-3.0, 0.0, 2.5]), np.linspace(-1.0, 1.0, 70)


@pytest.mark.parametrize("size", [2, 3])
def test_side_by_side_takes_the_rounds_of_the_longest(size: int) -> None:
    rng = np.random.default_rng(0)
    xs, ys = split(encode(X, 8.0), size, rng), split(encode(Y, 1024.0), size, rng)

    def protocol(s: Session, supply: Supply) -> list[Share]:
        bundle = supply.step("both")
        x, y = Share(xs[s.rank], 8.0), Share(ys[s.rank], 1024.0)
        return play(s, "both", side_by_side(msb_turns(s, y, bundle["m"]), relu_turns(s, x, bundle, "r")))

    masks = (MsbMask("m", Y.shape), *relu_masks("r", X.shape))
    played = compute(size, protocol, [Segment("both", 1, masks)])
    results = played.all()[:size]
    np.testing.assert_array_equal(joined(party[0] for party in results), Y < 0)
    np.testing.assert_array_equal(joined(party[1] for party in results), encode(np.maximum(X, 0), 8.0))
    for party in range(size):
        assert played.channels[party].cost.total().rounds == 9
        frames = [frame for frm, frame in played.views[party] if frame.label == "both"]
        assert len(frames) == 9 * (size - 1)


def test_without_a_turn_nothing_is_said() -> None:
    def silent(value: int) -> Turns[int]:
        yield from ()
        return value

    def protocol(s: Session, supply: Supply) -> list[int]:
        assert play(s, "none", side_by_side()) == []
        return play(s, "two", side_by_side(silent(3), silent(4)))

    played = compute(2, protocol)
    assert played.all()[:2] == [[3, 4]] * 2
    assert played.channels[0].cost.total().rounds == 0


def _opens(mine: Ring) -> Callable[[Round], Pending]:
    return lambda r: r.open(mine)


def test_nested_turns() -> None:
    def opening(s: Session, value: int, times: int) -> Turns[int]:
        for _ in range(times):
            mine = np.array([value], dtype=np.uint64)
            pending = yield from turn(_opens(mine))
            value = int(pending.value[0])
        return value

    def protocol(s: Session, supply: Supply) -> list[list[int]]:
        inner = side_by_side(opening(s, 1, 1), opening(s, 1, 3))
        return play(s, "nested", side_by_side(inner, side_by_side(opening(s, 5, 2))))

    played = compute(2, protocol)
    assert played.all()[:2] == [[[2, 8], [20]]] * 2
    assert played.channels[0].cost.total().rounds == 3
