"""The models that a server knows of: its finished trainings, as its store tells of them.

The shares lie at the parties; that a model is listed here says that its training finished, not that every party still
has its part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fedray.errors import NotFound, StateError
from fedray.task.config_bases import Kind
from fedray.task.model_rules import PREDICTING, TRAININGS
from fedray.task.plan import TaskPlan
from fedray.task.record import Status
from fedray.task.rows import StoredTask
from fedray.task.store import Store
from fedray.task.text import show

__all__ = ["ModelPage", "ModelView", "get_model", "list_models"]


@dataclass(frozen=True)
class ModelView:
    """A model as a client sees it.

    Attributes
    ----------
    model
        Its name: that of the task that trained it.
    kind
        What it is: the kind of that task.
    created_at, trained_at
        When the task was created and when it finished, Unix seconds.
    n_batches, loss, metrics
        Of the test whose weights were kept; None where the task has no report.
    members
        The clients with data: ``index``, ``role``, ``party``. Each has its part of the model.
    parameters
        What the main client was told: the settings of the training.
    predicts
        Whether models of this kind can predict.
    """

    model: str
    kind: str
    created_at: float
    trained_at: float | None
    n_batches: int | None
    loss: float | None
    metrics: Mapping[str, float] | None
    members: tuple[Mapping[str, object], ...]
    parameters: Mapping[str, object]
    predicts: bool

    def as_dict(self) -> dict[str, object]:
        """Return the view as it is sent."""
        return {**vars(self), "members": [*self.members]}


@dataclass(frozen=True)
class ModelPage:
    """Some models, the newest first, and how many there are on all pages."""

    models: tuple[ModelView, ...]
    total: int


def list_models(store: Store, search: str | None, limit: int, offset: int) -> ModelPage:
    """Return a page of models; parameters as `Store.list_tasks`."""
    found, total = store.list_tasks(Status.FINISHED, TRAININGS, search, limit, offset)
    return ModelPage(tuple(_view(store, task) for task in found), total)


def get_model(store: Store, name: str) -> ModelView:
    """Return a model.

    Raises
    ------
    NotFound
        No task has this name, or one that made no model.
    """
    task = store.get(name)
    if task.kind not in TRAININGS:
        raise NotFound(f"Task with name {show(name)} is of kind {task.kind}, which trains no model")
    if task.status is not Status.FINISHED:
        raise NotFound(f"Task with name {show(name)} is {task.status}, so there is no model of it")
    return _view(store, task)


def _view(store: Store, task: StoredTask) -> ModelView:
    plan, result = TaskPlan.from_json(task.plan), _result(store, task.name)
    parameters = plan.main.config.model_dump(mode="json", exclude={"client_type", "computation_port", "transport"})
    return ModelView(
        model=task.name,
        kind=task.kind,
        created_at=task.created_at,
        trained_at=task.ended_at,
        n_batches=result.get("n_batches"),
        loss=result.get("loss"),
        metrics=result.get("metrics"),
        members=tuple({"index": m.index, "role": m.role.value, "party": m.party.name} for m in plan.data),
        parameters=parameters,
        predicts=Kind(task.kind) in PREDICTING,
    )


def _result(store: Store, name: str) -> dict[str, Any]:
    try:
        result = store.get_report(name).get("result")
    except StateError:
        return {}
    return result if isinstance(result, dict) else {}
