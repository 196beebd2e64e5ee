"""How the parties of a task that codes columns come to one run, and those of a binning to one design."""

from __future__ import annotations

from dataclasses import dataclass

from fedray.errors import DataError, LocalProtocolError
from fedray.features.joining import CountDesign
from fedray.parties.agreement import exchange, run_name
from fedray.parties.context import PartyContext
from fedray.task.feature_configs import BinningMain
from fedray.task.transform_configs import CodedMain

__all__ = ["Agreed", "agree", "coded_main", "main_config"]


@dataclass(frozen=True)
class Agreed:
    """What all parties know before the first share moves.

    Attributes
    ----------
    rows
        For training and for tests.
    design
        Of the count; None where nothing is counted: an earlier task's transform is used again, or it is no binning.
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
    main = coded_main(ctx)
    with ctx.channel.phase("shapes"):
        shapes = exchange(ctx, mine)
    rows = max((_number(shape["n_train"]), _number(shape["n_test"])) for shape in shapes)
    if main.transform is not None and len({shape.get("transform") for shape in shapes}) > 1:
        raise DataError(
            f"the parties' parts of transform {main.transform!r} come from different runs; run that task again"
        )
    if main.transform is not None or not isinstance(main, BinningMain):
        return Agreed(rows, None, run_name(shapes))
    return Agreed(rows, _design(ctx, main, shapes, rows), run_name(shapes))


def _design(
    ctx: PartyContext, main: BinningMain, shapes: list[dict[str, object]], rows: tuple[int, int]
) -> CountDesign:
    label = ctx.plan.label
    if label is None:
        raise LocalProtocolError("the plan has no label client")
    rank = ctx.plan.data.index(label)
    features = tuple(0 if k == rank else _number(shape["features"]) for k, shape in enumerate(shapes))
    if not any(features):
        raise DataError("no feature client has a column that varies in the train part")
    return CountDesign(features, rank, (rows[0], 0), main.max_bin, main.min_bin)


def coded_main(ctx: PartyContext) -> CodedMain:
    """Return the main client's configuration, whatever codes the columns."""
    config = ctx.plan.main.config
    if not isinstance(config, CodedMain):
        raise LocalProtocolError("the plan is no plan of columns to be coded")
    return config


def main_config(ctx: PartyContext) -> BinningMain:
    """Return the main client's configuration."""
    config = ctx.plan.main.config
    if not isinstance(config, BinningMain):
        raise LocalProtocolError("the plan is no plan of a binning")
    return config


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
