"""FATE's components become steps: what is asked of the core, what is only warned of, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from serve_api.fate_flow.compiled import CompiledJob
from serve_api.fate_flow.faults import FateError
from serve_api.fate_flow.modules import COMPILERS
from serve_api.fate_flow.parameters import modules
from tests.fate_jobs import World, applied, conf_1, conf_2, dsl_1, dsl_2, evaluated, small, trainer

Json = dict[str, Any]
DENSE: Json = {"config": {"layers": [{"class_name": "Dense", "config": {"units": 1}}]}}


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    small(made)
    return made


def main_of(compiled: CompiledJob, step: str) -> Json:
    """Return what the main client of a step is told."""
    assert compiled.pipeline is not None
    (task,) = (one["task"] for one in compiled.pipeline["steps"] if one["name"] == step)
    told: Json = task["clients"][0]["client_config"]
    return told


def compiled_lr(world: World, module: str = "HeteroLR", **values: Any) -> CompiledJob:
    return world.compile(dsl_2(("model_0", trainer(module, "intersection_0.data"))), conf_2(model_0=values))


def test_steps_and_edges(world: World) -> None:
    compiled = world.compile(
        dsl_1(
            ("hetero_lr_0", trainer("HeteroLR", "intersection_0.train")),
            ("evaluation_0", evaluated("hetero_lr_0.data")),
        ),
        conf_1(),
    )
    assert compiled.pipeline is not None
    assert compiled.pipeline["name"] == "fate-1"
    steps = {one["name"]: one["after"] for one in compiled.pipeline["steps"]}
    assert steps == {
        "intersection_0": [],
        "hetero_lr_0": ["intersection_0"],
        "hetero_lr_0-predict": ["intersection_0"],
    }
    assert compiled.component("evaluation_0").needs == ("hetero_lr_0-predict",)
    assert compiled.component("dataio_0").steps == ()
    assert compiled.to_json() == CompiledJob.from_json(compiled.to_json()).to_json()


def test_passes_become_batches(world: World) -> None:
    told = main_of(compiled_lr(world, max_iter=3, batch_size=30, optimizer="sgd", alpha=0.5), "model_0")
    assert (told["batch_size"], told["max_iter"], told["test_per_batches"]) == (30, 9, 9)  # 72 rows at the most
    assert (told["alpha"], told["momentum"], told["nesterovs_momentum"]) == (0.5, 0.0, False)
    told = main_of(compiled_lr(world, max_iter=3, optimizer="sgd", validation_freqs=2), "model_0")
    assert (told["batch_size"], told["max_iter"], told["test_per_batches"]) == (72, 3, 2)
    told = main_of(compiled_lr(world, max_iter=3, penalty="L1", alpha=0.01), "model_0")
    assert (told["penalty"], told["alpha"]) == ("l1", 0.01)
    told = main_of(compiled_lr(world, max_iter=3, penalty=None), "model_0")
    assert (told["batch_size"], told["max_iter"], told["alpha"], told["momentum"]) == (64, 6, 0.0, 0.9)


def test_trees_are_asked_for_by_our_names(world: World) -> None:
    values = {"num_trees": 4, "tree_param": {"max_depth": 2, "criterion_params": [0.5, 0]}, "use_missing": True}
    compiled = compiled_lr(world, "HeteroSecureBoost", **values)
    told = main_of(compiled, "model_0")
    assert told["reg_lambda"] == 0.5
    assert told["gamma"] == pytest.approx(0.001)
    assert (told["n_estimators"], told["max_depth"], told["test_per_trees"], told["seed"]) == (4, 2, 4, 100)
    assert compiled.pipeline is not None
    clients = compiled.pipeline["steps"][1]["task"]["clients"]
    assert [one["client_config"].get("missing") for one in clients] == [None, None, "bin", "bin"]


@pytest.mark.parametrize(
    ("module", "values", "words"),
    [
        (
            "HeteroLR",
            {"encrypt_param": {"key_length": 2048}},
            "encrypt_param.key_length: nothing is encrypted with a public key",
        ),
        ("HeteroLR", {"early_stop": "abs"}, "early_stop: all max_iter passes are made"),
        ("HeteroLR", {"optimizer": "adam"}, "optimizer: adam would need inverse roots"),
        ("HeteroLR", {}, "the loss is told after the last step"),
        ("HeteroLR", {}, "early_stop, decay: all max_iter passes are made"),
        ("HeteroSecureBoost", {"complete_secure": True}, "complete_secure: every tree is"),
        ("HeteroNN", {"interactive_layer_lr": 0.5, "top_nn_define": DENSE}, "interactive_layer_lr: all layers have"),
        ("HeteroFastSecureBoost", {"work_mode": "layered"}, "work_mode: every tree takes columns of all parties"),
    ],
)
def test_harmless_parameters_are_warned_of(world: World, module: str, values: Json, words: str) -> None:
    assert any(words in one for one in compiled_lr(world, module, **values).component("model_0").warnings)


@pytest.mark.parametrize(
    ("module", "values", "words"),
    [
        (
            "HeteroLR",
            {"cv_param": {"need_cv": True, "n_splits": 1}},
            "cv_param.n_splits: expected a number from 2 to 20",
        ),
        ("HeteroLR", {"cv_param": {"need_cv": True, "shuffle": False}}, "cv_param: expected mode hetero and shuffle"),
        (
            "HeteroNN",
            {"cv_param": {"need_cv": True}, "top_nn_define": DENSE},
            "cv_param.need_cv: true is not supported",
        ),
        ("HeteroLR", {"penalty": "L3"}, 'parameter penalty: expected L1, L2 or null, got "L3"'),
        ("HeteroLR", {"stepwise_param": {"need_stepwise": True}}, "parameter stepwise_param.need_stepwise"),
        (
            "HeteroLR",
            {"early_stopping_rounds": 3},
            "parameter early_stopping_rounds: expected null: there is no validate",
        ),
        ("HeteroLR", {"early_stopping_rounds": 0}, "early_stopping_rounds: expected null or a number from 1 to 10000"),
        ("HeteroNN", {"early_stopping_rounds": 3, "top_nn_define": DENSE}, "early_stopping_rounds: 3 is not supported"),
        ("HeteroLR", {"max_iter": "many"}, "parameter max_iter: expected a number from 1"),
        ("HeteroLR", {"learning_rate": "fast"}, 'parameter learning_rate: expected a number, got "fast"'),
        ("HeteroLR", {"predict_param": 3}, "parameter predict_param: expected an object, got 3"),
        ("HeteroSecureBoost", {"tree_param": {"criterion_params": ["a"]}}, "with numbers as criterion_params"),
        ("HeteroSecureBoost", {"tree_param": {"criterion_params": [0.1, 1]}}, "expected 0 as second number, the L1"),
        ("HeteroPoisson", {"exposure_colname": "e"}, "parameter exposure_colname"),
        ("HeteroSecureBoost", {"run_goss": True}, "parameter run_goss"),
        ("HeteroSecureBoost", {"task_type": "regression"}, "parameter objective_param.objective: expected lse or l2"),
        ("HeteroSecureBoost", {"num_trees": 0}, "n_estimators: expected"),
        ("HeteroNN", {}, "parameter top_nn_define: expected dense layers"),
        ("FTL", {}, "module FTL is not supported by this server"),
        ("HomoLR", {}, "module HomoLR is not supported by this server"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_its_name(world: World, module: str, values: Json, words: str) -> None:
    with pytest.raises(FateError) as caught:
        compiled_lr(world, module, **values)
    assert caught.value.retcode == 100
    assert words in caught.value.retmsg


FILTERS: Json = {
    "unique_value": {"unique_param": {"eps": 0.5}},
    "percentage_value": {"percentage_value_param": {"upper_pct": 0.9}},
    "coefficient_of_variation_value_thres": {"variance_coe_param": {"value_threshold": 0.3}},
    "outlier_cols": {"outlier_param": {"percentile": 0.95, "upper_threshold": 2}},
    "statistic_filter": {
        "statistic_param": {"metrics": ["mean", "25%"], "threshold": [1, 2], "take_high": [True, False]}
    },
    "vif_filter": {"vif_param": {"threshold": 4, "host_thresholds": [3]}},
}


def selected(world: World, **values: Any) -> list[list[Json]]:
    """Return the steps of host and guest."""
    compiled = compiled_lr(world, "HeteroFeatureSelection", **values)
    assert compiled.pipeline is not None
    clients = compiled.pipeline["steps"][-1]["task"]["clients"]
    return [one["client_config"]["steps"] for one in clients[1:]]


def test_filters_that_each_party_decides_on(world: World) -> None:
    parameters: Json = {name: value for one in FILTERS.values() for name, value in one.items()}
    host, guest = selected(world, filter_methods=list(FILTERS), **parameters)
    assert guest == [
        {"step": "selection", **one}
        for one in (
            {"statistic": "range", "least": 0.5},
            {"statistic": "mode_part", "most": 0.9},
            {"statistic": "variation", "least": 0.3},
            {"statistic": "quantile", "most": 2.0, "quantile": 0.95},
            {"statistic": "mean", "least": 1.0},
            {"statistic": "quantile", "most": 2.0, "quantile": 0.25},
            {"statistic": "vif", "most": 4.0},
        )
    ]
    assert host == [*guest[:-1], {"step": "selection", "statistic": "vif", "most": 3.0}]
    alone = selected(world, filter_methods=["statistic_filter"], statistic_param={"select_federated": False})
    assert alone == [[], [{"step": "selection", "statistic": "mean", "least": 1.0}]]


@pytest.mark.parametrize(
    ("one", "values", "words"),
    [
        ("statistic_filter", {"metrics": "skewness"}, "statistic_param.metrics: expected mean, stddev"),
        ("statistic_filter", {"filter_type": "top_k"}, "statistic_param.filter_type: expected threshold"),
        ("statistic_filter", {"threshold": [1, 2]}, "statistic_param.threshold: expected one for each of 1 metrics"),
        ("statistic_filter", {"threshold": "1"}, "statistic_param.threshold: expected numbers"),
        ("vif_filter", {"host_thresholds": [1, 2]}, "vif_param.host_thresholds: expected one for each of 1 hosts"),
        ("vif_filter", {"metrics": "iv"}, "vif_param.metrics: expected vif"),
        ("outlier_cols", {"percentile": 95}, "outlier_param.percentile: expected a number from 0 to 1"),
        ("correlation_filter", {}, "filter_methods: expected a list of manually, iv_filter"),
    ],
)
def test_filters_that_are_refused(world: World, one: str, values: Json, words: str) -> None:
    field = {"statistic_filter": "statistic_param", "vif_filter": "vif_param", "outlier_cols": "outlier_param"}
    with pytest.raises(FateError) as caught:
        selected(world, filter_methods=[one], **({field[one]: values} if values else {}))
    assert words in caught.value.retmsg


def test_parties_must_agree(world: World) -> None:
    conf = conf_2(hetero_lr_0={"max_iter": 3})
    conf["component_parameters"]["role"]["host"]["0"]["hetero_lr_0"] = {"max_iter": 4}
    with pytest.raises(FateError, match="parameter max_iter: expected the same value at all parties"):
        world.compile(dsl_2(("hetero_lr_0", trainer("HeteroLR", "intersection_0.data"))), conf)


@pytest.mark.parametrize(
    ("dsl", "words"),
    [
        (
            dsl_2(("hetero_lr_0", {**trainer("HeteroLR", "x.y"), "input": {}})),
            "input.data: expected train_data or data",
        ),
        (dsl_2(("hetero_lr_0", trainer("HeteroLR", "data_transform_0.data"))), "rows that an Intersection has aligned"),
        (dsl_2(("evaluation_0", evaluated("intersection_0.data"))), "input intersection_0.data: expected predictions"),
        (dsl_2(("select_0", applied("HeteroFeatureSelection", "intersection_0.data"))), "not supported here"),
    ],
)
def test_missing_or_wrong_inputs_are_named(world: World, dsl: Json, words: str) -> None:
    conf = conf_2(select_0={"filter_methods": ["psi_filter"]}) if "select_0" in dsl["components"] else conf_2()
    with pytest.raises(FateError) as caught:
        world.compile(dsl, conf)
    assert words in caught.value.retmsg


def test_a_table_or_a_label_that_is_not_there(world: World) -> None:
    with pytest.raises(FateError, match='table "none" in namespace "ns" does not exist'):
        world.compile(dsl_1(), conf_1("none"))
    conf = conf_2()
    conf["component_parameters"]["role"]["guest"]["0"]["data_transform_0"]["label_name"] = "z"
    with pytest.raises(FateError, match='label_name: the guest\'s table has no column "z"'):
        world.compile(dsl_2(), conf)


@pytest.mark.parametrize("values", [{}, {"transform_col_indexes": [0]}])
def test_columns_that_are_not_known_beforehand_must_be_named(world: World, values: Json) -> None:
    dsl = dsl_2(
        ("binning_0", applied("HeteroFeatureBinning", "intersection_0.data")),
        ("one_hot_0", applied("OneHotEncoder", "binning_0.data")),
    )
    with pytest.raises(FateError, match="expected names: which columns are left is not known beforehand"):
        world.compile(dsl, conf_2(one_hot_0=values))


def test_a_training_does_not_begin_with_a_model(world: World) -> None:
    warm = trainer("HeteroLR", "intersection_0.data")
    warm["input"]["model"] = ["hetero_lr_0.model"]
    dsl = dsl_2(("hetero_lr_0", trainer("HeteroLR", "intersection_0.data")), ("hetero_lr_1", warm))
    with pytest.raises(FateError, match="a training that begins with a model is not supported"):
        world.compile(dsl, conf_2())


def test_a_prediction_has_the_parties_of_the_training(world: World) -> None:
    conf = conf_2()
    conf["job_parameters"]["common"] |= {"job_type": "predict", "model_id": "m", "model_version": "1"}
    trained = compiled_lr(world)
    conf["role"]["host"] = [10001]
    with pytest.raises(FateError, match="expected the guest and the hosts of the training"):
        world.compile(dsl_2(), conf, "2", trained)
    with pytest.raises(FateError, match="a prediction needs the model of a training"):
        world.compile(dsl_2(), conf, "2")


def test_a_job_of_an_arbiter_alone_is_refused(world: World) -> None:
    conf = {**conf_2(), "role": {"arbiter": [1]}, "initiator": {"role": "arbiter", "party_id": 1}}
    with pytest.raises(FateError, match="expected a guest and at least one host"):
        world.compile({"components": {"evaluation_0": {"module": "Evaluation"}}}, conf)


def test_whatever_is_compiled_is_a_module_of_fate() -> None:
    assert set(COMPILERS) <= set(modules())


def role(conf: Json, party: str, **components: Json) -> Json:
    """Add parameters of one party."""
    conf["component_parameters"]["role"][party]["0"] |= components
    return conf


def test_a_party_that_need_not_run_keeps_its_columns_as_they_are(world: World) -> None:
    conf = role(conf_2(), "host", scale_0={"need_run": False})
    compiled = world.compile(dsl_2(("scale_0", applied("FeatureScale", "intersection_0.data"))), conf)
    assert compiled.pipeline is not None
    _, host, guest = (one["client_config"] for one in compiled.pipeline["steps"][-1]["task"]["clients"])
    assert (host["steps"], [one["step"] for one in guest["steps"]]) == ([], ["scaling"])
    conf = role(conf_2(), "host", binning_0={"need_run": False})
    with pytest.raises(FateError, match="parameter need_run: expected the same value at all parties"):
        world.compile(dsl_2(("binning_0", applied("HeteroFeatureBinning", "intersection_0.data"))), conf)


def test_a_split_without_sizes_has_those_of_fate(world: World) -> None:
    split: Json = applied("HeteroDataSplit", "intersection_0.data")
    split["output"] = {"data": ["train_data", "validate_data", "test_data"]}
    compiled = world.compile(dsl_2(("split_0", split)), conf_2())
    assert compiled.pipeline is not None
    steps = {one["name"]: one["task"]["clients"][0]["client_config"]["rows"] for one in compiled.pipeline["steps"][1:]}
    parts = {name: (rows["start"], rows["stop"]) for name, rows in steps.items()}
    assert parts == {"split_0-train": (0.0, 0.8), "split_0-validate": (0.8, 1.0)}


def test_a_selection_judges_the_columns_of_all_parties(world: World) -> None:
    chosen = applied("HeteroFeatureSelection", "binning_0.data")
    chosen["input"]["isometric_model"] = ["binning_0.model"]
    dsl = dsl_2(("binning_0", applied("HeteroFeatureBinning", "intersection_0.data")), ("selection_0", chosen))
    values = {"filter_methods": ["iv_filter"], "iv_param": {"threshold": 0.1, "select_federated": False}}
    with pytest.raises(FateError, match=r"iv_param\.select_federated: expected true"):
        world.compile(dsl, conf_2(selection_0=values))
