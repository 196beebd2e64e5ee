"""What each party sees of a task that measures what each party adds. These are checks against mistakes, not proofs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fedray.parties import contribution
from tests import tree_tasks
from tests.predictions import Prediction, prediction
from tests.tasks import Training
from tests.uniform import assert_words_uniform, sent

JSON = {"shapes", "done"}
MAIN, DEALER, ONE, TWO, LABEL = range(5)
ROWS = 480


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Training:
    task = tree_tasks.made_up(tmp_path_factory.mktemp("t"), own=1, rows=ROWS, n_estimators=4, max_depth=3)
    task.succeed()
    return task


def measuring(training: Training) -> Prediction:
    return prediction(training, main={"contribution": True}, clients={LABEL: {"labels_path": "d"}})


def test_pairs_go_to_the_receiver_only_and_a_report_names_them(training: Training) -> None:
    task = measuring(training)
    outcomes = task.succeed()
    hears = [sum(frame.label == "reveal.contribution" for _, frame in view) for view in task.views]
    assert hears == [2 * 3 if index == LABEL else 0 for index in range(5)]  # of both others, for each owner
    assert {frame.label for _, frame in task.views[MAIN]} == JSON
    paid = {f"deal.credit.masks/contribution/{owner}" for owner in range(3)}
    assert {frame.label for _, frame in task.views[DEALER]} <= {"shapes", "deal.credit", *paid}
    for index in (ONE, TWO, LABEL):
        (told,) = [entry for entry in outcomes[index].reveals if entry["tag"] == "contribution"]
        assert (told["to"], told["count"]) == ([LABEL], 3)
    opened = {entry["tag"] for outcome in outcomes.values() for entry in outcome.reveals}
    assert opened <= {reveal.tag for reveal in task.plan().reveals}


def test_the_receiver_cannot_follow_a_row(training: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def noting(ctx: Any, *args: Any) -> Any:
        pairs = contribution.permuted_pairs(ctx, *args)
        if ctx.me == LABEL:
            seen.extend(pairs)
        return pairs

    monkeypatch.setattr("fedray.parties.prediction.permuted_pairs", noting)
    monkeypatch.setattr(contribution, "own_order", np.arange)  # so that the pairs are those of the task itself
    task = measuring(training)
    task.succeed()
    values, y = task.predicted(LABEL)[2][:, 0], training.label[:, 0]
    for one in seen:
        p = 1.0 / (1.0 + np.exp(-one.opened[:, 0]))
        found, expected = np.stack([p, one.labels[:, 0]], axis=1), np.stack([values, y], axis=1)
        assert np.allclose(by_value(found), by_value(expected))
        # of rows of the same leaves and label any is as good; in an order of chance a tenth or so stand there
        assert np.isclose(found, expected).all(axis=1).sum() < ROWS // 2
    orders = [one.opened[:, 0].tolist() for one in seen]
    assert orders[0] != orders[1] != orders[2]


def by_value(pairs: Any) -> Any:
    return pairs[np.lexsort(pairs.T)]


def test_what_is_masked_looks_uniform(training: Training) -> None:
    task = measuring(training)
    task.succeed()
    tried = assert_words_uniform(sent(task.views, JSON))
    assert {"shuffle", "reveal.contribution", "deal"} <= tried
