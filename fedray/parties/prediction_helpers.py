"""The parties of a task that predicts which have no data: the main client and the dealer."""

from __future__ import annotations

from fedray.errors import LocalProtocolError, RemoteProtocolError
from fedray.mpc.dealer import deal
from fedray.parties.context import PartyContext, PartyOutcome
from fedray.parties.contribution import passes_of
from fedray.parties.prediction_agreement import agree, main_config
from fedray.parties.returned import taken
from fedray.ring import series

__all__ = ["run_dealer", "run_main"]


def run_main(ctx: PartyContext) -> PartyOutcome:
    """Play the main client: learn the shapes, see everybody end, take the evaluation if there is one."""
    agreed, receiver = agree(ctx, None), ctx.plan.receiver
    if receiver is None:
        raise LocalProtocolError("the plan has no receiver of predictions")
    result: dict[str, object] = {
        "model": main_config(ctx).model,
        "rows": agreed.rows,
        "receiver": ctx.plan.names[receiver.index],
    }
    with ctx.channel.phase("predict"):
        for member in ctx.plan.data:
            told = ctx.channel.recv_json(member.index, "done")
            if not isinstance(told, dict) or (told and member.index != receiver.index):
                raise RemoteProtocolError(f"{ctx.plan.names[member.index]}: expected the end of its part")
            result |= {name: told[name] for name in ("evaluation",) if name in told}
            result |= taken(ctx, told, agreed.rows)
    return PartyOutcome(result)


def run_dealer(ctx: PartyContext) -> PartyOutcome:
    """Play the dealer: stream correlations; sees shapes and schedule only."""
    agreed = agree(ctx, None)
    series.warm_up()
    computing, scoring = tuple(member.index for member in ctx.plan.data), agreed.scoring
    with ctx.channel.phase("deal"):
        deal(ctx.channel, computing, scoring.label, scoring.matrices, scoring.segments())
        for one in passes_of(ctx.plan, agreed):
            deal(ctx.channel, computing, scoring.label, one.matrices, one.segments(), purpose=one.purpose)
    return PartyOutcome({"rows": agreed.rows})
