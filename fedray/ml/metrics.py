"""Loss and metrics of predictions, at the label party: scikit-learn's numbers, tested against it.

Not scikit-learn itself, whose import takes two seconds of a processor: longer than a small task takes for all the rest.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

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
        return _poisson_deviance(labels, predictions)
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
        return _regression(y, p)
    if metric == "poisson":
        deviance = _poisson_deviance(y, p)
        return {"deviance": deviance, "d2": _explained(deviance, _poisson_deviance(y, np.full_like(y, y.mean())))}
    ranked = _ranked(y, p)
    if metric == "auc":
        return {"auc": ranked["auc"]}
    return ranked if metric == "auc_ks" else {**_decided(y, p), **ranked}


def _regression(y: Float, p: Float) -> dict[str, float]:
    squared = float(np.mean((y - p) ** 2))
    r2 = _explained(squared, float(np.mean((y - y.mean()) ** 2)))
    return {"rmse": float(np.sqrt(squared)), "mae": float(np.mean(np.abs(y - p))), "r2": r2}


def _explained(error: float, least: float) -> float:
    """Return which part of the error of the best constant is explained; labels all alike: all of it or nothing."""
    if least == 0.0:
        return float(error == 0.0)
    return 1.0 - error / least


def _poisson_deviance(y: Float, p: Float) -> float:
    logs = np.log(np.divide(y, p, out=np.ones_like(p), where=y > 0))  # 0 log 0 is 0
    return float(2.0 * np.mean(y * logs - y + p))


def _ranked(y: Float, p: Float) -> dict[str, float]:
    """Return the area below the ROC curve and its largest height over the diagonal; equal predictions are one point."""
    order = np.argsort(-p, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(p[order])), y.size - 1)
    true = np.concatenate([[0], np.cumsum(y[order])[ends].astype(np.int64)])
    false = np.concatenate([[0], ends + 1]) - true
    positives, negatives = true[-1], false[-1]
    doubled = np.sum(np.diff(false) * (true[1:] + true[:-1]))  # of whole numbers, so exact
    return {
        "auc": float(doubled / (2 * positives * negatives)),
        "ks": float(np.max(np.abs(true / positives - false / negatives))),
    }


def _decided(y: Float, p: Float) -> dict[str, float]:
    """Return the numbers of classes by a threshold of 1/2; 0 where one would divide by nothing."""
    chosen, labels = p > 0.5, y > 0.5
    hits = int(np.sum(chosen & labels))
    n_chosen, n_labels = int(chosen.sum()), int(labels.sum())
    return {
        "accuracy": float(np.mean(chosen == labels)),
        "f1": 2 * hits / (n_chosen + n_labels) if n_chosen + n_labels else 0.0,
        "precision": hits / n_chosen if n_chosen else 0.0,
        "recall": hits / n_labels if n_labels else 0.0,
        "log_loss": loss("bce", y[:, None], p[:, None]),
    }
