"""What a task that predicts refuses, at every party, before a feature or share leaves; and new rows from alignments."""

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
from fedray.errors import DataError, FedrayError, RangeGuardError, RemoteProtocolError, SpecError, TaskAborted
from fedray.parties import predictors
from tests import linear_tasks, tasks
from tests.predictions import Prediction, data_set, prediction
from tests.tasks import Training

COLUMNS = {2: ("a0", "a1", "a2"), 3: ("b0", "b1"), 4: ("y", "own")}


def train(root: Path, objective: str = "logistic", named: bool = True) -> Training:
    trained = linear_tasks.made_up(root, objective, own=1, max_iter=20, test_per_batches=20, learning_rate_init=0.05)
    if named:
        for index, table in zip(trained.roots, [*trained.features, trained.label], strict=True):
            data_set(trained, index, "d", table, COLUMNS[index], n_test=24)
            shutil.copytree(trained.roots[index].path / "generated" / "d", trained.path(index, "..").parent / "new")
    trained.succeed()
    return trained


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Training:
    return train(tmp_path_factory.mktemp("kept"))


@pytest.fixture
def trained(kept: Training, tmp_path: Path) -> Training:
    shutil.copytree(kept.root, tmp_path / "copy")
    made = linear_tasks.made_up(tmp_path / "unused", "logistic", own=1)
    made.root = tmp_path / "copy"
    made.roots = {index: type(root)(made.root / f"p{index}") for index, root in kept.roots.items()}
    return made


def new_rows(trained: Training, index: int, rows: int = 30, columns: tuple[str, ...] | None = None) -> None:
    rng = np.random.default_rng(index)
    names = columns or COLUMNS[index]
    data_set(trained, index, "new", np.round(rng.normal(size=(rows, len(names))), 3), names)


def test_ids_stand_beside_the_predictions(trained: Training) -> None:
    for index in trained.roots:
        new_rows(trained, index)
    new = {index: {"data_path": "new"} for index in trained.roots}
    task = prediction(trained, clients=new)
    task.succeed()
    header, ids, found = task.predicted(4)
    assert header == ["customer", "prediction"]
    assert ids == [f"r{k}" for k in range(30)]
    assert found.shape == (30, 1)
    part = prediction(trained, clients={index: {"data_path": "d"} for index in new}, main={"part": "test"}, name="q")
    part.succeed()
    assert part.predicted(4)[1] == [f"r{k}" for k in range(96, 120)]


def test_a_label_client_whose_new_rows_have_no_label(trained: Training) -> None:
    """The same features with the label before them, or without, give the same predictions; logistic up to rounding."""
    for index in trained.roots:
        new_rows(trained, index)
    both = []
    for name in ("with", "without"):
        if name == "without":
            table = np.loadtxt(trained.roots[4].path / "generated/new/train.csv", delimiter=",")
            data_set(trained, 4, "new", table[:, 1:], ("own",))
        task = prediction(trained, clients={index: {"data_path": "new"} for index in trained.roots}, name=name)
        task.succeed()
        both.append(task.predicted(4)[2])
    assert np.max(np.abs(both[0] - both[1])) < 1e-5


def test_a_set_without_a_test_part(trained: Training) -> None:
    for index in trained.roots:
        new_rows(trained, index, rows=3)
        (trained.roots[index].path / "generated/new/test.csv").unlink()
    task = prediction(trained, clients={index: {"data_path": "new"} for index in trained.roots})
    task.succeed()
    assert len(task.predicted(4)[2]) == 3


def test_a_file_of_an_alignment_is_as_good_as_its_folder(trained: Training) -> None:
    for index in trained.roots:
        new_rows(trained, index)
    found = []
    for name, path in (("folders", "new"), ("files", "new/raw_aligned.csv")):
        clients = {index: {"data_path": path} for index in trained.roots}
        task = prediction(trained, clients={**clients, 3: {"data_path": "new"}}, name=name)
        task.succeed()
        found.append(task.predicted(4))
    assert found[0][:2] == found[1][:2]
    assert np.max(np.abs(found[0][2] - found[1][2])) < 1e-5


def test_files_that_users_bring(trained: Training) -> None:
    """Names are compared though no alignment wrote them; ids are those of the receiver's file."""
    for index in trained.roots:
        rows = "".join(f"person {k}{',0.5' * len(COLUMNS[index])}\n" for k in range(4))
        path = trained.roots[index].path / "generated/mine.csv"
        path.write_text("\ufeffwho," + ",".join(COLUMNS[index]) + "\n" + rows, encoding="utf-8")
    clients = {index: {"data_path": "mine.csv"} for index in trained.roots}
    task = prediction(trained, clients=clients)
    task.succeed()
    header, ids, found = task.predicted(4)
    assert (header, ids) == (["who", "prediction"], [f"person {k}" for k in range(4)])
    assert np.ptp(found) < 1e-5
    (trained.roots[4].path / "generated/predictions/p/predictions.csv").unlink()
    path.write_text(path.read_text("utf-8").replace("own", "other"), encoding="utf-8")
    refused(
        prediction(trained, clients=clients, name="q"), Case(nothing, "but the model was trained on 'own'", own={4})
    )


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
    "damaged shares": Case(damaged, "the model's shares do not belong to its manifest"),
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
    one, two = train(tmp_path / "one"), train(tmp_path / "two")
    shutil.copytree(part(two, 2), part(one, 2), dirs_exist_ok=True)
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

    from fedray.parties import prediction as party

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
