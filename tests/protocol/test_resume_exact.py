"""With public masks a training that is broken off ends with the same model to the last bit: no step is lost or doubled.

Under any other plan masks are never used twice, so that two runs differ by their rounding: `test_resume`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedray.data.model_files import load_model
from fedray.errors import PeerLost
from fedray.ml.linear_weights import LinearWeights
from fedray.ml.schedule import Rows
from fedray.parties.checkpoints import Checkpoint, Checkpoints, Mark
from fedray.parties.context import PartyOutcome
from fedray.parties.training_run import Run
from fedray.prg import Stream
from fedray.ring import Ring
from fedray.task.record import EventKind
from fedray.trees.design import TreeDesign
from tests import tree_tasks
from tests.linear_tasks import made_up as linear
from tests.parties import joined
from tests.sealed import folder_at
from tests.tasks import Training
from tests.tasks import made_up as network

STEPS: dict[str, Any] = {"max_iter": 16, "test_per_batches": 7, "checkpoint_every": 5, "public_masks": True}
DEEP: dict[str, Any] = {"in_dim": 3, "layers": [2, 1], **STEPS}
TREES: dict[str, Any] = {"n_estimators": 3, "test_per_trees": 2, "checkpoint_every": 1, "public_masks": True}

TASKS: dict[str, Callable[[Path], Training]] = {
    "linear": lambda root: linear(root, "linear", momentum=0.5, **STEPS),
    "logistic": lambda root: linear(root, "logistic", own=1, class_weight="balanced", alpha=0.01, **STEPS),
    "passes": lambda root: linear(root, "logistic", batch_order="hashed", **STEPS),
    "costs": lambda root: linear(root, "linear", batch_order="table", cost_tol=1e-9, learning_rate_init=0.03, **STEPS),
    "l1": lambda root: linear(root, "logistic", penalty="l1", alpha=0.01, penalize_intercept=True, **STEPS),
    "one layer": lambda root: network(root, main=STEPS),
    "network": lambda root: network(root, main=DEEP),
    "trees": lambda root: tree_tasks.made_up(root, own=1, scale_pos_weight=2.0, subsample=0.8, **TREES),
    "regression": lambda root: tree_tasks.made_up(root, objective="reg:squarederror", **TREES),
}
CHECKPOINTS = {kind: (1, 2) if kind in ("trees", "regression") else (5, 10, 15) for kind in TASKS}
EVERY = [(kind, done) for kind, marks in CHECKPOINTS.items() for done in marks]

ROLES = ("feature_client", "feature_client", "label_client")

Opened = dict[str, Ring]


def opened(task: Training) -> Opened:
    """Return the sums of what the parties kept, by name: weights, or leaves and splits."""
    folders = [task.roots[r + 2].path / ".fedray" / "models" / "t" / f"{r}-{ROLES[r]}" for r in range(3)]
    parts = [load_model(folder_at(folder))[1] for folder in folders]
    return {name: joined(part[name] for part in parts) for name in parts[0]}


def equal(first: Opened, second: Opened) -> bool:
    """Whether two models are the same, to the last bit."""
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


def told(outcomes: dict[int, PartyOutcome]) -> dict[str, Any]:
    return {name: value for name, value in outcomes[0].result.items() if name != "resumed_from"}


def breaks_off(task: Training, done: int, party: int = 3) -> None:
    """Run a task until every data client has a checkpoint after so many steps; then one dies."""
    written = threading.Barrier(3)
    write = Run._checkpoint_if_due

    def writing(self: Run) -> None:
        write(self)
        if self._model.done == done:
            self._ctx.channel.flush()  # the others need what I have said to come so far
            written.wait(60)
            if self._ctx.me == party:
                raise PeerLost("the process died")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "_checkpoint_if_due", writing)
        task.run()
    assert isinstance(task.errors[party], PeerLost)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Opened, dict[str, Any]]]:
    """Models and last tests of trainings that were not broken off, by kind."""
    found: dict[str, tuple[Opened, dict[str, Any]]] = {}

    def get(kind: str) -> tuple[Opened, dict[str, Any]]:
        if kind not in found:
            task = TASKS[kind](tmp_path_factory.mktemp("whole"))
            outcomes = task.succeed()
            found[kind] = opened(task), told(outcomes)
        return found[kind]

    return get


@pytest.mark.parametrize(("kind", "done"), EVERY)
def test_a_training_that_was_broken_off_ends_with_the_same_model(
    tmp_path: Path, whole: Callable[[str], tuple[Opened, dict[str, Any]]], kind: str, done: int
) -> None:
    task = TASKS[kind](tmp_path)
    breaks_off(task, done, party=2 + done % 3)
    outcomes = task.succeed(resumes=True)
    assert outcomes[0].result["resumed_from"] == done
    model, test = whole(kind)
    assert equal(opened(task), model)
    assert told(outcomes) == test


@pytest.mark.parametrize("kind", ["linear", "network", "trees"])
def test_two_trainings_have_the_same_model(
    tmp_path: Path, whole: Callable[[str], tuple[Opened, dict[str, Any]]], kind: str
) -> None:
    task = TASKS[kind](tmp_path)
    outcomes = task.succeed()
    assert (opened(task).keys(), told(outcomes)) == (whole(kind)[0].keys(), whole(kind)[1])
    assert equal(opened(task), whole(kind)[0])


def a_batch_is_left_out(patch: pytest.MonkeyPatch) -> None:
    steps = Rows.steps
    patch.setattr(Rows, "steps", lambda self, first, count: steps(self, first + 1, count))


def a_mask_is_left_out(patch: pytest.MonkeyPatch) -> None:
    """The masks of the first steps are those of the ones before."""
    words = Stream.words
    patch.setattr(
        Stream,
        "words",
        lambda self, label, shape: words(self, "train/5" if label == "train/10" else label, shape),
    )


def velocities_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    restore = LinearWeights.restore
    patch.setattr(
        LinearWeights, "restore", lambda self, arrays: restore(self, {**arrays, "v": np.zeros_like(arrays["v"])})
    )


def a_step_is_done_twice(patch: pytest.MonkeyPatch) -> None:
    """All parties take the older checkpoint for the newer one."""
    load = Checkpoints.load

    def older(self: Checkpoints, mark: Mark) -> Checkpoint:
        found = load(self, self.marks()[0])
        return Checkpoint(mark, found.model, found.best, found.past)

    patch.setattr(Checkpoints, "load", older)


FAULTS = (a_batch_is_left_out, a_mask_is_left_out, velocities_are_forgotten, a_step_is_done_twice)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_going_on_is_seen(
    tmp_path: Path,
    whole: Callable[[str], tuple[Opened, dict[str, Any]]],
    fault: Callable[[pytest.MonkeyPatch], None],
) -> None:
    task = TASKS["linear"](tmp_path)
    breaks_off(task, 10)
    with pytest.MonkeyPatch.context() as patch:
        fault(patch)
        task.succeed(resumes=True)
    assert not equal(opened(task), whole("linear")[0])


def test_a_tree_that_is_left_out_is_seen(
    tmp_path: Path, whole: Callable[[str], tuple[Opened, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of the last tree are drawn as those of the one before."""
    task = TASKS["trees"](tmp_path)
    breaks_off(task, 2)
    drawn = TreeDesign.sampled_rows
    monkeypatch.setattr(TreeDesign, "sampled_rows", lambda self, tree: drawn(self, 1 if tree == 2 else tree))
    task.succeed(resumes=True)
    assert not equal(opened(task), whole("trees")[0])


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[tuple[bytes, str]]]:
    """Keys and labels of all masks that are expanded from now on; a label's counter begins at 0 once."""
    used: set[tuple[bytes, str]] = set()
    words = Stream.words

    def recording(self: Stream, label: str, shape: tuple[int, ...]) -> Ring:
        if label.startswith(("U/", "init", "train/", "test/", "tree/")):
            used.add((self._key, label))
        return words(self, label, shape)

    monkeypatch.setattr(Stream, "words", recording)
    yield used


