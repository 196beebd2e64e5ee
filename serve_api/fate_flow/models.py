"""Models: what trainings have made, what was deployed of them, who has loaded them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from fedray.errors import Conflict
from fedray.task.papers import Papers
from fedray.task.text import show
from serve_api.fate_flow.book import Book, Job
from serve_api.fate_flow.dsl import check_components, read_job
from serve_api.fate_flow.faults import NOT_FOUND, REFUSED, FateError
from serve_api.fate_flow.predicting import predict_dsl
from serve_api.fate_flow.states import States

__all__ = ["Model", "Models"]

_SHELF: Final = "fate/model"

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Model:
    """A version of a model.

    Attributes
    ----------
    model_id, version
        As FATE forms them; the version of a training is its job id.
    job
        The training.
    predict_dsl
        What a prediction with it runs; None where it was not deployed, which DSL 2 asks for.
    parent
        The version that it was deployed from; "" of a training's.
    loaded
        How often it was loaded.
    services
        Ids of services that it was bound to.
    tags
        Of its own.
    """

    model_id: str
    version: str
    job: str
    predict_dsl: Json | None = None
    parent: str = ""
    loaded: int = 0
    services: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    conf: Json = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {**vars(self), "services": list(self.services), "tags": list(self.tags)}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the model that `to_json` has told of; raises ``ValueError`` where it cannot have been."""
        found = cls(**{**value, "services": tuple(value["services"]), "tags": tuple(value["tags"])})
        texts = (found.model_id, found.version, found.job, found.parent, *found.services, *found.tags)
        plain = all(isinstance(one, str) for one in texts) and type(found.loaded) is int
        if not plain or not isinstance(found.conf, Mapping) or not isinstance(found.predict_dsl, Mapping | None):
            raise ValueError("another model")
        return found


class Models:
    """The models of a server.

    Parameters
    ----------
    papers
        Of the store.
    book
        The jobs.
    states
        Tells how trainings stand.
    """

    def __init__(self, papers: Papers, book: Book, states: States) -> None:
        self._papers, self._book, self._states = papers, book, states

    def find(self, model_id: str, version: str) -> Model | None:
        """Return a version of a model; None where there is none."""
        kept = self._papers.get(_SHELF, f"{model_id}/{version}")
        if kept is not None:
            return Model.from_json(kept.body)
        job = self._book.get(version)
        if job is None or job.op != "train" or job.model_id != model_id:
            return None
        dsl = None if job.new_shapes else predict_dsl(read_job(job.dsl, job.conf))
        return Model(model_id, version, job.id, dsl, conf=job.conf)

    def get(self, model_id: str, version: str) -> Model:
        """Return a version of a model whose training has ended well.

        Raises
        ------
        FateError
            There is none, or it is not ready.
        """
        found = self.find(model_id, version)
        if found is None:
            raise FateError(REFUSED, f"Model {show(model_id)} {show(version)} does not exist")
        status = self._states.of(self.trained(found)).status
        if status != "success":
            raise FateError(REFUSED, f"Model {show(model_id)} {show(version)}: its training is {status}")
        return found

    def to_predict_with(self, model_id: str, version: str) -> Model:
        """Return a model that a prediction may use.

        Raises
        ------
        FateError
            There is none, it is not ready, or it was not deployed.
        """
        found = self.get(model_id, version)
        if found.predict_dsl is None:
            raise FateError(REFUSED, f"Model {show(model_id)} {show(version)} has not been deployed yet.")
        return found

    def trained(self, model: Model) -> Job:
        """Return the training of a model."""
        job = self._book.get(model.job)
        if job is None:
            raise FateError(NOT_FOUND, f"the training of model {show(model.model_id)} is not there")
        return job

    def all(self) -> list[Model]:
        """Return the versions that there are, the newest first."""
        deployed = [Model.from_json(paper.body) for paper in self._papers.all(_SHELF)]
        known = {(model.model_id, model.version) for model in deployed}
        trained = [job for job in self._book.all() if job.op == "train" and (job.model_id, job.id) not in known]
        found = [*deployed, *(Model(job.model_id, job.id, job.id, conf=job.conf) for job in trained)]
        return sorted(found, key=lambda model: model.version, reverse=True)

    def deploy(self, model: Model, version: str, components: Sequence[str] | None, dsl: Json | None) -> Model:
        """Make a version of a model that predictions may use.

        Parameters
        ----------
        version
            Its name.
        components
            Those of the training that a prediction runs; None is those that it needs.
        dsl
            The DSL of predictions, where it is given.

        Raises
        ------
        FateError
            No DSL can be made of them.
        """
        job = self.trained(model)
        made = dsl if dsl is not None else predict_dsl(read_job(job.dsl, job.conf), components)
        check_components(made)
        parent = model.parent or model.version
        deployed = Model(model.model_id, version, model.job, made, parent, conf=job.conf)
        self.take(deployed)
        return deployed

    def change(self, model: Model, change: Callable[[Model], Model]) -> Model:
        """Note something of a model."""
        name = f"{model.model_id}/{model.version}"
        with contextlib.suppress(Conflict):
            self._papers.add(_SHELF, name, model.to_json())
        kept = self._papers.change(_SHELF, name, lambda body: change(Model.from_json(body)).to_json())
        return Model.from_json(kept.body)

    def loaded(self, model: Model) -> Model:
        """Note that a model was loaded."""
        return self.change(model, lambda one: replace(one, loaded=one.loaded + 1))

    def bound(self, model: Model, service: str) -> Model:
        """Note that a model was bound to a service, and no other model to it any more."""
        for other in self.all():
            if service in other.services and other.model_id == model.model_id:
                self.change(other, lambda one: replace(one, services=_without(one.services, service)))
        return self.change(model, lambda one: replace(one, services=_with(one.services, service)))

    def tagged(self, model: Model, tag: str, *, add: bool) -> Model:
        """Give a model a tag, or take it away."""
        return self.change(
            model, lambda one: replace(one, tags=_with(one.tags, tag) if add else _without(one.tags, tag))
        )

    def take(self, model: Model) -> None:
        """Keep a version that was here before; raises ``Conflict`` where it is there."""
        self._papers.add(_SHELF, f"{model.model_id}/{model.version}", model.to_json())


def _with(names: Sequence[str], name: str) -> tuple[str, ...]:
    return (*_without(names, name), name)


def _without(names: Sequence[str], name: str) -> tuple[str, ...]:
    return tuple(one for one in names if one != name)
