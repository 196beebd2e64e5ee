"""Parity on shares: what it reports is what the opened values say, and a broken value is found where it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pytest

from fedray.errors import LocalProtocolError
from fedray.ml.network import Network
from fedray.ml.oracle import Oracle
from fedray.ml.parity import NOTICEABLE, Clear, Comparison, Difference, Observer, Opener, Point, Points
from fedray.ml.schedule import matrices, segments
from fedray.mpc import Session
from fedray.mpc.dealer import Supply
from fedray.mpc.share import Share
from fedray.ring import decode
from tests.networks import Problem, design
from tests.parties import Played, compute, joined

Float = npt.NDArray[np.float64]
TAGS = ("parity_values",)


@dataclass(eq=False)
class Keeping:
    """An observer that keeps its party's shares, step by step, and passes them on."""

    then: Observer
    seen: list[tuple[Point, Share]] = field(default_factory=list)

    def see(self, layer: int, what: str, share: Share) -> None:
        self.seen.append(((layer, what), share))
        self.then.see(layer, what, share)


Make = Callable[[Session, Supply, Observer], Network]
Outcome = tuple[list[tuple[Point, Share]], list[Difference]]


def watched(problem: Problem, make: Make | None = None, reveals: tuple[str, ...] = TAGS) -> Played[Outcome]:
    """Train with parity at every party; return each one's shares, and what the label party found."""
    made = problem.design

    def protocol(s: Session, supply: Supply) -> Outcome:
        mine = s.rank == made.label
        twin = Oracle(made, problem.train, problem.labels, problem.test)
        comparison = Comparison(twin) if mine else None
        keeping = Keeping(Opener(s, made.label, comparison))
        network = (
            make(s, supply, keeping) if make else Network(s, made, supply, problem.inputs(s.rank), observer=keeping)
        )
        network.train(made.steps)
        return keeping.seen, comparison.differences() if comparison else []

    parts = list(segments(made))
    return compute(len(made.features), protocol, parts, matrices(made), corrected=made.label, reveals=reveals)


def small(widths: tuple[int, ...] = (1,), loss: str = "bce", **other: object) -> Problem:
    return Problem.made_up(design((3, 0, 2), widths, loss, **{"steps": 12, "label": 1, "rows": (60, 20), **other}))


def largest(problem: Problem, outcomes: list[Outcome]) -> dict[Point, tuple[float, int]]:
    """Work out from the parties' shares and the training in clear what should have been reported."""
    twin = Oracle(problem.design, problem.train, problem.labels, problem.test)
    views = [seen for seen, _ in outcomes]
    found: dict[Point, tuple[float, int]] = {}
    clear: dict[Point, Float] = {}
    for shares in zip(*views, strict=True):
        (point,) = {point for point, _ in shares}
        if not clear:
            clear = dict(twin.step())
        value = decode(joined(share for _, share in shares), shares[0][1].scale)
        error = float(np.max(np.abs(value - clear.pop(point))))
        if error > found.get(point, (-1.0, 0))[0]:
            found[point] = (error, twin.done)
    assert not clear
    assert twin.done == problem.design.steps
    return found


@pytest.mark.parametrize(("widths", "loss"), [((1,), "bce"), ((2,), "mse"), ((4, 1), "bce"), ((4, 3, 1), "mse")])
def test_errors_are_those_of_the_opened_shares(widths: tuple[int, ...], loss: str) -> None:
    problem = small(widths, loss)
    outcomes = watched(problem).all()[:3]
    told = outcomes[1][1]
    assert {(d.layer - 1, d.what): (d.error, d.step) for d in told} == largest(problem, outcomes)
    assert not outcomes[0][1]
    assert not outcomes[2][1]
    depth, last = len(widths), "prediction" if loss == "bce" else "residual"
    hidden = {(layer, "activation") for layer in range(1, depth)}
    everywhere = {(layer, what) for layer in range(1, depth + 1) for what in ("z", "weights", "bias")}
    assert {(d.layer, d.what) for d in told} == {*hidden, *everywhere, (depth, last)}
    assert all(0 <= d.error < NOTICEABLE and d.first_noticed is None for d in told)
    assert max(d.error for d in told) > 0  # fixed point is not exact


