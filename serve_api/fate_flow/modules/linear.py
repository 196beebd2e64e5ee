"""HeteroLR, HeteroLinR and HeteroPoisson: linear models on shares, by gradient descent."""

from __future__ import annotations

from collections.abc import Mapping
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

__all__ = ["linear"]

_OBJECTIVES: Final[Mapping[str, tuple[str, Task]]] = {
    "HeteroLR": ("logistic", "classification"),
    "HeteroLinR": ("linear", "regression"),
    "HeteroPoisson": ("poisson", "regression"),
}
_OPTIMIZERS: Final = {"sgd": 0.0, "nesterov_momentum_sgd": 0.9}
"""FATE's optimizers that are made as they are, with their momentum."""

_ADAPTIVE: Final = ("rmsprop", "adam", "adagrad", "sqn")
"""Those whose steps are of another size for each weight; made by smaller batches instead, so more steps in a pass."""

_LEAST_GAIN: Final = 1e-9
"""Of the metric by which a training stops early: FATE takes any gain."""

_MOST_ROWS: Final = 100_000
_REPLACED_ROWS: Final = 64
_RULES: Final = Rules(
    used=(
        "penalty",
        "alpha",
        "optimizer",
        "batch_size",
        "learning_rate",
        "max_iter",
        "init_param.fit_intercept",
        "predict_param",
        "validation_freqs",
        "early_stopping_rounds",
        "cv_param",
    ),
    warned={
        **COMMON_WARNED,
        "init_param": "weights begin at zero",
        "early_stop": "all max_iter passes are made",
        "tol": "all max_iter passes are made",
        "decay": "the learning rate stays the same",
        "decay_sqrt": "the learning rate stays the same",
        "sqn_param": "there is no such optimizer here",
    },
    moot=(
        *COMMON_MOOT,
        "stepwise_param.score_name",
        "stepwise_param.mode",
        "stepwise_param.role",
        "stepwise_param.direction",
        "stepwise_param.max_step",
        "stepwise_param.nvmin",
        "stepwise_param.nvmax",
    ),
)


def linear(work: Work) -> CompiledComponent:
    """Compile a linear model: a training, and the predictions of its rows; or predictions with a fitted one."""
    values = work.parameters(_RULES)
    _, task = _OBJECTIVES[work.component.module]
    threshold = number_of(work.component, values, "predict_param.threshold")
    model = Model(work, "linear", task, threshold)
    predicted = model.predicted()
    if predicted is not None:
        return predicted
    rows, validation = model.rows(weighted=True)
    work.warn("early_stop, decay: all max_iter passes are made, at the same learning_rate")
    if values["cv_param"]["need_cv"]:
        return model.cross_validated(rows, values, lambda fold: _clients(work, fold, _main(work, values, fold)[0]))
    rounds = early_rounds(work, values, validation)
    read = rows if rounds is None or validation is None else tested_on(work, rows, validation)
    main, batches = _main(work, values, rows)
    if rounds is not None:
        main |= {"early_stopping": True, "n_iter_no_change": rounds, "tol": _LEAST_GAIN}
    clients = _clients(work, read, main)
    return model.trained((rows, validation), clients, values, batches, read.step, early=rounds is not None)


def _main(work: Work, values: Mapping[str, Any], rows: Rows) -> tuple[dict[str, Any], int]:
    """Return what the main client of a training is told, and how many of its batches are a pass."""
    objective, _ = _OBJECTIVES[work.component.module]
    passes = _number(work, values, "max_iter", 1, 10_000)
    replaced = values["optimizer"] in _ADAPTIVE
    batch, batches = _batches(work, values, rows.most, _REPLACED_ROWS if replaced else _MOST_ROWS)
    main = {
        "objective": objective,
        **_penalty(work, values),
        "fit_intercept": bool(values["init_param"]["fit_intercept"]),
        "learning_rate_init": number_of(work.component, values, "learning_rate"),
        "batch_size": batch,
        "max_iter": passes * batches,
        "test_per_batches": steps_between_tests(work, values, passes) * batches,
        **_momentum(work, values, objective),
        "class_weight": rows.class_weight,
    }
    return main, batches


def _clients(work: Work, rows: Rows, main: Mapping[str, Any]) -> list[dict[str, Any]]:
    parts = [work.data_client(part.party, "linear", data_path=part.path) for part in rows.parts]
    return [work.main("linear", **main), work.dealer(), *parts]


def _penalty(work: Work, values: Mapping[str, Any]) -> dict[str, Any]:
    wanted = values["penalty"]
    if wanted in (None, "None", "none"):
        return {"alpha": 0.0}
    penalty = str(wanted).lower()
    if penalty not in ("l1", "l2"):
        raise wrong(work.component, "penalty", f"expected L1, L2 or null, got {show(wanted)}")
    if penalty == "l1":
        work.warn("penalty: L1 goes down a subgradient, so that small weights come near 0 and none is exactly 0")
    return {"penalty": penalty, "alpha": number_of(work.component, values, "alpha")}


def _batches(work: Work, values: Mapping[str, Any], most: int, limit: int) -> tuple[int, int]:
    """Return the rows of a batch, at most `limit`, and how many batches a pass has."""
    wanted = values["batch_size"]
    if not isinstance(wanted, int) or isinstance(wanted, bool) or (wanted != -1 and wanted < 1):
        raise wrong(work.component, "batch_size", f"expected -1 or a number of rows, got {show(wanted)}")
    rows = min(max(most, 1) if wanted == -1 else min(wanted, max(most, 1)), limit)
    return rows, -(-max(most, 1) // rows)


def _momentum(work: Work, values: Mapping[str, Any], objective: str) -> dict[str, Any]:
    """Return how steps are made; say so where FATE would make them otherwise."""
    optimizer = values["optimizer"]
    if optimizer in _OPTIMIZERS:
        momentum = _OPTIMIZERS[optimizer]
    elif optimizer in _ADAPTIVE:
        momentum = 0.9 if objective == "logistic" else 0.0
        how = "with Nesterov momentum 0.9 " if momentum else ""
        work.warn(
            f"optimizer: {optimizer} would need inverse roots of shares in every step; made by gradient descent {how}"
            f"with the same learning_rate and at most {_REPLACED_ROWS} rows a batch, on columns scaled by mean and "
            "deviation"
        )
    else:
        known = "sgd, nesterov_momentum_sgd, rmsprop, adam, adagrad or sqn"
        raise wrong(work.component, "optimizer", f"expected {known}, got {show(optimizer)}")
    return {"momentum": momentum, "nesterovs_momentum": momentum > 0.0}


def _number(work: Work, values: Mapping[str, Any], name: str, least: int, most: int) -> int:
    value = values[name]
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise wrong(work.component, name, f"expected a number from {least} to {most}, got {show(value)}")
    return value
