"""How the parties of a task of statistics come to one design."""

from __future__ import annotations

from dataclasses import dataclass

from fedray.errors import DataError, LocalProtocolError
from fedray.features.correlation import CorrelationDesign
from fedray.parties.agreement import exchange
from fedray.parties.context import PartyContext
from fedray.task.feature_configs import StatisticsMain

__all__ = ["MOST_COLUMNS", "Agreed", "agree", "is_matrix", "main_config"]

MOST_COLUMNS = 512
"""Columns of all parties whose correlations fit into a report."""


@dataclass(frozen=True)
class Agreed:
    """What all parties know before the first share moves.

    Attributes
    ----------
    rows
        Training rows.
    features
        By rank, the columns that were looked at; constant ones do not count where there are correlations.
    design
        Of the correlations; None where there are none.
    """

    rows: int
    features: tuple[int, ...]
    design: CorrelationDesign | None


def agree(ctx: PartyContext, mine: dict[str, object] | None) -> Agreed:
    """Exchange shapes; every party comes to the same, or raises the same error.

    Cost: 1 round; one small message from each data client to every other party.
    Leaks: shapes, to everybody.
    Ref: design.

    Raises
    ------
    DataError
        The rows do not belong together, or there is nothing to correlate, or too much.
    """
    with ctx.channel.phase("shapes"):
        shapes = exchange(ctx, mine)
    rows = _number(shapes[0]["n_train"])
    features = tuple(_number(shape["features"]) for shape in shapes)
    if main_config(ctx).correlation == "none":
        return Agreed(rows, features, None)
    design = CorrelationDesign(features, rows)
    if not design.factors:
        raise DataError(
            "correlations need columns of two parties that vary in the train part; set correlation to none for the "
            "statistics alone"
        )
    if sum(features) > MOST_COLUMNS:
        raise DataError(
            f"correlations of {sum(features)} columns do not fit into a report; align at most {MOST_COLUMNS} columns"
        )
    return Agreed(rows, features, design)


def main_config(ctx: PartyContext) -> StatisticsMain:
    """Return the main client's configuration."""
    config = ctx.plan.main.config
    if not isinstance(config, StatisticsMain):
        raise LocalProtocolError("the plan is no plan of statistics")
    return config


def is_matrix(told: object, width: int) -> bool:
    """Return whether a JSON value is a square matrix of correlations."""
    return (
        isinstance(told, list)
        and len(told) == width
        and all(isinstance(row, list) and len(row) == width for row in told)
        and all(type(value) in (int, float) and abs(value) < 1.5 for row in told for value in row)
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
