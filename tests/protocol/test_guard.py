"""The guard of networks: what left its range fails everybody with a sentence; what is inside passes and is right."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fedray.errors import FedrayError, RangeGuardError, TaskAborted
from fedray.ml import guard_plan
from fedray.ml.deep_layers import DeepLayers
from fedray.ml.design import FEATURE_SCALE, NetDesign
from fedray.ml.guard import KINDS, Guard
from fedray.ml.guard_plan import Slice, network_plan
from fedray.ml.network import Network
from fedray.mpc import Session
from fedray.mpc.share import Share
from tests.networks import Problem, design, weights
from tests.parties import Played, compute, words

Float = npt.NDArray[np.float64]
Result = Played[Any]


def failure(played: Result, parties: int) -> str:
    """Return the one sentence with which the computing parties fail."""
    errors = [played.errors[rank] for rank in range(parties)]
    assert {type(error) for error in errors} <= {RangeGuardError, TaskAborted}
    messages = {error.message for error in errors if isinstance(error, FedrayError)}
    assert len(messages) == 1
    return messages.pop()


def notes(played: Result, made: NetDesign) -> list[str]:
    return [note for tested in played.all()[made.label][1] for note in tested.notes]


@pytest.mark.parametrize("widths", [(1,), (3, 1)])
def test_a_rate_too_large_fails_at_every_party_with_layer_and_batch(widths: tuple[int, ...]) -> None:
    made = design((5, 4, 0), widths, learning_rate=100.0, batch=4, test_every=5)
    message = failure(Problem.made_up(made, factor=8.0).on_shares(), 3)
    assert "after batch 5: " in message
    assert "of 90 test rows" in message
    assert "of 240 training rows" in message
    assert "beyond +-24" in message
    assert "lower learning_rate" in message


@pytest.mark.parametrize(("widths", "loss"), [((1,), "bce"), ((6, 1), "bce"), ((5, 4, 2), "mse")])
def test_ordinary_data_is_not_counted(widths: tuple[int, ...], loss: str) -> None:
    made = design((5, 4, 0), widths, loss)
    played = Problem.made_up(made).on_shares()
    for _, tests in played.all()[:3]:
        for tested in tests:
            np.testing.assert_array_equal(tested.out_of_range, np.zeros(made.depth))
    assert notes(played, made) == []


def outlier(made: NetDesign, size: float, row: int = 17) -> Problem:
    """Return a problem with one training row far out and its test rows as ever; its linear output is known."""
    problem = Problem.made_up(made)
    problem.train[row] = 0.0
    problem.train[row, 0] = np.rint(size * FEATURE_SCALE) / FEATURE_SCALE
    return problem


def steered(monkeypatch: pytest.MonkeyPatch, made: NetDesign, weight: float) -> None:
    """Let the first feature have this weight in the first layer, whatever is learnt."""
    kept = Network.train

    def train(self: Network, steps: int) -> None:
        kept(self, steps)
        scale = made.scales[0].w
        for owner, w in self.first.weights.items():
            self.first.weights[owner] = self._s.constant(np.zeros(w.shape), scale).value
        column = np.zeros(self.first.weights[0].shape)
        column[0] = weight
        self.first.weights[0] = self._s.constant(column, scale).value
        self.first._bias = self._s.constant(np.zeros(made.widths[0]), self.first._bias.scale)

    monkeypatch.setattr(Network, "train", train)


# 64, 128 and 60000 would have come back into the range from the other side of the ring
@pytest.mark.parametrize("size", [24.02, -25.0, 40.0, 64.0, -128.0, 60_000.0])
def test_one_training_outlier_that_no_test_row_has(monkeypatch: pytest.MonkeyPatch, size: float) -> None:
    made = design((3, 2, 0), steps=5, test_every=5)
    steered(monkeypatch, made, 1.0)
    message = failure(outlier(made, size).on_shares(), 3)
    assert message == (
        "layer 1 after batch 5: 1 of 240 training rows have a linear output beyond +-24, where the sigmoid is not "
        "exact; lower learning_rate or max_iter, or scale the features"
    )


@pytest.mark.parametrize("size", [23.98, -23.98])
def test_just_inside_passes(monkeypatch: pytest.MonkeyPatch, size: float) -> None:
    made = design((3, 2, 0), steps=5, test_every=5)
    steered(monkeypatch, made, 1.0)
    played = outlier(made, size).on_shares()
    assert notes(played, made) == []
    assert played.all()[0][1][0].out_of_range.tolist() == [0.0]


def test_an_outlier_of_a_hidden_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """All activations near 1 and weights that add up to 27: the second layer is out of range, the first is not."""
    made = design((3, 2, 0), (3, 1), steps=2, test_every=2)
    kept = Network.train

    def train(self: Network, steps: int) -> None:
        kept(self, steps)
        layer = self.deep.layers[1]
        column = np.array([[9.0], [9.0], [9.0], [0.0]])
        layer.fine = self._s.constant(column, layer.fine.scale)
        layer.low = self._s.constant(column, layer.low.scale)
        self.first._bias = self._s.constant(np.full(3, 12.0), self.first._bias.scale)

    monkeypatch.setattr(Network, "train", train)
    message = failure(Problem.made_up(made).on_shares(), 3)
    assert "layer 2 after batch 2: " in message
    assert "of 240 training rows" in message
    assert "layer 1" not in message


def test_few_rows_out_of_range_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    made = design((3, 2, 0), rows=(3000, 90), steps=5, test_every=5)
    steered(monkeypatch, made, 1.0)
    problem = outlier(made, 100.0)
    problem.train[5] = problem.train[17]
    found = notes(problem.on_shares(), made)
    beyond = "have a linear output beyond +-24, where the sigmoid is not exact"
    assert found == [f"layer 1 after batch 5: 2 of 3000 training rows {beyond}"]


def test_the_last_test_looks_at_all_training_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    made = design((3, 2, 0), rows=(600, 90), steps=6, test_every=2)
    monkeypatch.setattr(guard_plan, "SAMPLE", 20)
    order = network_plan(made)._order
    assert sorted(order.tolist()) == list(range(600))
    steered(monkeypatch, made, 1.0)
    message = failure(outlier(made, 64.0, row=int(order[-1])).on_shares(), 3)  # whose turn would come at the 30th test
    assert "layer 1 after batch 6: 1 of 600 training rows" in message
    message = failure(outlier(made, 64.0, row=int(order[25])).on_shares(), 3)  # the second test's sample
    assert "layer 1 after batch 4: 1 of 20 training rows" in message


def pushed(monkeypatch: pytest.MonkeyPatch, at: int, weight: float, layer: int = 1) -> None:
    """Let a weight of a later layer have a value after a step and fall back to 0 in the next."""
    step = Network._step

    def pushing(self: Network, rows: Any) -> None:
        step(self, rows)
        now = self.done + 1
        if now in (at, at + 1):
            held = self.deep.layers[layer]
            start = np.zeros(held.fine.shape)
            start[0, 0] = weight if now == at else 0.0
            held.fine = self._s.constant(start, held.fine.scale)
            held.low = self._s.constant(start, held.low.scale)

    monkeypatch.setattr(Network, "_step", pushing)


def test_a_weight_beyond_the_fixed_point_at_a_test(monkeypatch: pytest.MonkeyPatch) -> None:
    made = design((3, 2, 0), (2, 1), steps=6, test_every=3)
    limit = made.limits.weights[0]
    pushed(monkeypatch, 3, limit * 1.001)
    message = failure(Problem.made_up(made).on_shares(), 3)
    assert f"layer 2 after batch 3: 1 times since batch 0 a weight was beyond +-{limit:.4g}" in message


def test_a_weight_just_inside_is_no_weight_beyond(monkeypatch: pytest.MonkeyPatch) -> None:
    made = design((3, 2, 0), (2, 1), steps=3, test_every=3)
    pushed(monkeypatch, 3, -made.limits.weights[0] * 0.999)
    message = failure(Problem.made_up(made).on_shares(), 3)  # its rows are out of range all the same
    assert "a weight was beyond" not in message


def test_a_weight_that_leaves_and_comes_back_between_two_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    made = design((3, 2, 0), (3, 2, 1), steps=9, test_every=9, batch=1024)
    assert [step for step in range(1, 10) if made.looks_after(step)] == [7]
    pushed(monkeypatch, 7, -1.5 * made.limits.weights[1], layer=2)
    message = failure(Problem.made_up(made).on_shares(), 3)
    assert "layer 3 after batch 9: 1 times since batch 0 a weight was beyond" in message
    assert "lower learning_rate" in message


def test_what_was_counted_before_a_crash_is_counted_after_it() -> None:
    made = design((2, 1), (3, 1))
    counts = words(np.random.default_rng(1), made.depth, len(KINDS))

    def party(s: Session, _: object) -> dict[str, Any]:
        again = Guard(s, made)
        again.restore({"guard": counts}, 25)
        return dict(again.state())

    for kept in compute(2, party).all()[:2]:
        np.testing.assert_array_equal(kept["guard"], counts)


def test_weights_pushed_up_by_separable_data() -> None:
    """A rate of 100 on labels that a sign decides: the last layer's weights and outputs grow without end."""
    made = design((2, 2), (2, 1), learning_rate=100.0, batch=16, steps=60, test_every=60)
    problem = Problem.made_up(made, factor=4.0)
    problem.labels[:] = problem.train[:, :1] > 0
    message = failure(problem.on_shares(), 2)
    assert "after batch 60: " in message
    assert "lower learning_rate or max_iter" in message


