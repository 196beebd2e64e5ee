"""Predicting new rows with a kept model: what the data clients do, and the order of steps of all roles.

::

    data clients    find their parts of the model, read, check and scale their rows; nothing has been said so far
    everybody       learns of which training the parts are and how many rows there are, and refuses what does not fit
    owners          mask their rows once
    dealer          streams correlations
    data clients    bring the rows through the model; the predictions are opened to the receiver
    everybody       learns how many linear outputs left their range; too many end the task
    everybody       goes through the model again without each party in turn, if the task asks what each adds
    label client    tells the receiver the units of a regression's label
    receiver        writes the predictions, and compares them with its labels if it has any

The shares stay what they are: predicting changes no file of the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from fedray.data.load import first_column
from fedray.data.new_rows import Ids, NewRows, load_ids, load_rows, write_predictions
from fedray.data.row_file import first_column_of, load_row_file
from fedray.data.words import Vocabulary
from fedray.errors import DataError, LocalProtocolError, RemoteProtocolError
from fedray.ml.groups import LEAST
from fedray.mpc import Session
from fedray.mpc.dealer import Supply
from fedray.parties.alone import Alone, alone_of
from fedray.parties.answers import Answers, answers_of
from fedray.parties.baseline import Baseline, baseline_of
from fedray.parties.categories import orders_of
from fedray.parties.context import PartyContext, PartyOutcome
from fedray.parties.contribution import Pairs, permuted_pairs, wants_contribution
from fedray.parties.kept import Kept, load_kept
from fedray.parties.kept_transforms import KeptTransform
from fedray.parties.labels import positives
from fedray.parties.new_columns import features_of
from fedray.parties.prediction_agreement import Agreed, Told, agree, main_config
from fedray.parties.predictors import predictor_of
from fedray.parties.replaying import kept_transforms, read_coded
from fedray.parties.returned import check_returned, returned
from fedray.parties.worth import Joined, worth
from fedray.ring import series
from fedray.task.config_bases import DataTable
from fedray.task.linear_configs import LinearLabel
from fedray.task.model_rules import check_clients
from fedray.task.plan import Member, TaskPlan
from fedray.task.predict_configs import NewData, PredictData
from fedray.task.record import EventKind

__all__ = [
    "Prepared",
    "computing",
    "ids_of",
    "in_units",
    "new_rows",
    "predict",
    "prepare",
    "receiver_of",
    "run_data",
    "told_of",
    "units_of",
]

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A data client's input.

    Attributes
    ----------
    kept
        Its part of the model.
    rows
        Its new rows, scaled, shape (n, columns); None where the model has no features of it.
    told
        What it tells the others.
    ids, answers, baseline
        At the receiver, if it has any: ids of the rows, their labels, and earlier predictions.
    alone
        At a receiver that measures what each party adds: what the label party can train alone, or why it cannot.
    """

    kept: Kept
    rows: Float | None
    told: Told
    ids: Ids | None
    answers: Answers | None
    baseline: Baseline | None = None
    alone: Alone | str | None = None


def run_data(ctx: PartyContext) -> PartyOutcome:
    """Play a feature client or the label client.

    Raises
    ------
    DataError, SpecError, RangeGuardError
        The model or the rows cannot be used; raised before any feature or share leaves, but for the guard of the
        outputs.
    PolicyError
        The party's policy allows fewer predictions today; raised before any share leaves.
    """
    with ctx.channel.phase("read"):
        ctx.begin("read", "reading the model and the new rows")
        prepared = prepare(ctx)
        if prepared.told.rows is not None:
            ctx.allowance.take(prepared.told.rows)
    agreed = agree(ctx, prepared.told)
    if prepared.told.rows is None:
        ctx.allowance.take(agreed.rows)
    if prepared.answers is not None:
        prepared.answers.check(agreed.rows, agreed.fingerprint)
    if prepared.baseline is not None:
        prepared.baseline.check(agreed.rows)
    check_returned(ctx, agreed.rows)
    predictions = predict(ctx, agreed, prepared, Session(ctx.channel, computing(ctx)))
    labels = None if prepared.answers is None else prepared.answers.labels
    pairs = permuted_pairs(ctx, agreed, prepared.rows, labels, prepared.kept.arrays)
    with ctx.channel.phase("write"):
        units = units_of(ctx, agreed, prepared)
        told: dict[str, object] = {}
        if predictions is not None:
            values = in_units(agreed, predictions, units)
            _write(ctx, prepared, values)
            told = _told(ctx, prepared, values, _worth(ctx, agreed, prepared, values, pairs, units))
            told |= returned(ctx, prepared.ids, values)
        ctx.channel.send_json(ctx.plan.main.index, "done", told)
        ctx.channel.flush()
    return PartyOutcome({"rows": agreed.rows})


def in_units(agreed: Agreed, opened: Float, units: tuple[float, float]) -> Float:
    """Return predictions in the units of the label's table from what was opened; local."""
    return agreed.predictor.values(agreed.predictor.finish(opened), *units)


