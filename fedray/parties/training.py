"""Training of a model on shares: what the data clients do, and the order of steps of all roles.

::

    data clients    read, check and scale their tables; nothing has been said so far
    everybody       learns the shapes, works out the same design, and refuses one that does not fit
    owners          mask their features once
    dealer          streams correlations ahead of the steps
    data clients    train; at each test the predictions are opened to the label client
    label client    tells loss and metrics to the data clients and to main, and with early stopping its verdict
    data clients    now and then, and each for itself, write a checkpoint
    data clients    keep their summands of the weights

A training that was broken off goes on from the newest checkpoint that all data clients have: same design, same batches,
fresh keys, so that no mask is used twice; the dealer begins at that step.

What kind of model it is, only the recipe knows.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fedray.data.scratch import Scratch
from fedray.errors import LocalProtocolError
from fedray.ml.design import FEATURE_LIMIT
from fedray.ml.saved import Saved
from fedray.ml.schedule import LONGEST_SEGMENT
from fedray.ml.tested import Tested
from fedray.mpc import Session
from fedray.mpc.dealer import Supply
from fedray.parties.agreement import agree, checkpointed, hear_test
from fedray.parties.checkpoints import Checkpoint, Checkpoints, Mark, Past, digest_of
from fedray.parties.context import PartyContext, PartyOutcome
from fedray.parties.kept import Columns, keep
from fedray.parties.labels import Target
from fedray.parties.p_values import check_columns, find_p_values
from fedray.parties.parity import Parity
from fedray.parties.parity import begin as begin_parity
from fedray.parties.public_masks import public_keys
from fedray.parties.recipes import Course, Data, Model, Watched, recipe_of
from fedray.parties.tables import Table, read_table
from fedray.parties.validation import check_passes, check_validation, validate, wants_validation
from fedray.ring import Ring, series
from fedray.task.record import TRAIN_PHASE, EventKind

__all__ = ["Prepared", "Run", "prepare", "run_data"]

Float = npt.NDArray[np.float64]

PROGRESS_EVERY_S = 0.5


@dataclass(frozen=True, eq=False)
class Prepared:
    """A data client's input: its tables in real units and a digest of them, its columns, the shapes that it tells.

    Attributes
    ----------
    table
        What was read, where the plan wants further trainings on parts of it; else None.
    """

    data: Data
    columns: Columns
    shapes: dict[str, object]
    digest: str
    table: Table | None = None


def run_data(ctx: PartyContext) -> PartyOutcome:
    """Play a feature client or the label client.

    Raises
    ------
    DataError, SpecError, RangeGuardError
        The tables or the numbers of the task cannot be used; raised before any feature or share leaves.
    """
    with ctx.channel.phase("read"):
        ctx.begin("read", "reading and checking the tables")
        prepared = prepare(ctx)
        if wanted := ctx.plan.p_values:
            check_columns(ctx.plan, prepared.data, prepared.columns)
        ctx.root.party_key(create=True)  # seals what the training keeps; tried before a word is said
        checkpoints = Checkpoints(ctx.plan, ctx.member, ctx.root)
        told = {"checkpoints": [mark.as_dict() for mark in checkpoints.marks(prepared.digest)]} if ctx.resumes else {}
    course = agree(ctx, {**prepared.shapes, **told})
    check_passes(ctx, course.design, prepared.table)
    with ctx.channel.phase("share"):
        ctx.begin("share", "masking the features")
        series.warm_up()
        session = Session(ctx.channel, tuple(member.index for member in ctx.plan.data))
        segments, keys = course.segments(course.done), public_keys(ctx)
        supply = Supply(ctx.channel, _dealer(ctx), session.rank, course.design.label, segments, keys=keys)
        start = checkpoints.load(course.start) if course.start else None
        checkpoints.begin(course.start)
        parity = begin_parity(ctx, session, course, prepared.data)
        saved = Saved(start.mark.done, start.model) if start else None
        scratch = Scratch(course.memory_bytes, lambda: ctx.root.state_dir("scratch"))
        data = replace(prepared.data, scratch=scratch, pool=ctx.pool)
        model = course.model(session, supply, data, parity.observer if parity else None, saved)
    run = Run(ctx, course, model, prepared.data, parity)
    run.keep_checkpoints(checkpoints, prepared.digest, start)
    ctx.begin(TRAIN_PHASE, "training")
    while not run.over:
        run.to_next_test()
        run.test()
    if run.scheduled < course.design.steps:
        supply.end()
    own = find_p_values(ctx, session, course, prepared.data, prepared.columns, run.kept, keys) if wanted else {}
    validation = {} if prepared.table is None else {"validation": validate(ctx, course.design, prepared.table)}
    with ctx.channel.phase("save"):
        facts = {
            "features": list(course.design.features),
            "n_train": course.design.rows[0],
            "steps": run.steps,
            **course.facts,
        }
        keep(ctx.plan, ctx.member, ctx.root, prepared.columns, run.kept, {**facts, **own})
        ctx.channel.send_json(ctx.plan.main.index, "done", model.done)
        ctx.channel.flush()
        if checkpointed(ctx.plan, course):
            ctx.channel.recv_json(ctx.plan.main.index, "kept")
            checkpoints.clear()
    result = run.result | (validation if prepared.data.target is not None else {})
    return PartyOutcome(result | parity.result() if parity else result)


def prepare(ctx: PartyContext) -> Prepared:
    """Read, check and scale this data client's tables; local."""
    table = read_table(recipe_of(ctx.plan, ctx.pool), ctx.member, ctx.root)
    split, scaling = table.split, table.scaling
    for note in scaling.notes():
        ctx.tell(EventKind.NOTE, phase="read", text=note)
    features = table.features(FEATURE_LIMIT) if scaling.columns else {}
    shapes: dict[str, object] = {
        "n_train": len(split.train),
        "n_test": len(split.test),
        "features": len(scaling.columns),
        "rows": split.fingerprint,
        "run": secrets.token_hex(8),
    }
    columns = Columns(split.columns[: table.labels], scaling, bool(split.fingerprint))
    if table.target is not None:
        columns = replace(columns, centre=table.target.centre, unit=table.target.unit)
    kept = None
    if wants_validation(ctx.plan):
        check_validation(ctx, len(split.train))
        kept = table
    return Prepared(Data(features, table.target), columns, shapes, _digest(features, table.target), kept)


