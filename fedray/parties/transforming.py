"""Steps that change each party's own columns: what the data clients do.

::

    data clients    read their tables, fit their steps on the training rows; nothing has been said so far
    everybody       learns the shapes, and refuses what does not fit
    data clients    keep their steps, and write the data sets that they make
    data clients    tell the main client how many columns they wrote, and what was counted on the way

With a transform everybody brings its rows through the steps that it kept. Nothing is shared, and no dealer is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from fedray.data.derived import Picked
from fedray.data.documents import load_document
from fedray.data.load import Split
from fedray.data.wording import shorten
from fedray.data.words import Vocabulary
from fedray.errors import DataError, LocalProtocolError
from fedray.features.constants import Constants
from fedray.features.evidence import Evidence
from fedray.features.imputation import Imputation
from fedray.features.logistic import Logistic, Settings
from fedray.features.one_hot import OneHot
from fedray.features.picking import Pick
from fedray.features.rescaling import Scaling
from fedray.features.selection import Bound, Selection
from fedray.features.steps import Counts, Step, Steps, Table
from fedray.parties.binning_agreement import agree, coded_main
from fedray.parties.coding import Rows, read_rows, replay, shapes_of, write_coded
from fedray.parties.context import PartyContext, PartyOutcome
from fedray.parties.kept_transforms import Coder, KeptTransform, keep_transform, load_transform
from fedray.parties.stacking import evaluated, stacked
from fedray.parties.statistics import STATISTICS, statistics_folder
from fedray.task.record import EventKind
from fedray.task.spec import Role
from fedray.task.step_configs import ConstantStep, LogisticStep
from fedray.task.transform_configs import (
    ImputationStep,
    OneHotStep,
    ScalingStep,
    SelectionStep,
    TransformData,
    TransformLabel,
    TransformMain,
)

__all__ = ["run_data"]

Fit = Callable[[Table], Step]


def run_data(ctx: PartyContext) -> PartyOutcome:
    """Play a feature client or the label client.

    Raises
    ------
    DataError
        The tables cannot be used, or a step cannot be fitted; raised before anything is said.
    """
    if coded_main(ctx).transform is not None:
        agreed, coder, counts = replay(ctx)
        return _finish(ctx, coder, counts, agreed.rows)
    with ctx.channel.phase("read"):
        ctx.begin("read", "reading the tables and fitting the steps")
        words = Vocabulary(_categories(_config(ctx)))
        split, picked = _picked(ctx, read_rows(ctx, words), words)
        steps = _fitted(ctx, split, words)
    agreed = agree(ctx, shapes_of(split, len(steps.columns)))
    with ctx.channel.phase("write"):
        label = split.columns[0] if _labels(ctx) else ""
        made = KeptTransform(agreed.run, label, bool(split.fingerprint), steps)
        keep_transform(ctx.plan, ctx.member, ctx.root, made)
        counts = write_coded(ctx, agreed, made, Rows({"train": split.train, "test": split.test}, words.words(), picked))
    return _finish(ctx, steps, counts, agreed.rows)


def _picked(ctx: PartyContext, split: Split, words: Vocabulary) -> tuple[Split, Picked | None]:
    """Return the rows that the task asks for, and which they are where it asks for a part or for more data sets."""
    main, config = ctx.plan.main.config, _config(ctx)
    if config.more_data_paths or config.test_data_path is not None:
        return stacked(ctx, config, words, split)
    if not isinstance(main, TransformMain) or main.rows is None:
        return split, None
    return Pick(main.rows.start, main.rows.stop, main.rows.seed, main.rows.held_out).of(split)


def _finish(ctx: PartyContext, coder: Coder, counts: Counts, rows: tuple[int, int]) -> PartyOutcome:
    """Tell the main client what was done."""
    ctx.channel.reveals.add("cell_counts", (ctx.plan.main.index,), ())
    told: dict[str, object] = {"columns": len(coder.columns), "filled": counts["filled"], "unseen": counts["unseen"]}
    config = ctx.member.config
    if isinstance(config, TransformLabel) and config.evaluate:
        told["evaluation"] = evaluated(ctx, coder)
        ctx.channel.reveals.add("evaluation", (ctx.plan.main.index,), ())
    ctx.channel.send_json(ctx.plan.main.index, "done", told)
    ctx.channel.flush()
    return PartyOutcome({"rows": sum(rows)})


def _fitted(ctx: PartyContext, split: Split, words: Vocabulary) -> Steps:
    """Fit the steps on the training rows, and say which columns are left out."""
    first = _labels(ctx)
    if any(np.isnan(part[:, :first]).any() for part in (split.train, split.test)):
        raise DataError("data_path: the label column has gaps; leave these rows out")
    names = split.columns[first:]
    unknown = [name for name in words.words() if name not in names]
    if unknown:
        raise DataError(f"steps: there is no column {shorten(unknown[0])} for one_hot among this party's features")
    table = Table(names, split.train[:, first:], words.words())
    steps = Steps.fit(table, [_fit_of(ctx, step, split) for step in _config(ctx).steps])
    for step in steps.steps:
        for name in step.out if isinstance(step, Selection) else ():
            ctx.tell(EventKind.NOTE, phase="read", text=f"column {shorten(name)} is left out by a step selection")
    return steps


def _fit_of(ctx: PartyContext, step: object, split: Split) -> Fit:
    if isinstance(step, ConstantStep):
        return partial(Constants.fit, values=step.values)
    if isinstance(step, LogisticStep):
        settings = Settings(step.C, step.fit_intercept, step.class_weight, step.max_iter)
        return partial(Logistic.fit, labels=split.train[:, 0], settings=settings)
    if isinstance(step, ImputationStep):
        return partial(Imputation.fit, columns=step.columns, strategy=step.strategy, constant=step.fill_value)
    if isinstance(step, OneHotStep):
        return partial(OneHot.fit, columns=step.columns, max_categories=step.max_categories)
    if isinstance(step, ScalingStep):
        ends, clip = step.feature_range, step.clip
        return partial(Scaling.fit, columns=step.columns, method=step.method, feature_range=ends, clip=clip)
    if isinstance(step, SelectionStep):
        return partial(_select, ctx, step)
    raise LocalProtocolError("the plan has a step that this version does not know")


def _select(ctx: PartyContext, step: SelectionStep, table: Table) -> Selection:
    """Return which columns earlier tasks speak against."""
    out = set(step.columns or ())
    for name in sorted(out - set(table.columns)):
        raise DataError(f"steps: there is no column {shorten(name)} for selection among this party's features")
    if step.statistics is not None:
        out |= set(_advised(ctx, step.statistics))
    if step.binning is not None and step.iv_min is not None:
        out |= set(_uninformative(ctx, step.binning, step.iv_min))
    if step.statistic is not None:
        out |= set(Bound(step.statistic, step.least, step.most, step.quantile).against(table))
    return Selection(tuple(name for name in table.columns if name in out))


def _advised(ctx: PartyContext, task: str) -> list[str]:
    """Return this party's columns that a task of statistics advises to leave out."""
    try:
        advice = load_document(statistics_folder(ctx, task, create=False), STATISTICS).get("leave_out")
    except DataError as error:
        raise type(error)(f"statistics {shorten(task)}: {error.message}") from None
    if advice is None:
        raise DataError(f'statistics {shorten(task)}: it gives no advice; run it with correlation "all"')
    return [str(name) for name in advice]


def _uninformative(ctx: PartyContext, task: str, least: float) -> list[str]:
    """Return this party's columns with a smaller information value, by their names before and after it."""
    try:
        coder = load_transform(ctx.plan, task, ctx.member, ctx.root).coder
    except DataError as error:
        raise DataError(f"binning: {error.message}") from None
    if not isinstance(coder, Evidence):
        raise DataError(f"binning {shorten(task)}: that task is no binning, so it has no information values")
    told = [str(one["column"]) for one in coder.told() if float(str(one["iv"])) < least]
    return [name for column in told for name in (column, f"{column}_woe", f"{column}_bin")]


def _categories(config: TransformData) -> list[str]:
    return [name for step in config.steps if isinstance(step, OneHotStep) for name in step.columns]


def _labels(ctx: PartyContext) -> int:
    return 1 if ctx.member.role is Role.LABEL_CLIENT else 0


def _config(ctx: PartyContext) -> TransformData:
    config = ctx.member.config
    if not isinstance(config, TransformData):
        raise LocalProtocolError("the plan gives this party no configuration of steps")
    return config
