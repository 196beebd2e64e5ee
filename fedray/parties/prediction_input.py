"""What a data client brings into a prediction: its part of the model, its rows, at the receiver labels to compare with.

All of it is local, and nothing has been said yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from fedray.data.load import first_column
from fedray.data.new_rows import Ids, NewRows, load_ids, load_rows
from fedray.data.row_file import first_column_of, load_row_file
from fedray.data.words import Vocabulary
from fedray.errors import DataError, LocalProtocolError
from fedray.parties.alone import Alone, alone_of
from fedray.parties.answers import Answers, answers_of
from fedray.parties.baseline import Baseline, baseline_of
from fedray.parties.categories import orders_of
from fedray.parties.context import PartyContext
from fedray.parties.contribution import wants_contribution
from fedray.parties.kept import Kept, load_kept
from fedray.parties.kept_transforms import KeptTransform
from fedray.parties.labels import positives
from fedray.parties.new_columns import features_of
from fedray.parties.prediction_agreement import Told, main_config, receiver_of
from fedray.parties.predictors import predictor_of
from fedray.parties.replaying import kept_transforms, read_coded
from fedray.task.config_bases import DataTable
from fedray.task.linear_configs import LinearLabel
from fedray.task.model_rules import check_clients
from fedray.task.plan import TaskPlan
from fedray.task.predict_configs import NewData, PredictData

__all__ = ["Prepared", "config_of", "ids_of", "new_rows", "prepare", "told_of"]

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


def prepare(ctx: PartyContext) -> Prepared:
    """Find this data client's part of the model, and read, check and scale its new rows; local."""
    config, rank = config_of(ctx), ctx.plan.data.index(ctx.member)
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
    path = config_of(ctx).data_path
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


def config_of(ctx: PartyContext) -> NewData:
    """Return what the plan tells this party."""
    config = ctx.member.config
    if not isinstance(config, NewData):
        raise LocalProtocolError("the plan gives this party no configuration for predictions")
    return config
