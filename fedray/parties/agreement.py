"""How the parties of a training come to one course: everybody tells shapes, everybody works out the same numbers."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from fedray.errors import DataError, RemoteProtocolError
from fedray.parties.checkpoints import MOST_TOLD, Mark, newest_common
from fedray.parties.context import PartyContext
from fedray.parties.recipes import Course, recipe_of
from fedray.task.plan import TaskPlan

__all__ = ["agree", "checkpointed", "exchange", "hear_past", "hear_test", "run_name"]


def agree(ctx: PartyContext, mine: dict[str, object] | None) -> Course:
    """Exchange shapes and work out the training; every party comes to the same, or raises the same error.

    Where the task goes on, the data clients tell with their shapes which checkpoints they have.

    Cost: 1 round; one small message from each data client to every other party.
    Leaks: shapes, to everybody.
    Ref: design.
    """
    with ctx.channel.phase("shapes"):
        shapes = exchange(ctx, mine)
        rows = (_count(shapes[0], "n_train"), _count(shapes[0], "n_test"))
        course = recipe_of(ctx.plan).course(tuple(_count(shape, "features") for shape in shapes), rows)
        facts = {**course.facts, "run": run_name(shapes)}
        return replace(course, facts=facts, start=_start(ctx, course, shapes))


def exchange(ctx: PartyContext, mine: dict[str, object] | None) -> list[dict[str, object]]:
    """Tell my shapes to everybody; return those of the data clients, in order, whose rows belong together.

    Parameters
    ----------
    mine
        At a data client ``n_train``, ``n_test``, ``features``, ``rows`` (of the alignment), ``run``; a client that has
        no rows in this task tells 0 of them.

    Cost: 1 round; one small message from each data client to every other party.
    Leaks: shapes, to everybody.
    Ref: design.

    Raises
    ------
    DataError
        The rows do not belong together, or nobody has a column of features.
    """
    channel, data = ctx.channel, ctx.plan.data
    if mine is not None:
        for peer in channel.peers:
            channel.send_json(peer, "shapes", mine)
        channel.reveals.add("shapes", channel.peers, ())
    told = {m.index: mine if m.index == ctx.me else _shapes(ctx, m.index) for m in data}
    channel.flush()
    shapes = [told[m.index] or {} for m in data]
    _check_rows(ctx, shapes)
    return shapes


def _shapes(ctx: PartyContext, frm: int) -> dict[str, object]:
    told = ctx.channel.recv_json(frm, "shapes")
    counts = [told.get(key) for key in ("n_train", "n_test", "features")] if isinstance(told, dict) else []
    if not counts or any(type(count) is not int or not 0 <= count < 2**40 for count in counts):
        raise RemoteProtocolError(f"{ctx.plan.names[frm]}: expected the numbers of its rows and columns")
    if not isinstance(told.get("run"), str):
        raise RemoteProtocolError(f"{ctx.plan.names[frm]}: expected its part of the name of this run")
    if not isinstance(told.get("rows"), str):
        raise RemoteProtocolError(f"{ctx.plan.names[frm]}: expected the name of its alignment, or an empty one")
    if ctx.resumes and None in _marks(told):
        raise RemoteProtocolError(f"{ctx.plan.names[frm]}: expected which checkpoints it has")
    return dict(told)


def _marks(told: dict[str, Any]) -> list[Mark | None]:
    marks = told.get("checkpoints")
    return [Mark.from_dict(mark) for mark in marks] if isinstance(marks, list) and len(marks) <= MOST_TOLD else [None]


def _start(ctx: PartyContext, course: Course, shapes: list[dict[str, object]]) -> Mark | None:
    """Return the newest checkpoint that all data clients have; None where the training begins."""
    if not ctx.resumes:
        return None
    names = [ctx.plan.names[member.index] for member in ctx.plan.data]
    offered = {name: [mark for mark in _marks(told) if mark] for name, told in zip(names, shapes, strict=True)}
    start = newest_common(offered)
    if start.done >= course.design.steps:
        raise DataError("the checkpoint is of more steps than the training has; create the task again")
    return start


def run_name(shapes: list[dict[str, object]]) -> str:
    """Return a name for this run of the training, of which each data client drew a part: no other run has it."""
    return hashlib.sha256("/".join(str(shape["run"]) for shape in shapes).encode()).hexdigest()[:32]


def checkpointed(plan: TaskPlan, course: Course) -> bool:
    """Return whether the data clients may have checkpoints when the training has ended."""
    return 0 < plan.checkpoint_every < course.design.steps or course.start is not None


def hear_test(ctx: PartyContext, label: int) -> dict[str, Any]:
    """Return what the label client, party `label`, tells of a test: n_batches, loss, metrics.

    With early stopping also whether it was the ``best`` test so far, and whether to ``stop`` after it.
    """
    told = ctx.channel.recv_json(label, "test")
    if not _is_test(told):
        raise RemoteProtocolError(f"{ctx.plan.names[label]}: expected loss and metrics of a test")
    if not all(type(told.get(word, False)) is bool for word in ("best", "stop")):
        raise RemoteProtocolError(f"{ctx.plan.names[label]}: expected a verdict of true or false")
    return dict(told)


def hear_past(ctx: PartyContext, label: int) -> tuple[float, dict[str, Any]]:
    """Return what the label client tells where a training goes on: its seconds so far, and the test that counts."""
    told = ctx.channel.recv_json(label, "past")
    seconds, result = (told.get("seconds"), told.get("result")) if isinstance(told, dict) else (None, None)
    if not isinstance(seconds, float) or not isinstance(result, dict) or (result and not _is_test(result)):
        raise RemoteProtocolError(f"{ctx.plan.names[label]}: expected seconds and a test of the training so far")
    return seconds, result


def _is_test(told: object) -> bool:
    values = told.get("metrics") if isinstance(told, dict) else None
    return (
        isinstance(told, dict)
        and isinstance(values, dict)
        and all(type(value) in (int, float) for value in (told.get("n_batches"), *values.values()))
        and (type(told.get("loss")) in (int, float) or (told.get("loss") is None and not values))
    )


def _check_rows(ctx: PartyContext, shapes: list[dict[str, object]]) -> None:
    names = [ctx.plan.names[member.index] for member in ctx.plan.data]
    sizes = [(shape["n_train"], shape["n_test"]) for shape in shapes]
    if len({size for size in sizes if any(size)}) > 1:
        listed = ", ".join(f"{name} {train} + {test}" for name, (train, test) in zip(names, sizes, strict=True))
        raise DataError(f"the data clients have different numbers of rows ({listed}); align their tables in one task")
    if len({shape["rows"] for shape in shapes if shape["rows"]}) > 1:
        raise DataError("the data clients' tables come from different alignments, so their rows do not belong together")
    if not sum(_count(shape, "features") for shape in shapes):
        raise DataError("no data client has a feature column")


def _count(shape: dict[str, object], key: str) -> int:
    value = shape[key]
    return value if isinstance(value, int) else 0
