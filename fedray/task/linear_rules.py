"""What does not go together in the clients' configurations of a linear model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fedray.task.config_bases import Client
from fedray.task.linear_configs import METRICS_OF, LinearLabel, LinearMain

__all__ = ["linear"]

MOST_COSTS = 10_000
"""Batches between two tests where losses wait for a comparison, each with the weights before it."""


def linear(clients: Sequence[Client]) -> Iterator[str]:
    """Yield what does not go together in the training of a linear model; nothing of another task."""
    main = next((config for _, config in clients if isinstance(config, LinearMain)), None)
    if main is None:
        return
    for index, (_, config) in enumerate(clients):
        where = f"clients[{index}].client_config"
        if config is main and main.class_weight is not None and main.objective != "logistic":
            yield f"{where}.class_weight: expected null for objective {main.objective}, which has no classes"
        if config is main:
            yield from _costs(main, where)
            yield from _validated(main, where)
        if config is main and main.p_values and (main.objective == "poisson" or main.class_weight is not None):
            yield f"{where}.p_values: expected false, or objective linear or logistic, without class_weight"
        if config is main and main.p_values and (main.sigmoid == "taylor" or (main.penalty == "l1" and main.alpha)):
            yield f"{where}.p_values: expected false with sigmoid taylor or penalty l1, whose weights have other errors"
        if isinstance(config, LinearLabel) and config.pos_label is not None and main.objective != "logistic":
            yield f"{where}.pos_label: expected null for objective {main.objective}, whose label is a number"
        metrics = METRICS_OF[main.objective]
        if isinstance(config, LinearLabel) and config.metric is not None and config.metric not in metrics:
            yield f"{where}.metric: expected {' or '.join(metrics)} for objective {main.objective}, got {config.metric}"


def _costs(main: LinearMain, where: str) -> Iterator[str]:
    """Yield what is wrong with the stop by the loss and with the sigmoid as a line."""
    line = main.sigmoid == "taylor"
    if line and (main.objective != "logistic" or main.class_weight is not None or main.parity):
        yield f"{where}.sigmoid: expected series; taylor is for objective logistic without class_weight and parity"
    if main.cost_tol is None:
        if main.cost_penalty:
            yield f"{where}.cost_penalty: expected false without cost_tol, which compares losses, got true"
        return
    if main.objective != "linear" and not line:
        yield f"{where}.cost_tol: expected null, or objective linear, or logistic with sigmoid taylor"
    for field in ("early_stopping", "parity"):
        if getattr(main, field):
            yield f"{where}.{field}: expected false where cost_tol ends the training, got true"
    if main.test_per_batches > MOST_COSTS:
        yield (
            f"{where}.test_per_batches: expected at most {MOST_COSTS} with cost_tol, which is looked for at tests, got "
            f"{main.test_per_batches}"
        )


def _validated(main: LinearMain, where: str) -> Iterator[str]:
    """Yield what is wrong with further trainings."""
    if main.validation is None and main.live_validation_percent is None:
        return
    if main.objective == "poisson":
        yield f"{where}.validation: expected null for objective poisson; there are scores of linear and logistic"
    if main.early_stopping:
        yield f"{where}.early_stopping: expected false with validation, whose trainings have no test rows, got true"
