"""The further trainings of a validation, which every party works out from the plan and the number of training rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fedray.errors import DataError, FedrayError, LocalProtocolError
from fedray.ml.validation import Rule, held_out, trained_with
from fedray.parties.linear_recipe import LinearRecipe
from fedray.parties.recipes import Course, Design
from fedray.task.linear_configs import LinearMain
from fedray.task.plan import TaskPlan

__all__ = ["TAG", "Pass", "check_rules", "name_of", "named", "passes", "wants_validation"]

Rows = npt.NDArray[np.int64]

TAG = "validation"

LIVE_EVERY = 5
"""Batches between two tests of a live validation."""

MOST_TRAININGS = 1000

LEAST_LIVE = 20
"""Rows that a live validation leaves out: main learns a score of them at each test."""


@dataclass(frozen=True)
class Pass:
    """A further training.

    Attributes
    ----------
    number
        Its place; -1 of the live validation.
    out
        The training rows of the task that it leaves out.
    recipe, course
        How it is done.
    """

    number: int
    out: Rows
    recipe: LinearRecipe
    course: Course

    @property
    def rows(self) -> Rows:
        """The training rows of the task that it has."""
        return trained_with(self.course.design.rows[0] + len(self.out), self.out)

    @property
    def live(self) -> bool:
        """Whether the scores of each test are told."""
        return self.number < 0

    @property
    def purpose(self) -> str:
        """Of the keys of its masks, which are those of no other training."""
        return f"masks/{TAG}/{self.number}"


def wants_validation(plan: TaskPlan) -> bool:
    """Return whether a plan asks for further trainings."""
    main = _main(plan)
    return main is not None and (main.validation is not None or main.live_validation_percent is not None)


def check_rules(plan: TaskPlan, rows: int) -> None:
    """See that the rules of a plan fit the number of training rows.

    Raises
    ------
    DataError
        There are too few rows or too many trainings.
    """
    for rule, live in _rules(plan):
        out = len(_checked(rule, rows)[0])
        if live and out < LEAST_LIVE:
            raise DataError(
                f"live_validation_percent: {rule.percent} of a hundred leaves out {out} of {rows} training rows; "
                f"expected {LEAST_LIVE} or more, since main is told a score of them at each test; raise it or leave "
                "it out"
            )


def _main(plan: TaskPlan) -> LinearMain | None:
    config = plan.main.config
    return config if isinstance(config, LinearMain) else None


def _rules(plan: TaskPlan) -> Iterator[tuple[Rule, bool]]:
    """Yield the rules of a plan, and whether each is that of the live validation."""
    main = _main(plan)
    if main is None:
        return
    seed = plan.seed if main.validation_seed is None else main.validation_seed
    if main.live_validation_percent is not None:
        yield Rule("split", main.live_validation_percent, 1, shuffle=True, seed=seed), True
    if main.validation is not None:
        folds, shuffle = main.validation_folds, main.validation_shuffle
        yield Rule(main.validation, main.validation_percent, folds, shuffle=shuffle, seed=seed), False


def _checked(rule: Rule, rows: int) -> list[Rows]:
    if rule.trainings(rows) > MOST_TRAININGS:
        raise DataError(
            f"validation: {rule.name} of {rows} rows is {rule.trainings(rows)} trainings, more than {MOST_TRAININGS}; "
            "use folds"
        )
    return held_out(rule, rows)


def passes(plan: TaskPlan, design: Design) -> Iterator[Pass]:
    """Yield the further trainings, the same at every party."""
    rows = design.rows[0]
    for rule, live in _rules(plan):
        for number, out in enumerate(_checked(rule, rows)):
            place, kept = -1 if live else number, rows - len(out)
            recipe = LinearRecipe(_plan_of(plan, kept, live=live))
            with named(place):
                course = recipe.course(design.features, (kept, len(out)))
            yield Pass(place, out, recipe, course)


def name_of(number: int) -> str:
    """Return what a further training is called before the user."""
    return "live validation" if number < 0 else f"validation, training {number + 1}"


@contextmanager
def named(number: int) -> Iterator[None]:
    """Let errors say of which further training they are; not those of labels, since that would tell labels."""
    try:
        yield
    except FedrayError as error:
        name = "validation, a training" if isinstance(error, DataError) else name_of(number)
        raise type(error)(f"{name} (it counts its rows anew): {error.message}") from None


def _plan_of(plan: TaskPlan, rows: int, *, live: bool) -> TaskPlan:
    """Return the plan of a further training: that of the task, with batches that its rows can fill."""
    main = _main(plan)
    if main is None:
        raise LocalProtocolError("the plan is no plan of a linear model")
    changed: dict[str, object] = {"parity": False, "p_values": False}
    if main.batch_order != "random":
        changed["batch_size"] = min(main.batch_size, rows)
    if live:
        changed["test_per_batches"] = LIVE_EVERY
    config = main.model_copy(update=changed)
    members = [replace(one, config=config) if one.index == plan.main.index else one for one in plan.members]
    return replace(plan, members=tuple(members))
