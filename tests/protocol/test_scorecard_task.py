"""Scorecards from a binning and a training to points: oracle, tables, views, bad input."""

from __future__ import annotations

import csv
import math
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fedray.channel import Channel
from fedray.data.model_files import load_model
from fedray.errors import DataError, PolicyError, SpecError
from fedray.features.evidence import Evidence
from fedray.mpc import Session
from fedray.mpc.blinding import blinded
from fedray.mpc.share import Share
from fedray.parties.kept_transforms import load_transform
from fedray.task.model_rules import check_training
from fedray.task.record import Status
from tests.feature_tasks import FeatureTask
from tests.parties import play
from tests.scorecards import LABEL, MAIN, ONE, TWO, ScorecardTask, binned, train
from tests.sealed import folder_at
from tests.tasks import Training

Float = npt.NDArray[np.float64]
Json = dict[str, Any]

NEW: Json = {index: {"data_path": "new"} for index in (ONE, TWO, LABEL)}
RANKS = {ONE: 0, TWO: 1, LABEL: 2}


def task_of(made: FeatureTask, clients: Json = NEW, **main: Any) -> ScorecardTask:
    return ScorecardTask(made.root, [], np.empty(0), 0, main=main, clients=clients)


def weights_of(task: ScorecardTask) -> tuple[list[Float], float]:
    """Return the weights of each owner, and the intercept: worked out from all parties' files."""
    folders = [
        root.path / f".fedray/models/t/{RANKS[k]}-{'label' if k == LABEL else 'feature'}_client"
        for k, root in task.roots.items()
    ]
    parts = [load_model(folder_at(folder)) for folder in folders]
    scales = parts[0][0]["weight_scale"], parts[0][0]["intercept_scale"]
    found = []
    for name in ("weights_0", "weights_1", "weights_2", "intercept"):
        shares = [arrays[name] for _, arrays in parts if name in arrays]
        total = np.add.reduce(np.array(shares)).astype(np.int64) if shares else np.zeros(0)
        found.append(total.astype(np.float64).ravel() / (scales[1] if name == "intercept" else scales[0]))
    return found[:3], float(found[3][0])


def woe_of(task: ScorecardTask, index: int, rows: str) -> Float:
    """Return weights of evidence of rows, by the party's kept bins."""
    plan = task.plan()
    evidence = load_transform(plan, "b", plan.members[index], task.roots[index]).coder
    assert isinstance(evidence, Evidence)
    cells: list[list[str]] = []
    for name in ("train.csv", "test.csv"):
        with (task.roots[index].path / "generated" / rows / name).open(newline="") as handle:
            cells += csv.reader(handle)
    x = np.array([[float(cell or "nan") for cell in row] for row in cells])
    columns, _ = evidence.code({"rows": x}, {})
    return np.column_stack([np.array(column.values)[column.codes["rows"]] for column in columns])


@pytest.mark.parametrize("scale", ["none", "standard"])
def test_points_are_those_that_the_joined_model_gives(tmp_path: Path, scale: str) -> None:
    made = binned(tmp_path)
    train(made, scale=scale)
    task = task_of(made, base_score=500, base_odds=20.0, pdo=40, batch_size=17)
    outcomes = task.succeed()
    weights, intercept = weights_of(task)
    factor = 40 / math.log(2)
    exact = np.full(50, 500 - factor * math.log(20.0) - factor * intercept)
    whole = np.full(50, np.rint(exact[0]))
    for index in (ONE, TWO, LABEL):
        woe, trained_on = woe_of(task, index, "new"), woe_of(task, index, "d")[:480] if index != LABEL else None
        if scale == "standard" and index != LABEL:
            woe = (woe - trained_on.mean(axis=0)) / trained_on.std(axis=0)  # type: ignore[union-attr]
        elif scale == "standard":
            with (task.roots[LABEL].path / "generated/w/train.csv").open(newline="") as handle:
                own = np.array([[float(row[1])] for row in csv.reader(handle)])
            woe = (woe - own.mean(axis=0)) / own.std(axis=0)
        parts = -factor * woe * weights[RANKS[index]]
        exact += parts.sum(axis=1)
        whole += np.rint(parts).sum(axis=1)
    lines = task.lines(LABEL, "points.csv")
    assert lines[0] == ["customer", "points"]
    assert [line[0] for line in lines[1:]] == [f"r{k}" for k in range(50)]
    points = np.array([int(line[1]) for line in lines[1:]])
    # a bin's points lie on one side of a half here and on the other there once in a million
    assert np.abs(points - whole).max() <= 1
    assert np.abs(points - exact).max() <= 0.5 * 7
    assert outcomes[MAIN].result == {
        "model": "t",
        "rows": 50,
        "receiver": task.plan().names[LABEL],
        "base_score": 500.0,
        "base_odds": 20.0,
        "pdo": 40.0,
        "columns": dict(zip(task.plan().names[1:], (3, 2, 1), strict=True)),
    }


