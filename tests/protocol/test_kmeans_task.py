"""Clusterings from files to reports: the float64 twin, who learns what, predictions of new rows, bad input."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from fedray.channel import Timeouts
from fedray.data.root import DataRoot
from fedray.errors import DataError, SpecError, TaskAborted
from fedray.ml import kmeans_design
from fedray.ml.kmeans_design import KMeansDesign
from fedray.ml.kmeans_model import KMeansModel
from fedray.parties import clustering
from fedray.parties.check import check_member
from fedray.task.spec import parse
from tests.clusters import LIMIT, SEED, design, made_up, margin, nearest, off, twin, values
from tests.feature_tasks import FeatureTask
from tests.predictions import data_set, prediction
from tests.server import patience
from tests.servings import answering, served

MAIN, DEALER, ONE, TWO, LABEL = range(5)
OWN = {ONE: "clusters/t/0-feature_client", TWO: "clusters/t/1-feature_client", LABEL: "clusters/t/2-label_client"}
COLUMNS = {ONE: slice(0, 3), TWO: slice(3, 5), LABEL: slice(5, 6)}


def centroids(task: FeatureTask, index: int) -> tuple[list[int], Any]:
    """Return which clusters a party's file tells of, and the centroids of its columns."""
    header, *rows = task.table(index, "centroids.csv", OWN[index])
    assert header[0] == "cluster"
    return [int(row[0]) for row in rows], np.array([[float(cell) for cell in row[1:]] for row in rows])


def clusters(task: FeatureTask, index: int) -> Any:
    header, *rows = task.table(index, "predictions.csv", OWN[index])
    assert header == ["row", "prediction"]
    assert [int(row[0]) for row in rows] == [*range(1, len(rows) + 1)]
    return np.array([float(row[1]) for row in rows])


def tags(outcomes: Any) -> set[str]:
    return {entry["tag"] for outcome in outcomes.values() for entry in outcome.reveals}


@pytest.mark.parametrize("tol", [1e-4, 0.0])
def test_clusters_and_centroids_are_those_of_the_twin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tol: float
) -> None:
    if not tol:
        monkeypatch.setattr(kmeans_design, "BLOCK_VALUES", 300)  # rows go in three blocks
    task = made_up(tmp_path, main={"tol": tol, "max_iter": 6 if tol else 3})
    outcomes, numbers = task.succeed(), design(task)
    x = values(task)[: task.n_train]
    wanted, done, stands = twin(x, numbers.starts(), numbers.steps, tol)
    assert margin(x, wanted) > 0.1, "no row lies between two clusters"
    result: Any = outcomes[MAIN].result
    assert (result["iterations"], result["converged"]) == (done, stands if tol else None)
    assert stands == bool(tol)
    near = nearest(x, wanted)
    assert np.array_equal(clusters(task, ONE), near)
    assert result["sizes"] == np.bincount(near, minlength=3).tolist()
    for index, place in COLUMNS.items():
        told, found = centroids(task, index)
        assert told == [0, 1, 2]
        assert (np.abs(found - wanted[:, place]) <= off(wanted[:, place], numbers.bits)).all()
    names = task.plan().names
    assert result["columns"] == {names[ONE]: 3, names[TWO]: 2, names[LABEL]: 1}
    assert (result["rows"], result["clusters"], result["receiver"]) == (240, 3, names[ONE])


def test_it_is_as_good_as_scikit_learns_from_the_same_rows(tmp_path: Path) -> None:
    task = made_up(tmp_path, data={"scale": "standard"})
    task.succeed()
    x = values(task)[: task.n_train]
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    wanted = KMeans(3, init=x[design(task).starts()], n_init=1).fit_predict(x)
    assert adjusted_rand_score(wanted, clusters(task, ONE)) == 1.0
    told, found = centroids(task, TWO)  # in the units of the table
    means = [task.features[1][: task.n_train][wanted == k].mean(axis=0) for k in told]
    assert np.abs(found - np.array(means)).max() < 1e-3


def test_who_learns_what(tmp_path: Path) -> None:
    task = made_up(tmp_path)
    outcomes: Any = task.succeed()
    data = {ONE, TWO, LABEL}
    assert tags(outcomes) == {"shapes", "converged", "large_clusters", "cluster_sizes", "centroids", "clusters"}
    to = {(e["tag"], tuple(e["to"])) for outcome in outcomes.values() for e in outcome.reveals if e["tag"] != "shapes"}
    assert {tag for tag, whom in to if whom == (ONE,)} == {"centroids", "clusters"}
    assert {tag for tag, whom in to if set(whom) == data} == {"converged", "large_clusters", "cluster_sizes"}
    assert {tag for tag, whom in to if whom == (MAIN,)} == {"converged", "large_clusters", "cluster_sizes"}
    assert not any(frame.label.startswith("reveal.") for index in (MAIN, DEALER) for _, frame in task.views[index])
    folders = {index: {path.name for path in root.path.rglob("clusters/t/*/*")} for index, root in task.roots.items()}
    assert folders == {ONE: {"centroids.csv", "predictions.csv"}, TWO: {"centroids.csv"}, LABEL: {"centroids.csv"}}


