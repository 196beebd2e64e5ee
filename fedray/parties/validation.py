"""Validation of a linear model: further trainings on parts of the training rows, measured on the rows left out.

::

    everybody       works out from the plan and the number of rows which training leaves out which rows, and tries each
                    on what it knows, before the training that comes first
    data clients    scale these rows anew and train as before, with masks of other keys
    label client    gets the predictions of the rows left out, tells main that the test is over
    label client    writes all scores into a file of its own, tells main their means

A live validation is one more such training, with a test after every few batches, whose scores are told.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fedray.data.load import Split
from fedray.data.private_file import replace_file
from fedray.data.scratch import Scratch
from fedray.errors import DataError, FedrayError, LocalProtocolError, RemoteProtocolError
from fedray.export.paddledtx import evaluation_text
from fedray.ml.design import FEATURE_LIMIT
from fedray.ml.schedule import LONGEST_SEGMENT
from fedray.ml.tested import Tested
from fedray.ml.validation import Rule, averages, binary_scores, held_out, regression_scores, trained_with
from fedray.mpc.dealer import Supply, deal
from fedray.mpc.session import Session
from fedray.parties.context import PartyContext
from fedray.parties.labels import Target
from fedray.parties.linear_recipe import LinearRecipe, check_inputs
from fedray.parties.recipes import Course, Data, Design
from fedray.parties.tables import Table
from fedray.task.config_bases import TableConfig
from fedray.task.linear_configs import LinearLabel, LinearMain
from fedray.task.plan import TaskPlan

__all__ = [
    "FILE",
    "check_passes",
    "check_validation",
    "deal_validation",
    "hear_validation",
    "validate",
    "wants_validation",
]

Float = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

TAG = "validation"
FILE = "evaluation.json"

LIVE_EVERY = 5
"""Batches between two tests of a live validation."""

MOST_TRAININGS = 1000
MOST_LIVE = 1000
"""Tests of a live validation that a result has, the newest ones."""


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


def _main(plan: TaskPlan) -> LinearMain | None:
    config = plan.main.config
    return config if isinstance(config, LinearMain) else None


def wants_validation(plan: TaskPlan) -> bool:
    """Return whether a plan asks for further trainings."""
    main = _main(plan)
    return main is not None and (main.validation is not None or main.live_validation_percent is not None)


def check_validation(ctx: PartyContext, rows: int) -> None:
    """See, before the training, that the rules fit its rows, and that my file can be written; local.

    Raises
    ------
    DataError
        There are too few rows or too many trainings, or the folder cannot be made.
    """
    for rule, _ in _rules(ctx.plan):
        _checked(rule, rows)
    _folder(ctx)


def check_passes(ctx: PartyContext, design: Design, table: Table | None = None) -> None:
    """See, before the training, that all further trainings can be done; local.

    Parameters
    ----------
    table
        At a data client what it read.

    Raises
    ------
    DataError, SpecError, RangeGuardError
        The rows of a further training, or their number, cannot be used.
    """
    if not wants_validation(ctx.plan):
        return
    with ctx.channel.phase(TAG):
        for one in _passes(ctx.plan, design):
            if table is not None:
                with _named(one.number):
                    check_inputs(one.course.design, _data(ctx, one, table))


def validate(ctx: PartyContext, design: Design, table: Table) -> dict[str, object]:
    """Play all further trainings at a data client; return what is told of them, at the label client.

    Cost: that of so many trainings.
    Leaks: test_predictions of the rows left out; validation to the main client; with cost_tol cost_stop.
    Ref: protocols, section 17.
    """
    scored: list[dict[str, Any]] = []
    live: list[list[object]] = []
    for one in _passes(ctx.plan, design):
        ctx.begin(TAG, _name(one.number))
        with ctx.channel.phase(TAG):
            data = _data(ctx, one, table)
            for done, tested, over in _trained(ctx, one, data):
                scores = _scores(one, data.target, tested)
                if scores is None:
                    continue
                if one.live:
                    live.append([done, averages([scores])])
                elif over:
                    scored.append(scores)
                ctx.channel.send_json(ctx.plan.main.index, TAG, {"over": over})
    return _told(ctx, scored, live[-MOST_LIVE:]) if table.target is not None else {}


def hear_validation(ctx: PartyContext, design: Design, label: int) -> dict[str, Any]:
    """Return what the label client tells the main client of all further trainings; nothing where there are none."""
    if not wants_validation(ctx.plan):
        return {}
    with ctx.channel.phase(TAG):
        for _ in _passes(ctx.plan, design):
            over = False
            while not over:
                over = _heard(ctx, label).get("over") is True
        told = _heard(ctx, label)
    if not _is_summary(told):
        raise RemoteProtocolError(f"{ctx.plan.names[label]}: expected the scores of a validation")
    return told


def deal_validation(ctx: PartyContext, design: Design) -> None:
    """Stream the correlations of all further trainings, at the dealer."""
    computing = tuple(member.index for member in ctx.plan.data)
    for one in _passes(ctx.plan, design):
        course = one.course
        segments = course.segments(0)
        deal(ctx.channel, computing, course.design.label, course.matrices, segments, course.memory_bytes, one.purpose)


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


def _passes(plan: TaskPlan, design: Design) -> Iterator[Pass]:
    """Yield the further trainings, the same at every party."""
    rows = design.rows[0]
    for rule, live in _rules(plan):
        for number, out in enumerate(_checked(rule, rows)):
            place, kept = -1 if live else number, rows - len(out)
            recipe = LinearRecipe(_plan_of(plan, kept, live=live))
            with _named(place):
                course = recipe.course(design.features, (kept, len(out)))
            yield Pass(place, out, recipe, course)


def _name(number: int) -> str:
    return "live validation" if number < 0 else f"validation, training {number + 1}"


@contextmanager
def _named(number: int) -> Iterator[None]:
    """Let errors say of which further training they are; not those of labels, since that would tell labels."""
    try:
        yield
    except FedrayError as error:
        name = "validation, a training" if isinstance(error, DataError) else _name(number)
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


def _trained(ctx: PartyContext, one: Pass, data: Data) -> Iterator[tuple[int, Tested, bool]]:
    """Train; yield at each test the batches so far, what was opened, and whether it was the last."""
    course, dealer = one.course, ctx.plan.dealer
    if dealer is None:
        raise LocalProtocolError("the plan has no dealer")
    session = Session(ctx.channel, tuple(member.index for member in ctx.plan.data))
    segments = course.segments(0)
    supply = Supply(ctx.channel, dealer.index, session.rank, course.design.label, segments, one.purpose)
    model = course.model(session, supply, data, None, None)
    over, steps = False, 0
    while not over:
        steps = course.design.next_test(model.done)
        while model.done < steps:
            model.train(min(LONGEST_SEGMENT, steps - model.done))
        tested = model.test()
        over = tested.stopped or steps >= course.design.steps
        yield model.done, tested, over
    if steps < course.design.steps:
        supply.end()


def _data(ctx: PartyContext, one: Pass, table: Table) -> Data:
    """Return my rows of a further training, scaled by those that it has."""
    split, labels = table.split, table.labels
    part = Split(split.train[one.rows], split.train[:0], split.columns, split.fingerprint)
    target = None
    if table.target is not None:
        target = replace(one.recipe.target(part), test=split.train[one.out][:, :labels])
    config = ctx.member.config
    if not isinstance(config, TableConfig):
        raise LocalProtocolError("the plan gives this party no configuration with a table to scale")
    scaling = one.recipe.fit(config, part.train[:, labels:], split.columns[labels:])
    rows = {"train": part.train[:, labels:], "test": split.train[one.out][:, labels:]}
    features = {name: scaling.apply(found, FEATURE_LIMIT) for name, found in rows.items()} if scaling.columns else {}
    return Data(features, target, Scratch(one.course.memory_bytes, lambda: ctx.root.state_dir("scratch")))


def _scores(one: Pass, target: Target | None, tested: Tested) -> dict[str, Any] | None:
    """Return the scores of a test, at the label client."""
    if tested.predictions is None or target is None:
        return None
    values = one.recipe.values(one.recipe.finish(tested.predictions), target.centre, target.unit)[:, 0]
    score = regression_scores if one.recipe.measured == "regression" else binary_scores
    return score(target.test[:, 0], values)


def _told(ctx: PartyContext, scored: list[dict[str, Any]], live: list[list[object]]) -> dict[str, object]:
    """Write the label client's file, and tell the means to the main client."""
    folder = _folder(ctx)
    if folder is not None and scored:
        _write(folder, evaluation_text(scored, averages(scored)).encode())
    told: dict[str, object] = {"trainings": len(scored), "scores": averages(scored), "live": live}
    ctx.channel.reveals.add(TAG, (ctx.plan.main.index,), ())
    ctx.channel.send_json(ctx.plan.main.index, TAG, told)
    ctx.channel.flush()
    return told


