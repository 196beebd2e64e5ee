"""Rows of several data sets one below the other; and how good a column that was made of them says the label."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from fedray.data.derived import Picked, stacked_ids
from fedray.data.load import Split, load_split
from fedray.data.new_rows import load_rows
from fedray.data.words import Vocabulary
from fedray.errors import DataError
from fedray.ml.groups import LEAST
from fedray.parties.answers import answers_of
from fedray.parties.context import PartyContext
from fedray.parties.kept_transforms import Coder
from fedray.task.transform_configs import TransformData

__all__ = ["evaluated", "stacked"]


def stacked(ctx: PartyContext, config: TransformData, words: Vocabulary, first: Split) -> tuple[Split, Picked]:
    """Return the training rows of this party's data set and of those below it, and which they are.

    Of rows with one id the first stays; as all parties have the same ids in the same order, all come to the same rows.
    Rows for testing are the training rows of the data set that is named for it, or all of these once more. Local.

    Parameters
    ----------
    config
        Names the folders.
    words
        Takes the words of columns of categories.
    first
        The party's own data set.

    Raises
    ------
    DataError
        A set cannot be read, or has other columns.
    """
    more = {f"more_data_paths[{k}]": path for k, path in enumerate(config.more_data_paths)}
    below = {field: ctx.root.generated_dir(path, field=field) for field, path in more.items()}
    splits = [first, *(_like(first, field, folder, words) for field, folder in below.items())]
    values = np.vstack([split.train for split in splits])
    ids = stacked_ids(ctx.root.generated_dir(config.data_path or "", field="data_path"), tuple(below.values()))
    rows = np.arange(len(values))
    if ids is not None:
        rows = np.sort(np.unique(np.array(ids.values), return_index=True)[1])
    train = test = values[rows]
    tested = None
    if config.test_data_path is not None:
        tested = ctx.root.generated_dir(config.test_data_path, field="test_data_path")
        splits.append(_like(first, "test_data_path", tested, words))
        test = splits[-1].train
    prints = [split.fingerprint for split in splits]
    told = f"{'/'.join(prints)}/{len(below)}"
    fingerprint = hashlib.sha256(told.encode()).hexdigest()[:32] if all(prints) else ""
    picked = Picked(rows.astype(np.int64), fingerprint, tuple(below.values()), tested)
    return Split(train, test, first.columns, fingerprint), picked


def _like(first: Split, field: str, folder: Path, words: Vocabulary) -> Split:
    """Return a data set with the columns of the first."""
    split = load_split(folder, gaps=True, words=words)
    if split.columns != first.columns:
        raise DataError(f"{field}: expected the columns of data_path, in its order")
    return split


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
