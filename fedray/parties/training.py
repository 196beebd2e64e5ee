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
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fedray.data.scratch import Scratch
from fedray.errors import LocalProtocolError
from fedray.ml.design import FEATURE_LIMIT
from fedray.ml.saved import Saved
from fedray.mpc import Session
from fedray.mpc.dealer import Supply
from fedray.parties.agreement import agree, checkpointed
from fedray.parties.checkpoints import Checkpoints, digest_of
from fedray.parties.context import PartyContext, PartyOutcome
from fedray.parties.kept import Columns, keep
from fedray.parties.labels import Target
from fedray.parties.p_values import check_columns, find_p_values
from fedray.parties.parity import begin as begin_parity
from fedray.parties.public_masks import public_keys
from fedray.parties.recipes import Data, recipe_of
from fedray.parties.tables import Table, read_table
from fedray.parties.tested_rows import check_tested_rows
from fedray.parties.training_run import Run
from fedray.parties.validation import check_passes, check_validation, validate
from fedray.parties.validation_passes import wants_validation
from fedray.ring import series
from fedray.task.record import TRAIN_PHASE, EventKind

__all__ = ["Prepared", "prepare", "run_data"]

Float = npt.NDArray[np.float64]


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
    check_tested_rows(ctx, len(split.test), owns_label=table.target is not None)
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
