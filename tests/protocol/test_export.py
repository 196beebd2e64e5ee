"""Opening a model: what the file predicts elsewhere, who gets it, and that every party has to consent."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
import pytest
import xgboost

from fedray.errors import FedrayError, PolicyError, SpecError, TaskAborted
from fedray.task.model_rules import check_training
from fedray.task.record import Status
from tests.exports import Export, export
from tests.predictions import prediction
from tests.protocol.test_prediction import OBJECTIVES, TREES, training
from tests.tasks import Training, made_up

Float = npt.NDArray[np.float64]

BOUNDS = {"linear": 0.03, "logistic": 1.5e-3, "poisson": 0.02}
"""Features are rounded to 1/1024, or finer, where fedray predicts, and curves to their tables; labels are around 50 and
deviate by some 7, counts are around 4."""


def rows_of(trained: Training) -> Float:
    """Return the columns of all parties side by side, in the order of their clients."""
    return np.hstack([*trained.features, trained.label[:, 1:]])


def predicted(trained: Training) -> Float:
    task = prediction(trained)
    task.succeed()
    return task.predicted(4)[2][:, 0]


def one_file(task: Export) -> bytes:
    (path,) = task.exported()
    assert path.stat().st_mode & 0o777 == 0o600
    return path.read_bytes()


def by_scikit_learn(document: dict[str, Any], x: Float) -> Float:
    module, name = document["estimator"].rsplit(".", 1)
    made = getattr(importlib.import_module(module), name)()
    for attribute, value in document["attributes"].items():
        setattr(made, attribute, np.array(value) if isinstance(value, list) else value)
    if name == "PoissonRegressor":
        made._base_loss = made._get_loss()  # what fit does beside
    found: Float = made.predict(_named(made, x))
    return found if name != "LogisticRegression" else np.asarray(made.predict_proba(_named(made, x))[:, 1])


def _named(made: Any, x: Float) -> Any:
    import pandas as pd

    return pd.DataFrame(x, columns=list(made.feature_names_in_))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_linear_model_predicts_the_same_in_scikit_learn(tmp_path: Path, objective: str) -> None:
    trained = training(tmp_path, objective)
    trained.succeed()
    task = export(trained)
    task.consent()
    outcomes = task.succeed()
    document = json.loads(one_file(task))
    ours, theirs = predicted(trained), by_scikit_learn(document, rows_of(trained))
    assert np.max(np.abs(ours - theirs)) <= BOUNDS[objective]
    assert np.std(ours) > 5 * BOUNDS[objective]
    assert outcomes[0].result == {"model": "t", "receiver": task.plan().names[3], "format": "json"}


@pytest.mark.parametrize("kind", TREES)
def test_trees_predict_the_same_in_xgboost(tmp_path: Path, kind: str) -> None:
    trained = training(tmp_path, kind)
    trained.succeed()
    task = export(trained)
    task.consent()
    task.succeed()
    booster = xgboost.Booster()
    booster.load_model(bytearray(one_file(task)))
    x = rows_of(trained)
    names = booster.feature_names
    assert names is not None
    assert len(set(names)) == x.shape[1]
    theirs = booster.predict(xgboost.DMatrix(x, feature_names=names))
    ours = predicted(trained)
    np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-6)
    assert len(set(ours.tolist())) > 3
    again = xgboost.Booster(model_file=bytearray(booster.save_raw("ubj")))
    np.testing.assert_array_equal(again.predict(xgboost.DMatrix(x, feature_names=names)), theirs)


def test_pmml_holds_the_same_numbers(trained: Training) -> None:
    task = export(trained, main={"format": "pmml"})
    task.consent()
    task.succeed()
    root = ElementTree.fromstring(one_file(task))
    space = {"p": "http://www.dmg.org/PMML-4_4"}
    model = root.find("p:RegressionModel", space)
    assert model is not None
    assert (model.get("functionName"), model.get("normalizationMethod")) == ("classification", "logit")
    table = model.find("p:RegressionTable[@targetCategory='1']", space)
    assert table is not None
    factors = {one.get("name"): float(one.get("coefficient", "")) for one in table.findall("p:NumericPredictor", space)}
    assert list(factors) == ["a0", "a1", "a2", "b0", "b1", "own"]
    z = rows_of(trained) @ np.array(list(factors.values())) + float(table.get("intercept", ""))
    assert np.max(np.abs(1.0 / (1.0 + np.exp(-z)) - predicted(trained))) <= BOUNDS["logistic"]
    named = [one.get("name") for one in root.findall("p:DataDictionary/p:DataField", space)]
    assert named == [*factors, "target"]


def test_columns_of_one_name_are_told_apart(trained: Training) -> None:
    task = export(trained)
    task.consent()
    task.succeed()
    document = json.loads(one_file(task))
    parties = [member.party.name for member in task.plan().members]
    assert document["parties"] == {
        **dict.fromkeys(("a0", "a1", "a2"), parties[1]),
        "b0": parties[2],
        "b1": parties[2],
    } | {"own": parties[3]}


def test_only_the_receiver_learns_the_model(trained: Training) -> None:
    task = export(trained, main={"receiver": 2}, clients={2: {"out_data_path": "elsewhere/deep"}})
    task.consent()
    outcomes = task.succeed()
    (path,) = task.exported()
    assert path == task.roots[2].path / "generated" / "elsewhere" / "deep" / "model.json"
    labels = [{frame.label for _, frame in view} for view in task.views]
    assert labels == [{"shapes", "done"}, {"shapes"}, {"shapes", "blind", "model", "reveal.model"}, {"shapes", "blind"}]
    for index in (1, 3):
        told = {entry["tag"]: entry["to"] for entry in outcomes[index].reveals}
        assert told == {"shapes": [0, *({1, 2, 3} - {index})], "model": [2]}


@pytest.mark.parametrize(("index", "text"), [(1, None), (2, None), (2, ""), (2, "export = false"), (3, None)])
def test_without_the_consent_of_one_party_nobody_says_anything(trained: Training, index: int, text: str | None) -> None:
    task = export(trained)
    task.consent()
    task.consent(text or "", [index])
    if text is None:
        (task.roots[index].path / "policy.toml").unlink()
    task.run()
    error = task.errors.pop(index)
    assert isinstance(error, PolicyError)
    assert "rule export, does not allow opening a model with a part of it" in error.message
    assert {type(other) for other in task.errors.values()} == {TaskAborted}
    assert len(task.errors) == 3
    assert not any(task.views)
    assert task.exported() == []


def test_a_column_that_is_denied_leaves_in_no_model(trained: Training) -> None:
    task = export(trained)
    task.consent()
    task.consent('export = true\n[columns]\ndeny = ["b1"]', [2])
    task.run()
    error = task.errors[2]
    assert isinstance(error, PolicyError)
    assert 'rule columns.deny, does not allow the column "b1" of the model' in error.message
    assert task.exported() == []


def refusal(task: Export, trained: Training) -> str:
    with pytest.raises(SpecError) as found:
        check_training(task.plan(), trained.plan(), Status.FINISHED)
    return found.value.message


def test_what_has_no_format_is_refused_when_the_task_is_created(tmp_path: Path) -> None:
    network = made_up(tmp_path / "network")
    assert "clients[0].client_config.model: a model of kind shared_nn has no format" in refusal(
        export(network), network
    )
    trees = training(tmp_path / "trees", "trees")
    task = export(trees, main={"format": "pmml"})
    assert "clients[0].client_config.format: expected json for a model of kind secure_xgboost" in refusal(task, trees)


def test_only_the_receiver_names_a_folder(trained: Training) -> None:
    with pytest.raises(FedrayError, match=r"clients\[1\].client_config.out_data_path: expected null, since only"):
        export(trained, clients={1: {"out_data_path": "d"}}).plan()
