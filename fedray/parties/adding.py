"""Adding numbers on shares: a check that parties can compute together, which needs no tables.

::

    data clients    bring as many ones as the task says, and make their summands uniform
    data clients    add them up, each its own, and open the sum
    main            learns it from each of them, and refuses what differs
"""

from __future__ import annotations

import numpy as np

from fedray.errors import LocalProtocolError, RemoteProtocolError
from fedray.mpc.blinding import blinded
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.parties.context import PartyContext, PartyOutcome
from fedray.task.sum_configs import SumMain

__all__ = ["run_data", "run_main"]

SUM = "sum"
"""The tag under which the sum is opened."""


def run_main(ctx: PartyContext) -> PartyOutcome:
    """Play the main client: learn the sum.

    Raises
    ------
    RemoteProtocolError
        A party came to another sum than there must be.
    """
    config, data = _main(ctx), ctx.plan.data
    wanted = config.count * len(data)
    with ctx.channel.phase("add"):
        ctx.begin("add", "waiting for the sum of all parties with data")
        for member in data:
            if ctx.channel.recv_json(member.index, "done") != wanted:
                raise RemoteProtocolError(f"{ctx.plan.names[member.index]}: came to another sum than {wanted}")
    return PartyOutcome({"count": config.count, "sum": wanted})


def run_data(ctx: PartyContext) -> PartyOutcome:
    """Play a data client: bring numbers, and add those of all.

    Cost: 2 rounds; n (n - 1) elements, and 4 a pair of parties.
    Leaks: sum to everybody but the dealer.
    Ref: protocols, section 22.
    """
    config = _main(ctx)
    with ctx.channel.phase("add"):
        ctx.begin("add", "adding numbers on shares")
        session = Session(ctx.channel, tuple(member.index for member in ctx.plan.data))
        mine = Share(np.ones(config.count, np.uint64), 1.0)
        (fresh,) = blinded(session, [mine])
        found = int(session.reveal(SUM, fresh.sum()))
        ctx.channel.send_json(ctx.plan.main.index, "done", found)
        ctx.channel.flush()
    return PartyOutcome({"sum": found})


def _main(ctx: PartyContext) -> SumMain:
    config = ctx.plan.main.config
    if not isinstance(config, SumMain):
        raise LocalProtocolError("the plan is no plan of a sum")
    return config
