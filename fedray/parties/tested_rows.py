"""How few rows a training may be tested on: a metric of some rows tells of each of them."""

from __future__ import annotations

from fedray.ml.groups import LEAST
from fedray.parties.context import PartyContext
from fedray.policy.rules import refusal
from fedray.task.record import EventKind

__all__ = ["check_tested_rows"]


def check_tested_rows(ctx: PartyContext, rows: int, *, owns_label: bool) -> None:
    """Ask the party's policy whether a training may be tested on so few rows, and say what few rows tell; local.

    Parameters
    ----------
    rows
        Of the test part; without any there is no test and nothing to ask.
    owns_label
        Whether the labels are mine: one party's note is enough.

    Raises
    ------
    PolicyError
        The party's policy wants more.
    """
    if not rows:
        return
    if ctx.policy is not None and rows < ctx.policy.min_test_rows:
        what = "a training to be tested on so few rows, for its metrics would tell of single ones"
        raise refusal("min_test_rows", what, ctx.member.party.name)
    if rows < LEAST and owns_label:
        text = (
            f"the test part has {rows} rows: metrics of fewer than {LEAST} rows tell the main client of single rows; "
            "align with a larger test_size, or more rows"
        )
        ctx.tell(EventKind.NOTE, phase="read", text=text)
