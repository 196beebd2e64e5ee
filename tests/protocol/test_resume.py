"""Trainings that are broken off at any party and any moment go on from a checkpoint and come to the same model."""

from __future__ import annotations

import json
import random
import shutil
import stat
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedray.channel import Channel
from fedray.data.model_files import load_model, save_model
from fedray.errors import DataError, PeerLost, RemoteProtocolError, TaskAborted
from fedray.ml import metrics
from fedray.ml.linear_oracle import LinearOracle
from fedray.parties.checkpoints import Checkpoints, Mark, newest_common
from fedray.parties.context import PartyOutcome
from fedray.parties.forget import forget_part
from fedray.parties.linear_recipe import LinearRecipe
from fedray.parties.oracle import insecure_oracle
from fedray.prg import Stream
from fedray.ring import Ring, decode
from fedray.task.record import EventKind
from tests import tree_tasks
from tests.linear_tasks import made_up as linear
from tests.parties import joined
from tests.sealed import folder_at
from tests.tasks import Training
from tests.tasks import made_up as network

ROLES = ("feature_client", "feature_client", "label_client")
STEPS: dict[str, Any] = {"max_iter": 20, "test_per_batches": 8, "checkpoint_every": 5}
DEEP: dict[str, Any] = {"in_dim": 3, "layers": [2, 1], **STEPS}

TASKS: dict[str, Callable[[Path], Training]] = {
    "linear": lambda root: linear(root, "linear", **STEPS),
    "logistic": lambda root: linear(root, "logistic", own=1, class_weight="balanced", **STEPS),
    "network": lambda root: network(root, main=DEEP),
    "trees": lambda root: tree_tasks.made_up(root, n_estimators=3, test_per_trees=2),
}
LOSS = {"linear": "mse", "logistic": "bce", "network": "bce", "trees": "bce"}


def part(task: Training, rank: int) -> Path:
    """Return the folder of a client's checkpoints."""
    return task.roots[rank + 2].path / ".fedray" / "checkpoints" / "t" / f"{rank}-{ROLES[rank]}"


def marks(task: Training) -> dict[str, list[Mark]]:
    """Return what each client with data could tell of its checkpoints."""
    plan = task.plan()
    clients = zip(plan.data, task.roots.values(), strict=True)
    return {plan.names[member.index]: Checkpoints(plan, member, root).marks() for member, root in clients}


def newest(task: Training) -> int:
    return newest_common(marks(task)).done


def broken_off(task: Training, answers: int, party: int = 4) -> Training:
    """Run a task in which a party dies; the others are told."""
    task.run(stop=(party, answers))
    assert isinstance(task.errors[party], PeerLost)
    return task


def assert_is_the_oracles(kind: str, task: Training, outcomes: dict[int, PartyOutcome]) -> None:
    """Compare the last test with the float64 twin, as the tests of uninterrupted trainings do."""
    oracle, design, y = insecure_oracle(task.plan(), task.roots)
    oracle.train(design.steps)
    told: Any = outcomes[0].result
    assert told["n_batches"] == design.steps
    assert told["loss"] == pytest.approx(metrics.loss(LOSS[kind], y, oracle.predict()), rel=4e-3)
    assert {k: v for k, v in told.items() if k != "resumed_from"} == outcomes[2].result == outcomes[4].result
    runs = {
        load_model(folder_at(task.roots[r + 2].path / ".fedray/models/t" / f"{r}-{ROLES[r]}"))[0]["run"]
        for r in range(3)
    }
    assert len(runs) == 1


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Counter[int]]:
    """For how many answers each party waits in a whole training, by kind."""
    found: dict[str, Counter[int]] = {}
    with pytest.MonkeyPatch.context() as patch:
        receive = Channel.recv
        waits: Counter[int] = Counter()

        def counting(self: Channel, *args: Any, **options: Any) -> Any:
            waits[self.me] += 1
            return receive(self, *args, **options)

        patch.setattr(Channel, "recv", counting)
        for kind, make in TASKS.items():
            waits.clear()
            make(tmp_path_factory.mktemp(kind)).succeed()
            found[kind] = Counter(waits)
    return found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", TASKS)
