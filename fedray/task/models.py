"""The models that a server knows of: its finished trainings, as its store tells of them.

The shares lie at the parties; that a model is listed here says that its training finished, not that every party still
has its part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fedray.errors import NotFound, SpecError, StateError
from fedray.task.config_bases import Kind
from fedray.task.model_rules import PREDICTING, TRAININGS, model_of
from fedray.task.plan import TaskPlan
from fedray.task.predict_configs import ModelMain
from fedray.task.record import Status
from fedray.task.rows import StoredTask
from fedray.task.spec import TaskSpec
from fedray.task.store import Store
from fedray.task.tags import MARK, check_tag
from fedray.task.text import show

__all__ = [
    "ModelPage",
    "ModelView",
    "check_kept",
    "check_unused",
    "get_model",
    "list_models",
    "note_deleted",
    "tag_model",
    "training_of",
    "untag_model",
    "view_of_model",
    "without_tag",
]

_USING = (Kind.PREDICT, Kind.SERVE, Kind.EXPORT, Kind.SCORECARD)
_MOST_AT_WORK = 10_000


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
    tags
        Those that point to it.
    members
        The clients with data: ``index``, ``role``, ``party``. Each has its part of the model.
    parameters
        What the main client was told: the settings of the training.
    predicts
        Whether it can: models of this kind do, and it has not been deleted.
    deleted_at, receipts
        When its parts were deleted, and each data client's receipt; None and nothing where they were not.
    """

    model: str
    kind: str
    created_at: float
    trained_at: float | None
    n_batches: int | None
    loss: float | None
    metrics: Mapping[str, float] | None
    tags: tuple[str, ...]
    members: tuple[Mapping[str, object], ...]
    parameters: Mapping[str, object]
    predicts: bool
    deleted_at: float | None
    receipts: tuple[Mapping[str, object], ...]

    def as_dict(self) -> dict[str, object]:
        """Return the view as it is sent."""
        return {**vars(self), "tags": [*self.tags], "members": [*self.members], "receipts": [*self.receipts]}


@dataclass(frozen=True)
class ModelPage:
    """Some models, the newest first, and how many there are on all pages."""

    models: tuple[ModelView, ...]
    total: int


def list_models(store: Store, search: str | None, limit: int, offset: int) -> ModelPage:
    """Return a page of models; parameters as `Store.list_tasks`."""
    found, total = store.list_tasks(Status.FINISHED, TRAININGS, search, limit, offset)
    tags = store.tags.all()
    return ModelPage(tuple(view_of_model(store, task, _of(tags, task.name)) for task in found), total)


def get_model(store: Store, name: str) -> ModelView:
    """Return a model.

    Raises
    ------
    NotFound
        No task has this name, or one that made no model.
    """
    return view_of_model(store, _trained(store, name), store.tags.of(name))


def tag_model(store: Store, name: str, tag: str) -> None:
    """Let a tag point to a model, and to no other any more.

    Raises
    ------
    NotFound
        As `get_model`.
    SpecError
        It cannot be a tag, or the parties have deleted the model.
    """
    check_tag(tag)
    check_kept(store, _trained(store, name).name, "model")
    store.tags.put(tag, name)


def untag_model(store: Store, name: str, tag: str) -> None:
    """Remove a tag of a model.

    Raises
    ------
    NotFound
        As `get_model`, or it has no such tag.
    """
    if not store.tags.drop(_trained(store, name).name, tag if tag.isprintable() else ""):
        raise NotFound(f"Model {show(name)} has no tag {show(tag)}")


