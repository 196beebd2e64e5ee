"""The parties of a task of statistics that have no data: the main client and the dealer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from fedray.errors import RemoteProtocolError
from fedray.features.advice import advise, inflation
from fedray.features.correlation import matrices, segments
from fedray.mpc.dealer import deal
from fedray.parties.context import PartyContext, PartyOutcome
from fedray.parties.statistics_agreement import Agreed, agree, is_matrix, main_config
from fedray.task.spec import Role

__all__ = ["helper_of", "run_dealer", "run_main"]

Float = npt.NDArray[np.float64]

_DIGITS = 4
_DESCRIBED = {"column", "count", "missing", "mean", "std", "min", "q25", "median", "q75", "max", "distinct"}


def helper_of(role: Role) -> Callable[[PartyContext], PartyOutcome]:
    """Return how a party without data plays its role."""
    return run_main if role is Role.MAIN_CLIENT else run_dealer


def run_main(ctx: PartyContext) -> PartyOutcome:
    """Play the main client: learn the shapes, see everybody end, collect what is told, and say what follows from it."""
    agreed = agree(ctx, None)
    names = [ctx.plan.names[member.index] for member in ctx.plan.data]
    result: dict[str, object] = {"rows": agreed.rows, "columns": dict(zip(names, agreed.features, strict=True))}
    shared: dict[str, object] = {}
    with ctx.channel.phase("correlate"):
        for name, member in zip(names, ctx.plan.data, strict=True):
            told = ctx.channel.recv_json(member.index, "done")
            if not isinstance(told, dict):
                raise RemoteProtocolError(f"{name}: expected the end of its part")
            if "statistics" in told:
                shared[name] = _described(name, told["statistics"])
            if "correlation" in told:
                result |= _judged(ctx, agreed, name, told["correlation"])
    return PartyOutcome(result | ({"statistics": shared} if shared else {}))


def run_dealer(ctx: PartyContext) -> PartyOutcome:
    """Play the dealer: stream correlations of masks; sees shapes and schedule only."""
    agreed = agree(ctx, None)
    if agreed.design is not None:
        with ctx.channel.phase("deal"):
            computing = tuple(member.index for member in ctx.plan.data)
            deal(ctx.channel, computing, 0, matrices(agreed.design), segments(agreed.design))
    return PartyOutcome({"rows": agreed.rows})


def _described(name: str, told: Any) -> object:
    if not isinstance(told, list) or not all(
        isinstance(one, dict) and set(one) - {"stability"} == _DESCRIBED for one in told
    ):
        raise RemoteProtocolError(f"{name}: expected the statistics of its columns")
    return told


def _judged(ctx: PartyContext, agreed: Agreed, name: str, told: Any) -> dict[str, object]:
    """Return the correlations as they are reported, and what they say of columns."""
    width, main = sum(agreed.features), main_config(ctx)
    columns = told.get("columns") if isinstance(told, dict) else None
    if (
        not isinstance(columns, list)
        or len(columns) != width
        or not all(isinstance(column, dict) and set(column) == {"party", "column"} for column in columns)
        or not is_matrix(told.get("values"), width)
    ):
        raise RemoteProtocolError(f"{name}: expected the correlations of all columns")
    matrix: Float = np.array(told["values"], dtype=np.float64)
    factors = [round(float(factor), _DIGITS) for factor in inflation(matrix)]
    left_out = [columns[k] for k in advise(matrix, main.correlation_max, main.vif_max)]
    return {
        "correlation": {"columns": columns, "values": np.round(matrix, _DIGITS).tolist()},
        "vif": [{**column, "vif": factor} for column, factor in zip(columns, factors, strict=True)],
        "leave_out": left_out,
    }
