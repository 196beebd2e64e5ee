"""How few rows a training may be tested on: a rule of each party's policy, and a note where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedray.errors import PolicyError, TaskAborted
from fedray.task.record import EventKind
from tests.tasks import Training, made_up


def notes(task: Training) -> list[tuple[str, str]]:
    told = [(event.party, str(event.data["text"])) for event in task.events if event.kind == EventKind.NOTE]
    return [(party, text) for party, text in told if "test part" in text]


def test_a_party_refuses_a_test_on_fewer_rows_than_it_wants(tmp_path: Path) -> None:
    task = made_up(tmp_path, rows=120)  # 24 of them for tests
    (task.roots[2].path / "policy.toml").write_text("min_test_rows = 25")
    task.run()
    error = task.errors.pop(2)
    assert isinstance(error, PolicyError)
    assert "rule min_test_rows, does not allow a training to be tested on so few rows" in error.message
    assert "25" not in error.message
    assert {type(other) for other in task.errors.values()} == {TaskAborted}
    assert not any(event.kind == EventKind.RECORD for event in task.events)


def test_as_many_rows_as_it_wants_are_enough(tmp_path: Path) -> None:
    task = made_up(tmp_path, rows=120)
    (task.roots[2].path / "policy.toml").write_text("min_test_rows = 24")
    task.succeed()
    assert notes(task) == []


@pytest.mark.parametrize(("rows", "told"), [(99, 1), (100, 0)])
def test_a_test_on_a_few_rows_is_said_once(tmp_path: Path, rows: int, told: int) -> None:
    task = made_up(tmp_path, rows=rows)  # 19 or 20 of them for tests
    task.succeed()
    said = notes(task)
    assert len(said) == told
    for party, text in said:
        assert party == task.plan().names[task.plan().data[-1].index]
        assert text.startswith("the test part has 19 rows: metrics of fewer than 20 rows tell the main client")