def without_tag(store: Store, spec: TaskSpec) -> TaskSpec:
    """Return a specification that names its model by the name itself, where it does so by a tag.

    Raises
    ------
    SpecError
        No model has the tag.
    """
    clients = list(spec.clients)
    for place, client in enumerate(clients):
        config = client.client_config
        if not isinstance(config, ModelMain) or not config.model.startswith(MARK):
            continue
        found = store.tags.find(config.model.removeprefix(MARK))
        if found is None:
            raise SpecError(
                f"clients[{place}].client_config.model: no model has the tag {show(config.model)}; 'fedray models' "
                "shows the tags, 'fedray tag' sets one"
            )
        named = config.model_copy(update={"model": found})
        clients[place] = client.model_copy(update={"client_config": named})
    return spec.model_copy(update={"clients": tuple(clients)})


def training_of(store: Store, plan: TaskPlan) -> tuple[TaskPlan, Status] | None:
    """Return the training whose model a plan uses, and how it stands; None where it uses none.

    Raises
    ------
    SpecError
        There is none of that name, or its parties have deleted the model.
    """
    model, field = model_of(plan), f"clients[{plan.main.index}].client_config.model"
    if model is None:
        return None
    try:
        task = store.get(model)
    except NotFound:
        raise SpecError(
            f"{field}: no task has the name {show(model)}; name the training whose model is to predict"
        ) from None
    check_kept(store, model, field)
    return TaskPlan.from_json(task.plan), task.status


def check_unused(store: Store, name: str) -> StoredTask:
    """Return the training of a model that no task uses now.

    Raises
    ------
    NotFound
        As `get_model`.
    StateError
        A task that uses it waits or runs.
    """
    task = _trained(store, name)
    for status in (Status.QUEUED, Status.RUNNING):
        for user in store.list_tasks(status, _USING, limit=_MOST_AT_WORK)[0]:
            if model_of(TaskPlan.from_json(user.plan)) == name:
                raise StateError(
                    f"Model {show(name)} is used by task {show(user.name)}, which is {status}; wait for it"
                )
    return task


def check_kept(store: Store, name: str, where: str) -> None:
    """Raise a ``SpecError`` about the field `where` if the parties have deleted a model."""
    if _report(store, name).get("deleted"):
        raise SpecError(f"{where}: the parties have deleted the model {show(name)}; train it again under another name")


def note_deleted(store: Store, name: str, now: float, receipts: Sequence[Mapping[str, object]]) -> None:
    """Keep the receipts of the parties that have deleted a model, in the report of its training; its tags go."""
    store.reports.save(name, {**_report(store, name), "deleted": {"at": now, "receipts": [*receipts]}})
    store.tags.drop(name)


def _trained(store: Store, name: str) -> StoredTask:
    task = store.get(name)
    if task.kind not in TRAININGS:
        raise NotFound(f"Task with name {show(name)} is of kind {task.kind}, which trains no model")
    if task.status is not Status.FINISHED:
        raise NotFound(f"Task with name {show(name)} is {task.status}, so there is no model of it")
    return task


def _of(tags: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(tag for tag, model in tags.items() if model == name)


def view_of_model(store: Store, task: StoredTask, tags: tuple[str, ...] = ()) -> ModelView:
    """Return what a client sees of the model that a training made."""
    plan, report = TaskPlan.from_json(task.plan), _report(store, task.name)
    result, deleted = report.get("result") or {}, report.get("deleted") or {}
    parameters = plan.main.config.model_dump(mode="json", exclude={"client_type", "computation_port", "transport"})
    return ModelView(
        model=task.name,
        kind=task.kind,
        created_at=task.created_at,
        trained_at=task.ended_at,
        n_batches=result.get("n_batches"),
        loss=result.get("loss"),
        metrics=result.get("metrics"),
        tags=tags,
        members=tuple({"index": m.index, "role": m.role.value, "party": m.party.name} for m in plan.data),
        parameters=parameters,
        predicts=Kind(task.kind) in PREDICTING and not deleted,
        deleted_at=deleted.get("at"),
        receipts=tuple(deleted.get("receipts", ())),
    )


def _report(store: Store, name: str) -> dict[str, Any]:
    try:
        return store.reports.get(name)
    except StateError:
        return {}