def _write(folder: Path, data: bytes) -> None:
    try:
        replace_file(folder / FILE, data)
    except OSError as error:
        reason = error.strerror
    else:
        return
    raise DataError(f"validation_path: {FILE} cannot be written ({reason}); check space and permissions")


def _folder(ctx: PartyContext) -> Path | None:
    config = ctx.member.config
    if not isinstance(config, LinearLabel) or config.validation_path is None:
        return None
    return ctx.root.generated_dir(config.validation_path, create=True, field="validation_path")


def _heard(ctx: PartyContext, label: int) -> dict[str, Any]:
    told = ctx.channel.recv_json(label, TAG)
    if not isinstance(told, dict):
        raise RemoteProtocolError(f"{ctx.plan.names[label]}: expected how far a validation is")
    return told


def _is_summary(told: dict[str, Any]) -> bool:
    live = told.get("live")
    return (
        set(told) == {"trainings", "scores", "live"}
        and type(told["trainings"]) is int
        and _are_scores(told["scores"])
        and isinstance(live, list)
        and len(live) <= MOST_LIVE
        and all(isinstance(row, list) and len(row) == 2 and type(row[0]) is int and _are_scores(row[1]) for row in live)
    )


def _are_scores(told: object) -> bool:
    return isinstance(told, dict) and all(type(value) in (int, float) for value in told.values())
