"""Rows of several data sets one below the other; and how good a column that was made of them says the label."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from fedray.data.derived import Picked, stacked_ids
from fedray.data.load import Split, load_split
from fedray.data.new_rows import load_rows
from fedray.data.words import Vocabulary
from fedray.errors import DataError, LocalProtocolError
from fedray.ml.groups import LEAST
from fedray.parties.answers import answers_of
from fedray.parties.context import PartyContext
from fedray.parties.kept_transforms import Coder
from fedray.task.transform_configs import TransformData

__all__ = ["evaluated", "stacked"]


def stacked(ctx: PartyContext, more: Sequence[str], words: Vocabulary, first: Split) -> tuple[Split, Picked]:
    """Return the training rows of this party's data set and of more, for training and for tests, and which they are.

    Of rows with one id the first stays; as all parties have the same ids in the same order, all come to the same rows.
    Local.

    Parameters
    ----------
    more
        Folders of the other sets.
    words
        Takes the words of columns of categories.
    first
        The party's own data set.

    Raises
    ------
    DataError
        A set cannot be read, or has other columns.
    """
    below = tuple(ctx.root.generated_dir(path, field=f"more_data_paths[{k}]") for k, path in enumerate(more))
    splits = [first, *(load_split(folder, gaps=True, words=words) for folder in below)]
    for place, split in enumerate(splits[1:]):
        if split.columns != first.columns:
            raise DataError(f"more_data_paths[{place}]: expected the columns of data_path, in its order")
    values = np.vstack([split.train for split in splits])
    ids = stacked_ids(ctx.root.generated_dir(_path(ctx), field="data_path"), below)
    rows = np.arange(len(values))
    if ids is not None:
        rows = np.sort(np.unique(np.array(ids.values), return_index=True)[1])
    prints = [split.fingerprint for split in splits]
    fingerprint = hashlib.sha256("/".join(prints).encode()).hexdigest()[:32] if all(prints) else ""
    picked = values[rows]
    return Split(picked, picked, first.columns, fingerprint), Picked(rows.astype(np.int64), fingerprint, below)


def evaluated(ctx: PartyContext, coder: Coder) -> dict[str, object]:
    """Return how good the first column that was written says the label, as a task that predicts tells it; local.

    Raises
    ------
    DataError
        The written set has no label, or one that is not 0 and 1; there are too few rows; or the column is no chance.
    """
    config = ctx.member.config
    folder = config.out_data_path if isinstance(config, TransformData) else None
    table = load_rows(ctx.root.generated_dir(folder or "", field="out_data_path"), "train")
    if len(table.columns) != len(coder.columns) + 1 or len(table.columns) < 2:
        raise DataError("evaluate: expected rows with a label and a column to be compared with it")
    chances = table.values[:, 1:2]
    if chances.min() < 0.0 or chances.max() > 1.0:
        raise DataError("evaluate: expected numbers from 0 to 1 in the first column that is written")
    try:
        answers = answers_of(table, 1, "binary")
    except DataError as error:
        raise DataError(f"evaluate: {error.message.removeprefix('labels_path: ')}") from None
    return {"rows": len(chances), "least_group": LEAST, "outputs": answers.evaluate(chances)}


def _path(ctx: PartyContext) -> str:
    config = ctx.member.config
    if not isinstance(config, TransformData) or config.data_path is None:
        raise LocalProtocolError("the plan gives this party no rows")
    return config.data_path
