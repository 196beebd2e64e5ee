"""What the label party has alone, for comparison with a joint model: the same kind of model on its own columns.

It is trained in clear where the label party receives predictions, on its own tables and nobody else's; no word is said.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fedray.errors import FedrayError
from fedray.parties.context import PartyContext
from fedray.parties.kept import Kept
from fedray.parties.recipes import Recipe, recipe_of
from fedray.parties.tables import Table, read_table

__all__ = ["Alone", "alone_of"]

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Alone:
    """A model of the label party's own, untrained.

    Attributes
    ----------
    recipe, table
        How the joint model was trained, and the party's tables of that training.
    rank, parties
        The party's place among so many with data.
    steps
        Steps of the joint model.
    """

    recipe: Recipe
    table: Table
    rank: int
    parties: int
    steps: int

    @property
    def features(self) -> int:
        """Columns of the party."""
        return len(self.table.scaling.columns)

    def predict(self, rows: Float) -> Float:
        """Train in float64 with the joint model's settings; return predictions of new rows in the label's units.

        Parameters
        ----------
        rows
            In the model's units, shape (rows, columns).
        """
        own = tuple(self.features if rank == self.rank else 0 for rank in range(self.parties))
        train, target = self.table.features()["train"], self.table.target
        if target is None:
            raise FedrayError("the label party's table has no label")
        design = self.recipe.course(own, (len(train), len(rows))).design
        model = self.recipe.clear(design, train, target, rows)
        model.train(self.steps)
        return model.predict()


def alone_of(ctx: PartyContext, kept: Kept) -> Alone | str:
    """Return what the label party can train alone, or why it can train nothing; local.

    The tables are those of the training, which must still be there, as they were.
    """
    rank = ctx.plan.data.index(ctx.member)
    member = kept.training.data[rank]
    if kept.training.label is None or member.index != kept.training.label.index:
        return "the receiver is not the label party"
    if not kept.trained.features[rank]:
        return "the label party has no columns of features"
    recipe = recipe_of(kept.training)
    try:
        table = read_table(recipe, member, ctx.root)
    except FedrayError as error:
        return f"the label party's tables of the training cannot be read any more: {error.message}"
    same = len(table.split.train) == kept.trained.rows and table.scaling.as_dict() == kept.columns.scaling.as_dict()
    if not same:
        return "the label party's tables of the training have changed since"
    return Alone(recipe, table, rank, len(kept.training.data), kept.trained.steps)
