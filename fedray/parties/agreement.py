"""How the parties of a training come to one design: everybody tells shapes, everybody works out the same numbers."""

from __future__ import annotations

from typing import Any

from fedray.errors import DataError, LocalProtocolError, RemoteProtocolError
from fedray.ml.design import NetDesign
from fedray.parties.context import PartyContext
from fedray.task.configs import NetLabel, NetMain
from fedray.task.plan import TaskPlan

__all__ = ["agree", "hear_test", "make_design"]


def agree(ctx: PartyContext, mine: dict[str, object] | None) -> NetDesign:
    """Exchange shapes and work out the design; every party comes to the same, or raises the same error.

    Cost: 1 round; one small message from each data client to every other party.
    Leaks: shapes, to everybody.
    Ref: design.
    """
    channel, data = ctx.channel, ctx.plan.data
    with channel.phase("shapes"):
        if mine is not None:
            for peer in channel.peers:
                channel.send_json(peer, "shapes", mine)
            channel.reveals.add("shapes", channel.peers, ())
        told = {m.index: mine if m.index == ctx.me else _shapes(ctx, m.index) for m in data}
        channel.flush()
        shapes = [told[m.index] or {} for m in data]
        _check_rows(ctx, shapes)
        rows = (_count(shapes[0], "n_train"), _count(shapes[0], "n_test"))
        design = make_design(ctx.plan, tuple(_count(shape, "features") for shape in shapes), rows)
        _ = design.scales  # refuses a learning rate that the fixed point cannot hold
        return design


def _shapes(ctx: PartyContext, frm: int) -> dict[str, object]:
    told = ctx.channel.recv_json(frm, "shapes")
    counts = [told.get(key) for key in ("n_train", "n_test", "features")] if isinstance(told, dict) else []
    if not counts or any(type(count) is not int or not 0 <= count < 2**40 for count in counts):
        raise RemoteProtocolError(f"{ctx.plan.names[frm]}: expected the numbers of its rows and columns")
    if not isinstance(told.get("rows"), str):
        raise RemoteProtocolError(f"{ctx.plan.names[frm]}: expected the name of its alignment, or an empty one")
    return dict(told)


def hear_test(ctx: PartyContext, label: int) -> dict[str, Any]:
    """Return what the label client, party `label`, tells of a test: n_batches, loss, metrics."""
    told = ctx.channel.recv_json(label, "test")
    values = told.get("metrics") if isinstance(told, dict) else None
    if not isinstance(values, dict) or not all(
        type(value) in (int, float) for value in (told.get("n_batches"), told.get("loss"), *values.values())
    ):
        raise RemoteProtocolError(f"{ctx.plan.names[label]}: expected loss and metrics of a test")
    return dict(told)


def _check_rows(ctx: PartyContext, shapes: list[dict[str, object]]) -> None:
    names = [ctx.plan.names[member.index] for member in ctx.plan.data]
    sizes = [(shape["n_train"], shape["n_test"]) for shape in shapes]
    if len(set(sizes)) > 1:
        listed = ", ".join(f"{name} {train} + {test}" for name, (train, test) in zip(names, sizes, strict=True))
        raise DataError(f"the data clients have different numbers of rows ({listed}); align their tables in one task")
    if len({shape["rows"] for shape in shapes if shape["rows"]}) > 1:
        raise DataError("the data clients' tables come from different alignments, so their rows do not belong together")
    if not sum(_count(shape, "features") for shape in shapes):
        raise DataError("no data client has a feature column")


def _count(shape: dict[str, object], key: str) -> int:
    value = shape[key]
    return value if isinstance(value, int) else 0


def make_design(plan: TaskPlan, features: tuple[int, ...], rows: tuple[int, int]) -> NetDesign:
    """Return the design of a training task; pure.

    Parameters
    ----------
    features
        Columns of features at each data client, in the plan's order.
    rows
        Training and test rows.
    """
    main = plan.main.config
    label, config = next(
        ((rank, m.config) for rank, m in enumerate(plan.data) if isinstance(m.config, NetLabel)), (0, None)
    )
    if not isinstance(main, NetMain) or config is None:
        raise LocalProtocolError("the plan is no plan of a training")
    return NetDesign(
        features=features,
        label=label,
        rows=rows,
        widths=(main.in_dim, *main.layers),
        batch=main.batch_size,
        test_batch=main.test_batch_size,
        test_every=main.test_per_batches,
        steps=main.max_iter,
        learning_rate=main.learning_rate,
        loss=config.loss,
        seed=plan.seed,
        bias=main.bias,
    )
