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
from dataclasses import replace
from pathlib import Path
from typing import Any

from fedray.data.load import Split
from fedray.data.private_file import replace_file
from fedray.data.scratch import Scratch
from fedray.errors import DataError, LocalProtocolError, RemoteProtocolError
from fedray.export.paddledtx import evaluation_text
from fedray.ml.design import FEATURE_LIMIT
from fedray.ml.schedule import LONGEST_SEGMENT
from fedray.ml.tested import Tested
from fedray.ml.validation import averages, binary_scores, regression_scores
from fedray.mpc.dealer import Supply, deal
from fedray.mpc.session import Session
from fedray.parties.context import PartyContext
from fedray.parties.labels import Target
from fedray.parties.linear_recipe import check_inputs
from fedray.parties.recipes import Data, Design
from fedray.parties.tables import Table
from fedray.parties.validation_passes import TAG, Pass, check_rules, name_of, named, passes, wants_validation
from fedray.task.config_bases import TableConfig
from fedray.task.linear_configs import LinearLabel

__all__ = ["FILE", "check_passes", "check_validation", "deal_validation", "hear_validation", "validate"]

FILE = "evaluation.json"

MOST_LIVE = 1000
"""Tests of a live validation that a result has, the newest ones."""


def check_validation(ctx: PartyContext, rows: int) -> None:
    """See, before the training, that the rules fit its rows, and that my file can be written; local.

    Raises
    ------
    DataError
        There are too few rows or too many trainings, or the folder cannot be made.
    """
    check_rules(ctx.plan, rows)
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
        for one in passes(ctx.plan, design):
            if table is not None:
                with named(one.number):
                    check_inputs(one.course.design, _data(ctx, one, table))


def validate(ctx: PartyContext, design: Design, table: Table) -> dict[str, object]:
    """Play all further trainings at a data client; return what is told of them, at the label client.

    Cost: that of so many trainings.
    Leaks: test_predictions of the rows left out; validation to the main client; with cost_tol cost_stop.
    Ref: protocols, section 17.
    """
    scored: list[dict[str, Any]] = []
    live: list[list[object]] = []
    for one in passes(ctx.plan, design):
        ctx.begin(TAG, name_of(one.number))
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
        for _ in passes(ctx.plan, design):
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
    for one in passes(ctx.plan, design):
        course = one.course
        segments = course.segments(0)
        deal(ctx.channel, computing, course.design.label, course.matrices, segments, course.memory_bytes, one.purpose)


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
