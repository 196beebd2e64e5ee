"""What each party adds to a model: its rows in another order, all predictions measured once more.

::

    every owner of features in turn
        the owner             brings its rows into an order that it draws and tells nobody
        data clients          bring the rows through the model once more, under masks of their own; nothing is opened
        receiver              shares its labels
        all but the receiver  shuffle predictions and labels together, one after the other
        receiver              gets the pairs, whose rows it does not know, and measures them

What a metric falls by is what the party's columns tell beside those of the others (permutation importance).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fedray.errors import LocalProtocolError, RangeGuardError
from fedray.ml.withheld import WithheldPredictions
from fedray.mpc.dealer import PrivateShape, Supply
from fedray.mpc.schedule import Segment
from fedray.mpc.session import Session
from fedray.mpc.shuffle import ShuffleMask, shuffle
from fedray.parties.context import PartyContext
from fedray.parties.prediction_agreement import Agreed
from fedray.prg import Stream
from fedray.ring import Ring, decode
from fedray.task.plan import TaskPlan
from fedray.task.predict_configs import PredictMain

__all__ = ["TAG", "Pairs", "Pass", "passes_of", "permuted_pairs", "wants_contribution"]

Float = npt.NDArray[np.float64]

TAG = "contribution"
_STEP = "shuffle"


@dataclass(frozen=True)
class Pass:
    """The predictions with one party's rows in another order.

    Attributes
    ----------
    owner
        Rank of that party.
    agreed
        Model and rows.
    shuffles
        What brings the pairs into another order.
    """

    owner: int
    agreed: Agreed
    shuffles: tuple[ShuffleMask, ...]

    @property
    def purpose(self) -> str:
        """Of the keys of its masks, which are those of no other pass."""
        return f"masks/{TAG}/{self.owner}"

    @property
    def matrices(self) -> tuple[PrivateShape, ...]:
        """The private matrices whose masks the dealer knows."""
        return (*self.agreed.scoring.matrices, *(mask.order for mask in self.shuffles))

    def segments(self) -> Iterator[Segment]:
        """Yield the schedule."""
        yield from self.agreed.scoring.segments()
        yield Segment(_STEP, 1, self.shuffles)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Predictions as they are opened, and labels of the same rows, in an order that nobody knows.

    Attributes
    ----------
    owner
        Rank of the party whose rows were in another order.
    opened, labels
        Shape (rows, outputs); None at all but the receiver, and where the predictions left their range.
    """

    owner: int
    opened: Float | None
    labels: Float | None


def wants_contribution(plan: TaskPlan) -> bool:
    """Return whether a plan asks what each party adds."""
    config = plan.main.config
    return isinstance(config, PredictMain) and config.contribution


def passes_of(plan: TaskPlan, agreed: Agreed) -> tuple[Pass, ...]:
    """Return the passes of a task, the same at every party; none where the plan does not ask for them."""
    if not wants_contribution(plan) or plan.receiver is None:
        return ()
    receiver, shape = plan.data.index(plan.receiver), (agreed.rows, 2 * agreed.predictor.outputs)
    shuffles = tuple(ShuffleMask(rank, shape) for rank in range(len(plan.data)) if rank != receiver)
    return tuple(Pass(owner, agreed, shuffles) for owner, count in enumerate(agreed.features) if count)


def permuted_pairs(
    ctx: PartyContext, agreed: Agreed, rows: Float | None, labels: Float | None, arrays: Mapping[str, Ring]
) -> list[Pairs]:
    """Play all passes at a data client.

    Parameters
    ----------
    rows, arrays
        My new rows in the model's units, None where I have no features; my part of the model.
    labels
        At the receiver, shape (rows, outputs); None elsewhere.

    Cost: for each owner of features that of predicting, and of a shuffle of 2 columns for each output.
    Leaks: contribution to the receiver; range_guard to all.
    Ref: protocols, section 21.
    """
    found = []
    for number, one in enumerate(passes := passes_of(ctx.plan, agreed)):
        ctx.begin(TAG, f"measuring without party {number + 1} of {len(passes)}")
        with ctx.channel.phase(TAG):
            found.append(_play(ctx, one, rows, labels, arrays))
    return found


def _play(ctx: PartyContext, one: Pass, rows: Float | None, labels: Float | None, arrays: Mapping[str, Ring]) -> Pairs:
    session = WithheldPredictions(ctx.channel, tuple(member.index for member in ctx.plan.data))
    scoring, receiver, dealer = one.agreed.scoring, ctx.plan.receiver, ctx.plan.dealer
    if receiver is None or dealer is None:
        raise LocalProtocolError("the plan has no receiver of predictions, or no dealer")
    supply = Supply(ctx.channel, dealer.index, session.rank, scoring.label, one.segments(), one.purpose)
    if rows is not None and session.rank == one.owner:
        rows = rows[own_order(len(rows))]
    scorer = scoring.scorer(session, supply, rows, arrays)
    place = ctx.plan.data.index(receiver)
    try:
        scorer.predict(place)
    except RangeGuardError:  # at every party alike: rows that are put together need not be like any of the training
        supply.step(_STEP)
        return Pairs(one.owner, None, None)
    predictions = session.whole()
    mine = np.zeros(predictions.shape, np.uint64) if labels is None else np.ascontiguousarray(labels).view(np.uint64)
    both = shuffle(session, supply, one.shuffles, np.hstack([predictions.value, mine]), supply.step(_STEP))
    opened = _opened(session, place, both)
    if opened is None:
        return Pairs(one.owner, None, None)
    width = predictions.shape[1]
    words = np.ascontiguousarray(opened[:, width:])
    return Pairs(one.owner, decode(opened[:, :width], predictions.scale), words.view(np.float64))


def _opened(s: Session, receiver: int, x: Ring) -> Ring | None:
    """Open ring elements to the receiver: labels are 64 bits of a float, which no scale would keep."""
    s.channel.reveals.add(TAG, (s.computing[receiver],), x.shape)
    with s.round(f"reveal.{TAG}") as r:
        gathered = r.gather(receiver, x)
    return gathered.value if s.rank == receiver else None


def own_order(count: int) -> npt.NDArray[np.int64]:
    """Return an order of so many rows, drawn afresh."""
    words = Stream(secrets.token_bytes(32)).words("order", (count,))
    return np.argsort(words, kind="stable").astype(np.int64)
