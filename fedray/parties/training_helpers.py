"""The parties of a training that have no data: the main client and the dealer."""

from __future__ import annotations

from typing import Any

from fedray.mpc.dealer import deal
from fedray.parties.agreement import agree, hear_test
from fedray.parties.context import PartyContext, PartyOutcome
from fedray.ring import series
from fedray.task.record import RECORD_COLUMNS, TRAIN_PHASE, EventKind

__all__ = ["run_dealer", "run_main"]


def run_main(ctx: PartyContext) -> PartyOutcome:
    """Play the main client: learn the shapes, collect loss and metrics, see everybody end."""
    design = agree(ctx, None).design
    started = ctx.clock()
    label = ctx.plan.data[design.label].index
    last: dict[str, Any] = {}
    with ctx.channel.phase(TRAIN_PHASE):
        done, stop = 0, False
        while done < design.steps and not stop:
            done = design.next_test(done)
            told = hear_test(ctx, label)
            stop, best = told.pop("stop", False), told.pop("best", True)
            last = told if best else last
            values = told["metrics"]
            row = [ctx.clock() - started, told["n_batches"], told["loss"], *values.values()]
            ctx.tell(EventKind.RECORD, row=row, columns=[*RECORD_COLUMNS, *values])
        for member in ctx.plan.data:
            ctx.channel.recv_json(member.index, "done")
    return PartyOutcome(last)


def run_dealer(ctx: PartyContext) -> PartyOutcome:
    """Play the dealer: stream correlations; sees shapes and schedule only."""
    course = agree(ctx, None)
    series.warm_up()
    computing = tuple(member.index for member in ctx.plan.data)
    with ctx.channel.phase("deal"):
        deal(ctx.channel, computing, course.design.label, course.matrices, course.segments())
    return PartyOutcome({"features": sum(course.design.features)})
