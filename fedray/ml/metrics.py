"""Loss and metrics of predictions, at the label party, by scikit-learn."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn import metrics

Float = npt.NDArray[np.float64]

TINY = 1e-15


def loss(name: str, labels: Float, predictions: Float) -> float:
    """Return ``mse``, the mean squared error, ``poisson``, the mean Poisson deviance, or the binary cross-entropy.

    Parameters
    ----------
    labels, predictions
        Shape (rows, outputs); the mean is over both.
    """
    if name == "mse":
        return float(np.mean((predictions - labels) ** 2))
    if name == "poisson":
        return float(metrics.mean_poisson_deviance(labels.reshape(-1), predictions.reshape(-1)))
    p = np.clip(predictions, TINY, 1.0 - TINY)
    return float(-np.mean(labels * np.log(p) + (1.0 - labels) * np.log(1.0 - p)))


def evaluate(metric: str, labels: Float, predictions: Float) -> dict[str, float]:
    """Return the numbers of a metric, averaged over the outputs.

    Parameters
    ----------
    metric
        ``auc``, ``auc_ks`` or ``metrics_pack1`` (accuracy, f1, precision, recall, log_loss, auc, ks; classes by a
        threshold of 1/2) for labels 0 and 1, both present in every output; ``regression`` (rmse, mae, r2) for any
        labels; ``poisson`` (deviance, d2) for labels from 0 and positive predictions.
    labels, predictions
        Shape (rows, outputs).
    """
    by_output = [_single(metric, labels[:, k], predictions[:, k]) for k in range(labels.shape[1])]
    return {name: float(np.mean([values[name] for values in by_output])) for name in by_output[0]}


def _single(metric: str, y: Float, p: Float) -> dict[str, float]:
    if metric == "regression":
        mse, mae = metrics.mean_squared_error(y, p), metrics.mean_absolute_error(y, p)
        return {"rmse": float(np.sqrt(mse)), "mae": float(mae), "r2": float(metrics.r2_score(y, p))}
    if metric == "poisson":
        return {"deviance": loss("poisson", y, p), "d2": float(metrics.d2_tweedie_score(y, p, power=1))}
    ranked = {"auc": float(metrics.roc_auc_score(y, p)), "ks": _ks(y, p)}
    if metric == "auc":
        return {"auc": ranked["auc"]}
    if metric == "auc_ks":
        return ranked
    decided = p > 0.5
    return {
        "accuracy": float(metrics.accuracy_score(y, decided)),
        "f1": float(metrics.f1_score(y, decided, zero_division=0)),
        "precision": float(metrics.precision_score(y, decided, zero_division=0)),
        "recall": float(metrics.recall_score(y, decided, zero_division=0)),
        "log_loss": loss("bce", y[:, None], p[:, None]),
        **ranked,
    }


def _ks(y: Float, p: Float) -> float:
    false_positive, true_positive, _ = metrics.roc_curve(y, p)
    return float(np.max(np.abs(true_positive - false_positive)))
