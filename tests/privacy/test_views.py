"""What each party sees of a whole training. These are checks against mistakes, not proofs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedray.channel import Frame
from fedray.data.model_files import load_model
from fedray.parties.context import PartyOutcome
from tests import linear_tasks, tree_tasks
from tests.sealed import folder_at
from tests.tasks import Training, made_up
from tests.uniform import assert_words_uniform, sent

JSON = {"shapes", "test", "done", "kept"}
MAIN, DEALER, ONE, TWO, LABEL = range(5)
NETWORKS = {"lr": (1, [], "bce"), "nn": (4, [1], "mse")}
LINEAR: dict[str, dict[str, Any]] = {
    "linear": {"objective": "linear", "alpha": 0.01},
    "l1": {"objective": "logistic", "alpha": 0.01, "penalty": "l1"},
    "weighted": {"objective": "logistic", "alpha": 0.01, "class_weight": {"0": 1, "1": 2}},
    "poisson": {"objective": "poisson"},
}
TREES: dict[str, dict[str, Any]] = {
    "trees": {},
    "boosted regression": {"objective": "reg:squarederror", "subsample": 0.7},
    "weighted trees": {"scale_pos_weight": 2, "colsample_bytree": 0.7, "early_stopping_rounds": 9},
}
KINDS = [*NETWORKS, *LINEAR, *TREES]
SEEN = {
    "networks": {"private.train", "private.test", "layer1.z", "residual", "deal"},
    "linear": {"private.train", "private.test", "linear.z", "residual", "deal"},
    "trees": {
        "private.bins0",
        "histogram",
        "inverse",
        "quotient",
        "best",
        "members",
        "layer.open",
        "mul",
        "trunc",
        "deal",
    },
}
"""What is masked and large enough to be looked at, whatever else there is."""


def task_of(root: Path, kind: str) -> Training:
    if kind in LINEAR:
        numbers = {"max_iter": 20, "test_per_batches": 7, "batch_size": 32, **LINEAR[kind]}
        task: Training = linear_tasks.made_up(root, own=1, rows=480, **numbers)
        task.labeler, task.feature = {"scale": "none"}, {"scale": "none"}
        return task
    if kind in TREES:
        numbers = {"n_estimators": 2, "max_depth": 2, "max_bin": 4, **TREES[kind]}
        return tree_tasks.made_up(root, own=1, rows=480, **numbers)
    in_dim, layers, loss = NETWORKS[kind]
    main = {"in_dim": in_dim, "layers": layers, "max_iter": 20, "test_per_batches": 7, "batch_size": 32}
    return made_up(root, main=main, labeler={"loss": loss, "scale": "none"}, feature={"scale": "none"}, own=1, rows=480)


Ran = Callable[[str], tuple[Training, dict[int, PartyOutcome]]]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A function that returns the training of a kind and its outcomes, to be looked at only; each is run once."""
    made: dict[str, tuple[Training, dict[int, PartyOutcome]]] = {}

    def run(kind: str) -> tuple[Training, dict[int, PartyOutcome]]:
        if kind not in made:
            task = task_of(tmp_path_factory.mktemp("ran"), kind)
            made[kind] = task, task.succeed()
        return made[kind]

    return run


def outline(view: list[tuple[int, Frame]]) -> dict[int, list[tuple[str, object]]]:
    """Return by sender what came, without values; the length of numbers as text is no shape."""
    made: dict[int, list[tuple[str, object]]] = defaultdict(list)
    for frm, frame in view:
        shapes = None if frame.label in JSON else [(array.dtype.str, array.shape) for array in frame.arrays]
        made[frm].append((frame.label, shapes))
    return made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("changed", [ONE, TWO, LABEL])
def test_another_secret_changes_no_label_sender_or_shape(tmp_path: Path, ran: Ran, kind: str, changed: int) -> None:
    task = task_of(tmp_path, kind)
    table = [*task.features, task.label][changed - 2]
    rng = np.random.default_rng(9)
    table[:] = rng.permutation(table) if changed == LABEL else 0.5 * rng.normal(size=table.shape)
    task.__post_init__()
    task.succeed()
    assert [outline(view) for view in task.views] == [outline(view) for view in ran(kind)[0].views]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_masked_looks_uniform(ran: Ran, kind: str) -> None:
    """Every byte of every word, by receiver and label: a chi-square far beyond chance fails."""
    task, _ = ran(kind)
    tried = assert_words_uniform(sent(task.views, JSON))
    assert SEEN["trees" if kind in TREES else "linear" if kind in LINEAR else "networks"] <= tried
    assert kind != "l1" or "msb" in tried


def test_planted_values_are_in_no_frame_and_not_on_the_wire(tmp_path: Path) -> None:
    wire: list[bytes] = []
    task = task_of(tmp_path, "lr")
    task.features[0][::5, 0] = 123.4375
    task.label[1::4, 1] = -77.8125
    task.main = {**task.main, "learning_rate": 1e-4}  # so large a feature would leave the range otherwise
    task.__post_init__()

    def listening(sender: int, receiver: int, blob: bytes) -> bytes:
        wire.append(blob)
        return blob

    task.succeed(wire=listening)
    y = task.label[: task.n_train, 0]
    planted = [
        b"123.4375",
        b"-77.8125",
        np.float64(123.4375).tobytes(),
        np.float64(-77.8125).tobytes(),
        np.int64(123.4375 * 1024).tobytes(),
        np.int64(-77.8125 * 1024).tobytes(),
        y[:16].tobytes(),
        y[:16].astype(np.uint64).tobytes(),
        y[:32].astype(np.uint8).tobytes(),
    ]
    said = [b"".join(array.tobytes() for array in frame.arrays) for view in task.views for _, frame in view]
    assert len(said) > 200
    assert len(wire) > 100
    for value in planted:
        assert not any(value in data for data in said)
        assert not any(value in data for data in wire)


