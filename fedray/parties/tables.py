"""A data client's tables as a training takes them: labels apart from features, and what scales these."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fedray.data.load import Split, first_column, load_split
from fedray.data.root import DataRoot
from fedray.data.words import Vocabulary, word_of
from fedray.errors import DataError, LocalProtocolError
from fedray.parties.categories import of_categories
from fedray.parties.labels import Target, positives
from fedray.parties.recipes import Recipe, Transform
from fedray.task.config_bases import DataTable, Role
from fedray.task.linear_configs import LinearLabel
from fedray.task.plan import Member
from fedray.task.tree_configs import TreeTable

__all__ = ["Table", "read_table"]

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Table:
    """What one data client read.

    Attributes
    ----------
    split
        The tables as they are in its files.
    target
        The first columns at the label client; None elsewhere.
    labels
        How many columns these are.
    scaling
        Of the other columns, the features; fitted on the training rows.
    """

    split: Split
    target: Target | None
    labels: int
    scaling: Transform

    def features(self, bound: float = np.inf) -> dict[str, Float]:
        """Return the scaled features by part, ``train`` and ``test``, each (rows, columns); there may be no column.

        Parameters
        ----------
        bound
            Largest magnitude that a scaled value may have.

        Raises
        ------
        RangeGuardError
            A scaled value is larger.
        """
        parts = {"train": self.split.train, "test": self.split.test}
        return {part: self.scaling.apply(table[:, self.labels :], bound) for part, table in parts.items()}


def read_table(recipe: Recipe, member: Member, root: DataRoot) -> Table:
    """Read and check a data client's tables, and fit what scales its features; local.

    Raises
    ------
    DataError
        The tables cannot be read, or their labels cannot be used.
    LocalProtocolError
        The plan gives the member no tables.
    """
    config = member.config
    if not isinstance(config, DataTable):
        raise LocalProtocolError("the plan gives this party no configuration with data")
    folder = root.generated_dir(config.data_path, field="data_path")
    positive = config.pos_label if isinstance(config, LinearLabel) else None
    named = config.categorical_columns if isinstance(config, TreeTable) else ()
    words = Vocabulary([*([] if positive is None else [first_column(folder)]), *named])
    split = load_split(folder, gaps=recipe.gaps(config), words=words, untested=recipe.untested)
    if positive is not None:
        split = _told_apart(split, words, positive)
    target = recipe.target(split) if member.role is Role.LABEL_CLIENT else None
    labels = recipe.outputs if target is not None else 0
    if isinstance(config, TreeTable) and config.categorical_columns:
        split, scaling = of_categories(recipe, config, split, labels, words)
    else:
        scaling = recipe.fit(config, split.train[:, labels:], split.columns[labels:])
    return Table(split, target, labels, scaling)


def _told_apart(split: Split, words: Vocabulary, positive: str) -> Split:
    """Return the tables with 1 in the first column where it has the positive label, and 0 elsewhere."""
    ((name, found),) = words.words().items()
    if word_of(positive) not in found:
        raise DataError(f"pos_label: the label column {name!r} has {positive[:80]!r} in no row")
    for file, table in (("train.csv", split.train), ("test.csv", split.test)):
        table[:, 0] = positives(table[:, 0], words, positive, file)
    return split