def prepare(ctx: PartyContext) -> Prepared:
    """Find this data client's part of the model, and read, check and scale its new rows; local."""
    config, rank = _config(ctx), ctx.plan.data.index(ctx.member)
    labels_path = config.labels_path if isinstance(config, PredictData) else None
    kept = load_kept(ctx.root, main_config(ctx).model, rank, ctx.member)
    check_clients(ctx.plan, kept.training)
    predictor, needed = predictor_of(kept.training), kept.trained.features[rank]
    if needed and config.data_path is None:
        raise DataError(f"data_path: the model has {needed} columns of features of this party; name a folder with rows")
    trained_with = kept.training.data[rank].config
    gaps = isinstance(trained_with, DataTable) and predictor.gaps(trained_with)
    orders = orders_of(kept.columns.scaling)
    table = new_rows(ctx, kept_transforms(ctx, config.transforms), gaps=gaps, orders=orders)
    rows = None
    if needed and table is not None:
        rows = kept.columns.scaling.apply(features_of(kept.columns, table), predictor.limit)
    labels = None if labels_path is None else _labels(ctx, labels_path, kept.training)
    answers = None if labels is None else answers_of(labels, predictor.outputs, predictor.measured)
    earlier = config.baseline_path if isinstance(config, PredictData) else None
    baseline = None if earlier is None else baseline_of(ctx.root, earlier, predictor.outputs)
    ids, alone = None, None
    if receiver_of(ctx).index == ctx.me:
        alone = alone_of(ctx, kept) if wants_contribution(ctx.plan) else None
        ids = ids_of(ctx, config.data_path, table) or ids_of(ctx, labels_path, labels)
    return Prepared(kept, rows, told_of(kept, table), ids, answers, baseline, alone)


def told_of(kept: Kept, table: NewRows | None) -> Told:
    """Return what a party tells of its part of the model and of its rows."""
    return Told(
        rows=None if table is None else len(table.values),
        fingerprint="" if table is None else table.fingerprint,
        run=kept.run,
        features=kept.trained.features,
        n_train=kept.trained.rows,
        steps=kept.trained.steps,
        training=kept.training.to_json(),
    )


