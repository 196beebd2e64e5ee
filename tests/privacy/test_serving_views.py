"""What each party sees of a task that answers requests. These are checks against mistakes, not proofs."""

from __future__ import annotations

import numpy as np
import pytest

from tests.predictions import COLUMNS, data_set, train_named
from tests.privacy.test_prediction_views import JSON, outline
from tests.servings import Serving, answering, served
from tests.tasks import Training

MAIN, DEALER, ONE, TWO, LABEL = range(5)
ROWS = 40


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Training:
    return train_named(tmp_path_factory.mktemp("kept"))


def ask(trained: Training, seed: int, changed: int) -> Serving:
    """Ask for three rows of tables of which one party's depends on the seed."""
    for index in trained.roots:
        rng = np.random.default_rng(seed if index == changed else 0)
        table = np.round(rng.normal(size=(ROWS, len(COLUMNS[index]))), 3)
        data_set(trained, index, "new", table, COLUMNS[index])
    task = served(trained, {"receiver": TWO}, clients={index: {"data_path": "new"} for index in trained.roots})
    with answering(task):
        task.ask("r3", "r17")
        task.ask("r5")
    return task


@pytest.mark.parametrize("changed", [ONE, TWO, LABEL])
def test_other_rows_change_no_label_sender_or_shape(trained: Training, changed: int) -> None:
    one, other = (ask(trained, seed, changed) for seed in (1, 2))
    assert [outline(view) for view in one.views] == [outline(view) for view in other.views]


def test_nothing_in_clear_but_what_the_report_lists(trained: Training) -> None:
    """Predictions of three rows at the receiver, three numbers of rows at the others, and the guard's count."""
    task = ask(trained, 1, ONE)
    clear = [
        {
            (frame.label, sum(array.size for array in frame.arrays))
            for _, frame in view
            if frame.label not in JSON | {"served"} and ("reveal" in frame.label or frame.label == "asked")
        }
        for view in task.views
    ]
    guard, rows = ("reveal.range_guard", 1), {("asked", 0), ("asked", 1), ("asked", 2)}
    assert clear == [
        set(),
        set(),
        {guard, *rows},
        {guard, ("reveal.predictions", 1), ("reveal.predictions", 2)},
        {guard, *rows},
    ]


def test_no_message_or_event_holds_an_id_or_a_prediction(trained: Training, caplog: pytest.LogCaptureFixture) -> None:
    task = ask(trained, 1, ONE)
    told = [str(event.data) for event in task.events] + [caplog.text]
    assert not [text for text in told if "r17" in text or "r5" in text]