def _digest(features: Mapping[str, Float], target: Target | None) -> str:
    labels = (target.train, target.test, target.weights) if target is not None else ()
    return digest_of(*features.values(), *labels)


def _dealer(ctx: PartyContext) -> int:
    if ctx.plan.dealer is None:
        raise LocalProtocolError("the plan has no dealer")
    return ctx.plan.dealer.index


class Run:
    """A training from its first step to its last, at one data client.

    Attributes
    ----------
    result
        What was told of the last test, or of the best one where early stopping looks for it: n_batches, loss, metrics.
    kept, steps
        My summands of the weights at that test, and the steps before it.
    over
        Whether the last step is done, or early stopping or the model's own rule ended the training.
    scheduled
        Steps up to the last test, of which a model that ends by its own rule may take back some.
    """

    def __init__(
        self, ctx: PartyContext, course: Course, model: Model, data: Data, parity: Parity | None = None
    ) -> None:
        self._ctx, self._course, self._model, self._target = ctx, course, model, data.target
        self._parity = parity
        self._recipe = recipe_of(ctx.plan)
        self._stopping = self._recipe.stopping() if data.target is not None else None
        self._label = ctx.plan.data[course.design.label].index
        self._last: dict[str, object] = {}
        self._told_s = self._began_s = time.monotonic()
        self._checkpoints: Checkpoints | None = None
        self._tables = ""
        self._checkpoint: Mark | None = None
        self.result: dict[str, object] = {}
        self.kept: dict[str, Ring] = {}
        self.steps = self.scheduled = 0
        self.over = False
        if isinstance(model, Watched):
            model.watch(self._inside)

    def keep_checkpoints(self, checkpoints: Checkpoints, tables: str, start: Checkpoint | None) -> None:
        """Write checkpoints, if the plan wants them; before the first step, and with the one to go on from.

        Parameters
        ----------
        tables
            A digest of my own, by which I know them again.
        """
        if self._ctx.plan.checkpoint_every:
            self._checkpoints, self._tables = checkpoints, tables
        if start is None:
            return
        past = start.past
        self._checkpoint, self._began_s = start.mark, self._began_s - past.seconds
        self.result, self.kept, self._last = dict(past.result), dict(start.best), dict(past.last)
        if self._stopping is not None and past.stopping is not None:
            self._stopping.restore(past.stopping)
        if self._target is not None:
            self._tell_past(past)

    def _tell_past(self, past: Past) -> None:
        """Tell the main client, which keeps nothing, what it had heard before."""
        ctx, main = self._ctx, self._ctx.plan.main.index
        if past.result:
            for tag in ("test_loss", "test_metrics"):
                ctx.channel.reveals.add(tag, (main,), ())
        ctx.channel.send_json(main, "past", {"seconds": past.seconds, "result": past.result})

    def to_next_test(self) -> None:
        """Train up to the next test; the label client tells how far it is."""
        model, design = self._model, self._course.design
        self.scheduled = until = design.next_test(model.done)
        with self._ctx.channel.phase(TRAIN_PHASE):
            while model.done < until:
                model.train(min(LONGEST_SEGMENT, self._next_stop(until) - model.done))
                if model.done < until:
                    self._checkpoint_if_due()
                if self._target is not None and time.monotonic() - self._told_s >= PROGRESS_EVERY_S:
                    self._told_s = time.monotonic()
                    self._tell_progress()

    def test(self) -> None:
        """Test, hear or tell the numbers, and act on the verdict."""
        if self._parity is not None:
            self._parity.note()
        with self._ctx.channel.phase("test"):
            tested = self._model.test()
            told = self._measure(tested) if self._target is not None else hear_test(self._ctx, self._label)
        stop = told.pop("stop", False) is True
        best = told.pop("best", True) is True
        self._last = told
        self.over = stop or self._model.done >= self._course.design.steps
        if best:
            self.result, self.kept, self.steps = told, self._model.arrays(), self._model.done
            if self._parity is not None:
                self._parity.keep()
        if not self.over:
            self._checkpoint_if_due()
        if self._target is not None:
            self._tell_progress()

    def _next_stop(self, until: int) -> int:
        every = self._ctx.plan.checkpoint_every
        return min(until, (self._model.done // every + 1) * every) if every else until

    def _checkpoint_if_due(self) -> None:
        """Write a checkpoint after every so many steps, after the test if there is one."""
        model, every = self._model, self._ctx.plan.checkpoint_every
        if self._checkpoints is None or model.done % every:
            return
        first, self._checkpoint = self._checkpoint is None, Mark(str(self._course.facts["run"]), model.done)
        stopping = self._stopping.state() if self._stopping else None
        past = Past(time.monotonic() - self._began_s, self.result, self._last, stopping)
        best = self.kept if self._recipe.stopping() else {}
        with self._ctx.channel.phase("checkpoint"):
            self._checkpoints.save(Checkpoint(self._checkpoint, model.state(), best, past), self._tables)
        if first and self._target is not None:
            self._tell_progress()  # from now on the task can go on after a failure

    def _measure(self, tested: Tested) -> dict[str, object]:
        """Measure at the label client and tell the numbers to the other data clients and to main."""
        if tested.predictions is None or self._target is None:
            raise LocalProtocolError("only the label client measures, and it has the predictions")
        ctx = self._ctx
        loss: float | None = None
        metrics: dict[str, float] = {}  # without test rows nothing is measured
        if len(tested.predictions):
            loss, metrics = self._recipe.measure(self._target, tested.predictions)
        if self._parity is not None and loss is not None:
            self._parity.tested(tested.predictions, loss, metrics)
        found: dict[str, object] = {"n_batches": self._model.done, "loss": loss, "metrics": metrics}
        if self._stopping is not None:
            found |= self._stopping.judge(metrics)
        if tested.stopped:
            found |= {"best": True, "stop": True}
        for note in tested.notes:
            ctx.tell(EventKind.NOTE, phase="test", text=note)
        listeners = [m.index for m in ctx.plan.data if m.index != ctx.me] + [ctx.plan.main.index]
        for tag in ("test_loss", "test_metrics") if loss is not None else ():
            ctx.channel.reveals.add(tag, tuple(listeners), ())
        for peer in listeners:
            ctx.channel.send_json(peer, "test", found)
        ctx.channel.flush()
        return found

    def _inside(self, part: int, parts: int) -> None:
        """Tell, at the label client and now and then, how far a long step is."""
        if self._target is not None and time.monotonic() - self._told_s >= PROGRESS_EVERY_S:
            self._told_s = time.monotonic()
            self._tell_progress(part=part, parts=parts)

    def _tell_progress(self, **inside: int) -> None:
        done, cost = self._model.done, self._ctx.channel.cost.total()
        known = {name: self._last[name] for name in ("loss", "metrics") if self._last.get("loss") is not None}
        self._ctx.tell(
            EventKind.PROGRESS,
            phase=TRAIN_PHASE,
            done=done,
            total=done if self.over else self._course.design.steps,
            n_batches=done,
            rounds=cost.rounds,
            bytes=cost.bytes,
            **({"checkpoint": self._checkpoint.done} if self._checkpoint else {}),
            **known,
            **inside,
        )
