"""What a task that predicts refuses, at every party, before a feature or share leaves."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedray.channel.channel import Channel
from fedray.data.model_files import load_model, save_model
from fedray.errors import DataError, FedrayError, RangeGuardError, RemoteProtocolError, SpecError, TaskAborted
from fedray.parties import predictors
from tests import tasks
from tests.predictions import COLUMNS, Prediction, data_set, new_rows, prediction, train_named
from tests.sealed import folder_at
from tests.tasks import Training


@dataclass
class Case:
    spoil: Callable[[Training], None]
    words: str
    kind: type[FedrayError] = DataError
    main: Mapping[str, object] = field(default_factory=dict)
    clients: Mapping[int, Any] = field(default_factory=dict)
    own: set[int] = field(default_factory=lambda: {2})


def part(trained: Training, index: int) -> Path:
    (found,) = (trained.roots[index].path / ".fedray" / "models" / "t").iterdir()
    return found


def damaged(trained: Training) -> None:
    path = part(trained, 2) / "shares.npz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")


def other_name(trained: Training) -> None:
    new_rows(trained, 2, columns=("a0", "b", "a2"))


def other_order(trained: Training) -> None:
    new_rows(trained, 2, columns=("a1", "a0", "a2"))


def other_width(trained: Training) -> None:
    new_rows(trained, 2, columns=("a0", "a1"))


def other_rows(trained: Training) -> None:
    new_rows(trained, 2, rows=31)


def other_alignment(trained: Training) -> None:
    path = trained.roots[2].path / "generated/new/dataset.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "fingerprint": "other"}))


def text_cell(trained: Training) -> None:
    (trained.roots[2].path / "generated/new/train.csv").write_text("1,planted,3\n" * 30)


def far_away(trained: Training) -> None:
    data_set(trained, 2, "new", np.full((30, 3), 900.0), COLUMNS[2])


def too_far(trained: Training) -> None:
    data_set(trained, 2, "new", np.full((30, 3), 1e9), COLUMNS[2])


def no_ids(trained: Training) -> None:
    path = trained.roots[4].path / "generated/new/raw_aligned.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))


def file_text(trained: Training) -> None:
    (trained.roots[2].path / "generated/f.csv").write_text("id,a0,a1,a2\nx,1,2,3\ny,1,planted,3\n")


def file_ragged(trained: Training) -> None:
    (trained.roots[2].path / "generated/f.csv").write_text("id,a0,a1,a2\nx,1,2\n")


def file_header(trained: Training) -> None:
    (trained.roots[2].path / "generated/f.csv").write_text("id,a0,a1,a2\n")


def file_empty(trained: Training) -> None:
    (trained.roots[2].path / "generated/f.csv").write_text("")


def file_short(trained: Training) -> None:
    path = trained.roots[2].path / "generated/new/raw_aligned.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")


FILE = {2: {"data_path": "f.csv"}}
ALIGNED = {2: {"data_path": "new/raw_aligned.csv"}}


def nothing(_: Training) -> None:
    pass


CASES = {
    "unknown model": Case(nothing, "model 'u': this party has no part of such", main={"model": "u"}, own={2, 3, 4}),
    "a part that is gone": Case(lambda t: shutil.rmtree(part(t, 2)), "model 't': this party has no part of such"),
    "damaged shares": Case(damaged, "model 't': shares.npz is damaged"),
    "another name": Case(other_name, "column 2 of the new rows is 'b', but the model was trained on 'a1' there"),
    "another order": Case(other_order, "column 1 of the new rows is 'a1', but the model was trained on 'a0' there"),
    "fewer columns": Case(
        other_width, "was trained on 3 columns of this party ('a0', 'a1', 'a2'); the new rows have 2"
    ),
    "more rows": Case(other_rows, "the data clients have different numbers of rows", own={2, 3, 4}),
    "other rows": Case(other_alignment, "rows come from different alignments", own={2, 3, 4}),
    "text": Case(text_cell, "train.csv: row 1, column 'a1': the cell is text"),
    "no folder": Case(lambda t: shutil.rmtree(t.roots[2].path / "generated/new"), "no such folder"),
    "no path": Case(
        nothing, "data_path: the model has 1 columns of features of this party", clients={4: None}, own={4}
    ),
    "too large": Case(too_far, "are larger than 65536 in magnitude after scaling", RangeGuardError),
    "text in a file": Case(file_text, "data_path: 'f.csv': row 3, column 'a1': the cell is text", clients=FILE),
    "a ragged file": Case(file_ragged, "data_path: 'f.csv': row 2 has 2 cells; the file has 3 columns", clients=FILE),
    "a header alone": Case(file_header, "data_path: 'f.csv' has a header only", clients=FILE),
    "an empty file": Case(file_empty, "data_path: 'f.csv' must be CSV in UTF-8 with a header", clients=FILE),
    "a file with fewer rows": Case(file_short, "'raw_aligned.csv' has not the rows that dataset.json", clients=ALIGNED),
    "part of a file": Case(
        file_text, "data_path: 'f.csv' is a file, which has no part train", main={"part": "train"}, clients=FILE
    ),
    "no ids": Case(no_ids, "the aligned file does not have the ids of all rows", own={4}),
}


def refused(task: Prediction, case: Case) -> None:
    assert set(task.run()) <= {1}  # the dealer may have dealt everything by then
    own = {index: error for index, error in task.errors.items() if not isinstance(error, TaskAborted)}
    assert {type(error) for error in own.values()} == {case.kind}
    assert set(own) & set(task.roots) <= case.own
    for error in task.errors.values():
        assert case.words in error.message
        assert "planted" not in error.message
    assert {0, 2, 3, 4} <= set(task.errors)
    assert task.files() == []


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_refusals_end_every_party_before_anything_leaves(trained: Training, case: Case) -> None:
    for index in trained.roots:
        new_rows(trained, index)
    case.spoil(trained)
    clients = {index: {"data_path": "new"} for index in trained.roots} | dict(case.clients)
    task = prediction(trained, main=case.main, clients=clients)
    refused(task, case)
    assert {frame.label for view in task.views for _, frame in view} <= {"shapes"}


def test_rows_far_from_those_of_the_training_end_the_task(trained: Training) -> None:
    for index in trained.roots:
        new_rows(trained, index)
    far_away(trained)
    task = prediction(trained, clients={index: {"data_path": "new"} for index in trained.roots})
    refused(task, Case(nothing, "30 of 30 linear outputs lie beyond +-24", RangeGuardError, own={2, 3, 4}))


def test_parts_of_two_runs_of_one_training(tmp_path: Path) -> None:
    """The same documents, tables and seed: only the run tells them apart, and their shares do not add up."""
    one, two = train_named(tmp_path / "one"), train_named(tmp_path / "two")
    save_model(folder_at(part(one, 2)), *load_model(folder_at(part(two, 2))))
    case = Case(nothing, "the parties' parts of model 't' come from different trainings", own={2, 3, 4})
    refused(prediction(one), case)


def test_other_parties(trained: Training) -> None:
    """Clients in another order: each has a part of its own, but of another rank."""
    task = prediction(trained)
    document = task.document()
    document["clients"][2], document["clients"][3] = document["clients"][3], document["clients"][2]
    task.document = lambda: document  # type: ignore[method-assign]
    task.roots = {2: trained.roots[3], 3: trained.roots[2], 4: trained.roots[4]}
    task.run()
    assert {type(error) for error in task.errors.values()} <= {DataError, SpecError, TaskAborted}
    assert task.files() == []


def test_clients_with_another_name(trained: Training) -> None:
    task = prediction(trained)
    document = task.document()
    document["clients"][3]["http_port"] = 9999
    task.document = lambda: document  # type: ignore[method-assign]
    task.run()
    own = [error.message for error in task.errors.values() if not isinstance(error, TaskAborted)]
    assert own
    for message in own:
        assert "is that of another party" in message or "predicting with it needs the same clients" in message


def test_a_kind_that_cannot_predict_yet(trained: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(training: Any) -> Any:
        raise SpecError(f"a model of kind {training.kind} cannot predict yet")

    from fedray.parties import prediction_input as party

    monkeypatch.setattr(party, "predictor_of", none)
    refused(prediction(trained), Case(nothing, "of kind linear cannot predict yet", SpecError, own={2, 3, 4}))
    with pytest.raises(SpecError, match="of kind predict cannot predict yet"):
        predictors.predictor_of(prediction(trained).plan())


@pytest.mark.parametrize(
    "lie",
    [{"rows": "many"}, {"rows": 0}, {"features": [1]}, {"features": [1, -1, 2]}, {"run": 3}, {"more": 1}],
    ids=str,
)
def test_words_that_are_none(trained: Training, monkeypatch: pytest.MonkeyPatch, lie: dict[str, object]) -> None:
    send = Channel.send_json

    def lying(self: Channel, to: int, label: str, value: Any) -> None:
        send(self, to, label, {**value, **lie} if label == "shapes" and self.me == 3 else value)

    monkeypatch.setattr(Channel, "send_json", lying)
    task = prediction(trained)
    task.run()
    errors = [error for error in task.errors.values() if not isinstance(error, TaskAborted)]
    assert any(isinstance(error, RemoteProtocolError) for error in errors)
    assert task.files() == []


def test_networks_refuse_too(tmp_path: Path) -> None:
    trained = tasks.made_up(tmp_path)
    trained.succeed()
    data_set(trained, 2, "d", np.full((120, 3), 500.0), ("c0", "c1", "c2"))
    refused(prediction(trained), Case(nothing, "linear outputs lie beyond +-24", RangeGuardError, own={2, 3, 4}))
