"""FATE's DSL and configuration, both generations: what is read, and what is refused with which words."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from serve_api.fate_flow.dsl import dependencies, read_job
from serve_api.fate_flow.faults import FateError
from serve_api.fate_flow.parameters import modules
from serve_api.fate_flow.predicting import predict_dsl
from tests.fate_jobs import GUEST, HOST, conf_1, conf_2, dsl_1, dsl_2, evaluated, trainer

Json = dict[str, Any]
LR_1 = ("hetero_lr_0", trainer("HeteroLR", "intersection_0.train"))
LR_2 = ("hetero_lr_0", trainer("HeteroLR", "intersection_0.data"))


def test_every_module_of_fate_has_its_defaults() -> None:
    assert len(modules()) == 42
    lr = modules()["HeteroLR"]
    assert (lr.param_class, lr.roles) == ("HeteroLogisticParam", ("guest", "host", "arbiter"))
    assert lr.defaults["cv_param"]["need_cv"] is False
    assert lr.defaults["sqn_param"]["memory_M"] == 5


def test_dsl_1_has_values_by_party_and_ignores_unknown_ones() -> None:
    conf = conf_1(hetero_lr_0={"max_iter": 7, "eps": 1, "init_param": {"init_method": "zeros"}})
    conf["role_parameters"]["host"]["hetero_lr_0"] = {"init_param": {"fit_intercept": [False]}}
    job = read_job(dsl_1(LR_1), conf)
    values = job.component("hetero_lr_0").parameters
    assert {party.role: told["max_iter"] for party, told in values.items()} == {"guest": 7, "host": 7, "arbiter": 7}
    assert values[HOST]["init_param"] == {**modules()["HeteroLR"].defaults["init_param"]} | {
        "init_method": "zeros",
        "fit_intercept": False,
    }
    assert values[GUEST]["init_param"]["fit_intercept"] is True
    assert job.tables["guest"]["train_data"] == (("ns", "guest"),)
    assert job.component("dataio_0").parameters[GUEST]["with_label"] is True


def test_dsl_2_has_values_by_places_and_refuses_unknown_ones() -> None:
    conf = conf_2(hetero_lr_0={"max_iter": 7})
    conf["role"]["host"] = ["10000", 10001, 10002]
    conf["component_parameters"]["role"]["host"] = {
        "0|2": {"hetero_lr_0": {"max_iter": 8}},
        "all": {"data_transform_0": {"missing_fill": True}},
    }
    job = read_job(dsl_2(LR_2), conf)
    found = {str(p): told["max_iter"] for p, told in job.component("hetero_lr_0").parameters.items()}
    assert found == {"guest 9999": 7, "host 10000": 8, "host 10001": 7, "host 10002": 8, "arbiter 10000": 7}
    conf["component_parameters"]["common"]["hetero_lr_0"]["eps"] = 1
    with pytest.raises(FateError, match='"eps": unknown parameter'):
        read_job(dsl_2(LR_2), conf)


def test_dependencies_are_told_in_the_words_of_each_generation() -> None:
    told = dependencies(read_job(dsl_1(LR_1), conf_1()))
    assert told["component_list"] == ["dataio_0", "intersection_0", "hetero_lr_0"]
    assert told["component_need_run"] == dict.fromkeys(told["component_list"], True)
    assert told["dependencies"]["hetero_lr_0"] == [{"component_name": "intersection_0", "type": "data"}]
    assert told["dependencies"]["dataio_0"] == []
    told = dependencies(read_job(dsl_2(LR_2), conf_2()))
    edge = {"component_name": "intersection_0", "type": "train_data", "up_output_info": ["data", 0]}
    assert told["dependencies"]["hetero_lr_0"] == [edge]
    assert told["component_module"]["reader_0"] == "Reader"


def test_components_are_ordered_by_what_they_need() -> None:
    dsl = dsl_2(LR_2)
    turned = {"components": dict(reversed(dsl["components"].items()))}
    job = read_job(turned, conf_2())
    assert [one.name for one in job.components] == ["reader_0", "data_transform_0", "intersection_0", "hetero_lr_0"]


def _unknown_module(dsl: Json, _conf: Json) -> None:
    dsl["components"]["hetero_lr_0"]["module"] = "HeteroXX"


def _loop(dsl: Json, _conf: Json) -> None:
    dsl["components"]["intersection_0"]["input"]["data"]["data"] = ["hetero_lr_0.data"]


def _no_component(dsl: Json, _conf: Json) -> None:
    dsl["components"]["hetero_lr_0"]["input"]["data"]["train_data"] = ["nobody.data"]


def _no_output(dsl: Json, _conf: Json) -> None:
    dsl["components"]["hetero_lr_0"]["input"]["data"]["train_data"] = ["intersection_0.other"]


def _wrong_key(dsl: Json, _conf: Json) -> None:
    dsl["components"]["hetero_lr_0"]["input"]["data"] = {"rows": ["intersection_0.data"]}


def _empty(dsl: Json, _conf: Json) -> None:
    dsl["components"].clear()


def _bad_name(dsl: Json, _conf: Json) -> None:
    dsl["components"]["a.b"] = dsl["components"].pop("hetero_lr_0")


def _pipeline_model(dsl: Json, _conf: Json) -> None:
    dsl["components"]["hetero_lr_0"]["input"]["model"] = ["pipeline.hetero_lr_0.model"]


def _initiator(_dsl: Json, conf: Json) -> None:
    conf["initiator"]["party_id"] = 1


def _no_role(_dsl: Json, conf: Json) -> None:
    del conf["role"], conf["initiator"]


def _cluster(_dsl: Json, conf: Json) -> None:
    conf["job_parameters"]["common"]["work_mode"] = 1


def _version(_dsl: Json, conf: Json) -> None:
    conf["dsl_version"] = 3


def _no_model(_dsl: Json, conf: Json) -> None:
    conf["job_parameters"]["common"]["job_type"] = "predict"


WRONG: dict[Callable[[Json, Json], None], str] = {
    _unknown_module: 'component hetero_lr_0: module "HeteroXX" does not exist',
    _loop: "a loop: hetero_lr_0, intersection_0 need each other",
    _no_component: 'input nobody.data: component "nobody" does not exist',
    _no_output: "input intersection_0.other: intersection_0 has no such output; it has data",
    _wrong_key: "expected data, train_data, eval_data, validate_data, test_data",
    _empty: "expected an object with components, got none",
    _bad_name: '"a.b": expected letters, digits, _ and -',
    _pipeline_model: "only a prediction has models of a training",
    _initiator: "initiator party id error 1",
    _no_role: "the following arguments are required: initiator,role ",
    _cluster: "server run on standalone can not support cluster mode job",
    _version: "dsl_version: expected 1 or 2, got 3",
    _no_model: "a prediction needs model_id and model_version",
}


@pytest.mark.parametrize("spoil", WRONG, ids=lambda spoil: spoil.__name__)
def test_what_is_wrong_is_said_with_retcode_100(spoil: Callable[[Json, Json], None]) -> None:
    dsl, conf = deepcopy(dsl_2(LR_2)), conf_2()
    spoil(dsl, conf)
    with pytest.raises(FateError) as caught:
        read_job(dsl, conf)
    assert caught.value.retcode == 100
    assert WRONG[spoil] in caught.value.retmsg


@pytest.mark.parametrize(
    "value",
    [None, [], 7, "x", {}, {"components": []}, {"components": {"a_0": 1}}, {"components": {"a_0": {"module": []}}}],
)
def test_anything_else_is_refused_too(value: object) -> None:
    for dsl, conf in ((value, conf_2()), (dsl_2(LR_2), value)):
        with pytest.raises(FateError):
            read_job(dsl, conf)


def test_a_list_with_too_few_values_is_named() -> None:
    conf = conf_1()
    conf["role"]["host"] = [10000, 10001]
    conf["role_parameters"]["host"]["args"]["data"]["train_data"] *= 2
    with pytest.raises(FateError, match="dataio_0 at host 10001: with_label: expected a list with a value for each"):
        read_job(dsl_1(LR_1), conf)


def test_predictions_of_dsl_1_leave_out_what_is_not_deployed() -> None:
    dsl = dsl_1(LR_1, ("evaluation_0", evaluated("hetero_lr_0.data")))
    dsl["components"]["intersection_0"]["need_deploy"] = False
    made = predict_dsl(read_job(dsl, conf_1()))["components"]
    assert list(made) == ["dataio_0", "hetero_lr_0"]
    assert made["dataio_0"]["input"] == {"data": {"data": ["args.eval_data"]}, "model": ["pipeline.dataio_0.dataio"]}
    assert made["hetero_lr_0"]["input"] == {
        "data": {"eval_data": ["dataio_0.train"]},
        "model": ["pipeline.hetero_lr_0.model"],
    }


def test_predictions_of_dsl_2_have_what_is_deployed() -> None:
    job = read_job(dsl_2(LR_2, ("evaluation_0", evaluated("hetero_lr_0.data"))), conf_2())
    made = predict_dsl(job, ["reader_0", "data_transform_0", "hetero_lr_0"])["components"]
    assert list(made) == ["data_transform_0", "hetero_lr_0"]
    assert made["data_transform_0"]["input"]["data"] == {"data": ["reader_0.data"]}
    assert made["hetero_lr_0"]["input"]["data"] == {"test_data": ["data_transform_0.data"]}
    assert list(predict_dsl(job)["components"]) == ["data_transform_0", "intersection_0", "hetero_lr_0"]
    with pytest.raises(FateError) as caught:
        predict_dsl(job, ["nobody"])
    assert caught.value.retcode == 101
