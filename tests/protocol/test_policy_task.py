"""Tasks under the parties' own policies: refused before a word leaves, told in outcomes, counted."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from fedray.errors import FedrayError, PolicyError, TaskAborted
from fedray.policy.approvals import approve
from fedray.task.record import Status
from fedray.task.report import build_report
from tests import linear_tasks
from tests.predictions import prediction
from tests.servings import Run, answering, refused, served
from tests.tasks import Training


def policy(task: Training, index: int, text: str) -> None:
    (task.roots[index].path / "policy.toml").write_text(text)


def name_of(task: Training, index: int) -> str:
    return task.plan().members[index].party.name


def report_of(task: Training) -> dict[str, object]:
    outcomes = {index: asdict(outcome) for index, outcome in task.succeed().items()}
    report = build_report(task.plan(), outcomes, status=Status.FINISHED, seconds=1.0, trust_mode="lab")
    policies = report["policies"]
    assert isinstance(policies, dict)
    return policies


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('kinds = ["linear"]', "rule kinds, does not allow a task of kind predict"),
        ('roles = ["main_client"]', "rule roles, does not allow the role feature_client"),
        ('counterparties = ["127.0.0.1:8000"]', "rule counterparties, does not allow a task with 127.0.0.1:80"),
        ('[columns]\nallow = ["a0", "a2"]', 'rule columns.allow, does not allow the column "a1"'),
        ('approvals = "manual"', "has not approved this plan"),
        ("kinds = 3", "cannot be used"),
    ],
)
def test_a_party_whose_policy_refuses_says_nothing(trained: Training, text: str, words: str) -> None:
    task = prediction(trained)
    policy(task, 2, text)
    task.run()
    error = task.errors.pop(2)
    assert isinstance(error, PolicyError)
    assert (error.party, words in error.message) == (name_of(task, 2), True), error
    assert {index: type(other) for index, other in task.errors.items()} == dict.fromkeys((0, 1, 3, 4), TaskAborted)
    assert not any(task.views), "somebody has said something"
    assert not any(phase.lines for channel in task.channels for phase in channel.cost.phases.values() if _spoke(phase))
    assert task.files() == []


def _spoke(phase: object) -> bool:
    return any(line.messages for line in phase.lines.values())  # type: ignore[attr-defined]


def test_the_report_says_under_which_policies_a_task_ran(trained: Training) -> None:
    task = prediction(trained)
    none = dict.fromkeys((name_of(task, index) for index in range(5)), "no policy")
    policy(task, 2, 'kinds = ["predict"]')
    policy(task, 3, 'approvals = "manual"')
    approve(task.plan(), task.plan().members[3], task.roots[3], "dora", 1.0)
    policies = report_of(task)
    told = {index: str(policies[name_of(task, index)]) for index in (2, 3)}
    assert told[2].startswith("policy ")
    assert len(told[2]) == len("policy ") + 12
    assert told[3].endswith(", approved by its data owner")
    assert policies == {**none, name_of(task, 2): told[2], name_of(task, 3): told[3]}


def test_predictions_of_a_day_are_counted_by_each_party_for_itself(trained: Training) -> None:
    task = prediction(trained)
    policy(task, 2, "max_predictions_a_day = 240")  # two tasks of 120 rows
    policy(task, 4, "max_predictions_a_day = 1000")
    task.succeed()
    task.succeed()
    before = len(task.files())
    task.run()
    assert isinstance(task.errors[2], PolicyError)
    assert "max_predictions_a_day" in task.errors[2].message
    assert isinstance(task.errors[4], TaskAborted)
    assert len(task.files()) == before
    labels = {frame.label for frm, frame in (seen for view in task.views for seen in view) if frm == 2}
    assert labels == set(), "the party has said something of its rows"


def test_predictions_of_others_rows_count_as_well(tmp_path: Path) -> None:
    trained = linear_tasks.made_up(tmp_path, "logistic", max_iter=2, test_per_batches=2)
    trained.succeed()
    task = prediction(trained, clients={4: None})  # the model has no columns of the label party
    policy(task, 4, "max_predictions_a_day = 119")
    task.run()
    assert isinstance(task.errors[4], PolicyError)
    assert task.files() == []


def test_requests_count_and_the_receiver_refuses_what_is_too_much(trained: Training) -> None:
    task = served(trained, clients={key: {"data_path": "d"} for key in (2, 3, 4)})
    policy(task, 4, "max_predictions_a_day = 3")
    with answering(task):
        task.ask("r1", "r2")
        assert isinstance(refused(task, ["r3", "r4"]), PolicyError)
        task.ask("r3")
        assert isinstance(refused(task, ["r1"]), PolicyError)


def test_a_party_that_allows_no_more_answers_ends_the_task(trained: Training) -> None:
    task = served(trained, clients={key: {"data_path": "d"} for key in (2, 3, 4)})
    policy(task, 3, "max_predictions_a_day = 2")
    run = Run(task)
    task.ask("r1", "r2")
    with pytest.raises(FedrayError, match="rule max_predictions_a_day"):
        task.ask("r3")
    run.wait()
    assert isinstance(task.errors[3], PolicyError)
    assert isinstance(task.errors[4], TaskAborted)