def test_a_residual_that_overflows(monkeypatch: pytest.MonkeyPatch) -> None:
    made = design((3, 2, 0), (4, 3, 2), steps=4, test_every=4)
    assert made.limits.watched == (0,)
    back = DeepLayers._layer_back

    def larger(self: DeepLayers, index: int, residual: Share, *others: Any) -> Share:
        found = back(self, index, residual, *others)
        if index == 1:
            product = self.products[0]
            self.products[0] = self._s.constant(2.0**61.2 / product.scale, product.scale, product.shape)
        return found

    monkeypatch.setattr(DeepLayers, "_layer_back", larger)
    message = failure(Problem.made_up(made).on_shares(), 3)
    assert f"layer 1 after batch 4: {32 * 4} times since batch 0 a residual was beyond +-" in message
    assert "its range in fixed point; lower learning_rate, or use fewer or narrower layers" in message


def test_looks_between_tests_cost_8_rounds_and_change_no_result() -> None:
    steps, looks = 11, 3
    made = design((3, 2, 0), (4, 3, 1), learning_rate=1.0, batch=1024, steps=steps, test_every=steps)
    assert sum(made.looks_after(step) for step in range(1, steps + 1)) == looks
    problem = Problem.made_up(made)
    played = problem.on_shares()
    results = played.all()[:3]
    assert played.channels[2].cost.phases["train"].rounds == steps * 10 + 8 * looks
    oracle, expected = problem.in_clear()
    predictions = results[2][1][0].predictions
    assert predictions is not None
    assert np.max(np.abs(predictions - expected[0])) < 6e-3
    learned = weights(made, [network for network, _ in results])
    assert np.max(np.abs(learned[2][:-1] - oracle.weights[2])) < 1e-2


