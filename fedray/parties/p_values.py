"""p-values of the coefficients of a linear model, after its training: each party learns those of its own columns.

::

    dealer          streams correlations once more, under keys of their own
    owners          mask their training rows once more
    data clients    work the z values out on shares; each is opened to the owner of its column
    owners          write them as a table, and keep them with their part of the model

What cannot be worked out, since columns say the same or a label is all but certain, is a note: the training stands.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from fedray.data.new_rows import write_texts
from fedray.data.wording import shorten
from fedray.errors import DataError, LocalProtocolError, RangeGuardError, RemoteProtocolError
from fedray.features.student import two_sided
from fedray.ml.features import encoded
from fedray.ml.linear_design import LinearDesign
from fedray.ml.significance import Found, Significance
from fedray.ml.significance_design import BLOCK_ROWS, MOST_SQUARE, SignificanceDesign
from fedray.mpc import Session
from fedray.mpc.dealer import Keys, Supply, deal
from fedray.parties.context import PartyContext
from fedray.parties.kept import Columns
from fedray.parties.recipes import Course, Data
from fedray.ring import Ring, encode
from fedray.task.linear_configs import LinearMain
from fedray.task.plan import TaskPlan
from fedray.task.record import EventKind

__all__ = ["HEADER", "INTERCEPT", "beside", "check_columns", "deal_p_values", "find_p_values", "hear_p_values"]

Float = npt.NDArray[np.float64]

HEADER = ("column", "z", "p_value")
"""Of the table ``p_values.csv``."""

INTERCEPT = "(intercept)"

_PURPOSE = "masks/p_values"
_TOLD = "p_values"


def check_columns(plan: TaskPlan, data: Data, columns: Columns) -> None:
    """Check, before anything is said, that my columns can have p-values and that products of them stay in the ring.

    Local.

    Raises
    ------
    DataError
        One says nothing that the intercept does not, so that no column of any party could have a p-value.
    RangeGuardError
        One is too large.
    """
    train = data.features.get("train")
    if train is None:
        return
    _check_constant(plan, train, columns)
    sums = [np.square(train[k : k + BLOCK_ROWS]).sum(axis=0) for k in range(0, len(train), BLOCK_ROWS)]
    # A sum over a block stays in the ring, the mean over all rows within SPREAD; a last, short block has no bound else.
    largest = np.maximum(np.max(sums, axis=0) / BLOCK_ROWS, np.sum(sums, axis=0) / len(train))
    for name, square in zip(columns.scaling.columns, largest, strict=True):
        if square > MOST_SQUARE:
            raise RangeGuardError(
                f"p_values: the column {shorten(name)}, as the model sees it, has squares with a mean above "
                f"{MOST_SQUARE:.0f}, over all training rows or over {BLOCK_ROWS} of them; scale it, cut its outliers, "
                "or ask for none"
            )


def _check_constant(plan: TaskPlan, train: Float, columns: Columns) -> None:
    config = plan.main.config
    intercept = isinstance(config, LinearMain) and config.fit_intercept
    for name, low, high in zip(columns.scaling.columns, train.min(axis=0), train.max(axis=0), strict=True):
        if low == high and (intercept or low == 0.0):
            raise DataError(
                f"p_values: the column {shorten(name)} has one value only in the training rows, so that its "
                "coefficient says nothing; leave the column out, or ask for no p-values"
            )


def deal_p_values(ctx: PartyContext, course: Course, keys: Keys | None) -> None:
    """Play the dealer.

    Cost: as `find_p_values`.
    Leaks: nothing; the dealer knows shapes and schedule only.
    Ref: protocols, section 24.
    """
    plan, computing = _plan(course), tuple(member.index for member in ctx.plan.data)
    with ctx.channel.phase("p_values"):
        label = course.design.label
        deal(ctx.channel, computing, label, plan.matrices, plan.segments(), purpose=_PURPOSE, keys=keys)


def find_p_values(
    ctx: PartyContext,
    s: Session,
    course: Course,
    data: Data,
    columns: Columns,
    arrays: Mapping[str, Ring],
    keys: Keys | None,
) -> dict[str, object]:
    """Play a data client; return what goes into my manifest.

    Parameters
    ----------
    arrays
        My summands of the weights that are kept.
    keys
        As for the training.

    Cost: that of `fedray.ml.significance.Significance.find`.
    Leaks: coefficient_z to the owners; range_guard to all; p_values to the main client.
    Ref: protocols, section 24.

    Raises
    ------
    DataError
        The table cannot be written.
    """
    plan = _plan(course)
    if ctx.plan.dealer is None:
        raise LocalProtocolError("the plan has no dealer")
    with ctx.channel.phase("p_values"):
        ctx.begin("p_values", "working out p-values of the coefficients")
        label = course.design.label
        dealt = ctx.plan.dealer.index
        supply = Supply(ctx.channel, dealt, s.rank, label, plan.segments(), _PURPOSE, keys)
        found = Significance(s, plan.model, supply, _inputs(plan.model, data), arrays).find()
        for text in found.why_not if s.rank == label else ():
            ctx.tell(EventKind.NOTE, phase="p_values", text=f"no p-values: {text}")
        if s.rank == label:
            ctx.channel.reveals.add(_TOLD, (ctx.plan.main.index,), ())
            ctx.channel.send_json(ctx.plan.main.index, _TOLD, not found.why_not)
        lines = _lines(plan, columns, found)
        if lines:
            _write(ctx, lines)
    return {"p_values": [dict(zip(HEADER, line, strict=True)) for line in lines]} if lines else {}


def hear_p_values(ctx: PartyContext, label: int) -> bool:
    """Return, at the main client, whether there are p-values.

    Cost: 0 rounds; a word from the label client.
    Leaks: p_values.
    Ref: protocols, section 24.
    """
    told = ctx.channel.recv_json(label, _TOLD)
    if type(told) is not bool:
        raise RemoteProtocolError(f"{ctx.plan.names[label]}: expected whether there are p-values")
    return told


def beside(facts: Sequence[Mapping[str, object]], name: str) -> tuple[str, ...]:
    """Return z value and p-value of a column as texts, from what `find_p_values` put into a manifest; local."""
    found = next((line for line in facts if line.get(HEADER[0]) == name), {})
    return tuple(repr(found[word]) if word in found else "" for word in HEADER[1:])


def _plan(course: Course) -> SignificanceDesign:
    design = course.design
    if not isinstance(design, LinearDesign):
        raise LocalProtocolError("only linear models have p-values")
    return SignificanceDesign(design)


def _inputs(design: LinearDesign, data: Data) -> dict[str, Ring]:
    inputs = encoded({name: x for name, x in data.features.items() if name == "train"}, design.scales.x)
    if data.target is not None and design.objective == "linear":
        inputs["label"] = encode(data.target.train, design.label_scale, "a label")
    return inputs


def _lines(plan: SignificanceDesign, columns: Columns, found: Found) -> list[tuple[str, float, float]]:
    """Return the lines of my table: names, z values, p-values."""
    names = list(columns.scaling.columns) if found.columns is not None else []
    values = [] if found.columns is None else found.columns.tolist()
    if found.intercept is not None:
        names, values = [*names, INTERCEPT], [*values, found.intercept]
    freedom = math.inf if plan.curved else plan.model.rows[0] - plan.size
    return [(name, z, two_sided(z, freedom)) for name, z in zip(names, values, strict=True)]


def _write(ctx: PartyContext, lines: Sequence[tuple[str, float, float]]) -> None:
    folder = ctx.root.generated_dir(f"p_values/{ctx.plan.task}/{ctx.place}", create=True)
    texts = zip(*[(name, repr(z), repr(p)) for name, z, p in lines], strict=True)
    write_texts(folder / "p_values.csv", list(zip(HEADER, texts, strict=True)))
