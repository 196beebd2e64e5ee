"""The parties of a training that have no data: the main client and the dealer."""

from __future__ import annotations

from typing import Any

from fedray.mpc.dealer import deal
from fedray.parties.agreement import agree, checkpointed, hear_past, hear_test
from fedray.parties.context import PartyContext, PartyOutcome
from fedray.parties.estimate import of_course
from fedray.parties.p_values import deal_p_values, hear_p_values
from fedray.parties.public_masks import public_keys
from fedray.parties.validation import check_passes, deal_validation, hear_validation
from fedray.parties.validation_passes import wants_validation
from fedray.ring import series
from fedray.task.record import RECORD_COLUMNS, TRAIN_PHASE, EventKind

__all__ = ["run_dealer", "run_main"]


def run_main(ctx: PartyContext) -> PartyOutcome:
    """Play the main client: learn the shapes, collect loss and metrics, see everybody end."""
    course = agree(ctx, None)
    check_passes(ctx, course.design)
    design, started = course.design, ctx.clock()
    label = ctx.plan.data[design.label].index
    last: dict[str, Any] = {}
    if course.start is not None:
        seconds, last = hear_past(ctx, label)
        started -= seconds
        text = f"going on from the checkpoint after {course.done} of {design.steps} steps"
        ctx.tell(EventKind.RESUMED, n_batches=course.done, text=text)
    with ctx.channel.phase(TRAIN_PHASE):
        done, stop = course.done, False
        while done < design.steps and not stop:
            done = design.next_test(done)
            told = hear_test(ctx, label)
            stop, best = told.pop("stop", False), told.pop("best", True)
            last = told if best else last
            values = told["metrics"]
            row = [ctx.clock() - started, told["n_batches"], told["loss"], *values.values()]
            ctx.tell(EventKind.RECORD, row=row, columns=[*RECORD_COLUMNS, *values])
    validation = hear_validation(ctx, design, label)
    with ctx.channel.phase(TRAIN_PHASE):
        for member in ctx.plan.data:
            ctx.channel.recv_json(member.index, "done")
        if checkpointed(ctx.plan, course):
            for member in ctx.plan.data:
                ctx.channel.send_json(member.index, "kept", value=True)  # all have the model: no checkpoint is needed
        known: dict[str, Any] = {"p_values": hear_p_values(ctx, label)} if ctx.plan.p_values else {}
    if wants_validation(ctx.plan):
        known["validation"] = validation
    if course.start is not None:
        known["resumed_from"] = course.done
    result = {**last, **known}
    expected = of_course(ctx.plan, course)  # now, since it takes long for a long training, and nobody waits any more
    return PartyOutcome(result, estimate={} if expected is None else expected.as_dict())


def run_dealer(ctx: PartyContext) -> PartyOutcome:
    """Play the dealer: stream correlations; sees shapes and schedule only."""
    course = agree(ctx, None)
    check_passes(ctx, course.design)
    series.warm_up()
    computing = tuple(member.index for member in ctx.plan.data)
    with ctx.channel.phase("deal"):
        segments = course.segments(course.done)
        keys, memory = public_keys(ctx), course.memory_bytes
        pool = ctx.pool.worth(course.design.rows[0])
        deal(ctx.channel, computing, course.design.label, course.matrices, segments, memory, keys=keys, pool=pool)
    if ctx.plan.p_values:
        deal_p_values(ctx, course, keys)
    with ctx.channel.phase("deal"):
        deal_validation(ctx, course.design)
    return PartyOutcome({"features": sum(course.design.features)})