def test_parties_with_one_root_have_a_file_each(tmp_path: Path) -> None:
    task = made_up(tmp_path, clients={index: {"data_path": f"d{index}"} for index in COLUMNS})
    root = DataRoot(tmp_path / "one")
    for index in COLUMNS:
        shutil.copytree(task.roots[index].path / "generated/d", root.path / f"generated/d{index}")
    task.roots = dict.fromkeys(COLUMNS, root)
    task.succeed()
    for index, place in COLUMNS.items():
        told, found = centroids(task, index)
        assert found.shape == (len(told), place.stop - place.start)


def test_nobody_learns_clusters_or_when_it_stood_still_unless_the_task_says_so(tmp_path: Path) -> None:
    task = made_up(tmp_path, own=0, main={"receiver": None, "tol": 0, "max_iter": 2})
    outcomes = task.succeed()
    assert tags(outcomes) == {"shapes", "large_clusters", "cluster_sizes", "centroids"}
    result: Any = outcomes[MAIN].result
    assert (result["receiver"], result["converged"]) == (None, None)
    folders = {index: {path.name for path in root.path.rglob("clusters/t/*/*")} for index, root in task.roots.items()}
    assert folders == {ONE: {"centroids.csv"}, TWO: {"centroids.csv"}, LABEL: set()}


def test_an_empty_cluster_keeps_its_centroid_and_a_small_one_hides_all_sizes(tmp_path: Path) -> None:
    task = made_up(tmp_path, main={"max_iter": 1, "tol": 0})
    first, second, _ = (int(row) for row in design(task).starts())
    for table in (*task.features, task.label):
        table[second] = table[first]  # the first of two equal centroids takes all rows of both
    task.__post_init__()
    result: Any = task.succeed()[MAIN].result
    x = values(task)[: task.n_train]
    wanted, _, _ = twin(x, design(task).starts(), 1, 0.0)
    assert np.array_equal(wanted[1], x[first]), "no row was in it"
    near = nearest(x, wanted)
    assert np.array_equal(clusters(task, ONE), near)
    assert 0 < (near == 1).sum() < 20
    assert (result["large"], result["sizes"]) == ([0, 2], None)
    told, found = centroids(task, ONE)
    assert told == [0, 2]
    assert (np.abs(found - wanted[told, :3]) <= off(wanted[told, :3], design(task).bits)).all()