@pytest.mark.parametrize("public", [False, True])
@pytest.mark.parametrize("kind", ["linear", "network", "trees"])
def test_only_public_masks_are_used_twice(
    tmp_path: Path, streams: set[tuple[bytes, str]], kind: str, public: bool
) -> None:
    task = TASKS[kind](tmp_path)
    task.main = {**task.main, "public_masks": public}
    breaks_off(task, CHECKPOINTS[kind][0])
    before = set(streams)
    streams.clear()
    task.succeed(resumes=True)
    again = before & streams
    assert {label for _, label in before} & {label for _, label in streams}
    assert bool(again) is public


def test_what_it_hides_is_said(tmp_path: Path) -> None:
    task = TASKS["one layer"](tmp_path)
    outcomes = task.succeed()
    assert task.plan().reveals[-1].tag == "public_masks"
    notes = {event.party for event in task.events if event.kind == EventKind.NOTE and "INSECURE" in str(event.data)}
    assert notes == {task.plan().names[index] for index in (1, 2, 3, 4)}
    assert all(any(r["tag"] == "public_masks" for r in outcomes[index].reveals) for index in (1, 2, 3, 4))


def test_without_it_in_the_plan_no_key_is_public(tmp_path: Path, streams: set[tuple[bytes, str]]) -> None:
    task = TASKS["one layer"](tmp_path)
    task.main = {**task.main, "public_masks": False}
    assert all(reveal.tag != "public_masks" for reveal in task.plan().reveals)
    task.succeed()
    first = {key for key, _ in streams}
    streams.clear()
    task.succeed()
    assert first
    assert not first & {key for key, _ in streams}
