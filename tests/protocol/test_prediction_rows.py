"""New rows to predict: from alignments and from files, with their ids beside the predictions."""

from __future__ import annotations

import numpy as np
import pytest

from fedray.errors import DataError, RemoteProtocolError
from tests.predictions import COLUMNS, data_set, new_rows, prediction
from tests.tasks import Training


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
    path.write_text(path.read_text("utf-8").replace("own", "other"), encoding="utf-8")
    other = prediction(trained, clients=clients, name="q")
    other.run()
    assert "but the model was trained on 'own' there" in other.errors[4].message


def test_predictions_are_returned_to_the_server_where_the_document_asks(trained: Training) -> None:
    task = prediction(trained, main={"return_predictions": True})
    outcomes = task.succeed()
    header, ids, found = task.predicted(4)
    rows = [[one, value] for one, value in zip(ids, found[:, 0].tolist(), strict=True)]
    assert outcomes[0].result["predictions"] == {"id": header[0], "rows": rows}
    told = {entry["tag"]: entry["to"] for outcome in outcomes.values() for entry in outcome.reveals}
    assert told["returned_predictions"] == [0]
    quiet = prediction(trained, name="q").succeed()
    assert "predictions" not in quiet[0].result
    assert "returned_predictions" not in {entry["tag"] for outcome in quiet.values() for entry in outcome.reveals}


def test_too_many_rows_for_a_report_are_refused_before_a_share_leaves(
    trained: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fedray.parties.returned.MOST_RETURNED", 119)
    task = prediction(trained, main={"return_predictions": True})
    with pytest.raises(DataError, match="return_predictions: expected at most 119 rows, got 120"):
        task.succeed()
    assert task.files() == []


@pytest.mark.parametrize(
    "told",
    [
        5,
        {"id": "x", "rows": []},
        {"rows": [["a", 1.0]] * 120},
        {"id": "x", "rows": [["a", "b"]] * 120},
        {"id": "x", "rows": [["a", float("nan")]] * 120},
        {"id": "x", "rows": [["a"]] * 120},
    ],
)
def test_what_is_returned_must_be_predictions_of_all_rows(
    trained: Training, monkeypatch: pytest.MonkeyPatch, told: object
) -> None:
    monkeypatch.setattr("fedray.parties.prediction.returned", lambda *_: {"predictions": told})
    task = prediction(trained, main={"return_predictions": True})
    with pytest.raises(RemoteProtocolError, match="expected"):
        task.succeed()