def test_any_party_dies_at_any_moment(tmp_path: Path, answers: dict[str, Counter[int]], kind: str, seed: int) -> None:
    draw = random.Random(f"{kind} {seed}")
    task = TASKS[kind](tmp_path)
    party = draw.randrange(5)
    broken_off(task, int(draw.uniform(0.0, 1.0) * answers[kind][party]), party)
    try:
        done = newest(task)
    except DataError:
        task.run(resumes=True)
        assert any("no checkpoint in common" in error.message for error in task.errors.values())
        return
    task.events.clear()
    outcomes = task.succeed(resumes=True)
    assert outcomes[0].result["resumed_from"] == done
    assert_is_the_oracles(kind, task, outcomes)
    rows: list[Any] = [event.data["row"] for event in task.events if event.kind == EventKind.RECORD]
    design = insecure_oracle(task.plan(), task.roots)[1]
    tests = []
    while done < design.steps:
        done = design.next_test(done)
        tests.append(done)
    assert [row[1] for row in rows] == tests
    assert not list(tmp_path.rglob("checkpoints/t"))


@pytest.mark.parametrize("kind", TASKS)
def test_it_dies_again_and_again(tmp_path: Path, answers: dict[str, Counter[int]], kind: str) -> None:
    task, most = TASKS[kind](tmp_path), answers[kind][3]
    broken_off(task, most // 2, 3)
    first = newest(task)
    task.run(resumes=True, stop=(2, most // 3))
    assert newest(task) >= first
    task.run(resumes=True, stop=(4, 3))  # before it can have written another one
    before = newest(task)
    outcomes = task.succeed(resumes=True)
    assert outcomes[0].result["resumed_from"] == before
    assert_is_the_oracles(kind, task, outcomes)


MASKS = ("U/", "init", "train/", "test/", "guard/", "tree/")


@pytest.mark.parametrize("kind", TASKS)
def test_no_mask_is_used_twice_across_the_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: dict[str, Counter[int]], kind: str
) -> None:
    used: list[Counter[tuple[bytes, str]]] = []
    words = Stream.words

    def recording(self: Stream, label: str, shape: tuple[int, ...]) -> Ring:
        if label.startswith(MASKS):
            used[-1][self._key, label] += 1
        return words(self, label, shape)

    monkeypatch.setattr(Stream, "words", recording)
    task = TASKS[kind](tmp_path)
    used.append(Counter())
    broken_off(task, answers[kind][3] * 3 // 4, 3)
    used.append(Counter())
    task.succeed(resumes=True)
    first, second = used
    assert {label for _, label in first} & {label for _, label in second} >= {
        "U/train" if kind != "trees" else "U/bins0"
    }
    assert not {key for key, _ in first} & {key for key, _ in second}
    for run in used:
        assert max(run.values()) <= 2  # the party's end and the dealer's


def test_the_best_test_before_the_crash_still_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second test is the best; the party dies in the fourth; the fifth is the third without gain."""
    stopping: dict[str, Any] = {"early_stopping": True, "n_iter_no_change": 3, "tol": 0.01}
    task = linear(
        tmp_path, "logistic", max_iter=100_000, test_per_batches=10, checkpoint_every=10, momentum=0.5, **stopping
    )
    scores = iter([0.6, 0.9, 0.7, 0.7, 0.7, 0.7])
    monkeypatch.setattr(LinearRecipe, "measure", lambda *_: (0.5, {"auc": next(scores)}))
    tests = iter(range(3))
    with pytest.MonkeyPatch.context() as patch:
        send = Channel.send_json

        def dying(self: Channel, to: int, label: str, value: object) -> None:
            if label == "test" and to == 0 and next(tests, None) is None:
                raise PeerLost("the process died")
            send(self, to, label, value)

        patch.setattr(Channel, "send_json", dying)
        task.run()
    assert isinstance(task.errors[4], PeerLost)
    outcomes = task.succeed(resumes=True)
    best = {"n_batches": 20, "loss": 0.5, "metrics": {"auc": 0.9}}
    assert outcomes[0].result == {**best, "resumed_from": 30}
    assert outcomes[2].result == outcomes[4].result == best
    assert next(scores, None) is None
    oracle, _, _ = insecure_oracle(task.plan(), task.roots)
    assert isinstance(oracle, LinearOracle)
    oracle.train(20)
    assert np.max(np.abs(weights(task) - oracle.w[:3, 0])) < 2e-3


def weights(task: Training) -> Any:
    """Return the first client's weights of the model that was kept."""
    parts = [load_model(folder_at(task.roots[r + 2].path / ".fedray/models/t" / f"{r}-{ROLES[r]}")) for r in range(3)]
    return decode(joined(arrays["weights_0"] for _, arrays in parts), parts[0][0]["weight_scale"])[:, 0]


@pytest.fixture(scope="module")
def half_done(tmp_path_factory: pytest.TempPathFactory, answers: dict[str, Counter[int]]) -> Training:
    """A linear training with checkpoints after 10 and 15 steps, or nearly so."""
    task = TASKS["linear"](tmp_path_factory.mktemp("half"))
    return broken_off(task, answers["linear"][2] * 9 // 10, 2)


@pytest.fixture
def task(half_done: Training, tmp_path: Path) -> Training:
    shutil.copytree(half_done.root, tmp_path / "copy")
    copied = TASKS["linear"](tmp_path / "other")
    for index in copied.roots:
        shutil.rmtree(copied.roots[index].path)
        shutil.copytree(tmp_path / "copy" / f"p{index}", copied.roots[index].path)
    return copied


def test_the_last_two_are_kept_and_only_the_owner_can_read_them(task: Training) -> None:
    for rank in range(3):
        folders = sorted(part(task, rank).iterdir())
        assert len(folders) == 2
        for folder in folders:
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert {file.name for file in folder.iterdir()} == {"manifest.json", "shares.npz"}
            assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_a_checkpoint_holds_shares_and_nothing_of_another_party(task: Training) -> None:
    found = [load_model(folder_at(sorted(part(task, rank).iterdir())[-1])) for rank in range(3)]
    for rank, (facts, arrays) in enumerate(found):
        assert set(arrays) == {"model.w", "model.v"}
        assert set(facts) - {"format", "fedray", "digest"} == {"task", "plan", "party", "tables", "mark", "past"}
        assert facts["party"] == task.plan().data[rank].party.name
        assert str(task.root) not in str(facts)
    assert len({facts["tables"] for facts, _ in found}) == 3
    # a summand fills the ring, whatever the weights are
    assert all(np.max(arrays["model.w"]) > 2**62 for _, arrays in found)


def test_a_damaged_one_is_passed_over(task: Training) -> None:
    done = newest(task)
    (older,) = {mark.done for listed in marks(task).values() for mark in listed if mark.done < done} or {done}
    for folder in part(task, 1).iterdir():
        if folder.name.startswith(f"{done}-"):
            (folder / "shares.npz").write_bytes(b"damaged")
    outcomes = task.succeed(resumes=True)
    assert outcomes[0].result["resumed_from"] == older < done


def test_without_one_in_common_everybody_says_so(task: Training) -> None:
    shutil.rmtree(part(task, 1))
    assert task.run(resumes=True) == {}
    words = {error.message.partition(":")[0] for error in task.errors.values()}
    assert words == {"the task cannot go on"}
    assert all("127.0.0.1:8022 none" in error.message for error in task.errors.values())
    assert {frame.label for view in task.views for _, frame in view} == {"shapes"}


def test_shares_of_two_runs_are_never_mixed(task: Training) -> None:
    """Another client has a checkpoint after the same steps, but of another run."""
    for folder in list(part(task, 1).iterdir()):
        facts, arrays = load_model(folder_at(folder))
        mark = {**facts["mark"], "run": "0" * 32}
        save_model(folder_at(folder), {**{k: v for k, v in facts.items() if k != "digest"}, "mark": mark}, arrays)
    with pytest.raises(DataError, match="no checkpoint in common"):
        newest(task)


def test_other_tables_are_refused_by_their_owner_before_it_says_anything(task: Training) -> None:
    table = task.features[1].copy()
    table[0, 0] += 1.0
    task.write(3, "train.csv", table[: task.n_train])
    task.run(resumes=True)
    own = {index: error for index, error in task.errors.items() if not isinstance(error, TaskAborted)}
    assert {index: type(error) for index, error in own.items()} == {3: DataError}
    assert "data_path: the tables have changed since the checkpoint was written" in own[3].message


def test_another_plan_of_the_same_name_has_none(task: Training) -> None:
    task.seed = "another"
    assert all(listed == [] for listed in marks(task).values())
    task.succeed()  # from the beginning, and what the other plan left is gone
    assert not list(task.root.rglob("checkpoints/t"))


def test_a_start_from_the_beginning_forgets_checkpoints(task: Training) -> None:
    outcomes = task.succeed()
    assert "resumed_from" not in outcomes[0].result


def test_forgetting_a_model_deletes_checkpoints(task: Training) -> None:
    plan = task.plan()
    receipt = forget_part(plan, plan.data[1], task.roots[3])
    assert receipt == {"index": 3, "role": "feature_client", "party": plan.data[1].party.name, "digest": None}
    assert not part(task, 1).exists()
    assert part(task, 0).exists()
    assert forget_part(plan, plan.data[1], task.roots[3]) == receipt


@pytest.mark.parametrize("lie", [None, [], [{"run": 1, "done": 5}], [{}] * 9, "all"])
def test_a_lie_about_checkpoints(task: Training, monkeypatch: pytest.MonkeyPatch, lie: object) -> None:
    send = Channel.send_json

    def lying(self: Channel, to: int, label: str, value: Any) -> None:
        send(self, to, label, {**value, "checkpoints": lie} if label == "shapes" and self.me == 3 else value)

    monkeypatch.setattr(Channel, "send_json", lying)
    assert task.run(resumes=True) == {}
    words = "no checkpoint in common" if lie == [] else "127.0.0.1:8022: expected which checkpoints it has"
    kind = DataError if lie == [] else RemoteProtocolError
    assert any(isinstance(error, kind) and words in error.message for error in task.errors.values())


@pytest.mark.parametrize("lie", [{}, {"seconds": "0", "result": {}}, {"seconds": 0.0, "result": {"loss": 1.0}}])
def test_a_lie_about_the_past(task: Training, monkeypatch: pytest.MonkeyPatch, lie: object) -> None:
    send = Channel.send_json

    def lying(self: Channel, to: int, label: str, value: Any) -> None:
        send(self, to, label, lie if label == "past" else value)

    monkeypatch.setattr(Channel, "send_json", lying)
    task.run(resumes=True)
    assert isinstance(task.errors[0], RemoteProtocolError)
    assert "expected seconds and a test of the training so far" in task.errors[0].message


def test_what_is_said_of_checkpoints(task: Training) -> None:
    """All parties hear steps and runs, the main client what it had heard; no one else hears more than in any run."""
    outcomes = task.succeed(resumes=True)
    for index, view in enumerate(task.views):
        told = [json.loads(frame.arrays[0].tobytes()) for _, frame in view if frame.label == "shapes"]
        assert {tuple(mark) for shapes in told for mark in shapes["checkpoints"]} == {("run", "done")}
        assert not any("tables" in shapes for shapes in told)
        assert sum(frame.label == "past" for _, frame in view) == (index == 0)
    usual = linear(task.root / "usual", "linear", **STEPS)
    usual.succeed()
    for resumed, whole in zip(task.views, usual.views, strict=True):
        labels = [{frame.label for _, frame in view} for view in (resumed, whole)]
        assert labels[0] - {"past"} == labels[1]
    noted = {entry["tag"]: entry["to"] for entry in outcomes[4].reveals if entry["to"] == [0]}
    assert noted == {"test_loss": [0], "test_metrics": [0]}


NONE: dict[str, dict[str, Any]] = {
    "switched off": {"checkpoint_every": 0},
    "longer than the training": {"checkpoint_every": 20},
    "parity": {"parity": True},
}


@pytest.mark.parametrize("main", NONE.values(), ids=NONE.keys())
def test_trainings_without_checkpoints(tmp_path: Path, main: dict[str, Any]) -> None:
    task = linear(tmp_path, "linear", **{**STEPS, **main})
    task.succeed()
    assert {frame.label for _, frame in task.views[2]}.isdisjoint({"kept"})
    assert not list(tmp_path.rglob("checkpoints"))
    progress = [event.data for event in task.events if event.kind == EventKind.PROGRESS]
    assert not any("checkpoint" in data for data in progress)
