"""What a training keeps: each party its own part, and a sentence for every part that cannot be used."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fedray.data.model_files import load_model, save_model
from fedray.errors import DataError
from fedray.parties.forget import forget_part
from fedray.parties.kept import Kept, load_kept
from fedray.parties.predictors import Trained
from fedray.task.plan import TaskPlan
from tests.linear_tasks import LinearTask, made_up
from tests.sealed import folder_at
from tests.tasks import Training
from tests.tasks import made_up as made_up_network

ROLES = ("feature_client", "feature_client", "label_client")


def part(task: Training, rank: int) -> Path:
    return task.roots[rank + 2].path / ".fedray" / "models" / "t" / f"{rank}-{ROLES[rank]}"


def load(task: Training, rank: int, model: str = "t") -> Kept:
    return load_kept(task.roots[rank + 2], model, rank, task.plan().data[rank])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> LinearTask:
    task = made_up(tmp_path_factory.mktemp("trained"), "linear", own=1)
    task.succeed()
    return task


@pytest.fixture
def task(trained: LinearTask, tmp_path: Path) -> LinearTask:
    shutil.copytree(trained.root, tmp_path / "copy")
    return replace(trained, root=tmp_path / "copy")


def test_a_part_holds_what_predicting_needs_and_nothing_of_another_party(trained: LinearTask) -> None:
    kept = [load(trained, rank) for rank in range(3)]
    assert {one.run for one in kept} == {kept[0].run}
    assert {one.training.digest for one in kept} == {trained.plan().digest}
    assert {one.trained for one in kept} == {Trained((3, 2, 1), 96, 6)}
    tables = [*trained.features, trained.label[:, 1:]]
    for one, table in zip(kept, tables, strict=True):
        np.testing.assert_allclose(one.columns.scaling.mean, table[: trained.n_train].mean(axis=0))
    assert [one.columns.labels for one in kept] == [(), (), ("c0",)]
    assert [one.columns.unit == 1.0 for one in kept] == [True, True, False]
    assert not any(one.columns.named for one in kept)


def test_no_root_and_no_others_columns_are_in_a_manifest(trained: LinearTask) -> None:
    for rank in range(3):
        facts, _ = load_model(folder_at(part(trained, rank)))
        assert ("label" in facts) == (rank == 2)
        assert len(facts["scaling"]["columns"]) == (3, 2, 1)[rank]
        assert str(trained.root) not in json.dumps(facts)


def test_runs_of_one_plan_have_different_names(tmp_path: Path) -> None:
    names = []
    for name in ("a", "b"):
        task = made_up(tmp_path / name, "logistic")
        task.succeed()
        names.append(load(task, 0).run)
    assert names[0] != names[1]


def test_a_network_keeps_its_layers_as_they_are_multiplied(tmp_path: Path) -> None:
    task = made_up_network(tmp_path, main={"in_dim": 3, "layers": [2, 1]})
    task.succeed()
    assert sorted(load(task, 0).arrays) == ["first_0", "first_1", "first_bias", "layer_1", "layer_2", "low_1", "low_2"]


def nothing(task: LinearTask) -> None:
    shutil.rmtree(part(task, 0))


def half(task: LinearTask) -> None:
    (part(task, 0) / "manifest.json").unlink()


def of_another_party(task: LinearTask) -> None:
    save_model(folder_at(part(task, 0)), *load_model(folder_at(part(task, 1))))


def copied_from_another_party(task: LinearTask) -> None:
    shutil.rmtree(part(task, 0))
    shutil.copytree(part(task, 1), part(task, 0))


def rewrite(task: LinearTask, /, **changes: object) -> None:
    facts, arrays = load_model(folder_at(part(task, 0)))
    save_model(folder_at(part(task, 0)), {**facts, **changes}, arrays)


SPOILT: dict[str, tuple[Callable[[LinearTask], None], str]] = {
    "nothing": (nothing, "model 't': this party has no part of such a model"),
    "half": (half, "model 't': the model's folder holds no complete model"),
    "another party": (of_another_party, "is that of another rank and another party; each party keeps the files"),
    "another key": (copied_from_another_party, "model 't': manifest.json was sealed with another key than the party's"),
    "another task": (lambda task: rewrite(task, task="u"), "its manifest lacks what predicting needs"),
    "another plan": (lambda task: rewrite(task, plan="0" * 64), "its manifest lacks what predicting needs"),
    "no plan": (lambda task: rewrite(task, training={}), "its manifest lacks what predicting needs"),
    "no run": (lambda task: rewrite(task, features="many"), "its manifest lacks what predicting needs"),
    "a scaling of nothing": (lambda task: rewrite(task, scaling={}), "its manifest lacks what predicting needs"),
    "an older format": (lambda task: rewrite(task, format=1), "from another version of fedray"),
}


@pytest.mark.parametrize("spoilt", SPOILT.values(), ids=SPOILT.keys())
def test_a_part_that_cannot_be_used(task: LinearTask, spoilt: tuple[Callable[[LinearTask], None], str]) -> None:
    spoil, words = spoilt
    load(task, 0)
    spoil(task)
    with pytest.raises(DataError) as raised:
        load(task, 0)
    assert words in raised.value.message
    load(task, 1)


def test_a_model_of_another_name(task: LinearTask) -> None:
    with pytest.raises(DataError, match=r"model 'u': this party has no part of such a model; name the task"):
        load(task, 0, "u")


def test_a_plan_without_roots_has_the_same_digest(trained: LinearTask) -> None:
    plan = trained.plan()
    member = plan.members[0]
    with_root = replace(plan, members=(replace(member, party=replace(member.party, root="/r")), *plan.members[1:]))
    bare = with_root.without_roots()
    assert bare == plan
    assert TaskPlan.from_json(bare.to_json()).digest == with_root.digest


def test_a_part_is_deleted_with_a_receipt(task: LinearTask) -> None:
    plan = task.plan()
    member, root = plan.data[0], task.roots[2]
    digest = hashlib.sha256((part(task, 0) / "shares.npz").read_bytes()).hexdigest()
    receipt = {"index": 2, "role": "feature_client", "party": member.party.name}
    assert forget_part(plan, member, root) == {**receipt, "digest": digest}
    assert list((root.path / ".fedray" / "models").iterdir()) == []
    assert forget_part(plan, member, root) == {**receipt, "digest": None}
    load(task, 1)


def test_a_damaged_part_is_deleted_too_and_others_in_the_folder_stay(task: LinearTask) -> None:
    (part(task, 0) / "shares.npz").unlink()
    (part(task, 0).parent / "2-label_client").mkdir()
    assert forget_part(task.plan(), task.plan().data[0], task.roots[2])["digest"] is None
    assert [path.name for path in part(task, 0).parent.iterdir()] == ["2-label_client"]
