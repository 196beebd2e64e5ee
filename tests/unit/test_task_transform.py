"""Documents of transforms and scorecards: defaults, plans, wrong fields and steps, files that are not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedray.errors import DataError, SpecError
from fedray.parties.check import check_member
from fedray.task.config_bases import Kind
from fedray.task.plan import TaskPlan
from fedray.task.spec import parse
from tests.scorecards import ScorecardTask
from tests.transforms import LABEL, ONE, TWO, TransformTask

Json = dict[str, Any]

STEPS: list[Json] = [
    {"step": "imputation", "strategy": "constant", "fill_value": "x", "columns": ["a"]},
    {"step": "one_hot", "columns": ["a", "b"], "max_categories": 3},
    {"step": "scaling", "method": "minmax", "feature_range": [-1, 1]},
    {"step": "selection", "binning": "b", "iv_min": 0.02},
    {"step": "selection", "statistic": "quantile", "quantile": 0.9, "most": 3.5},
    {"step": "constant", "values": {"c": 1.5}},
]


def transform(root: Path, **fields: Any) -> TransformTask:
    return TransformTask(root, [], np.empty(0), 0, **fields)


def scorecard(root: Path, **fields: Any) -> ScorecardTask:
    return ScorecardTask(root, [], np.empty(0), 0, **fields)


def test_defaults_are_those_of_the_documentation(tmp_path: Path) -> None:
    steps = [{"step": "imputation"}, {"step": "one_hot", "columns": ["a"]}, {"step": "scaling"}]
    spec = parse(transform(tmp_path, clients={ONE: {"steps": steps}}).document())
    assert spec.kind is Kind.TRANSFORM
    feature: Any = spec.clients[ONE].client_config
    filled, encoded, scaled = feature.steps
    assert (filled.columns, filled.strategy, filled.fill_value) == (None, "mean", None)
    assert encoded.max_categories is None
    assert (scaled.columns, scaled.method, scaled.feature_range, scaled.clip) == (None, "standard", (0.0, 1.0), False)
    assert spec.clients[TWO].client_config.steps == ()  # type: ignore[union-attr]
    spec = parse(scorecard(tmp_path).document())
    assert spec.kind is Kind.SCORECARD
    main: Any = spec.clients[0].client_config
    assert (main.base_score, main.base_odds, main.pdo, main.receiver) == (600.0, 50.0, 20.0, None)
    label: Any = spec.clients[LABEL].client_config
    assert (label.data_path, label.out_data_path, label.transforms) == (None, None, ())


def test_plans_survive_json(tmp_path: Path) -> None:
    plan = transform(tmp_path, clients={ONE: {"steps": STEPS}}).plan()
    assert TaskPlan.from_json(plan.to_json()) == plan
    assert {reveal.tag: reveal.to for reveal in plan.reveals} == {
        "shapes": "all",
        "cell_counts": "main",
        "evaluation": "main",
    }
    plan = scorecard(tmp_path, clients={ONE: {"transforms": ["t", "u"]}}).plan()
    assert TaskPlan.from_json(plan.to_json()) == plan
    assert {reveal.tag: reveal.to for reveal in plan.reveals} == {
        "shapes": "all",
        "cell_counts": "main",
        "column_weights": "owner",
        "intercept": "label",
        "points": "receiver",
    }
    assert plan.receiver == plan.members[LABEL]


def test_a_transform_of_one_party_needs_nobody_else(tmp_path: Path) -> None:
    document = transform(tmp_path).document()
    del document["clients"][TWO:]
    assert parse(document).kind is Kind.TRANSFORM
    del document["clients"][ONE:]
    with pytest.raises(SpecError, match="expected at least one feature_client, got 0"):
        parse(document)


WRONG_STEPS: dict[str, tuple[object, str]] = {
    "unknown step": ({"step": "pca"}, "steps[0].step: expected one of constant, imputation, logistic_"),
    "no step": ({"columns": ["a"]}, "steps[0].step: expected one of constant, imputation"),
    "no object": ("scaling", "steps[0]: expected an object, got"),
    "unknown field": ({"step": "scaling", "mean": 1}, "steps[0].mean: unknown field, known are step, columns, method"),
    "a field of another step": ({"step": "scaling", "strategy": "mean"}, "steps[0].strategy: unknown field"),
    "strategy": ({"step": "imputation", "strategy": "mode"}, "steps[0].strategy: expected one of mean, median"),
    "value": ({"step": "imputation", "fill_value": 1}, "steps[0]: expected fill_value null with strategy mean"),
    "no value": (
        {"step": "imputation", "strategy": "constant", "fill_value": True},
        "steps[0].fill_value: expected null, a finite number, or a word",
    ),
    "no columns": ({"step": "one_hot"}, "steps[0].columns: a required field is missing"),
    "empty": ({"step": "one_hot", "columns": []}, "steps[0].columns: expected a list of at least 1, got 0"),
    "place": ({"step": "one_hot", "columns": [3]}, "steps[0].columns[0]: expected the name of a column, 1 to 256"),
    "categories": ({"step": "one_hot", "columns": ["a"], "max_categories": 0}, "max_categories: expected null or an"),
    "range": ({"step": "scaling", "feature_range": [1, 1]}, "feature_range: expected two numbers from -1e+06 to 1e+06"),
    "nothing to select by": (
        {"step": "selection"},
        "steps[0]: expected columns, statistics, binning with iv_min, or statistic with least or most",
    ),
    "no bound": ({"step": "selection", "statistic": "mean"}, "steps[0]: expected statistic with least or most"),
    "which quantile": (
        {"step": "selection", "statistic": "quantile", "most": 1},
        "steps[0]: expected quantile with statistic quantile, and null with any other",
    ),
    "values": ({"step": "constant", "values": {"a": "1"}}, "steps[0].values: expected an object of 1 to 1000 finite"),
    "half": ({"step": "selection", "binning": "b"}, "steps[0]: expected binning and iv_min together"),
}


@pytest.mark.parametrize("case", WRONG_STEPS)
def test_wrong_steps_are_named(tmp_path: Path, case: str) -> None:
    step, words = WRONG_STEPS[case]
    with pytest.raises(SpecError) as caught:
        parse(transform(tmp_path, clients={ONE: {"steps": [step]}}).document())
    assert words in caught.value.message
    assert caught.value.message.startswith("clients[1].client_config.steps[0]")


WRONG: dict[str, tuple[Json, str]] = {
    "steps with a transform": (
        {"main": {"transform": "t"}, "clients": {ONE: {"steps": STEPS}}},
        "steps: expected none",
    ),
    "no rows": ({"clients": {LABEL: {"data_path": None}}}, "clients[3].client_config.data_path: expected the folder"),
    "its own folder": ({"clients": {ONE: {"out_data_path": "d"}}}, "expected another folder than data_path"),
    "a dealer": ({}, "expected no crypto_producer in a task of kind transform, got triplet_producer"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_documents_are_refused(tmp_path: Path, case: str) -> None:
    fields, words = WRONG[case]
    document = transform(tmp_path, **fields).document()
    if case == "a dealer":
        dealer = {"client_type": "triplet_producer", "computation_port": 9}
        document["clients"].append({"role": "crypto_producer", "addr": "h", "http_port": 8, "client_config": dealer})
    with pytest.raises(SpecError) as caught:
        parse(document)
    assert words in caught.value.message


WRONG_CARDS: dict[str, tuple[Json, str]] = {
    "pdo": ({"main": {"pdo": 0}}, "pdo: expected a number greater than 0"),
    "odds": ({"main": {"base_odds": -1}}, "base_odds: expected a number greater than 0"),
    "score": ({"main": {"base_score": "600"}}, "base_score: expected a number from -1e+06 to 1e+06"),
    "binning": ({"main": {"binning": ""}}, "binning: expected a name of 1 to 128"),
    "receiver": ({"main": {"receiver": 0}}, "receiver: expected the place of a client with data, 1 or 2 or 3, got 0"),
    "transforms": ({"clients": {ONE: {"transforms": ["a"] * 9}}}, "transforms: expected a list of at most 8, got 9"),
}


@pytest.mark.parametrize("case", WRONG_CARDS)
def test_wrong_scorecards_are_refused(tmp_path: Path, case: str) -> None:
    fields, words = WRONG_CARDS[case]
    with pytest.raises(SpecError) as caught:
        parse(scorecard(tmp_path, **fields).document())
    assert words in caught.value.message


def test_rows_must_be_there_when_a_scorecard_starts(tmp_path: Path) -> None:
    task = scorecard(tmp_path, clients={ONE: {"data_path": "new"}})
    member, root = task.plan().members[ONE], task.roots[ONE]
    root.path.mkdir(parents=True)
    check_member(member, root, ready=False)
    with pytest.raises(DataError, match=r"clients\[1\].client_config.data_path 'new': no train.csv"):
        check_member(member, root, ready=True)
    check_member(task.plan().members[TWO], root, ready=True)
