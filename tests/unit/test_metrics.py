"""Metrics are scikit-learn's, also where predictions are equal, classes small, or all rows decided alike."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from fedray.ml.metrics import evaluate

DRAWS = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def column(values: Any) -> Any:
    return np.asarray(values, np.float64)[:, None]


@given(DRAWS, st.integers(2, 300), st.sampled_from([1, 2, 5, 10**9]))
def test_classes(rng: np.random.Generator, n: int, values: int) -> None:
    p = rng.integers(0, values + 1, n) / (values + 1)
    y = (rng.random(n) < 0.4).astype(np.float64)
    y[:2] = 0, 1
    false, true, _ = metrics.roc_curve(y, p)
    expected = {
        "accuracy": metrics.accuracy_score(y, p > 0.5),
        "f1": metrics.f1_score(y, p > 0.5, zero_division=0),
        "precision": metrics.precision_score(y, p > 0.5, zero_division=0),
        "recall": metrics.recall_score(y, p > 0.5),
        "log_loss": metrics.log_loss(y, np.clip(p, 1e-15, 1 - 1e-15)),
        "auc": metrics.roc_auc_score(y, p),
        "ks": np.max(np.abs(true - false)),
    }
    found = evaluate("metrics_pack1", column(y), column(p))
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert evaluate("auc", column(y), column(p)) == {"auc": found["auc"]}
    assert evaluate("auc_ks", column(y), column(p)) == {"auc": found["auc"], "ks": found["ks"]}


@given(DRAWS, st.integers(2, 300))
def test_amounts_and_counts(rng: np.random.Generator, n: int) -> None:
    y, p = rng.poisson(1.5, n).astype(np.float64), rng.random(n) + 0.01
    y[:2] = 0, 1
    expected = {"rmse": metrics.root_mean_squared_error(y, p), "mae": metrics.mean_absolute_error(y, p)}
    found = evaluate("regression", column(y), column(p))
    assert found == pytest.approx({**expected, "r2": metrics.r2_score(y, p)}, rel=1e-9)
    deviances = {"deviance": metrics.mean_poisson_deviance(y, p), "d2": metrics.d2_tweedie_score(y, p, power=1)}
    assert evaluate("poisson", column(y), column(p)) == pytest.approx(deviances, rel=1e-9, abs=1e-9)


def test_labels_all_alike() -> None:
    y = column([2.0, 2.0, 2.0])
    assert evaluate("regression", y, y)["r2"] == metrics.r2_score(y, y) == 1.0
    assert evaluate("regression", y, y + 1)["r2"] == metrics.r2_score(y, y + 1) == 0.0
    assert evaluate("poisson", y, y + 1)["d2"] == 0.0


def test_several_outputs_are_averaged() -> None:
    y, p = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[0.1, 0.1], [0.9, 0.9]])
    assert evaluate("auc_ks", y, p) == {"auc": 0.5, "ks": 1.0}


def test_a_party_does_not_wait_for_libraries_that_it_does_not_need() -> None:
    """Their import takes longer than a small task."""
    program = """
import sys
import actors.roles, actors.supervisor
import fedray.parties.training, fedray.parties.prediction, fedray.ml.evaluation
print([name for name in ("sklearn", "pandas", "sqlalchemy", "fastapi") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=100)
    assert done.stdout == "[]\n"