def points_by_table(task: ScorecardTask, index: int, x: Float, names: tuple[str, ...]) -> list[int]:
    """Return the points of rows as a clerk with the printed table finds them."""
    header, *lines = task.lines(index, "scorecard.csv")
    bins = [dict(zip(header, line, strict=True)) for line in lines]
    totals = []
    for row in x:
        total = 0
        for name, value in zip(names, row, strict=True):
            mine = [line for line in bins if line["column"] == f"{name}_woe"]
            fits = [
                line
                for line in mine
                if (np.isnan(value) and line["missing"] in ("yes", "only"))
                or (
                    line["missing"] != "only"
                    and float(line["above"] or "-inf") < value <= float(line["up_to"] or "inf")
                )
            ]
            assert len(fits) == 1
            total += int(fits[0]["points"])
        totals.append(total)
    return totals


def test_the_tables_of_all_parties_add_up_to_the_points(tmp_path: Path) -> None:
    made = binned(tmp_path)
    train(made)
    task = task_of(made)
    task.succeed()
    total = np.zeros(50, int)
    for index, names in ((ONE, ("a0", "a1", "a2")), (TWO, ("b0", "b1")), (LABEL, ("own",))):
        cells = [row[1:] for row in csv.reader((task.roots[index].path / "generated/new/raw_aligned.csv").open())][1:]
        x = np.array([[float(cell) for cell in row] for row in cells])
        total += points_by_table(task, index, x, names)
    assert task.lines(ONE, "scorecard.csv")[0] == ["column", "above", "up_to", "missing", "rows", "woe", "points"]
    first = task.lines(LABEL, "scorecard.csv")[1]
    assert first[0] == "(base)"
    assert [int(line[1]) for line in task.lines(LABEL, "points.csv")[1:]] == (total + int(first[-1])).tolist()
    for path in tmp_path.rglob("scorecards/s/*/*.csv"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(list(tmp_path.rglob("points.csv"))) == 1


def test_p_values_stand_beside_the_points_where_the_training_had_them(tmp_path: Path) -> None:
    made = binned(tmp_path)
    train(made, main={"p_values": True})
    task = task_of(made)
    task.succeed()
    for index, intercept in ((ONE, None), (LABEL, "(intercept)")):
        header, *lines = task.lines(index, "scorecard.csv")
        assert header[-3:] == ["points", "z", "p_value"]
        place = {ONE: "0-feature_client", LABEL: "2-label_client"}[index]
        own = {name: rest for name, *rest in task.lines(index, "p_values.csv", f"p_values/t/{place}")[1:]}
        assert (intercept in own) == (index == LABEL)
        assert all(line[-2:] == own[intercept if line[0] == "(base)" else line[0]] for line in lines)


def test_who_learns_what(tmp_path: Path) -> None:
    """Weights to their owner, the intercept to the label client, points to the receiver; nothing else is opened."""
    made = binned(tmp_path)
    train(made)
    task = task_of(made, receiver=TWO)
    outcomes = task.succeed()
    opened = [(str(entry["tag"]), tuple(entry["to"])) for entry in outcomes[ONE].reveals]
    assert sorted(opened) == [
        ("column_weights", (ONE,)),
        ("column_weights", (TWO,)),
        ("column_weights", (LABEL,)),
        ("intercept", (LABEL,)),
        ("points", (TWO,)),
        ("shapes", (MAIN, TWO, LABEL)),
    ]
    assert not (task.roots[LABEL].path / "generated/scorecards/s/2-label_client/points.csv").exists()
    # the summands that come are new ones in each task: nothing of a party's own points can be read from them
    again = task_of(made, receiver=TWO)
    again.name = "again"
    again.succeed()
    assert task.lines(TWO, "points.csv") == again.lines(TWO, "points.csv")
    seen = [
        {
            (frm, frame.label, array.tobytes())
            for frm, frame in one.views[TWO]
            for array in frame.arrays
            if "reveal" in frame.label
        }
        for one in (task, again)
    ]
    assert len(seen[0]) == 4
    assert not seen[0] & seen[1]


def test_a_task_without_rows_makes_the_tables_only(tmp_path: Path) -> None:
    made = binned(tmp_path, own=0)
    train(made)
    task = task_of(made, {ONE: {"out_data_path": "card"}})
    outcomes = task.succeed()
    assert outcomes[MAIN].result["rows"] == 0
    assert len(task.lines(ONE, "scorecard.csv", "card")) > 6
    assert [line[0] for line in task.lines(LABEL, "scorecard.csv")] == ["column", "(base)"]
    assert not list(tmp_path.rglob("points.csv"))
    assert {entry["tag"] for entry in outcomes[ONE].reveals} == {"shapes", "column_weights", "intercept"}


def no_rows_here(task: ScorecardTask) -> None:
    task.clients = {**task.clients, TWO: {}}


def no_such_binning(task: ScorecardTask) -> None:
    task.main = {**task.main, "binning": "other"}


def of_raw_values(task: ScorecardTask) -> None:
    trained = train(binned(task.root), data_path="d")
    assert isinstance(trained, Training)


def other_columns(task: ScorecardTask) -> None:
    task.clients = {**task.clients, ONE: {"data_path": "w"}}


REFUSED: dict[str, tuple[Callable[[ScorecardTask], None], str]] = {
    "rows of some only": (no_rows_here, "clients[2].client_config.data_path: the model has 2 columns of this party"),
    "a binning that nobody made": (no_such_binning, "binning: transform 'other': this party has no part of such"),
    "a model of other columns": (of_raw_values, "is none that this binning writes"),
    "rows of other columns": (other_columns, "the transform was made of 'a0'"),
}


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> FeatureTask:
    made = binned(tmp_path_factory.mktemp("scorecard"))
    train(made)
    return made


@pytest.mark.parametrize("case", [name for name in REFUSED if name != "a model of other columns"])
def test_what_does_not_fit_is_refused_before_a_weight_is_opened(trained_once: FeatureTask, case: str) -> None:
    change, words = REFUSED[case]
    task = task_of(trained_once)
    change(task)
    with pytest.raises(DataError) as caught:
        task.succeed()
    assert words in caught.value.message
    assert not any(entry["tag"] == "column_weights" for channel in task.channels for entry in channel.reveals.as_list())


def test_points_of_rows_count_as_predictions_of_the_day(trained_once: FeatureTask) -> None:
    task = task_of(trained_once)
    policy = task.roots[ONE].path / "policy.toml"
    policy.write_text("max_predictions_a_day = 1")
    try:
        with pytest.raises(PolicyError, match="rule max_predictions_a_day"):
            task.succeed()
    finally:
        policy.unlink()
    assert not any(entry["tag"] == "column_weights" for entry in task.channels[ONE].reveals.as_list())


def test_only_logistic_models_become_scorecards(trained_once: FeatureTask, tmp_path: Path) -> None:
    from tests import linear_tasks

    plan = task_of(trained_once).plan()
    other = linear_tasks.made_up(tmp_path, "linear").plan()
    with pytest.raises(SpecError, match="expected a linear model with objective logistic"):
        check_training(plan, other, Status.FINISHED)
    check_training(plan, linear_tasks.made_up(tmp_path, "logistic").plan(), Status.FINISHED)


def test_blinded_shares_have_the_same_sum_and_uniform_summands() -> None:
    def blind(channel: Channel) -> list[Share]:
        s = Session(channel, (0, 1, 2))
        return blinded(s, [Share(np.full((3, 2), s.rank, np.uint64), 4.0), Share(np.zeros(5, np.uint64), 1.0)])

    parts = play([blind] * 3).all()
    for k, expected in enumerate((np.full((3, 2), 3), np.zeros(5))):
        total = np.add.reduce(np.array([part[k].value for part in parts]))
        assert np.array_equal(total.astype(np.int64), expected)
        assert all((part[k].value > 2**32).any() for part in parts)
    assert {share.scale for part in parts for share in part} == {4.0, 1.0}
