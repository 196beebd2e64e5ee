"""A disk that is full when a party keeps its part of a model: the task says so, and who."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedray.errors import DataError, TaskAborted
from fedray.parties import kept
from tests.tasks import made_up


def test_a_model_that_cannot_be_written_fails_the_task_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = made_up(tmp_path)
    full, save = str(task.roots[2].path), kept.save_model

    def save_or_fail(folder: kept.SealedFolder, *parts: object) -> None:
        if str(folder.path).startswith(full):
            raise OSError(28, "No space left on device", "/secret/path")
        save(folder, *parts)  # type: ignore[arg-type]

    monkeypatch.setattr(kept, "save_model", save_or_fail)
    task.run()
    error = task.errors.pop(2)
    assert isinstance(error, DataError)
    assert error.party == task.plan().names[2]
    assert error.message == (
        "the party's part of the model cannot be written (No space left on device); "
        "make room on the disk of its data root"
    )
    assert {type(other) for other in task.errors.values()} <= {TaskAborted}
    assert 0 in task.errors, "the main client has not heard of it"