def test_only_counts_are_opened() -> None:
    made = design((3, 2, 0), (4, 1), steps=6, test_every=3)
    played = Problem.made_up(made).on_shares()
    played.all()
    for view in played.views[:3]:
        opened = [frame for _, frame in view if frame.label == "reveal.range_guard"]
        assert [array.shape for frame in opened for array in frame.arrays] == [(2, len(KINDS))] * 2 * made.tests
    labels = {frame.label for view in played.views for _, frame in view if frame.label.startswith("reveal.")}
    assert labels == {"reveal.range_guard", "reveal.test_predictions"}


def test_the_plan_of_a_test_covers_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_plan, "SAMPLE", 100)
    monkeypatch.setattr(guard_plan, "SLICE_ROWS", 64)
    monkeypatch.setattr(guard_plan, "BATCH_VALUES", 300)
    made = design((3, 2), (3, 1), steps=45, test_every=10)
    plan, seen = network_plan(made), list[int]()
    for done in (10, 20, 30, 40, 45):
        parts = list(plan.at(done))
        slices = [part for part in parts if isinstance(part, Slice)]
        of = {name: np.concatenate([part.rows for part in slices if part.matrix == name]) for name in ("test", "train")}
        np.testing.assert_array_equal(of["test"], np.arange(90))
        assert of["train"].size == plan.sampled(done) == (240 if done == 45 else 100)
        assert len(set(of["train"].tolist())) == of["train"].size
        assert max(part.rows.size for part in slices if part.matrix == "train") <= 64
        compared = sum(part.values for part in parts if not isinstance(part, Slice))
        assert compared == 4 * (90 + of["train"].size) + (5 + 1) * 3 + (3 + 1)
        assert not isinstance(parts[-1], Slice)
        seen += of["train"].tolist()
    assert set(seen[:240]) == set(range(240))  # everyone's turn came within the first tests
