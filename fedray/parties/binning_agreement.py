"""How the parties of a binning come to one design."""

from __future__ import annotations

from dataclasses import dataclass

from fedray.errors import DataError, LocalProtocolError
from fedray.features.joining import CountDesign
from fedray.parties.agreement import exchange, run_name
from fedray.parties.context import PartyContext
from fedray.task.configs import BinningMain

__all__ = ["Agreed", "agree", "main_config"]


@dataclass(frozen=True)
class Agreed:
    """What all parties know before the first share moves.

    Attributes
    ----------
    rows
        For training and for tests.
    design
        Of the count; None where an earlier binning is used again and nothing is counted.
    run
        A name of this run that no other has.
    """

    rows: tuple[int, int]
    design: CountDesign | None
    run: str


def agree(ctx: PartyContext, mine: dict[str, object] | None) -> Agreed:
    """Exchange shapes; every party comes to the same, or raises the same error.

    Cost: 1 round; one small message from each data client to every other party.
    Leaks: shapes, to everybody.
    Ref: design.

    Raises
    ------
    DataError
        The rows do not belong together, no feature client has a column, or parts of a transform are of different runs.
    """
    main, label = main_config(ctx), ctx.plan.label
    if label is None:
        raise LocalProtocolError("the plan has no label client")
    with ctx.channel.phase("shapes"):
        shapes = exchange(ctx, mine)
    rows = max((_number(shape["n_train"]), _number(shape["n_test"])) for shape in shapes)
    if main.transform is not None:
        if len({shape.get("transform") for shape in shapes}) > 1:
            raise DataError(
                f"the parties' parts of transform {main.transform!r} come from different runs; run the binning again"
            )
        return Agreed(rows, None, run_name(shapes))
    rank = ctx.plan.data.index(label)
    features = tuple(0 if k == rank else _number(shape["features"]) for k, shape in enumerate(shapes))
    if not any(features):
        raise DataError("no feature client has a column that varies in the train part")
    return Agreed(rows, CountDesign(features, rank, (rows[0], 0), main.max_bin, main.min_bin), run_name(shapes))


def main_config(ctx: PartyContext) -> BinningMain:
    """Return the main client's configuration."""
    config = ctx.plan.main.config
    if not isinstance(config, BinningMain):
        raise LocalProtocolError("the plan is no plan of a binning")
    return config


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
