"""The main client of a task that answers requests: it sees numbers of requests and rows, no id and no prediction."""

from __future__ import annotations

from fedray.errors import LocalProtocolError, RemoteProtocolError
from fedray.parties.context import PartyContext, PartyOutcome
from fedray.parties.prediction_agreement import agree, main_config

__all__ = ["run_main"]

ENDS = ("cancelled", "idle_s", "max_answers")
"""Why the receiver ends: it was asked to, or one of these limits was reached."""


def run_main(ctx: PartyContext) -> PartyOutcome:
    """Play the main client: learn the shapes, wait for the end, take the receiver's totals."""
    agreed, receiver = agree(ctx, None), ctx.plan.answering
    if receiver is None:
        raise LocalProtocolError("nobody answers requests in this plan")
    with ctx.channel.phase("serve"):
        told = None
        while told is None:  # a sign of life
            told = ctx.channel.recv_json(receiver.index, "served")
    fits = isinstance(told, dict) and set(told) == {"requests", "rows", "ended"}
    if not fits or told["ended"] not in ENDS or not all(type(told[name]) is int for name in ("requests", "rows")):
        raise RemoteProtocolError(f"{ctx.plan.names[receiver.index]}: expected what it has answered")
    return PartyOutcome(
        {
            "model": main_config(ctx).model,
            "rows": agreed.rows,
            "receiver": ctx.plan.names[receiver.index],
            "requests": told["requests"],
            "answered": told["rows"],
            "ended": told["ended"],
        }
    )