def test_the_wire_holds_no_label_and_no_text(tmp_path: Path) -> None:
    wire: list[bytes] = []
    task = task_of(tmp_path, "lr")

    def listening(sender: int, receiver: int, blob: bytes) -> bytes:
        wire.append(blob)
        return blob

    task.succeed(wire=listening)
    everything = b"".join(wire)
    for word in (b"private.train", b"layer1.z", b"residual", b"n_train", b"metrics"):
        assert word not in everything


def test_main_and_dealer_see_public_values_only(ran: Ran) -> None:
    task, _ = ran("nn")
    assert {frame.label for _, frame in task.views[MAIN]} == {"shapes", "test", "done"}
    assert {frame.label for _, frame in task.views[DEALER]} == {"shapes", "deal.credit"}
    assert not any(frame.arrays for _, frame in task.views[DEALER] if frame.label == "deal.credit")
    assert not [frm for view in task.views[2:] for frm, frame in view if frm == MAIN]  # too short for a checkpoint
    assert {frame.label for frm, frame in task.views[LABEL] if frm == DEALER} == {"deal"}
    assert not [frm for view in (task.views[ONE], task.views[TWO]) for frm, _ in view if frm == DEALER]


def test_predictions_go_to_the_label_client_only(ran: Ran) -> None:
    task, _ = ran("lr")
    label = "reveal.test_predictions"
    assert [sum(frame.label == label for _, frame in view) for view in task.views] == [0, 0, 0, 0, 2 * 3]


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_opened_is_what_the_plan_lists(ran: Ran, kind: str) -> None:
    task, outcomes = ran(kind)
    plan = task.plan()
    opened = {entry["tag"] for outcome in outcomes.values() for entry in outcome.reveals}
    assert opened == {reveal.tag for reveal in plan.reveals if not reveal.what.startswith("Only with ")}
    labels = {frame.label for view in task.views for _, frame in view if frame.label.startswith("reveal.")}
    splits = {"reveal.split_owner", "reveal.split"} if kind in TREES else set()
    assert labels == {"reveal.test_predictions", "reveal.range_guard"} | splits


def test_a_split_is_opened_to_its_owner_only(tmp_path: Path) -> None:
    """Of what is opened in clear, a party gets the places of its own splits; 0 stands for those of others."""
    task = task_of(tmp_path, "trees")
    task.main = {**task.main, "max_bin": 8, "max_depth": 3, "n_estimators": 3}
    task.succeed()
    plan = task.plan()
    owners, mine = models_of(task)
    for party, view in enumerate(task.views):
        places = [frame for _, frame in view if frame.label == "reveal.split"]
        assert len(places) == (3 * 3 * 2 if party in (ONE, TWO, LABEL) else 0)
    assert len({*owners.reshape(-1).tolist()}) > 1
    for rank, known in enumerate(mine):
        others = known[owners != rank]
        assert (others == np.iinfo(np.uint64).max).all()
        assert len(plan.data) == len(mine)


def models_of(task: Training) -> tuple[Any, list[Any]]:
    """Return the owners of all splits, and by rank what a party's file says of them."""
    parts = [root.path / ".fedray" / "models" / "t" for root in task.roots.values()]
    arrays = [load_model(folder_at(next(path.iterdir())))[1] for path in parts]
    return arrays[0]["split_owner"], [part["split_mine"] for part in arrays]


def test_rows_of_a_tree_are_seen_by_nobody(tmp_path: Path, ran: Ran) -> None:
    """Gradients, members of nodes and leaves are the same labels and shapes at all, and no two runs open the same."""
    seen = []
    again = task_of(tmp_path, "trees")
    again.succeed()
    for task in (ran("trees")[0], again):
        opened: dict[tuple[int, str], list[bytes]] = defaultdict(list)
        for me, label, data in sent(task.views, JSON):
            opened[me, label].append(data)
        seen.append(opened)
    for label in ("curve", "histogram", "members", "split", "layer.open"):
        for me in (ONE, TWO, LABEL):
            pairs = list(zip(seen[0].get((me, label), []), seen[1].get((me, label), []), strict=True))
            words = [np.frombuffer(one, np.uint64) == np.frombuffer(other, np.uint64) for one, other in pairs]
            assert not words or np.concatenate(words).sum() <= 1


def test_runs_of_one_seed_have_other_masks(tmp_path: Path, ran: Ran) -> None:
    runs = []
    again = task_of(tmp_path, "lr")
    again.succeed()
    for task in (ran("lr")[0], again):
        runs.append({(me, frm, k): view for me in range(5) for frm, k, view in numbered(task.views[me])})
    assert runs[0].keys() == runs[1].keys()
    compared = 0
    for key, frame in runs[0].items():
        assert frame.label == runs[1][key].label
        if frame.label in JSON:
            continue
        for one, other in zip(frame.arrays, runs[1][key].arrays, strict=True):
            assert (one == other).sum() <= 1  # a word in 2^64 may be equal
            compared += one.size
    assert compared > 10_000


def numbered(view: list[tuple[int, Frame]]) -> Iterator[tuple[int, int, Frame]]:
    counts: dict[int, int] = defaultdict(int)
    for frm, frame in view:
        yield frm, counts[frm], frame
        counts[frm] += 1
