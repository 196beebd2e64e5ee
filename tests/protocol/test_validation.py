"""Further trainings that leave rows out: their scores against the same in float64, on shares, at every rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedray.errors import FedrayError, SpecError
from fedray.export.paddledtx import evaluation_text
from fedray.ml.validation import Rule, averages, binary_scores, held_out, regression_scores, trained_with
from tests.paddledtx_trainer import diabetes, emulate, in_order_of_ids, iris
from tests.protocol.test_linear_cost import LINE, VL, untested

SHORT = {**LINE, "cost_tol": 0.02, "test_per_batches": 20}


def emulated(x: np.ndarray, y: np.ndarray, rule: Rule, *, logistic: bool, **numbers: Any) -> list[dict[str, Any]]:
    """Return the scores of each training, in float64."""
    found = []
    for out in held_out(rule, len(x)):
        rows = trained_with(len(x), out)
        model = emulate(x[rows], y[rows], logistic=logistic, **numbers)
        u = model.scores(x[out])
        if logistic:
            found.append(binary_scores(y[out], 1.0 / (1.0 + np.exp(-u))))
        else:
            found.append(regression_scores(y[out], y[rows].mean() + y[rows].std() * u))
    return found


def test_folds_of_iris(tmp_path: Path) -> None:
    x, y = in_order_of_ids(*iris()[:2])
    task = untested(tmp_path, [x[:, :2], x[:, 2:]], y[:, None], **SHORT, validation="folds", validation_folds=5)
    task.labeler = {"validation_path": "scores"}
    outcomes = task.succeed()
    wanted = emulated(x, y, Rule("folds", 30, 5, shuffle=False, seed=""), logistic=True, amplitude=0.02)
    told = outcomes[0].result["validation"]
    assert (told["trainings"], told["live"]) == (5, [])
    assert told["scores"] == pytest.approx(averages(wanted), abs=1e-9)  # so every row is at its place of the order
    kept = json.loads(task.path(4, "..").resolve().joinpath("scores/evaluation.json").read_text())
    folds = kept["Payload"]["BinaryClassCaseMetricScores"]["metricsPerFold"]
    for number, scores in enumerate(wanted):
        assert np.abs(np.array([point["p"] for point in folds[str(number)]["ROC"]]) - scores["roc"]).max() < 1e-4
