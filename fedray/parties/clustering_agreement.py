"""How the parties of a clustering come to one design."""

from __future__ import annotations

from dataclasses import dataclass

from fedray.errors import LocalProtocolError
from fedray.ml.kmeans_design import KMeansDesign
from fedray.parties.agreement import exchange, run_name
from fedray.parties.context import PartyContext
from fedray.parties.kmeans_recipe import Clustering, KMeansRecipe
from fedray.task.kmeans_configs import KMeansMain
from fedray.task.plan import Member

__all__ = ["Agreed", "agree", "main_config", "receiver_of"]


@dataclass(frozen=True)
class Agreed:
    """What all parties know before the first share moves: the clustering, and a name that no other run of it has."""

    course: Clustering
    run: str

    @property
    def design(self) -> KMeansDesign:
        """The public numbers."""
        return self.course.design


def agree(ctx: PartyContext, mine: dict[str, object] | None) -> Agreed:
    """Exchange shapes; every party comes to the same, or raises the same error.

    Cost: 1 round; one small message from each data client to every other party.
    Leaks: shapes, to everybody.
    Ref: design.

    Raises
    ------
    DataError
        The rows do not belong together.
    SpecError
        The numbers of the task do not fit together or into the fixed point.
    """
    with ctx.channel.phase("shapes"):
        shapes = exchange(ctx, mine)
        numbers = [[_number(shape[key]) for key in ("features", "n_train", "n_test")] for shape in shapes]
        features = tuple(columns for columns, _, _ in numbers)
        return Agreed(KMeansRecipe(ctx.plan).course(features, (numbers[0][1], numbers[0][2])), run_name(shapes))


def main_config(ctx: PartyContext) -> KMeansMain:
    """Return the main client's configuration."""
    config = ctx.plan.main.config
    if not isinstance(config, KMeansMain):
        raise LocalProtocolError("the plan is no plan of a clustering")
    return config


def receiver_of(ctx: PartyContext) -> Member | None:
    """Return the party that learns the cluster of each row; None where nobody does."""
    place = main_config(ctx).receiver
    return None if place is None else ctx.plan.members[place]


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