def test_the_main_client_hears_of_a_clustering_that_takes_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer, without the signs of life, than anybody waits for a word."""
    task = made_up(tmp_path, main={"tol": 0, "max_iter": 6})
    task.succeed()  # kernels are compiled
    wait_s, look = patience(1.5), KMeansModel.look

    def slow(model: KMeansModel, after_block: Callable[[], None]) -> None:
        time.sleep(wait_s / 4)
        look(model, after_block)

    monkeypatch.setattr(KMeansModel, "look", slow)
    monkeypatch.setattr(clustering, "BEAT_S", wait_s / 8)
    outcomes: Any = task.succeed(timeouts=Timeouts(connect_s=60.0, receive_s=wait_s))
    assert outcomes[MAIN].result["iterations"] == 6
    signs = [frame for frm, frame in task.views[MAIN] if (frm, frame.label) == (ONE, "done")]
    assert len(signs) > 4


def pairs(group: Any, near: Any) -> dict[str, float]:
    """Return the indices of a clustering against labels, by going through all pairs of rows."""
    one, two = (np.triu(found[:, None] == found[None], 1) for found in (group, near))
    both, either = (one & two).sum(), (one | two).sum()
    jaccard, mallows = both / either, both / np.sqrt(one.sum() * two.sum())
    return {"adjusted_rand": adjusted_rand_score(group, near), "fowlkes_mallows": mallows, "jaccard": jaccard}


def test_new_rows_go_to_the_nearest_centroid(tmp_path: Path) -> None:
    task = made_up(tmp_path, main={"receiver": None})
    task.succeed()
    x = values(task)
    wanted, _, _ = twin(x[: task.n_train], design(task).starts(), 10, 1e-4)
    assert margin(x, wanted) > 0.1
    predicting = prediction(
        task, main={"batch_size": 70}, clients={LABEL: {"data_path": "d", "labels_path": "d", "out_data_path": "o"}}
    )
    result: Any = predicting.succeed()[MAIN].result
    _, _, found = predicting.predicted(LABEL, "o")
    assert np.array_equal(found[:, 0], nearest(x, wanted))
    (told,) = result["evaluation"]["outputs"]
    group = task.label[:, 0]
    assert told["metrics"] == pytest.approx(pairs(group, found[:, 0]))
    assert told["metrics"]["adjusted_rand"] == adjusted_rand_score(group, found[:, 0]) > 0.9


def test_single_rows_are_answered_by_their_ids(tmp_path: Path) -> None:
    task = made_up(tmp_path, main={"receiver": None})
    task.succeed()
    x = values(task)
    wanted, _, _ = twin(x[: task.n_train], design(task).starts(), 10, 1e-4)
    for index, table in zip(task.roots, [*task.features, task.label], strict=True):
        data_set(task, index, "new", table[:30], [f"c{k}" for k in range(table.shape[1])])
    serving = served(task, clients={index: {"data_path": "new"} for index in task.roots})
    with answering(serving):
        found = serving.ask("r3", "r29", "r3")
    assert found[:, 0].tolist() == nearest(x[[3, 29, 3]], wanted).tolist()


def test_parties_without_any_label_cluster_and_predict_too(tmp_path: Path) -> None:
    task = made_up(tmp_path, own=0, main={"receiver": None})
    predicting = prediction(task, main={"receiver": TWO})
    for one in (task, predicting):
        document = one.document()
        document["clients"].pop()
        one.document = lambda document=document: document  # type: ignore[method-assign, misc]
    task.succeed()
    wanted, _, _ = twin(values(task)[: task.n_train], design(task).starts(), 10, 1e-4)
    result: Any = predicting.succeed()[MAIN].result
    assert result["receiver"] == task.plan().names[TWO]
    assert np.array_equal(predicting.predicted(TWO)[2][:, 0], nearest(values(task), wanted))
    document["clients"][0]["client_config"]["receiver"] = None
    with pytest.raises(SpecError, match="expected the place of a client with data, 2 or 3, since there is no label_cl"):
        parse(document)


def large(task: FeatureTask) -> None:
    task.features[1][7, 1] += 5000.0


def text(task: FeatureTask) -> None:
    task.path(ONE, "train.csv").write_text("a,b,c\n" * 240)


def many(task: FeatureTask) -> None:
    task.main = {**task.main, "clusters": 241}


def no_folder(task: FeatureTask) -> None:
    (task.roots[TWO].path / "generated/clusters").write_text("in the way")


def no_key(task: FeatureTask) -> None:
    (task.roots[TWO].path / ".fedray").write_text("in the way")


BAD: dict[str, tuple[Callable[[FeatureTask], None], str]] = {
    "large": (large, "column 'c1': 1 of 240 values are larger than 1024 in magnitude after scaling, first at row 8"),
    "many": (many, "clusters: expected at most one for each of the 240 rows, got 241"),
    "no folder": (no_folder, "out_data_path 'clusters/t/1-feature_client'"),
    "no key": (no_key, "state folder '.fedray': the folder cannot be made"),
    "text": (text, "train.csv: row 1, column 'c0': the cell is text"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_clustered_is_refused_before_anything_leaves(tmp_path: Path, case: str) -> None:
    change, words = BAD[case]
    task = made_up(tmp_path)
    change(task)
    if case != "text":
        task.__post_init__()
    task.run()
    error = next(error for error in task.errors.values() if not isinstance(error, TaskAborted))
    assert words in error.message
    assert {frame.label for view in task.views for _, frame in view} <= {"shapes", "abort"}


def test_a_folder_that_cannot_be_is_seen_when_the_task_is_created(tmp_path: Path) -> None:
    task = made_up(tmp_path, clients={TWO: {"out_data_path": "d/train.csv"}})
    with pytest.raises(DataError, match=r"clients\[3\].*out_data_path 'd/train.csv': expected a folder, got a file"):
        check_member(task.plan().members[TWO], task.roots[TWO], ready=False)


def test_numbers_that_leave_too_few_bits_are_refused() -> None:
    with pytest.raises(SpecError, match="limit: 65536 with 4000 columns and 256 clusters leaves 3 bits"):
        KMeansDesign((4000, 0), (1000, 0), 256, 10, 0.0, 65536.0, "seed")
    assert KMeansDesign((10, 20), (569, 0), 3, 10, 0.0, LIMIT, "seed").bits == 16


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("receiver", 1, r"receiver: expected the place of a client with data, 2 or 3 or 4, got 1"),
        ("clusters", 1, r"clusters: expected an integer from 2 to 256, got 1"),
        ("tol", -1, r"tol: expected a number from 0 to 1e\+06, got -1"),
    ],
)
def test_fields_that_are_wrong_are_told(tmp_path: Path, field: str, value: object, words: str) -> None:
    task = made_up(tmp_path, main={field: value})
    with pytest.raises(SpecError, match=words):
        parse(task.document())


def test_the_first_centroids_are_rows_that_the_seed_draws(tmp_path: Path) -> None:
    one, two = design(made_up(tmp_path / "a")), design(made_up(tmp_path / "b", main={"seed": SEED + 1}))
    assert len(set(one.starts())) == 3
    assert one.starts().max() < 240
    assert not np.array_equal(one.starts(), two.starts())
