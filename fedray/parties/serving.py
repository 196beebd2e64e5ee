"""Answering requests for predictions of single rows: what the data clients do while the task runs.

::

    data clients    read the model and their rows, bring all rows through the model; the predictions stay on shares
    receiver        takes requests from its desk, looks their ids up, tells the others which rows are asked for
    other clients   send it their summands of the predictions of these rows, and of no others
    receiver        answers; requests that came meanwhile are asked for together

What takes time, and dealer's masks, is done once, before the first answer: an answer costs one round, and a row that is
asked for again is the same to the last bit.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fedray.errors import DataError, FedrayError, LocalProtocolError, RemoteProtocolError, SpecError, StateError
from fedray.ml.withheld import WithheldPredictions
from fedray.parties.context import PartyContext, PartyOutcome
from fedray.parties.desk import Asked
from fedray.parties.lookup import Lookup
from fedray.parties.prediction import in_units, predict, units_of
from fedray.parties.prediction_agreement import Agreed, agree, computing, main_config, receiver_of
from fedray.parties.prediction_input import Prepared, prepare
from fedray.task.serve_configs import ServeMain

__all__ = ["limits_of", "run_data"]

Float = npt.NDArray[np.float64]

ASKED = "asked"
"""Label of what the receiver tells the other data clients: numbers of rows, none of them as a sign of life, nothing at
all at the end."""

SERVED = "served"
"""Label of what it tells the main client: nothing as a sign of life, its totals at the end."""

TICK_S = 0.2
"""How often the receiver looks whether another party has failed, while nobody asks."""

BEAT_S = 30.0
"""How often it says that it is still there."""


@dataclass
class Totals:
    """What the receiver has answered: requests and their rows, and why it ends."""

    requests: int = 0
    rows: int = 0
    ended: str = ""


def run_data(ctx: PartyContext) -> PartyOutcome:
    """Play a feature client or the label client.

    Raises
    ------
    DataError, SpecError, RangeGuardError
        The model or the rows cannot be used.
    PolicyError
        The party's policy allows fewer predictions today. At the receiver it ends no task but refuses the request.
    """
    try:
        outcome = _run(ctx)
    except FedrayError as error:
        ctx.desk.close(StateError(f"the task ended before it answered: {error.message}"))
        raise
    finally:
        ctx.desk.close(StateError("the task has ended"))
    return outcome


def _run(ctx: PartyContext) -> PartyOutcome:
    with ctx.channel.phase("read"):
        ctx.begin("read", "reading the model and the rows")
        prepared = prepare(ctx)
        lookup = _lookup(prepared) if ctx.me == receiver_of(ctx).index else None
    agreed = agree(ctx, prepared.told)
    if lookup is not None and len(lookup) != agreed.rows:
        raise DataError(f"data_path: the table has {len(lookup)} ids; the others have {agreed.rows} rows")
    withheld = WithheldPredictions(ctx.channel, computing(ctx))
    predict(ctx, agreed, prepared, withheld)
    with ctx.channel.phase("serve"):
        units = units_of(ctx, agreed, prepared)
        del prepared  # the table is not needed any more
        if withheld.finish() != agreed.rows:
            raise LocalProtocolError("the model gave another number of predictions than there are rows")
        if lookup is None:
            _open_what_is_asked(ctx, withheld, agreed.rows)
        else:
            ctx.begin("serve", f"answering for {agreed.rows} rows")
            _Receiver(ctx, agreed, withheld, lookup, units).run()
        ctx.channel.flush()
    return PartyOutcome({"rows": agreed.rows})


def _lookup(prepared: Prepared) -> Lookup:
    if prepared.ids is None:
        raise DataError("data_path: the receiver looks rows up by id; name a folder of an alignment, or a file")
    return Lookup(prepared.ids.values)


def limits_of(ctx: PartyContext) -> ServeMain:
    """Return what the document limits."""
    config = main_config(ctx)
    if not isinstance(config, ServeMain):
        raise LocalProtocolError("the plan is no plan of a task that answers requests")
    return config


def _open_what_is_asked(ctx: PartyContext, withheld: WithheldPredictions, n_rows: int) -> None:
    """Send the receiver my summands of the rows that it asks for, and of no more than the document allows."""
    receiver, most, opened = receiver_of(ctx), limits_of(ctx).max_answers, 0
    while came := ctx.channel.recv(receiver.index, ASKED):
        rows = came[0]
        if len(came) != 1 or rows.ndim != 1 or rows.dtype != np.int64 or ((rows < 0) | (rows >= n_rows)).any():
            raise RemoteProtocolError(f"{ctx.plan.names[receiver.index]}: expected numbers of rows from 0 to {n_rows}")
        opened += rows.size
        if most is not None and opened > most:
            raise RemoteProtocolError(f"{ctx.plan.names[receiver.index]} asked for more than the {most} rows allowed")
        if rows.size:
            ctx.allowance.take(rows.size)
            withheld.open_rows(ctx.plan.data.index(receiver), rows)


class _Receiver:
    """The receiver's part: from the desk to the others and back."""

    def __init__(
        self,
        ctx: PartyContext,
        agreed: Agreed,
        withheld: WithheldPredictions,
        lookup: Lookup,
        units: tuple[float, float],
    ) -> None:
        self._ctx, self._agreed, self._withheld, self._lookup, self._units = ctx, agreed, withheld, lookup, units
        self._limits, self._totals = limits_of(ctx), Totals()
        self._others = [index for index in computing(ctx) if index != ctx.me]
        self._beaten = self._asked = time.monotonic()
        self._told = -1

    def run(self) -> None:
        """Answer until somebody ends the task, nobody asks, or all is answered that may be."""
        self._tell()
        while not self._totals.ended:
            asked = self._ctx.desk.take(TICK_S)
            self._ctx.channel.check()
            if asked:
                self._answer(asked)
            self._totals.ended = self._end(bool(asked))
            self._beat()
        self._tell()
        channel, main = self._ctx.channel, self._ctx.plan.main.index
        channel.send_all(self._others, ASKED)
        channel.send_json(main, SERVED, vars(self._totals))

    def _end(self, busy: bool) -> str:
        """Return why the task ends now; "" where it goes on."""
        now, idle_s = time.monotonic(), self._limits.idle_s
        if busy:
            self._asked = now
        elif self._ctx.desk.ending:
            return "cancelled"
        if self._left() == 0:
            return "max_answers"
        return "idle_s" if idle_s is not None and now - self._asked > idle_s else ""

    def _beat(self) -> None:
        if time.monotonic() - self._beaten > BEAT_S:
            self._beaten, channel = time.monotonic(), self._ctx.channel
            channel.send_all(self._others, ASKED, np.zeros(0, np.int64))
            channel.send_json(self._ctx.plan.main.index, SERVED, None)
            channel.flush()
            self._tell()

    def _tell(self) -> None:
        """Emit how many rows were answered, if it is not what was told last."""
        if self._told != self._totals.rows:
            self._told = self._totals.rows
            self._ctx.progress("serve", self._told, self._limits.max_answers or 0)

    def _left(self) -> int | None:
        most = self._limits.max_answers
        return None if most is None else most - self._totals.rows

    def _answer(self, asked: list[Asked]) -> None:
        """Open the rows of all requests that can be answered, together, and answer each."""
        found = [(one, rows) for one in asked if (rows := self._rows(one)) is not None]
        if not found:
            return
        rows, reveals = np.concatenate([rows for _, rows in found]), self._ctx.channel.reveals
        reveals.add("asked", tuple(self._others), rows.shape)
        self._ctx.channel.send_all(self._others, ASKED, rows)
        opened = self._withheld.open_rows(self._withheld.rank, rows)
        if opened is None:
            raise LocalProtocolError("the predictions were opened to another party")
        values = in_units(self._agreed, opened, self._units)
        reveals.add("answers", (self._ctx.plan.main.index,), values.shape)
        ends = np.cumsum([mine.size for _, mine in found])
        for (one, _), part in zip(found, np.split(values, ends[:-1]), strict=True):
            one.answer(part)

    def _rows(self, asked: Asked) -> npt.NDArray[np.int64] | None:
        """Return the numbers of the rows that a request asks for, and count them; None if it is refused."""
        left, most, count = self._left(), self._limits.max_rows, len(asked.ids)
        try:
            if not 0 < count <= most:
                raise SpecError(f"ids: expected 1 to {most}, which is the task's max_rows, got {count}")
            if left is not None and count > left:
                raise StateError(f"{left} rows are left of the task's max_answers; {count} were asked for")
            rows = self._lookup.rows(asked.ids)
            self._ctx.allowance.take(count)
        except FedrayError as error:
            asked.refuse(error)
            return None
        self._totals.requests += 1
        self._totals.rows += count
        return rows
