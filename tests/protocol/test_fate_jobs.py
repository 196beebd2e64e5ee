"""FATE's jobs, from DSL and configuration to metrics and predictions, every task in threads."""

from __future__ import annotations

from pathlib import Path

import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from serve_api.fate_flow.predicting import predict_dsl
from tests.fate_jobs import (
    ARBITER,
    GUEST,
    HOST,
    Json,
    World,
    breast,
    conf_1,
    conf_2,
    dsl_1,
    dsl_2,
    evaluated,
    small,
    trainer,
)

TREES = {"num_trees": 3, "tree_param": {"max_depth": 3}, "bin_num": 8}
LR = {"max_iter": 10, "learning_rate": 0.15, "batch_size": -1, "optimizer": "rmsprop"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def auc(world: World, compiled: object, name: str, kind: str = "train") -> float:
    told = world.outcome(compiled, "evaluation_0").metrics[GUEST][kind][name]  # type: ignore[arg-type]
    return float(dict(told.data)["auc"])


def test_logistic_regression_of_dsl_1_and_its_predictions(world: World) -> None:
    x, y = breast(world)
    dsl = dsl_1(
        ("hetero_lr_0", trainer("HeteroLR", "intersection_0.train")), ("evaluation_0", evaluated("hetero_lr_0.data"))
    )
    trained = world.compile(dsl, conf_1("breast_guest", "breast_host", hetero_lr_0=LR))
    world.run(trained)
    scaled = StandardScaler().fit_transform(x)
    plain = LogisticRegression().fit(scaled, y).predict_proba(scaled)[:, 1]
    assert auc(world, trained, "hetero_lr_0") == pytest.approx(roc_auc_score(y, plain), abs=0.01)
    found = world.outcome(trained, "hetero_lr_0")
    assert [pair[0] for pair in found.metrics[ARBITER]["train"]["loss"].data] == [9]
    assert found.model[HOST]["data"]["header"] == [f"x{k}" for k in range(20)]
    assert found.model[HOST]["data"]["weight"] == {}
    (table,) = found.data[GUEST]
    assert table.header == ("id", "label", "predict_result", "predict_score", "predict_detail", "type")
    rows = list(table.rows())
    assert len(rows) == table.total == 569
    assert [row[1] for row in rows] == y.tolist()
    assert rows[0][4] == {"0": 1.0 - rows[0][3], "1": rows[0][3]}
    assert {row[5] for row in rows} == {"train"}
    assert HOST not in found.data

    conf = conf_1("breast_guest", "breast_host")
    conf["job_parameters"] |= {"job_type": "predict", "model_id": "m", "model_version": "1"}
    for role in ("guest", "host"):
        data = conf["role_parameters"][role]["args"]["data"]
        data["eval_data"] = data.pop("train_data")
    made = predict_dsl(trained.job)
    assert list(made["components"]) == ["dataio_0", "intersection_0", "hetero_lr_0"]
    predicting = world.compile(made, conf, "2", trained)
    world.run(predicting)
    (again,) = world.outcome(predicting, "hetero_lr_0").data[GUEST]
    scores = [row[3] for row in again.rows()]
    assert scores == pytest.approx([row[3] for row in rows], abs=1e-4)
    assert {row[5] for row in again.rows()} == {"predict"}


def test_trees_of_dsl_2_and_their_predictions(world: World) -> None:
    x, y = breast(world)
    dsl = dsl_2(
        ("secureboost_0", trainer("HeteroSecureBoost", "intersection_0.data")),
        ("evaluation_0", evaluated("secureboost_0.data")),
    )
    trained = world.compile(dsl, conf_2("breast_guest", "breast_host", secureboost_0=TREES))
    world.run(trained)
    plain = HistGradientBoostingClassifier(
        max_iter=3, max_depth=3, learning_rate=0.3, max_bins=8, min_samples_leaf=1, l2_regularization=0.1
    ).fit(x, y)
    trained_auc = auc(world, trained, "secureboost_0")
    assert trained_auc == pytest.approx(roc_auc_score(y, plain.predict_proba(x)[:, 1]), abs=0.01)
    found = world.outcome(trained, "secureboost_0")
    assert [pair[0] for pair in found.metrics[GUEST]["train"]["loss"].data] == [2]
    assert found.model[GUEST]["data"]["treeNum"] == 3
    rows = list(found.data[GUEST][0].rows())

    conf = conf_2("breast_guest", "breast_host")
    conf["job_parameters"]["common"] |= {"job_type": "predict", "model_id": "m", "model_version": "1"}
    made = predict_dsl(trained.job, ["data_transform_0", "intersection_0", "secureboost_0"])
    reader: Json = {"module": "Reader", "output": {"data": ["data"]}}
    made = {"components": {"reader_0": reader, **made["components"], "evaluation_0": evaluated("secureboost_0.data")}}
    predicting = world.compile(made, conf, "2", trained)
    world.run(predicting)
    (again,) = world.outcome(predicting, "secureboost_0").data[GUEST]
    assert [row[3] for row in again.rows()] == [row[3] for row in rows]
    assert auc(world, predicting, "secureboost_0", "predict") == trained_auc


@pytest.mark.parametrize(("module", "labels"), [("HeteroLinR", "numbers"), ("HeteroPoisson", "counts")])
def test_regressions(world: World, module: str, labels: str) -> None:
    small(world, labels=labels)
    dsl = dsl_2(("model_0", trainer(module, "intersection_0.data")), ("evaluation_0", evaluated("model_0.data")))
    common: Json = {"model_0": {"max_iter": 10, "learning_rate": 0.1, "optimizer": "sgd"}}
    compiled = world.compile(dsl, conf_2(**common, evaluation_0={"eval_type": "regression"}))
    world.run(compiled)
    found = world.outcome(compiled, "evaluation_0").metrics[GUEST]["train"]["model_0"]
    numbers = dict(found.data)
    assert set(numbers) == {"mean_absolute_error", "mean_squared_error", "r2_score", "root_mean_squared_error"}
    assert numbers["r2_score"] > 0.1
    assert world.outcome(compiled, "intersection_0").summary[HOST] == {"intersect_num": 72, "intersect_rate": 0.9}


def test_gaps_are_filled_where_they_are_and_in_predictions(world: World) -> None:
    small(world)
    ids = [f"r{k:03d}" for k in range(80)]
    host: dict[str, list[object]] = {f"x{k}": [0.1 * j + k for j in range(80)] for k in range(3)}
    host["x1"][3] = ""
    world.add("host", host, ids)
    conf = conf_2(hetero_lr_0={"max_iter": 3, "validation_freqs": 1})
    conf["component_parameters"]["role"]["host"]["0"]["data_transform_0"] |= {
        "missing_fill": True,
        "missing_fill_method": "mean",
    }
    validated = trainer("HeteroLR", "intersection_0.data")
    validated["input"]["data"]["validate_data"] = ["intersection_0.data"]
    compiled = world.compile(dsl_2(("hetero_lr_0", validated), ("evaluation_0", evaluated("hetero_lr_0.data"))), conf)
    assert compiled.component("intersection_0").steps == ("intersection_0", "intersection_0-fill")
    world.run(compiled)
    rows = list(world.outcome(compiled, "intersection_0").data[HOST][0].rows())
    assert rows[3][2] == pytest.approx(sum(float(str(host["x1"][k])) for k in range(72) if k != 3) / 71)
    assert set(world.outcome(compiled, "evaluation_0").metrics[GUEST]) == {"train", "validate"}
    history = world.outcome(compiled, "hetero_lr_0").metrics[ARBITER]["train"]["loss"].data
    assert [pair[0] for pair in history] == [0, 1, 2]
