"""Requests for predictions, as they come from outside, and their answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fedray.errors import SpecError, StateError
from fedray.task.plan import TaskPlan
from fedray.task.record import Status
from fedray.task.serve_configs import MOST_ROWS, ServeMain
from fedray.task.text import load_json

__all__ = ["Answer", "answer_of", "check_answering", "parse_ids"]

LONGEST_ID = 1024
"""Characters of an id."""


@dataclass(frozen=True)
class Answer:
    """Predictions of the rows that were asked for.

    Attributes
    ----------
    task, model
        Who answered, with which model.
    predictions
        A list of numbers for each id, in the order of the request.
    """

    task: str
    model: str
    predictions: Sequence[Sequence[float]]

    def as_dict(self) -> dict[str, object]:
        """Return the answer as it is sent."""
        return {"task": self.task, "model": self.model, "predictions": [list(row) for row in self.predictions]}


def parse_ids(body: str | bytes) -> tuple[str, ...]:
    """Return the ids of a request.

    Raises
    ------
    SpecError
        It is no object with a list of texts; places are told, no id is.
    """
    document = load_json(body)
    if not isinstance(document, dict) or set(document) != {"ids"}:
        raise SpecError('request body: expected an object with one field, {"ids": [...]}')
    ids = document["ids"]
    if not isinstance(ids, list) or not 0 < len(ids) <= MOST_ROWS:
        raise SpecError(f"ids: expected a list of 1 to {MOST_ROWS} ids")
    wrong = next(
        (k for k, name in enumerate(ids) if not isinstance(name, str) or not 0 < len(name) <= LONGEST_ID), None
    )
    if wrong is not None:
        raise SpecError(f'ids[{wrong}]: expected a text of 1 to {LONGEST_ID} characters; an id is text, such as "1001"')
    return tuple(ids)


def check_answering(plan: TaskPlan, status: Status) -> None:
    """See that a task may be asked.

    Raises
    ------
    StateError
        It is of another kind, or does not run.
    """
    if plan.answering is None:
        raise StateError(f"Task with name {plan.task} is of kind {plan.kind}; only tasks of kind serve answer requests")
    if status is not Status.RUNNING:
        raise StateError(f"Task with name {plan.task} is {status}; it answers requests while it is running")


def answer_of(plan: TaskPlan, predictions: Sequence[Sequence[float]]) -> Answer:
    """Return an answer of a task that was asked."""
    config = plan.main.config
    return Answer(plan.task, config.model if isinstance(config, ServeMain) else "", predictions)
