"""What each party adds to a model, against the same task on tables whose rows are in that other order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedray.errors import RangeGuardError, SpecError
from fedray.ml.evaluation import headline
from fedray.ml.linear_scorer import LinearScorer
from fedray.ml.withheld import WithheldPredictions
from fedray.mpc import Session
from fedray.mpc.dealer import Supply
from fedray.mpc.schedule import Segment
from fedray.mpc.shuffle import ShuffleMask, shuffle
from fedray.parties import contribution
from fedray.parties.oracle import insecure_oracle
from fedray.ring import Ring
from tests import linear_tasks, tasks, tree_tasks
from tests.parties import compute, joined, split, words
from tests.predictions import Prediction, prediction
from tests.tasks import Training

LABEL, OWNERS = 4, (2, 3, 4)

KINDS: dict[str, tuple[float, tuple[int, ...]]] = {
    "linear": (1e-9, (LABEL,)),
    "poisson": (2e-2, (2,)),
    "logistic": (2e-3, (3,)),
    "network": (2e-3, (LABEL,)),
    "trees": (1e-12, OWNERS),
}
"""How far two runs may be apart, since curves are rounded anew in each, which may swap rows of nearly equal scores;
and whose rows are brought into that order in the files, too."""


def trained(root: Path, kind: str, own: int = 1) -> Training:
    if kind == "network":
        task: Training = tasks.made_up(root, own=own, main={"max_iter": 20, "test_per_batches": 10})
    elif kind == "trees":
        task = tree_tasks.made_up(root, own=own, rows=200, n_estimators=2)
    else:
        task = linear_tasks.made_up(root, kind, own=own, max_iter=20, test_per_batches=10, learning_rate_init=0.05)
    task.succeed()
    return task


def measuring(training: Training, receiver: int = LABEL, *, contribution: bool = True, name: str = "p") -> Prediction:
    main = {"contribution": contribution, "receiver": receiver, "batch_size": 50}
    labels = training.roots[receiver].path / "generated" / "labels.csv"
    lines = [f"r{k},{value}" for k, value in enumerate(training.label[:, 0])]
    labels.write_text("\n".join(["id,y", *lines, ""]))
    return prediction(training, main=main, clients={receiver: {"labels_path": "labels.csv"}}, name=name)


def found(task: Prediction) -> dict[str, Any]:
    result: Any = task.succeed()[0].result
    (output,) = result["evaluation"]["outputs"]
    worth: dict[str, Any] = output["contribution"]
    assert {**output["metrics"], **worth["joint"]} == output["metrics"]
    return worth


def turned(count: int) -> Any:
    return np.roll(np.arange(count)[::-1], 7)


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_are_those_of_tables_in_that_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    training = trained(tmp_path, kind)
    monkeypatch.setattr(contribution, "own_order", turned)
    worth = found(measuring(training))
    assert [(one["party"], one["features"]) for one in worth["parties"]] == [
        (training.plan().names[index], columns) for index, columns in zip(OWNERS, columns_of(training), strict=True)
    ]
    bound, compared = KINDS[kind]
    for index in compared:
        one = worth["parties"][index - 2]
        labels = 0 if index != LABEL else 1
        table = (*training.features, training.label)[index - 2]
        moved = np.hstack([table[:, :labels], table[turned(len(table)), labels:]])
        training.write(index, "train.csv", moved[: training.n_train])
        training.write(index, "test.csv", moved[training.n_train :])
        task = measuring(training, contribution=False, name=f"p{index}")
        result: Any = task.succeed()[0].result
        training.write(index, "train.csv", table[: training.n_train])
        training.write(index, "test.csv", table[training.n_train :])
        expected = result["evaluation"]["outputs"][0]["metrics"]
        for name, value in one["metrics"].items():
            assert value == pytest.approx(expected[name], abs=bound, rel=1e-12)
            assert one["change"][name] == value - worth["joint"][name]
        assert task.predicted(LABEL)[2].shape == (len(table), 1)


def columns_of(training: Training) -> list[int]:
    return [*(table.shape[1] for table in training.features), training.label.shape[1] - 1]


@pytest.mark.parametrize("kind", ["logistic", "trees"])
def test_alone_is_the_same_training_without_the_others(tmp_path: Path, kind: str) -> None:
    training = trained(tmp_path, kind, own=2)
    main, clients = {"contribution": True, "part": "test"}, {LABEL: {"labels_path": "d"}}
    alone = found(prediction(training, main=main, clients=clients))["alone"]
    assert (alone["features"], alone["why"]) == (2, None)
    for index, table in zip(OWNERS, training.features, strict=False):  # columns of one value teach nothing
        training.write(index, "train.csv", 0.0 * table[: training.n_train])
        training.write(index, "test.csv", 0.0 * table[training.n_train :])
    oracle, design, y = insecure_oracle(training.plan(), training.roots)
    oracle.train(design.steps)
    assert alone["metrics"] == pytest.approx(headline("binary", y[:, 0], oracle.predict()[:, 0]), rel=1e-12)


def test_a_label_party_without_columns_has_the_mean_label(tmp_path: Path) -> None:
    training = trained(tmp_path, "logistic", own=0)
    alone = found(measuring(training))["alone"]
    rate = training.label.mean()
    entropy = -rate * np.log(rate) - (1.0 - rate) * np.log(1.0 - rate)
    assert alone["why"] == "the label party has no columns of features"
    assert alone["features"] == 0
    assert alone["metrics"] == pytest.approx({"auc": 0.5, "log_loss": entropy})


def test_tables_that_have_changed_are_said(tmp_path: Path) -> None:
    training = trained(tmp_path, "logistic")
    task = measuring(training)
    training.write(LABEL, "train.csv", training.label[: training.n_train] * [[1.0, 2.0]])
    assert found(task)["alone"]["why"] == "the label party's tables of the training have changed since"


def test_a_feature_client_may_measure(tmp_path: Path) -> None:
    worth = found(measuring(trained(tmp_path, "trees"), receiver=3))
    assert worth["alone"]["why"] == "the receiver is not the label party"
    assert len(worth["parties"]) == 3


def test_a_party_whose_rows_leave_the_range_has_no_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training = trained(tmp_path, "logistic")
    predict: Any = LinearScorer.predict

    def failing(self: LinearScorer, receiver: int) -> Any:
        scored = predict(self, receiver)
        if isinstance(self._s, WithheldPredictions):
            raise RangeGuardError("too far")
        return scored

    monkeypatch.setattr(LinearScorer, "predict", failing)
    worth = found(measuring(training))
    assert [(one["metrics"], one["change"]) for one in worth["parties"]] == [(None, None)] * 3


def test_labels_are_needed(tmp_path: Path) -> None:
    training = trained(tmp_path, "linear")
    with pytest.raises(SpecError) as raised:
        prediction(training, main={"contribution": True}).plan()
    words = "clients[4].client_config.labels_path: expected a folder or file with labels, since contribution is true"
    assert words in raised.value.message


def test_orders_are_drawn_afresh() -> None:
    one, other = contribution.own_order(200), contribution.own_order(200)
    assert sorted(one) == sorted(other) == list(range(200))
    assert (one != other).any()


@pytest.mark.parametrize("size", [2, 3, 4])
def test_shuffled_rows_are_the_same_rows(size: int) -> None:
    rng = np.random.default_rng(size)
    x = words(rng, 50, 3)
    shares = split(x, size, rng)
    masks = tuple(ShuffleMask(rank, (50, 3)) for rank in range(1, size))

    def protocol(s: Session, supply: Supply) -> tuple[Ring, Any]:
        found = shuffle(s, supply, masks, shares[s.rank], supply.step("x"))
        return found, s.channel.cost.total()

    ends = compute(size, protocol, [Segment("x", 1, masks)], [mask.order for mask in masks]).all()[:size]
    rows = joined(found for found, _ in ends)
    assert (rows != x).any()
    assert {tuple(row) for row in rows.tolist()} == {tuple(row) for row in x.tolist()}
    said = ends[0][1].lines["shuffle"].frame_bytes  # 0 owns no order: it says x - A to each owner
    assert said == (size - 1) * (16 + 24 + 8 * x.size)
