"""What the algorithms of PaddleDTX are among ours: model and parameters of a native training.

``linear-vl`` and ``logistic-vl`` are linear models with the original's batches and its stop by the cost;
``dnn-paddlefl-vl`` is the network of the kind ``shared_nn``. Whatever cannot be honoured is refused by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from serve_api.paddledtx.faults import Code, Fault
from serve_api.paddledtx.wire.common_pb2 import (
    DNN_PADDLEFL_VL,
    LINEAR_REGRESSION_VL,
    LOGIC_REGRESSION_VL,
    ErCrossVal,
    ErLOO,
    ErRandomSplit,
    RandomSplit,
    Reg_Lasso,
    Reg_None,
    Reg_Ridge,
    TaskParams,
    TrainParams,
)

__all__ = ["Algorithm", "algorithm_of", "refused"]

EPOCHS: Final = 5
LAYERS: Final = (30, 15, 1)
"""Those of the original, whose layers end in ReLU; ours in sigmoids."""

PENALTIES: Final = {Reg_None: None, Reg_Lasso: "l1", Reg_Ridge: "l2"}

FOLDS: Final = (5, 10)
FOLDER: Final = "paddledtx"
"""Of the label party's generated data, in which an evaluation's file has a folder with the taskID as its name."""

MOST_BATCH: Final = 100_000
MOST_ROUNDS: Final = 100_000
"""Rounds after which a linear training ends without a stop by its cost; the original goes on until its time is up."""

LOOK_EVERY: Final = 100
"""Rounds after which costs are compared, all since the last time at once."""


@dataclass(frozen=True)
class Algorithm:
    """A native training.

    Attributes
    ----------
    model
        ``linear``, ``logistic`` or ``network``, as `training_document` knows it.
    parameters
        Of the main client, and of the clients with data.
    """

    model: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


def algorithm_of(params: TaskParams, rows: int, task: str) -> Algorithm:
    """Return what a published training asks for.

    Parameters
    ----------
    rows
        That it trains with.
    task
        Its taskID.

    Raises
    ------
    Fault
        A parameter cannot be honoured; the message names it.
    """
    train, validation = params.trainParams, _validation(params, task)
    if not 0 < train.alpha <= 100:
        raise refused("algoParam.trainParams.alpha", "expected a learning rate above 0, at most 100")
    if params.algo == DNN_PADDLEFL_VL:
        for name in ("evalParams", "livalParams"):
            if getattr(params, name).enable:
                raise refused(f"algoParam.{name}.enable", "expected false: there is no evaluation of dnn-paddlefl-vl")
        return _network(train, rows)
    if params.algo in (LINEAR_REGRESSION_VL, LOGIC_REGRESSION_VL):
        made = _linear(train, rows, logistic=params.algo == LOGIC_REGRESSION_VL)
        return replace(made, parameters={**made.parameters, **validation})
    raise refused("algoParam.algo", "expected 0 (linear-vl), 1 (logistic-vl) or 2 (dnn-paddlefl-vl)")


def refused(field_: str, why: str) -> Fault:
    """Return the error for a field of a published task."""
    return Fault(Code.PARAMETER, f"bad param:{field_}, {why}")


def _batch(train: TrainParams, rows: int) -> int:
    """Return the rows of a batch: as many as are asked for, or all of them for 0 and for more than there are."""
    wanted = rows if train.batchSize <= 0 else min(train.batchSize, rows)
    return min(wanted, MOST_BATCH)


def _validation(params: TaskParams, task: str) -> dict[str, Any]:
    """Return what the main client and the label client of a linear training are told of evaluations."""
    asked, live = params.evalParams, params.livalParams
    found: dict[str, Any] = {"validation_seed": task} if asked.enable or live.enable else {}
    if live.enable:
        found["live_validation_percent"] = _percent("livalParams", live.randomSplit)
    if not asked.enable:
        return found
    found["validation_path"] = f"{FOLDER}/{task}"
    match asked.evalRule:
        case rule if rule == ErRandomSplit:
            return found | {"validation": "split", "validation_percent": _percent("evalParams", asked.randomSplit)}
        case rule if rule == ErCrossVal:
            if asked.cv.folds not in FOLDS:
                raise refused("algoParam.evalParams.cv.folds", "expected 5 or 10")
            return found | {
                "validation": "folds",
                "validation_folds": asked.cv.folds,
                "validation_shuffle": asked.cv.shuffle,
            }
        case rule if rule == ErLOO:
            return found | {"validation": "leave_one_out"}
    raise refused(
        "algoParam.evalParams.evalRule", "expected 0 (random split), 1 (cross-validation) or 2 (leave one out)"
    )


def _percent(name: str, split: RandomSplit) -> int:
    if not 1 <= split.percentLO <= 99:
        raise refused(f"algoParam.{name}.randomSplit.percentLO", "expected a whole number from 1 to 99")
    return split.percentLO


def _network(train: TrainParams, rows: int) -> Algorithm:
    if train.labelName not in ("", "1"):
        raise refused("algoParam.trainParams.labelName", "the label has to be 0 or 1; expected 1, or nothing")
    batch = _batch(train, rows)
    steps = EPOCHS * max(1, rows // batch)
    return Algorithm(
        "network",
        {
            "in_dim": LAYERS[0],
            "layers": list(LAYERS[1:]),
            "learning_rate": train.alpha,
            "batch_size": batch,
            "max_iter": steps,
            "test_per_batches": steps,
        },
    )


def _linear(train: TrainParams, rows: int, *, logistic: bool) -> Algorithm:
    if train.regMode not in PENALTIES:
        raise refused("algoParam.trainParams.regMode", "expected 0 (none), 1 (L1) or 2 (L2)")
    batch = _batch(train, rows)
    penalty, strength = PENALTIES[train.regMode], train.regParam / batch if train.regMode != Reg_None else 0.0
    if not 0 <= strength <= 1000:
        raise refused("algoParam.trainParams.regParam", "expected a number from 0 to 1000 times the rows of a batch")
    if not 0 < train.amplitude <= 1000:
        raise refused("algoParam.trainParams.amplitude", "expected a change of the cost above 0, at most 1000")
    if logistic and not train.labelName:
        raise refused("algoParam.trainParams.labelName", "expected the value of the label that counts as 1")
    if not logistic and train.labelName:
        raise refused("algoParam.trainParams.labelName", "expected none for linear-vl, whose label is a number")
    return Algorithm(
        "logistic" if logistic else "linear",
        {
            "alpha": strength,
            "penalty": penalty,
            "penalize_intercept": True,
            "cost_penalty": not logistic,
            "momentum": 0.0,
            "learning_rate_init": train.alpha,
            "batch_size": batch,
            "batch_order": "hashed",
            "cost_tol": train.amplitude,
            "max_iter": MOST_ROUNDS,
            "test_per_batches": LOOK_EVERY,
            **({"sigmoid": "taylor", "pos_label": train.labelName} if logistic else {}),
        },
    )
