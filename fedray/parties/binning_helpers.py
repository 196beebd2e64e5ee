"""The parties of a binning that have no data: the main client and the dealer."""

from __future__ import annotations

from collections.abc import Callable

from fedray.errors import RemoteProtocolError
from fedray.features.joining import matrices, segments
from fedray.mpc.dealer import deal
from fedray.parties.binning_agreement import agree, main_config
from fedray.parties.context import PartyContext, PartyOutcome
from fedray.task.spec import Role

__all__ = ["helper_of", "run_dealer", "run_main"]

_COLUMN: dict[str, tuple[type, ...]] = {"column": (str,), "iv": (int, float), "bins": (int,), "selected": (bool,)}
"""What is told of a column, and of which types."""


def helper_of(role: Role) -> Callable[[PartyContext], PartyOutcome]:
    """Return how a party without data plays its role."""
    return run_main if role is Role.MAIN_CLIENT else run_dealer


def run_main(ctx: PartyContext) -> PartyOutcome:
    """Play the main client: learn the shapes, see everybody end, collect the information values."""
    agreed, main = agree(ctx, None), main_config(ctx)
    found: list[dict[str, object]] = []
    with ctx.channel.phase("count"):
        for member in ctx.plan.data:
            name = ctx.plan.names[member.index]
            found += [{"party": name, **column} for column in _told(name, ctx.channel.recv_json(member.index, "done"))]
    if main.transform is not None:
        return PartyOutcome({"transform": main.transform, "rows": sum(agreed.rows)})
    found.sort(key=lambda column: -float(str(column["iv"])))
    return PartyOutcome({"rows": agreed.rows[0], "min_bin": main.min_bin, "iv_min": main.iv_min, "columns": found})


def run_dealer(ctx: PartyContext) -> PartyOutcome:
    """Play the dealer: stream correlations; sees shapes and schedule only."""
    agreed = agree(ctx, None)
    computing, design = tuple(member.index for member in ctx.plan.data), agreed.design
    if design is not None:
        with ctx.channel.phase("deal"):
            deal(ctx.channel, computing, design.label, matrices(design), segments(design))
    return PartyOutcome({"rows": sum(agreed.rows)})


def _told(name: str, told: object) -> list[dict[str, object]]:
    """Return what a party says of its columns."""
    columns = told.get("columns") if isinstance(told, dict) else None
    if not isinstance(columns, list) or not all(map(_is_column, columns)):
        raise RemoteProtocolError(f"{name}: expected the names and information values of its columns")
    return columns


def _is_column(told: object) -> bool:
    return (
        isinstance(told, dict)
        and set(told) == set(_COLUMN)
        and all(type(told[word]) in types for word, types in _COLUMN.items())
    )
