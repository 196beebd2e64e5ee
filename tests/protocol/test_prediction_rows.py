"""New rows to predict: from alignments and from files, with their ids beside the predictions."""

from __future__ import annotations

import numpy as np

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
