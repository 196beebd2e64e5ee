"""FATE's modules that change, choose and describe columns and rows, and what a prediction does again of them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from serve_api.fate_flow.compiled import CompiledJob
from serve_api.fate_flow.predicting import predict_dsl
from tests.fate_jobs import GUEST, HOST, Json, World, applied, conf_2, dsl_2, evaluated, small, trainer

LR: Json = {"max_iter": 5, "learning_rate": 0.3, "optimizer": "nesterov_momentum_sgd"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    small(made, rows=200)
    return made


def predicted(world: World, trained: CompiledJob, **common: Json) -> list[list[object]]:
    """Return the rows of the predictions that the deployed training makes of its own tables."""
    conf = conf_2(**common)
    conf["job_parameters"]["common"] |= {"job_type": "predict", "model_id": "m", "model_version": "1"}
    reader: Json = {"module": "Reader", "output": {"data": ["data"]}}
    made = {"components": {"reader_0": reader, **predict_dsl(trained.job)["components"]}}
    compiled = world.compile(made, conf, "2", trained)
    world.run(compiled)
    return list(world.outcome(compiled, "hetero_lr_0").data[GUEST][0].rows())


def test_scaled_binned_selected_trained_and_all_that_again(world: World) -> None:
    small(world, rows=400)
    select = applied("HeteroFeatureSelection", "hetero_feature_binning_0.data")
    select["input"]["isometric_model"] = ["hetero_feature_binning_0.model"]
    dsl = dsl_2(
        ("scale_0", applied("FeatureScale", "intersection_0.data")),
        ("hetero_feature_binning_0", applied("HeteroFeatureBinning", "scale_0.data")),
        ("selection_0", select),
        ("hetero_lr_0", trainer("HeteroLR", "selection_0.data")),
    )
    binning = {"bin_num": 2, "transform_param": {"transform_type": "woe"}}
    iv = {"filter_methods": ["manually", "iv_filter"], "iv_param": {"threshold": 0.3}}
    common = {"hetero_feature_binning_0": binning, "selection_0": iv, "hetero_lr_0": LR}
    conf = conf_2(**common)
    conf["component_parameters"]["role"]["host"]["0"]["selection_0"] = {"manually_param": {"filter_out_names": ["x0"]}}
    trained = world.compile(dsl, conf)
    world.run(trained)
    scaled = np.array([row[1:] for row in world.outcome(trained, "scale_0").data[HOST][0].rows()])
    assert scaled.mean(axis=0) == pytest.approx(0.0, abs=1e-9)
    bins = world.outcome(trained, "hetero_feature_binning_0")
    assert set(bins.summary[HOST]["iv"]) == {"x0", "x1", "x2"}
    assert bins.model[GUEST]["data"]["hostResults"][0]["binningResult"].keys() == {"x0", "x1", "x2"}
    assert bins.data[HOST][0].header == ("id", "x0_woe", "x1_woe", "x2_woe")
    left = {party: told["left"] for party, told in world.outcome(trained, "selection_0").summary.items()}
    assert left == {HOST: ["x1_woe"], GUEST: ["x0_woe"]}  # the guest's other column tells less than 0.3
    rows = list(world.outcome(trained, "hetero_lr_0").data[GUEST][0].rows())
    again = predicted(world, trained)
    assert [row[3] for row in again] == pytest.approx([row[3] for row in rows], abs=1e-4)


def test_numbers_of_bins_and_categories(world: World) -> None:
    dsl = dsl_2(
        ("hetero_feature_binning_0", applied("HeteroFeatureBinning", "intersection_0.data")),
        ("one_hot_0", applied("OneHotEncoder", "hetero_feature_binning_0.data")),
    )
    conf = conf_2(hetero_feature_binning_0={"bin_num": 2})
    conf["component_parameters"]["role"]["host"]["0"]["one_hot_0"] = {
        "transform_col_indexes": [],
        "transform_col_names": ["x0_bin"],
    }
    conf["component_parameters"]["role"]["guest"]["0"]["one_hot_0"] = {"transform_col_indexes": []}
    compiled = world.compile(dsl, conf)
    world.run(compiled)
    numbers = [row[1] for row in world.outcome(compiled, "hetero_feature_binning_0").data[HOST][0].rows()]
    assert set(numbers) == {0, 1}
    table = world.outcome(compiled, "one_hot_0").data[HOST][0]
    assert table.header[:3] == ("id", "x0_bin_cat1", "x0_bin_cat2")
    assert [row[2] for row in table.rows()] == numbers


def test_a_split_trains_on_one_part_and_validates_on_the_other(world: World) -> None:
    split: Json = {
        "module": "HeteroDataSplit",
        "input": {"data": {"data": ["intersection_0.data"]}},
        "output": {"data": ["train_data", "validate_data", "test_data"]},
    }
    train = trainer("HeteroLR", "split_0.train_data")
    train["input"]["data"]["validate_data"] = ["split_0.test_data"]
    card: Json = {
        "module": "Scorecard",
        "input": {"data": {"data": ["hetero_lr_0.data"]}},
        "output": {"data": ["data"]},
    }
    weigh = applied("SampleWeight", "split_0.train_data")
    train["input"]["data"]["train_data"] = ["weight_0.data"]
    dsl = dsl_2(
        ("split_0", split),
        ("weight_0", weigh),
        ("hetero_lr_0", train),
        ("scorecard_0", card),
        ("evaluation_0", evaluated("hetero_lr_0.data")),
    )
    sizes = {"train_size": 0.75, "test_size": 0.25, "random_state": 7}
    compiled = world.compile(dsl, conf_2(split_0=sizes, weight_0={"class_weight": "balanced"}, hetero_lr_0=LR))
    world.run(compiled)
    found = world.outcome(compiled, "split_0")
    parts = {one.name: {row[0] for row in one.rows()} for one in found.data[HOST]}
    assert {name: len(ids) for name, ids in parts.items()} == {"train_data": 135, "test_data": 45}
    assert not parts["train_data"] & parts["test_data"]
    assert {one.name: {row[0] for row in one.rows()} for one in found.data[GUEST]} == parts
    rows = list(world.outcome(compiled, "hetero_lr_0").data[GUEST][0].rows())
    assert {row[0] for row in rows if row[5] == "validate"} == parts["test_data"]
    assert set(world.outcome(compiled, "evaluation_0").metrics[GUEST]) == {"train", "validate"}
    points = [row[4] for row in world.outcome(compiled, "scorecard_0").data[GUEST][0].rows()]
    assert points[0] == pytest.approx(500 + 20 / math.log(2) * math.log((1 - rows[0][3]) / rows[0][3]), abs=0.01)


def test_columns_are_described_to_their_owners(world: World) -> None:
    dsl = dsl_2(
        ("sample_0", applied("FederatedSample", "intersection_0.data")),
        ("pearson_0", applied("HeteroPearson", "sample_0.data")),
        ("statistics_0", applied("DataStatistics", "sample_0.data")),
    )
    common = {"sample_0": {"fractions": 0.5, "random_state": 3}, "pearson_0": {"column_indexes": -1}}
    compiled = world.compile(dsl, conf_2(**common))
    world.run(compiled)
    assert world.outcome(compiled, "sample_0").summary[HOST] == {"sample_count": 90}
    told = world.outcome(compiled, "pearson_0").summary
    assert np.array(told[GUEST]["corr"]).shape == (2, 3)
    assert told[GUEST]["corr"] == pytest.approx(np.array(told[HOST]["corr"]).T)
    rows = np.array([row[1:] for row in world.outcome(compiled, "sample_0").data[HOST][0].rows()])
    found = world.outcome(compiled, "statistics_0")
    assert set(found.summary[HOST]) == {"x0", "x1", "x2"}
    assert found.summary[HOST]["x1"]["mean"] == pytest.approx(rows[:, 1].mean())
    assert set(found.summary[GUEST]) == {"x0", "x1"}


def test_a_network_and_fast_trees(world: World) -> None:
    dense = [{"class_name": "Dense", "config": {"units": 4, "activation": "relu"}}]
    top = [{"class_name": "Dense", "config": {"units": 1, "activation": "sigmoid"}}]
    net: Json = {
        "interactive_layer_define": {"class_name": "Sequential", "config": {"layers": dense}},
        "top_nn_define": {"class_name": "Sequential", "config": {"layers": top}},
        "epochs": 30,
        "batch_size": 32,
        "optimizer": {"optimizer": "SGD", "learning_rate": 1.0},
        "loss": "binary_crossentropy",
    }
    dsl = dsl_2(
        ("hetero_nn_0", trainer("HeteroNN", "intersection_0.data")),
        ("trees_0", trainer("HeteroFastSecureBoost", "intersection_0.data")),
        ("evaluation_0", evaluated("hetero_nn_0.data")),
        ("evaluation_1", evaluated("trees_0.data")),
    )
    compiled = world.compile(dsl, conf_2(hetero_nn_0=net, trees_0={"num_trees": 2, "bin_num": 8}))
    world.run(compiled)
    for name, model in (("evaluation_0", "hetero_nn_0"), ("evaluation_1", "trees_0")):
        metric = world.outcome(compiled, name).metrics[GUEST]["train"][model]
        assert dict(metric.data)["auc"] > 0.9
    assert world.outcome(compiled, "hetero_nn_0").model[HOST]["data"]["widths"] == [4, 1]


def test_numbers_are_added(world: World) -> None:
    conf = conf_2(secure_add_example_0={"data_num": 70})
    dsl: Json = {"components": {"secure_add_example_0": {"module": "SecureAddExample"}}}
    compiled = world.compile(dsl, conf)
    world.run(compiled)
    found = world.outcome(compiled, "secure_add_example_0")
    assert found.log == {GUEST: ("success to calculate secure_sum, it is 140.0",)}
