"""Scores of a validation as PaddleDTX's label party keeps them: JSON as its program prints it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fedray.export.go_text import go_text

__all__ = ["evaluation_text"]

Scores = Mapping[str, Any]

BINARY_CLASS = 1
AVERAGES = {
    "accuracy": "avgAccuracy",
    "precision": "avgPrecision",
    "recall": "avgRecall",
    "f1": "avgF1Score",
    "auc": "avgAUC",
}
FOLD = {"accuracy": "accuracy", "precision": "precision", "recall": "recall", "f1": "F1Score", "auc": "AUC"}


def evaluation_text(scored: Sequence[Scores], means: Scores) -> str:
    """Return the scores of trainings and their means, as `fedray.ml.validation` gives them, all of one kind.

    Numbers that are 0 are left out, but for those in ``RMSEs`` and ``ROC``; trainings come by their numbers as texts.
    """
    if "rmse" in means:
        told = _named(means, {"rmse": "meanRMSE", "rmse_deviation": "stdDevRMSE"})
        scores = {"RMSEs": _by_text([float(one["rmse"]) for one in scored]), **told}
        return go_text({"Payload": {"RegressionCaseMetricScores": scores}})
    folds = [{**_named(one, FOLD), "ROC": [{"p": list(point)} for point in one["roc"]]} for one in scored]
    scores = {"caseType": BINARY_CLASS, **_named(means, AVERAGES), "metricsPerFold": _by_text(folds)}
    return go_text({"Payload": {"BinaryClassCaseMetricScores": scores}})


def _named(found: Scores, names: Mapping[str, str]) -> dict[str, float]:
    return {name: float(found[ours]) for ours, name in names.items() if found.get(ours)}


def _by_text(values: Sequence[Any]) -> dict[str, Any]:
    return {number: values[int(number)] for number in sorted(map(str, range(len(values))))}