def new_rows(
    ctx: PartyContext,
    kept: Sequence[KeptTransform],
    *,
    gaps: bool,
    orders: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> NewRows | None:
    """Return this party's new rows, as some transforms make them, None where it has none; local.

    Parameters
    ----------
    gaps
        Whether values may be missing in what is returned.
    orders
        Words of the columns of categories that the model knows; their cells come as places in these, or behind them.

    Raises
    ------
    DataError
        The rows cannot be read, or are not those that the transforms take.
    """
    path = _config(ctx).data_path
    if path is None:
        return None
    read = partial(_read, ctx, path, "data_path", gaps or bool(kept))
    return read_coded(ctx, kept, read, gaps=gaps, orders=orders)


def _labels(ctx: PartyContext, path: str, training: TaskPlan) -> NewRows:
    """Return the tables that begin with labels, these as the training took them."""
    config = None if training.label is None else training.label.config
    positive = config.pos_label if isinstance(config, LinearLabel) else None
    if positive is None:
        return _read(ctx, path, "labels_path")
    words = Vocabulary([_first_column(ctx, path, "labels_path")])
    table = _read(ctx, path, "labels_path", words=words)
    values = table.values.copy()
    values[:, 0] = positives(values[:, 0], words, positive, "labels_path")
    return replace(table, values=values)


def _first_column(ctx: PartyContext, path: str, field: str) -> str:
    file = ctx.root.generated_file(path, field)
    try:
        return first_column(ctx.root.generated_dir(path, field=field)) if file is None else first_column_of(file)
    except DataError as error:
        raise _of_field(error, field) from None


def _read(ctx: PartyContext, path: str, field: str, gaps: bool = False, words: Vocabulary | None = None) -> NewRows:
    part = main_config(ctx).part
    file = ctx.root.generated_file(path, field)
    try:
        if file is not None:
            return load_row_file(file, part, gaps=gaps, words=words)
        return load_rows(ctx.root.generated_dir(path, field=field), part, gaps=gaps, words=words)
    except DataError as error:
        raise _of_field(error, field) from None


def _of_field(error: DataError, field: str) -> DataError:
    """Return an error of a reader, which calls every folder data_path, as one of the field that named it."""
    return (
        error if error.message.startswith(field) else DataError(f"{field}: {error.message.removeprefix('data_path: ')}")
    )


def ids_of(ctx: PartyContext, path: str | None, table: NewRows | None) -> Ids | None:
    """Return the ids of rows that were read from a path; local."""
    if path is None or table is None or table.ids is not None:
        return None if table is None else table.ids
    return load_ids(ctx.root.generated_dir(path, field="data_path"), main_config(ctx).part)


def _config(ctx: PartyContext) -> NewData:
    config = ctx.member.config
    if not isinstance(config, NewData):
        raise LocalProtocolError("the plan gives this party no configuration for predictions")
    return config


def computing(ctx: PartyContext) -> tuple[int, ...]:
    """Return the indices of the computing parties."""
    return tuple(member.index for member in ctx.plan.data)


def receiver_of(ctx: PartyContext) -> Member:
    """Return the party that gets the predictions."""
    if ctx.plan.receiver is None:
        raise LocalProtocolError("the plan has no receiver of predictions")
    return ctx.plan.receiver


def predict(ctx: PartyContext, agreed: Agreed, prepared: Prepared, session: Session) -> Float | None:
    """Bring all rows through the model; return what was opened to me.

    Cost: that of `Scorer.predict`, and of the masking of all rows.
    Leaks: predictions to the receiver, unless the session withholds them; range_guard to all.
    Ref: protocols, section 17.
    """
    if ctx.plan.dealer is None:
        raise LocalProtocolError("the plan has no dealer")
    scoring = agreed.scoring
    with ctx.channel.phase("share"):
        ctx.begin("share", "masking the rows")
        series.warm_up()
        supply = Supply(ctx.channel, ctx.plan.dealer.index, session.rank, scoring.label, scoring.segments())
        scorer = scoring.scorer(session, supply, prepared.rows, prepared.kept.arrays)
    with ctx.channel.phase("predict"):
        ctx.begin("predict", f"predicting {agreed.rows} rows")
        scored = scorer.predict(ctx.plan.data.index(receiver_of(ctx)))
    if ctx.me == receiver_of(ctx).index:
        for note in scored.notes:
            ctx.tell(EventKind.NOTE, phase="predict", text=note)
    return scored.predictions


def units_of(ctx: PartyContext, agreed: Agreed, prepared: Prepared) -> tuple[float, float]:
    """Return centre and unit of the label: the label client's own, or told by it to another receiver.

    Cost: 1 message from the label client to another receiver of a regression or of counts.
    Leaks: label_units to the receiver.
    Ref: design.
    """
    receiver = receiver_of(ctx)
    label, columns = ctx.plan.data[agreed.scoring.label].index, prepared.kept.columns
    if agreed.predictor.measured in ("binary", "cluster") or receiver.index == label:
        return columns.centre, columns.unit
    if ctx.me == label:
        ctx.channel.reveals.add("label_units", (receiver.index,), ())
        ctx.channel.send_json(receiver.index, "label_units", {"centre": columns.centre, "unit": columns.unit})
    if ctx.me != receiver.index:
        return 0.0, 1.0
    told = ctx.channel.recv_json(label, "label_units")
    numbers = [told.get("centre"), told.get("unit")] if isinstance(told, dict) else []
    if not numbers or not all(isinstance(number, float) and np.isfinite(number) for number in numbers):
        raise RemoteProtocolError(f"{ctx.plan.names[label]}: expected mean and deviation of the training's labels")
    return float(numbers[0] or 0.0), float(numbers[1] or 1.0)


def _worth(
    ctx: PartyContext,
    agreed: Agreed,
    prepared: Prepared,
    values: Float,
    pairs: list[Pairs],
    units: tuple[float, float],
) -> list[dict[str, object]]:
    """Return, at a receiver that measures it, what joining was worth, for each output; local."""
    if prepared.alone is None or prepared.answers is None:
        return []
    joined = Joined(
        agreed.predictor.measured,
        values,
        prepared.answers.labels,
        prepared.rows,
        tuple(ctx.plan.names[member.index] for member in ctx.plan.data),
        agreed.features,
        lambda opened: in_units(agreed, opened, units),
    )
    return worth(joined, pairs, prepared.alone)


def _write(ctx: PartyContext, prepared: Prepared, values: Float) -> None:
    """Write the predictions."""
    config = _config(ctx)
    asked_for = config.out_data_path if isinstance(config, PredictData) else None
    path = asked_for or f"predictions/{ctx.plan.task}"
    ctx.begin("write", "writing the predictions")
    write_predictions(ctx.root.generated_dir(path, create=True), prepared.ids, values)


def _told(ctx: PartyContext, prepared: Prepared, values: Float, worths: list[dict[str, object]]) -> dict[str, object]:
    """Return what the receiver tells the main client."""
    if prepared.answers is None and prepared.baseline is None:
        return {}
    ctx.channel.reveals.add("evaluation", (ctx.plan.main.index,), ())
    return {"evaluation": _evaluated(prepared, values, worths)}


def _evaluated(prepared: Prepared, values: Float, worths: list[dict[str, object]]) -> dict[str, object]:
    """Return what the receiver tells of its predictions: how good they are, and how far they have moved."""
    outputs: list[dict[str, object]] = [{} for _ in values.T]
    if prepared.answers is not None:
        outputs = prepared.answers.evaluate(values)
    if prepared.baseline is not None:
        moved = prepared.baseline.compare(values)
        outputs = [{**output, "stability": one} for output, one in zip(outputs, moved, strict=True)]
    if worths:
        outputs = [{**output, "contribution": one} for output, one in zip(outputs, worths, strict=True)]
    return {"rows": len(values), "least_group": LEAST, "outputs": outputs}