def test_without_bias_there_is_no_bias_to_see() -> None:
    told = watched(small((3, 1), bias=False)).all()[1][1]
    assert {d.what for d in told} == {"z", "activation", "prediction", "weights"}


class Broken(Network):
    """A network one of whose weights is moved by `BY` after step `AT`, at one party, before anybody sees it."""

    AT, BY = 5, 0.75

    def _show_weights(self) -> None:
        self.steps = getattr(self, "steps", 0) + 1
        if self.steps == self.AT and self._s.rank == 0:
            self.move()
        super()._show_weights()

    def move(self) -> None:
        raise NotImplementedError


class BrokenFirst(Broken):
    def move(self) -> None:
        weights = self.first.weights[0].copy()
        weights[2, 0] += np.uint64(int(self.BY * self._design.scales[0].w))
        self.first.weights[0] = weights


class BrokenSecond(Broken):
    def move(self) -> None:
        fine = self.deep.layers[1].fine
        value = fine.value.copy()
        value[1, 0] -= np.uint64(int(self.BY * fine.scale))
        self.deep.layers[1].fine = Share(value, fine.scale)


@pytest.mark.parametrize(("kind", "widths", "layer"), [(BrokenFirst, (1,), 1), (BrokenSecond, (4, 1), 2)])
def test_a_broken_weight_is_found_with_its_layer_and_step(
    kind: type[Broken], widths: tuple[int, ...], layer: int
) -> None:
    problem = small(widths, learning_rate=0.1)
    made = problem.design
    told = watched(problem, lambda s, supply, o: kind(s, made, supply, problem.inputs(s.rank), o)).all()[1][1]
    found = {(d.layer, d.what): d for d in told}
    broken = found[layer, "weights"]
    assert broken.error == pytest.approx(Broken.BY, abs=0.05)
    assert broken.first_noticed == Broken.AT
    first = min((d for d in told if d.first_noticed), key=lambda d: d.first_noticed or 0)
    assert first == broken
    assert {d.first_noticed for d in told} <= {Broken.AT, None, *range(Broken.AT + 1, made.steps + 1)}


def test_a_plan_without_parity_lets_nothing_be_opened() -> None:
    played = watched(small(), reveals=())
    with pytest.raises(LocalProtocolError, match="'parity_values', which the plan does not list"):
        played.all()
    assert not any(frame.label.startswith("reveal") for view in played.views for _, frame in view)


def test_without_an_observer_nothing_is_said() -> None:
    problem = small()
    played = problem.on_shares()
    played.all()
    assert not any("parity" in frame.label for view in played.views for _, frame in view)


class Fixed(Clear):
    """A twin with one point, always zero."""

    def step(self) -> Points:
        return {(0, "z"): np.zeros(2)}

    def predict(self) -> Float:
        return np.zeros((1, 1))


def test_the_comparison_notes_the_first_and_the_largest() -> None:
    comparison = Comparison(Fixed())
    assert comparison.largest() is None
    for error in (0.0, 0.04, 0.06, 0.5, 0.5, 0.1):
        comparison.see(0, "z", np.array([0.0, -error]))
    assert comparison.differences() == [Difference(1, "z", 0.5, 4, 3)]
    assert comparison.largest() == comparison.differences()[0]
    assert comparison.steps == 6


def test_an_error_that_is_no_number_is_the_largest() -> None:
    comparison = Comparison(Fixed())
    for value in (3.0, math.nan, 5.0):
        comparison.see(0, "z", np.array([0.0, value]))
    (found,) = comparison.differences()
    assert (found.error, found.step, found.first_noticed) == (math.inf, 2, 1)
    assert found.as_dict()["error"] is None


@pytest.mark.parametrize(("layer", "what", "shape"), [(1, "z", 2), (0, "bias", 2), (0, "z", 3)])
def test_a_point_that_the_twin_does_not_have(layer: int, what: str, shape: int) -> None:
    with pytest.raises(LocalProtocolError, match=f"layer {layer + 1} has no {what} of this shape"):
        Comparison(Fixed()).see(layer, what, np.zeros(shape))
