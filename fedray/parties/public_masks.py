"""Masks from the public seed: INSECURE, to show that a training that goes on from a checkpoint is the same training.

Only a plan that says so lists the reveal of this module; under any other plan its masks are never used.
"""

from __future__ import annotations

from fedray.mpc.dealer import Keys
from fedray.parties.context import PartyContext
from fedray.prg import public_key
from fedray.task.record import EventKind

__all__ = ["public_keys"]

_TEXT = (
    "INSECURE, public masks: all masks of this training follow from its public seed, so that they hide nothing; it is "
    "for data that may be pooled"
)


def public_keys(ctx: PartyContext) -> Keys | None:
    """Return the keys of all masks, equal in every run of a plan with public masks; None under any other plan.

    Envelopes are sealed with fresh keys all the same.

    Cost: nothing.
    Leaks: every value of the training to whoever reads frames, under a tag that only a plan with public masks lists.
    Ref: design.
    """
    if not ctx.plan.public_masks:
        return None
    ctx.channel.reveals.add("public_masks", tuple(range(len(ctx.plan.members))), ())
    ctx.tell(EventKind.NOTE, phase="share", text=_TEXT)
    seed, me = ctx.plan.seed, ctx.me
    return lambda peer: public_key(f"{seed}/masks/{min(me, peer)}-{max(me, peer)}")
