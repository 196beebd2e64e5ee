"""What each party sees of a task that predicts. These are checks against mistakes, not proofs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fedray.channel import Frame
from fedray.data.model_files import load_model
from tests import linear_tasks, tasks, tree_tasks
from tests.predictions import Prediction, copied, prediction
from tests.sealed import folder_at
from tests.tasks import Training
from tests.uniform import assert_words_uniform, sent

JSON = {"shapes", "done", "label_units"}
MAIN, DEALER, ONE, TWO, LABEL = range(5)
KINDS = ["linear", "logistic", "network", "trees"]
ROWS = 480
Trained = Callable[[Path, str], Training]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A function that returns a copy in a folder of the training of a kind; each is run once."""
    made: dict[str, Training] = {}

    def copy_of(folder: Path, kind: str) -> Training:
        if kind not in made:
            made[kind] = train(tmp_path_factory.mktemp(kind), kind)
        return copied(made[kind], folder)

    return copy_of


def train(root: Path, kind: str) -> Training:
    plain = {"scale": "none"}
    if kind == "network":
        main = {"in_dim": 3, "layers": [1], "max_iter": 10, "test_per_batches": 10}
        task = tasks.made_up(root, own=1, rows=ROWS, main=main)
    elif kind == "trees":
        task = tree_tasks.made_up(root, own=1, rows=ROWS, n_estimators=4, max_depth=3)
        task.succeed()
        return task
    else:
        task = linear_tasks.made_up(root, kind, own=1, rows=ROWS, max_iter=10, test_per_batches=10)
    task.feature, task.labeler = plain, {**task.labeler, **plain}
    task.succeed()
    return task


def predicting(training: Training, receiver: int) -> Prediction:
    return prediction(training, main={"receiver": receiver})


def outline(view: list[tuple[int, Frame]]) -> dict[int, list[tuple[str, object]]]:
    """Return by sender what came, without values; the length of numbers as text is no shape."""
    made: dict[int, list[tuple[str, object]]] = defaultdict(list)
    for frm, frame in view:
        shapes = None if frame.label in JSON else [(array.dtype.str, array.shape) for array in frame.arrays]
        made[frm].append((frame.label, shapes))
    return made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("changed", [ONE, TWO, LABEL])
def test_other_rows_change_no_label_sender_or_shape(trained: Trained, tmp_path: Path, kind: str, changed: int) -> None:
    training = trained(tmp_path, kind)
    outlines = []
    for again in (False, True):
        task = predicting(training, TWO)
        if again:
            tables = [*training.features, training.label]
            rng = np.random.default_rng(9)
            task.write(changed, "train.csv", 0.5 * rng.normal(size=tables[changed - 2][: training.n_train].shape))
        task.succeed()
        outlines.append([outline(view) for view in task.views])
    assert outlines[0] == outlines[1]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_masked_looks_uniform(trained: Trained, tmp_path: Path, kind: str) -> None:
    """Every word, by receiver and label: a chi-square far beyond chance fails; also the summands of predictions."""
    task = predicting(trained(tmp_path, kind), TWO)
    task.succeed()
    tried = assert_words_uniform(sent(task.views, JSON))
    wanted = {"split", "members"} if kind == "trees" else {"private.test", "guard"}
    assert {*wanted, "deal", "reveal.predictions"} <= tried


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("receiver", [ONE, LABEL])
def test_predictions_go_to_the_receiver_only(trained: Trained, tmp_path: Path, kind: str, receiver: int) -> None:
    task = predicting(trained(tmp_path, kind), receiver)
    outcomes = task.succeed()
    hears = [sum(frame.label == "reveal.predictions" for _, frame in view) for view in task.views]
    assert hears == [2 if index == receiver else 0 for index in range(5)]  # a summand of each other party
    assert {frame.label for _, frame in task.views[MAIN]} == {"shapes", "done"}
    assert {frame.label for _, frame in task.views[DEALER]} <= {"shapes", "deal.credit"}
    units = [index for index, view in enumerate(task.views) if any(frame.label == "label_units" for _, frame in view)]
    assert units == ([receiver] if kind == "linear" and receiver != LABEL else [])
    opened = {entry["tag"] for outcome in outcomes.values() for entry in outcome.reveals}
    assert opened <= {reveal.tag for reveal in task.plan().reveals}
    assert task.files() == [receiver]


@pytest.mark.parametrize("kind", ["linear", "trees"])
def test_the_shares_of_the_model_are_in_no_frame(trained: Trained, tmp_path: Path, kind: str) -> None:
    training = trained(tmp_path, kind)
    task = predicting(training, ONE)
    task.succeed()
    said = [b"".join(array.tobytes() for array in frame.arrays) for view in task.views for _, frame in view]
    assert len(said) > 20
    for path in tmp_path.rglob("shares.npz"):
        _, shares = load_model(folder_at(path.parent))
        for name in [name for name in shares if name.startswith(("weights", "intercept", "leaves"))]:
            for word in shares[name].reshape(-1):
                assert not any(word.tobytes() in data for data in said)
