"""HeteroSecureBoost: boosted trees on shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from fedray.task.text import show
from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.modules.training import (
    COMMON_MOOT,
    COMMON_WARNED,
    Model,
    early_rounds,
    steps_between_tests,
    tested_on,
)
from serve_api.fate_flow.rules import Rules, number_of, wrong
from serve_api.fate_flow.scoring import Task
from serve_api.fate_flow.values import Rows
from serve_api.fate_flow.work import Work

__all__ = ["fast_trees", "trees"]

_ALL_GROWN: Final = "all num_trees trees are grown to max_depth"
_RULES: Final = Rules(
    used=(
        "task_type",
        "objective_param",
        "learning_rate",
        "num_trees",
        "subsample_feature_rate",
        "bin_num",
        "predict_param",
        "validation_freqs",
        "early_stopping_rounds",
        "cv_param",
        "tree_param.max_depth",
        "tree_param.criterion_params",
        "tree_param.min_child_weight",
        "tree_param.min_impurity_split",
        "use_missing",
        "random_seed",
    ),
    warned={
        **COMMON_WARNED,
        "n_iter_no_change": _ALL_GROWN,
        "tol": _ALL_GROWN,
        "tree_param.n_iter_no_change": _ALL_GROWN,
        "tree_param.tol": _ALL_GROWN,
        "binning_error": "quantiles are exact",
        "complete_secure": "every tree is: no party sees gradients, sums or leaves",
        "sparse_optimization": "there is nothing encrypted to be compressed",
        "cipher_compress_error": "there is nothing encrypted to be compressed",
        "new_ver": "there is one version",
        "tree_param.feature_importance_type": "importances are not told",
        "tree_param.max_split_nodes": "nodes of a level are split together",
        "tree_param.deterministic": "sums are exact, so the same tables give the same trees",
    },
    moot=(*COMMON_MOOT, "top_rate", "other_rate", "tree_param.use_missing", "tree_param.criterion_method"),
)
_FAST: Final = replace(_RULES, used=(*_RULES.used, "work_mode", "tree_num_per_party", "guest_depth", "host_depth"))
_BINARY: Final = ("cross_entropy",)
_SQUARED: Final = ("lse", "l2")
_TASKS: Final[Mapping[str, Task]] = {"classification": "classification", "regression": "regression"}


def _compiled(work: Work, rules: Rules) -> CompiledComponent:
    values = work.parameters(rules)
    task = _task(work, values)
    threshold = number_of(work.component, values, "predict_param.threshold")
    model = Model(work, "trees", task, threshold)
    predicted = model.predicted()
    if predicted is not None:
        return predicted
    rows, validation = model.rows()
    if values["cv_param"]["need_cv"]:
        main = _main(work, values, task)
        return model.cross_validated(rows, values, lambda fold: _clients(work, fold, main, values))
    rounds = early_rounds(work, values, validation)
    read = rows if rounds is None or validation is None else tested_on(work, rows, validation)
    main = _main(work, values, task)
    if rounds is not None:  # the core counts trees, FATE validations
        main["early_stopping_rounds"] = rounds * main["test_per_trees"]
    clients = _clients(work, read, main, values)
    return model.trained((rows, validation), clients, values, on=read.step, early=rounds is not None)


def fast_trees(work: Work) -> CompiledComponent:
    """Compile a HeteroFastSecureBoost: as `trees`, since whose columns a split may take makes nothing faster here."""
    work.warn(
        "work_mode: every tree takes columns of all parties and has max_depth levels; trees and layers of one party "
        "save FATE encryption that there is none of here"
    )
    return _compiled(work, _FAST)


def trees(work: Work) -> CompiledComponent:
    """Compile boosted trees: a training, and the predictions of its rows; or predictions with fitted ones."""
    return _compiled(work, _RULES)


def _task(work: Work, values: Mapping[str, Any]) -> Task:
    task = _TASKS.get(values["task_type"])
    if task is None:
        raise wrong(work.component, "task_type", f"expected {' or '.join(_TASKS)}, got {show(values['task_type'])}")
    wanted = _BINARY if task == "classification" else _SQUARED
    objective = values["objective_param"]["objective"]
    if objective not in wanted:
        raise wrong(
            work.component,
            "objective_param.objective",
            f"expected {' or '.join(wanted)} for {task}, got {show(objective)}",
        )
    return task


def _main(work: Work, values: Mapping[str, Any], task: Task) -> dict[str, Any]:
    tree = values["tree_param"]
    penalties = tree["criterion_params"]
    numbers = penalties if isinstance(penalties, list) else []
    plain = bool(numbers) and all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers)
    if tree["criterion_method"] != "xgboost" or not plain:
        raise wrong(work.component, "tree_param", "expected criterion_method xgboost with numbers as criterion_params")
    if any(penalties[1:]):
        raise wrong(
            work.component, "tree_param.criterion_params", "expected 0 as second number, the L1 penalty of leaves"
        )
    trees = values["num_trees"]
    seed = values["random_seed"]
    return {
        "objective": "binary:logistic" if task == "classification" else "reg:squarederror",
        "n_estimators": trees,
        "max_depth": tree["max_depth"],
        "learning_rate": number_of(work.component, values, "learning_rate"),
        "reg_lambda": float(penalties[0]),
        "gamma": number_of(work.component, values, "tree_param.min_impurity_split"),
        "min_child_weight": number_of(work.component, values, "tree_param.min_child_weight"),
        "colsample_bytree": number_of(work.component, values, "subsample_feature_rate"),
        "max_bin": values["bin_num"],
        "test_per_trees": steps_between_tests(work, values, trees) if isinstance(trees, int) else 1,
        "seed": seed,
    }


def _clients(work: Work, rows: Rows, main: Mapping[str, Any], values: Mapping[str, Any]) -> list[dict[str, Any]]:
    missing = "bin" if values["use_missing"] else "error"
    parts = [
        work.data_client(part.party, "secure_xgboost", data_path=part.path, missing=missing) for part in rows.parts
    ]
    return [work.main("secure_xgboost", **main), work.dealer(), *parts]
