"""Whether a task that predicts fits to the training that it names: the rules that need no party's files."""

from __future__ import annotations

from fedray.errors import SpecError, StateError
from fedray.task.config_bases import Kind
from fedray.task.export_configs import ExportMain
from fedray.task.linear_configs import LinearMain
from fedray.task.plan import TaskPlan
from fedray.task.predict_configs import ModelMain, PredictMain
from fedray.task.record import Status
from fedray.task.text import show

__all__ = ["EXPORTING", "PREDICTING", "TRAININGS", "check_clients", "check_ready", "check_training", "model_of"]

TRAININGS = (Kind.SHARED_NN, Kind.LINEAR, Kind.TREES, Kind.KMEANS)
"""Kinds of task that make a model."""

PREDICTING = (Kind.SHARED_NN, Kind.LINEAR, Kind.TREES, Kind.KMEANS)
"""Kinds of model that can predict."""

EXPORTING = {Kind.LINEAR: ("json", "pmml"), Kind.TREES: ("json",)}
"""Kinds of model that can be opened -> formats."""

_NOTHING_KEPT = (Status.FAILED, Status.CANCELLED)


def model_of(plan: TaskPlan) -> str | None:
    """Return the name of the training whose model a plan uses; None where it uses none."""
    config = plan.main.config
    return config.model if isinstance(config, ModelMain) else None


def check_training(plan: TaskPlan, training: TaskPlan, status: Status) -> None:
    """See that a plan can use the model of a training.

    Raises
    ------
    SpecError
        The other task makes no model, one that cannot predict yet, or one of other parties; or it kept none.
    """
    where = f"clients[{plan.main.index}].client_config.model"
    if training.kind not in TRAININGS:
        raise SpecError(f"{where}: task {show(training.task)} is of kind {training.kind}, which trains no model")
    if training.kind not in PREDICTING:
        able = ", ".join(PREDICTING)
        raise SpecError(f"{where}: a model of kind {training.kind} cannot predict yet; models of {able} can")
    if plan.kind is Kind.SCORECARD and not _is_logistic(training):
        raise SpecError(f"{where}: expected a linear model with objective logistic, of which alone a scorecard is made")
    _check_format(plan, training)
    _check_clusters(plan, training)
    if status in _NOTHING_KEPT:
        raise SpecError(f"{where}: task {show(training.task)} is {status}, so it kept no model; train it again")
    check_clients(plan, training)


def _check_format(plan: TaskPlan, training: TaskPlan) -> None:
    """See that the model of a training has the format in which a task opens it, if it does."""
    config = plan.main.config
    if not isinstance(config, ExportMain):
        return
    formats, where = EXPORTING.get(training.kind, ()), f"clients[{plan.main.index}].client_config"
    if not formats:
        able = ", ".join(EXPORTING)
        raise SpecError(f"{where}.model: a model of kind {training.kind} has no format to be opened in; {able} have")
    if config.format not in formats:
        raise SpecError(
            f"{where}.format: expected {' or '.join(formats)} for a model of kind {training.kind}, got {config.format}"
        )


def _check_clusters(plan: TaskPlan, training: TaskPlan) -> None:
    """See that of a clustering nothing is asked that only predictions of labels have."""
    config = plan.main.config
    if training.kind is Kind.KMEANS and isinstance(config, PredictMain) and config.contribution:
        where = f"clients[{plan.main.index}].client_config.contribution"
        raise SpecError(f"{where}: expected false with a clustering, which was trained on no labels, got true")


def check_ready(plan: TaskPlan, training: TaskPlan, status: Status) -> None:
    """See that the training whose model a plan uses has finished.

    Raises
    ------
    StateError
        It has not.
    SpecError
        As `check_training`.
    """
    check_training(plan, training, status)
    if status is not Status.FINISHED:
        raise StateError(
            f"Task with name {plan.task} needs the model of task {show(training.task)}, which is {status}; start this "
            "one when that has finished"
        )


def check_clients(plan: TaskPlan, training: TaskPlan) -> None:
    """See that the clients with data are those of the training, in its order: they have the shares.

    Raises
    ------
    SpecError
        They are others.
    """
    wanted, got = _clients(training), _clients(plan)
    if wanted != got:
        raise SpecError(
            f"clients: model {show(training.task)} was trained by {', '.join(wanted)}; predicting with it needs the "
            f"same clients with data in the same order, got {', '.join(got)}"
        )


def _is_logistic(training: TaskPlan) -> bool:
    config = training.main.config
    return isinstance(config, LinearMain) and config.objective == "logistic"


def _clients(plan: TaskPlan) -> list[str]:
    return [f"{member.party.name} as {member.role}" for member in plan.data]
