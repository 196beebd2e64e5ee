"""Columns of categories of a training of trees, at their owner: the words of the training rows, and bins of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fedray.data.load import Split
from fedray.data.wording import shorten
from fedray.data.words import Vocabulary
from fedray.errors import DataError, LocalProtocolError
from fedray.features.categorical import MOST_ALONE, CategoricalBinning, Coding, ranked
from fedray.parties.recipes import Recipe, Transform
from fedray.task.tree_configs import TreeTable
from fedray.trees.binning import Binning

__all__ = ["of_categories", "orders_of"]


def orders_of(scaling: Transform) -> Mapping[str, Sequence[str]]:
    """Return the words of the columns of categories that a model knows, by column; local."""
    return scaling.coding.orders if isinstance(scaling, CategoricalBinning) else {}


def of_categories(
    recipe: Recipe, config: TreeTable, split: Split, labels: int, words: Vocabulary
) -> tuple[Split, Transform]:
    """Return tables whose columns of categories hold the places of their words, and the bins of all columns; local.

    Parameters
    ----------
    split
        As it was read: places are those in `words`.
    labels
        Columns before the features.

    Raises
    ------
    DataError
        The columns are not there, are labels, or have too many categories.
    """
    columns, names = split.columns[labels:], config.categorical_columns
    if not split.fingerprint:
        raise DataError("categorical_columns: the data set at data_path has no names of columns; align it first")
    other = next((name for name in names if name not in columns), None)
    if other is not None:
        raise DataError(f"categorical_columns: the table at data_path has no column {shorten(other)} of features")
    found = words.words()
    orders = {name: ranked(split.train[:, split.columns.index(name)], found[name]) for name in names}
    coding = Coding.fit(columns, orders, MOST_ALONE if config.categories == "one_hot" else None)
    made = replace(split, train=coding.recoded(split.train, found), test=coding.recoded(split.test, found))
    binning = recipe.fit(config, coding.expand(made.train[:, labels:]), coding.columns)
    if not isinstance(binning, Binning):
        raise LocalProtocolError("only columns that are cut into bins may be of categories")
    return made, CategoricalBinning(coding, binning)
