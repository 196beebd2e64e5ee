"""A scorecard out of a logistic model on weights of evidence: the main client, the data clients, the order of steps.

::

    data clients    find their parts of the model and of the binning, and read their rows if there are any
    everybody       learns of which training the parts are and how many rows there are, and refuses what does not fit
    owners          learn the weights of their own columns, the label client the intercept
    data clients    work out the points of their bins, and write them as a table
    data clients    add up the points of each row on shares; the sums are opened to the receiver, which writes them

There is no dealer: nothing is multiplied on shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fedray.data.new_rows import Ids, NewRows, write_points, write_texts
from fedray.data.scaling import Standardizer
from fedray.data.wording import shorten
from fedray.errors import DataError, LocalProtocolError
from fedray.features.evidence import Evidence
from fedray.features.points import HEADER, PointScale, Scorecard
from fedray.mpc import Session
from fedray.mpc.blinding import blinded
from fedray.mpc.share import Share
from fedray.parties import p_values
from fedray.parties.context import PartyContext, PartyOutcome
from fedray.parties.kept import Kept, load_kept
from fedray.parties.kept_transforms import KeptTransform, load_transform
from fedray.parties.linear_recipe import LinearRecipe
from fedray.parties.prediction_agreement import Told, agree_on_model, computing, main_config, one_number, receiver_of
from fedray.parties.prediction_input import ids_of, new_rows, told_of
from fedray.parties.replaying import kept_transforms
from fedray.task.model_rules import check_clients
from fedray.task.scorecard_configs import ScorecardData, ScorecardMain

__all__ = ["run_data", "run_main"]

Float = npt.NDArray[np.float64]
Points = npt.NDArray[np.int64]

_TABLE = "scorecard.csv"
_BASE = "(base)"
"""Stands for the column in the label client's line of base points."""


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A data client's input: its part of the model, the bins of its columns in it if it has any, and its rows."""

    kept: Kept
    evidence: Evidence | None
    columns: Standardizer
    table: NewRows | None
    ids: Ids | None


def run_data(ctx: PartyContext) -> PartyOutcome:
    """Play a feature client or the label client.

    Raises
    ------
    DataError, SpecError
        Model, bins or rows cannot be used; raised before any weight is opened.
    PolicyError
        The party's policy allows fewer predictions today; raised before that, too.
    """
    with ctx.channel.phase("read"):
        ctx.begin("read", "reading the model, the bins and the rows")
        prepared = _prepare(ctx)
    with ctx.channel.phase("shapes"):
        rows, _ = _agree(ctx, told_of(prepared.kept, prepared.table))
        ctx.allowance.take(rows)
    session = Session(ctx.channel, computing(ctx))
    with ctx.channel.phase("open"):
        ctx.begin("open", "opening weights to the owners of their columns")
        weights, intercept = _open(session, ctx, prepared.kept)
    with ctx.channel.phase("points"):
        card = _card(ctx, prepared, weights)
        base = None if intercept is None else _scale(ctx).base(float(intercept[0]))
        _write_table(ctx, card, base, prepared.kept)
        points = _add_up(session, ctx, rows, _mine(prepared, card, rows) + (base or 0)) if rows else None
        if points is not None:
            write_points(_folder(ctx), prepared.ids, points)
        ctx.channel.send_json(ctx.plan.main.index, "done", {})
        ctx.channel.flush()
    return PartyOutcome({"rows": rows})


def run_main(ctx: PartyContext) -> PartyOutcome:
    """Play the main client: learn the shapes, see everybody end."""
    with ctx.channel.phase("shapes"):
        rows, features = _agree(ctx, None)
    with ctx.channel.phase("points"):
        for member in ctx.plan.data:
            ctx.channel.recv_json(member.index, "done")
    main, names = _main(ctx), [ctx.plan.names[member.index] for member in ctx.plan.data]
    return PartyOutcome(
        {
            "model": main.model,
            "rows": rows,
            "receiver": ctx.plan.names[receiver_of(ctx).index],
            "base_score": main.base_score,
            "base_odds": main.base_odds,
            "pdo": main.pdo,
            "columns": dict(zip(names, features, strict=True)),
        }
    )


def _agree(ctx: PartyContext, mine: Told | None) -> tuple[int, tuple[int, ...]]:
    """Return how many rows there are, and how many columns of the model each data client has."""
    _, told = agree_on_model(ctx, mine)
    rows, features = one_number(ctx, told), told[0].features
    for member, one, columns in zip(ctx.plan.data, told, features, strict=True):
        if rows and columns and not one.rows:
            raise DataError(
                f"clients[{member.index}].client_config.data_path: the model has {columns} columns of this party, and "
                "others name rows; name a folder, or let nobody name one"
            )
    return rows, features


