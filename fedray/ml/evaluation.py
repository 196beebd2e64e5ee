"""How good predictions are: numbers over all rows, and tables and curves over groups of at least 20 rows.

Numbers are scikit-learn's where it has them. Rows with one and the same prediction are never parted, so nothing depends
on the order of the rows; a group that would be smaller goes to the one before it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn import metrics

from fedray.ml.groups import LEAST, TABLE_GROUPS, groups
from fedray.ml.metrics import evaluate as measure

__all__ = ["evaluate", "headline"]

Float = npt.NDArray[np.float64]
Table = list[dict[str, float]]

HEADLINES = {"binary": ("auc", "log_loss"), "regression": ("r2", "rmse"), "count": ("d2", "deviance")}
CURVE_POINTS = 100
THRESHOLDS = tuple(k / 20 for k in range(1, 20))


def evaluate(measured: str, y: Float, p: Float) -> dict[str, object]:
    """Return what is known of the predictions of one output, as JSON values.

    Parameters
    ----------
    measured
        ``binary`` for labels 0 and 1, both present; ``regression`` for any; ``count`` for labels from 0; ``cluster``
        for any labels that are compared with clusters.
    y, p
        Labels and predictions, shape (n,), n at least 20.
    """
    if measured == "cluster":
        return {"metrics": together(y, p)}
    found = numbers(measured, y, p)
    if measured == "binary":
        return {
            "metrics": found,
            "gains": gains(y, p),
            "curve": curve(y, p),
            "confusion": confusion(y, p),
            "calibration": calibration(y, p),
        }
    return {"metrics": found, "calibration": calibration(y, p)}


def numbers(measured: str, y: Float, p: Float) -> dict[str, float]:
    """Return the numbers over all rows of `evaluate`."""
    if measured == "binary":
        return {**measure("metrics_pack1", y[:, None], p[:, None]), "brier": float(np.mean((p - y) ** 2))}
    found = measure("regression", y[:, None], p[:, None])
    return {**found, **measure("poisson", y[:, None], p[:, None])} if measured == "count" else found


def together(y: Float, p: Float) -> dict[str, float]:
    """Return how far clusters go with labels, as indices of pairs of rows: together in both, in one, in none."""
    (_, apart_in_p), (apart_in_y, both) = metrics.cluster.pair_confusion_matrix(y, p).tolist()
    return {
        "adjusted_rand": float(metrics.adjusted_rand_score(y, p)),
        "fowlkes_mallows": float(metrics.fowlkes_mallows_score(y, p)),
        "jaccard": both / max(1, both + apart_in_p + apart_in_y),
    }


def headline(measured: str, y: Float, p: Float) -> dict[str, float]:
    """Return the two numbers that compare models: AUC and log loss, R2 and error, or D2 and deviance."""
    found = numbers(measured, y, p)
    return {name: found[name] for name in HEADLINES[measured]}


def gains(y: Float, p: Float) -> Table:
    """Return the table of gains and lift: groups from the largest predictions down, and all rows down to there."""
    total, found, rows, positives = float(y.sum()), [], 0, 0.0
    for group in groups(p, TABLE_GROUPS):
        mine = float(y[group].sum())
        rows, positives = rows + len(group), positives + mine
        rate = total / len(y)
        found.append(
            {
                "rows": len(group),
                "positives": mine,
                "rate": mine / len(group),
                "lift": mine / len(group) / rate,
                "cumulative_rows": rows,
                "cumulative_gain": positives / total,
                "cumulative_lift": positives / rows / rate,
            }
        )
    return found


def curve(y: Float, p: Float) -> Table:
    """Return the ROC and KS curves, thinned to the ends of groups: rates of true and false positives."""
    order = np.concatenate(sizes := list(groups(p, CURVE_POINTS)))
    ends = np.cumsum([len(group) for group in sizes])
    true = np.concatenate([[0.0], np.cumsum(y[order])[ends - 1] / y.sum()])
    false = np.concatenate([[0.0], np.cumsum(1.0 - y[order])[ends - 1] / (1.0 - y).sum()])
    return [
        {"rows": float(part), "true_positive_rate": float(t), "false_positive_rate": float(f), "ks": float(t - f)}
        for part, t, f in zip((0, *ends / len(y)), true, false, strict=True)
    ]


def confusion(y: Float, p: Float) -> Table:
    """Return the confusion matrix over thresholds, those between which at least LEAST rows lie."""
    found: Table = []
    above = len(p)
    for threshold in THRESHOLDS:
        chosen = p > threshold
        rows = int(chosen.sum())
        if above - rows < LEAST or rows < LEAST:
            continue
        above = rows
        (tn, fp), (fn, tp) = metrics.confusion_matrix(y, chosen, labels=[0, 1]).tolist()
        found.append({"threshold": threshold, "tp": tp, "fp": fp, "tn": tn, "fn": fn})
    return found


def calibration(y: Float, p: Float) -> Table:
    """Return means of predictions and of labels in groups, those with the largest predictions first."""
    parts: Sequence[npt.NDArray[np.int64]] = list(groups(p, TABLE_GROUPS))
    return [
        {"rows": len(group), "predicted": float(p[group].mean()), "observed": float(y[group].mean())} for group in parts
    ]
