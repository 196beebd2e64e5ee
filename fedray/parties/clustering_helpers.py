"""The parties of a clustering that have no data: the main client and the dealer."""

from __future__ import annotations

from fedray.errors import RemoteProtocolError
from fedray.ml.groups import LEAST
from fedray.mpc.dealer import deal
from fedray.parties.clustering_agreement import Agreed, agree, main_config, receiver_of
from fedray.parties.context import PartyContext, PartyOutcome
from fedray.parties.estimate import of_clustering
from fedray.ring import series
from fedray.task.record import TRAIN_PHASE

__all__ = ["run_dealer", "run_main"]


def run_main(ctx: PartyContext) -> PartyOutcome:
    """Play the main client: learn the shapes, see everybody end, and take what all came to alike.

    Raises
    ------
    RemoteProtocolError
        Two parties came to different ends.
    """
    agreed = agree(ctx, None)
    names = [ctx.plan.names[member.index] for member in ctx.plan.data]
    with ctx.channel.phase(TRAIN_PHASE):
        ends = [_end(ctx, agreed, member.index) for member in ctx.plan.data]
    if any(end != ends[0] for end in ends):
        raise RemoteProtocolError("the parties with data came to different ends of one clustering")
    receiver = receiver_of(ctx)
    result = {
        "rows": agreed.design.rows[0],
        "columns": dict(zip(names, agreed.design.features, strict=True)),
        "clusters": agreed.design.clusters,
        **ends[0],
        "least_size": LEAST,
        "receiver": None if receiver is None else ctx.plan.names[receiver.index],
    }
    return PartyOutcome(result, estimate=of_clustering(ctx.plan, agreed.course).as_dict())


def run_dealer(ctx: PartyContext) -> PartyOutcome:
    """Play the dealer: stream correlations; sees shapes and schedule only."""
    agreed = agree(ctx, None)
    series.warm_up()
    course, computing = agreed.course, tuple(member.index for member in ctx.plan.data)
    with ctx.channel.phase("deal"):
        deal(ctx.channel, computing, course.design.label, course.matrices, course.segments())
    return PartyOutcome({"rows": course.design.rows[0]})


def _end(ctx: PartyContext, agreed: Agreed, frm: int) -> dict[str, object]:
    """Return how a data client's part has ended."""
    told, design = None, agreed.design
    while told is None:  # a sign of life
        told = ctx.channel.recv_json(frm, "done")
    found = told if isinstance(told, dict) else {}
    large, sizes, stands = found.get("large"), found.get("sizes"), found.get("converged")
    fits = (
        set(found) == {"iterations", "converged", "large", "sizes"}
        and type(found["iterations"]) is int
        and 0 < found["iterations"] <= design.steps
        and (type(stands) is bool if main_config(ctx).tol else stands is None)
        and _numbers(large, design.clusters - 1)
        and (sizes is None or (_numbers(sizes, design.rows[0]) and len(sizes) == design.clusters))
    )
    if not fits:
        raise RemoteProtocolError(f"{ctx.plan.names[frm]}: expected the end of its part of the clustering")
    return found


def _numbers(told: object, most: int) -> bool:
    return isinstance(told, list) and all(type(one) is int and 0 <= one <= most for one in told)
