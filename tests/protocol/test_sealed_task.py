"""What a task leaves on a party's disk says nothing without the party's key, and is refused with another."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fedray.data.model_files import load_model
from fedray.data.party_key import DEFAULT_FILE
from fedray.data.root import DataRoot
from fedray.errors import PartyKeyError, PeerLost, TaskAborted
from fedray.parties.check import check_member
from fedray.parties.checkpoints import Checkpoints
from tests.linear_tasks import LinearTask, made_up
from tests.sealed import folder_at

ONE = 2


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> LinearTask:
    """Return a training that was broken off after its last checkpoint but before its end."""
    task = made_up(tmp_path_factory.mktemp("broken"), "linear", max_iter=20, test_per_batches=8, checkpoint_every=5)
    task.run(stop=(4, 30))
    assert isinstance(task.errors[4], PeerLost)
    return task


@pytest.fixture
def task(broken: LinearTask, tmp_path: Path) -> LinearTask:
    shutil.copytree(broken.root, tmp_path / "copy")
    return replace(broken, root=tmp_path / "copy")


def kept(task: LinearTask, index: int = ONE) -> Iterator[Path]:
    return (path for path in task.roots[index].path.rglob(".fedray/**/*") if path.is_file())


def key(task: LinearTask, index: int = ONE) -> Path:
    return task.roots[index].path / ".fedray" / DEFAULT_FILE


def test_no_share_of_checkpoint_or_model_is_on_the_disk(task: LinearTask) -> None:
    checkpoints = [word for path in kept(task) if path.name == "shares.npz" for word in shares(path)]
    assert checkpoints
    before = [path.read_bytes() for path in kept(task)]
    assert {path.name for path in kept(task)} == {"shares.npz", "manifest.json", DEFAULT_FILE}
    task.succeed(resumes=True)
    model = [word for path in kept(task) if path.name == "shares.npz" for word in shares(path)]
    assert model
    there = b"".join([*before, *(path.read_bytes() for path in kept(task))])
    assert not any(word in there for word in checkpoints + model)
    assert b"scaling" not in there
    assert b"PK\x03\x04" not in there


def shares(path: Path) -> list[bytes]:
    """Return the shares of a party that fill their words; small counts may be found anywhere."""
    _, arrays = load_model(folder_at(path.parent))
    return [word.tobytes() for array in arrays.values() for word in np.atleast_1d(array).reshape(-1) if word > 1 << 40]


def test_a_lost_or_other_key_is_said_by_its_party_and_not_taken_for_no_checkpoint(task: LinearTask) -> None:
    plan = task.plan()
    key(task).write_text("00" * 32)
    with pytest.raises(PartyKeyError, match=r"manifest.json was sealed with another key"):
        Checkpoints(plan, plan.data[0], task.roots[ONE]).marks()
    task.run(resumes=True)
    assert isinstance(task.errors[ONE], PartyKeyError)
    others = {index: error for index, error in task.errors.items() if index != ONE}
    assert len(others) == 4
    assert all(isinstance(error, TaskAborted) for error in others.values())


def test_a_key_that_others_may_read_stops_a_training_before_a_word_is_said(task: LinearTask) -> None:
    key(task).chmod(0o644)
    task.run()
    assert isinstance(task.errors[ONE], PartyKeyError)
    assert not [frame for view in task.views for sender, frame in view if sender == ONE]


def test_before_a_task_starts_its_parties_look_for_their_keys(task: LinearTask) -> None:
    member = task.plan().data[0]
    check_member(member, task.roots[ONE], ready=True)
    key(task).chmod(0o640)
    check_member(member, task.roots[ONE], ready=False)
    with pytest.raises(PartyKeyError, match="chmod 600"):
        check_member(member, task.roots[ONE], ready=True)
    key(task).unlink()
    check_member(member, DataRoot(task.roots[ONE].path), ready=True)
    assert key(task).exists()