def _prepare(ctx: PartyContext) -> _Prepared:
    """Find this data client's part of model and binning, and read its rows as weights of evidence; local."""
    config, rank = _config(ctx), ctx.plan.data.index(ctx.member)
    kept = load_kept(ctx.root, main_config(ctx).model, rank, ctx.member)
    check_clients(ctx.plan, kept.training)
    LinearRecipe(kept.training)  # refuses other models
    columns = kept.columns.scaling
    if not isinstance(columns, Standardizer):
        raise LocalProtocolError("a linear model without the scaling of its columns")
    bins = _bins(ctx) if columns.columns else None
    table, evidence = None, None
    if bins is not None:
        evidence = _evidence(ctx, bins)
        Scorecard.check(evidence, columns)
        table = new_rows(ctx, [*kept_transforms(ctx, config.transforms), bins], gaps=False)
    elif config.data_path is not None:
        table = new_rows(ctx, [], gaps=True)
    ids = ids_of(ctx, config.data_path, table) if receiver_of(ctx).index == ctx.me else None
    return _Prepared(kept, evidence, columns, table, ids)


def _bins(ctx: PartyContext) -> KeptTransform:
    try:
        return load_transform(ctx.plan, _main(ctx).binning, ctx.member, ctx.root)
    except DataError as error:
        raise DataError(f"binning: {error.message}") from None


def _evidence(ctx: PartyContext, bins: KeptTransform) -> Evidence:
    if not isinstance(bins.coder, Evidence):
        raise DataError(f"binning: task {shorten(_main(ctx).binning)} is no binning, so it has no weights of evidence")
    return bins.coder


def _open(s: Session, ctx: PartyContext, kept: Kept) -> tuple[Float, Float | None]:
    """Open weights to the owners of their columns, and the intercept to the label client.

    Cost: 1 round, and 1 for each owner and for the label client; n - 1 elements for each weight and the intercept.
    Leaks: column_weights to each owner for itself; intercept to the label client.
    Ref: protocols, section 22.
    """
    label = ctx.plan.label
    if label is None:
        raise LocalProtocolError("the plan has no label client")
    weights, intercept = LinearRecipe(kept.training).shares(kept.trained, kept.arrays)
    *fresh, last = blinded(s, [*weights.values(), intercept])
    mine: Float = np.zeros(0)
    for owner, share in zip(weights, fresh, strict=True):
        opened = s.reveal_to(owner, "column_weights", share)
        mine = mine if opened is None else opened[:, 0]
    return mine, s.reveal_to(ctx.plan.data.index(label), "intercept", last)


def _card(ctx: PartyContext, prepared: _Prepared, weights: Float) -> Scorecard | None:
    if prepared.evidence is None:
        return None
    return Scorecard(prepared.evidence, prepared.columns, weights, _scale(ctx))


def _mine(prepared: _Prepared, card: Scorecard | None, rows: int) -> Points:
    """Return the points of my columns for each row, shape (n,)."""
    if card is None or prepared.table is None:
        return np.zeros(rows, np.int64)
    places = [prepared.table.columns.index(name) for name in prepared.columns.columns]
    return card.totals(prepared.table.values[:, places])


def _add_up(s: Session, ctx: PartyContext, rows: int, mine: Points) -> Points | None:
    """Open the sums of all parties' points, row by row, to the receiver; None elsewhere.

    Cost: 2 rounds for each `batch_size` rows; n - 1 elements for each row.
    Leaks: points to the receiver.
    Ref: protocols, section 22.
    """
    receiver, size = ctx.plan.data.index(receiver_of(ctx)), main_config(ctx).batch_size
    opened = []
    for start in range(0, rows, size):
        (share,) = blinded(s, [Share(mine[start : start + size].astype(np.uint64), 1.0)])
        opened.append(s.reveal_to(receiver, "points", share))
    mine_opened = [np.rint(part).astype(np.int64) for part in opened if part is not None]
    return np.concatenate(mine_opened) if mine_opened else None


def _write_table(ctx: PartyContext, card: Scorecard | None, base: int | None, kept: Kept) -> None:
    """Write the points of each bin of my columns; at the label client the base points first.

    Where the training worked p-values out, each line has those of its column as well.
    """
    lines = [] if base is None else [(_BASE, *[""] * (len(HEADER) - 2), str(base))]
    lines += [] if card is None else card.table()
    header: tuple[str, ...] = HEADER
    if kept.p_values:
        header = (*HEADER, *p_values.HEADER[1:])
        names = [p_values.INTERCEPT if line[0] == _BASE else line[0] for line in lines]
        lines = [(*line, *p_values.beside(kept.p_values, name)) for line, name in zip(lines, names, strict=True)]
    if lines:
        columns = list(zip(header, zip(*lines, strict=True), strict=True))
        write_texts(_folder(ctx) / _TABLE, columns)


def _folder(ctx: PartyContext) -> Path:
    path = _config(ctx).out_data_path or f"scorecards/{ctx.plan.task}/{ctx.place}"
    return ctx.root.generated_dir(path, create=True)


def _scale(ctx: PartyContext) -> PointScale:
    main = _main(ctx)
    return PointScale(main.base_score, main.base_odds, main.pdo)


def _main(ctx: PartyContext) -> ScorecardMain:
    config = ctx.plan.main.config
    if not isinstance(config, ScorecardMain):
        raise LocalProtocolError("the plan is no plan of a scorecard")
    return config


def _config(ctx: PartyContext) -> ScorecardData:
    config = ctx.member.config
    if not isinstance(config, ScorecardData):
        raise LocalProtocolError("the plan gives this party no configuration of a scorecard")
    return config
