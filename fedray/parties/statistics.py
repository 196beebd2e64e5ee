"""Statistics of columns, and correlations between parties: what the data clients do, and the order of steps of all.

::

    data clients    read and describe their columns; nothing has been said so far
    everybody       learns the shapes, and refuses what does not fit
    owners          mask their standardised columns once
    dealer          streams correlations of masks
    data clients    multiply their columns on shares
    correlations    are opened to the two parties whose columns they are, or to all
    data clients    keep what they know, and tell the main client what the task says

Only training rows count.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fedray.data.documents import save_document
from fedray.data.load import load_split
from fedray.data.sealed_folder import SealedFolder
from fedray.errors import DataError, LocalProtocolError, RemoteProtocolError
from fedray.features.advice import advise
from fedray.features.correlation import (
    ALL_TAG,
    CorrelationDesign,
    correlate,
    open_to_all,
    open_to_pairs,
    segments,
)
from fedray.features.describing import LEAST_ROWS, Standardised, describe, standardise
from fedray.features.moving import moved
from fedray.mpc import Session
from fedray.mpc.dealer import Supply
from fedray.parties.context import PartyContext, PartyOutcome
from fedray.parties.statistics_agreement import Agreed, agree, is_matrix, main_config
from fedray.task.feature_configs import StatisticsData
from fedray.task.record import EventKind
from fedray.task.spec import Role

__all__ = ["STATISTICS", "Prepared", "prepare", "run_data", "statistics_folder"]

Float = npt.NDArray[np.float64]

STATISTICS = "statistics.json"


@dataclass(frozen=True, eq=False)
class Prepared:
    """A data client's input.

    Attributes
    ----------
    described
        The statistics of its columns.
    standardised
        Its columns that can be correlated.
    told
        Its shapes.
    """

    described: list[dict[str, object]]
    standardised: Standardised
    told: dict[str, object]


def run_data(ctx: PartyContext) -> PartyOutcome:
    """Play a feature client or the label client.

    Raises
    ------
    DataError
        The tables cannot be used; raised before any share leaves.
    """
    with ctx.channel.phase("read"):
        ctx.begin("read", "reading and describing the tables")
        prepared = prepare(ctx)
    agreed = agree(ctx, prepared.told)
    known: dict[str, object] = {}
    if agreed.design is not None:
        for note in prepared.standardised.notes():
            ctx.tell(EventKind.NOTE, phase="read", text=note)
        known = _correlations(ctx, agreed.design, prepared.standardised)
    with ctx.channel.phase("write"):
        _keep(ctx, {"rows": agreed.rows, "columns": prepared.described, **known})
        ctx.channel.send_json(ctx.plan.main.index, "done", _told(ctx, agreed, prepared, known))
        ctx.channel.flush()
    return PartyOutcome({"rows": agreed.rows})


def prepare(ctx: PartyContext) -> Prepared:
    """Read this data client's tables, describe and standardise its columns; local."""
    config = _config(ctx)
    split = load_split(ctx.root.generated_dir(config.data_path, field="data_path"), gaps=True)
    first = 1 if ctx.member.role is Role.LABEL_CLIENT else 0
    table, names = split.train[:, first:], split.columns[first:]
    if len(table) < LEAST_ROWS:
        raise DataError(
            f"train.csv: expected at least {LEAST_ROWS} rows, so that no number tells of single ones, got {len(table)}"
        )
    described = [describe(name, column) for name, column in zip(names, table.T, strict=True)]
    for facts, found in zip(described, _moved(ctx, table, names, first), strict=False):
        facts["stability"] = found
    correlated = main_config(ctx).correlation != "none"
    standardised = standardise(table, names) if correlated else Standardised((), np.empty((len(table), 0)), ())
    told: dict[str, object] = {
        "n_train": len(split.train),
        "n_test": len(split.test),
        "features": len(standardised.columns) if correlated else len(names),
        "rows": split.fingerprint,
        "run": secrets.token_hex(8),
    }
    return Prepared(described, standardised, told)


def _moved(ctx: PartyContext, table: Float, names: tuple[str, ...], first: int) -> Iterator[dict[str, object]]:
    """Yield how far the distribution of each column has moved, where another data set is named; local."""
    path = _config(ctx).reference_path
    if path is None:
        return
    split = load_split(ctx.root.generated_dir(path, field="reference_path"), gaps=True)
    if split.columns[first:] != names:
        raise DataError("reference_path: expected the columns of data_path, in its order")
    if len(split.train) < LEAST_ROWS:
        raise DataError(f"reference_path: expected at least {LEAST_ROWS} rows to compare, got {len(split.train)}")
    for name, before, now in zip(names, split.train[:, first:].T, table.T, strict=True):
        yield moved(name, before, now, main_config(ctx).stability_bins)


def _correlations(ctx: PartyContext, design: CorrelationDesign, mine: Standardised) -> dict[str, object]:
    """Return the correlations that I learn, as JSON values."""
    if ctx.plan.dealer is None:
        raise LocalProtocolError("the plan has no dealer")
    with ctx.channel.phase("correlate"):
        ctx.begin("correlate", "correlating columns of different parties")
        session = Session(ctx.channel, tuple(member.index for member in ctx.plan.data))
        supply = Supply(ctx.channel, ctx.plan.dealer.index, session.rank, 0, segments(design))
        found = correlate(session, design, supply, mine.values if mine.columns else None)
        own = mine.values.T @ mine.values / design.rows
        if main_config(ctx).correlation == "parties":
            pairs = open_to_pairs(session, design, found)
            names = _names(ctx, design, mine, sorted(pairs), {})
            return {"correlation": _by_party(ctx, mine, own, pairs, names)}
        matrix = open_to_all(session, design, found)
        others = [rank for rank in range(session.size) if rank != session.rank]
        ctx.channel.reveals.add(ALL_TAG, tuple(session.computing[rank] for rank in others), own.shape)
        names = _names(ctx, design, mine, others, {"own": own.tolist()})
        return _whole(ctx, design, matrix, {**names, session.rank: _Named(mine.columns, own)})


@dataclass(frozen=True, eq=False)
class _Named:
    """Names of a party's columns, and the correlations among them if it told these."""

    columns: tuple[str, ...]
    own: Float


def _names(
    ctx: PartyContext, design: CorrelationDesign, mine: Standardised, ranks: Iterable[int], more: dict[str, object]
) -> dict[int, _Named]:
    """Exchange the names of columns with some parties, by rank; and what else is told with them."""
    ranks = list(ranks)
    for rank in ranks:
        ctx.channel.send_json(ctx.plan.data[rank].index, "names", {"columns": list(mine.columns), **more})
    return {rank: _hear(ctx, design, rank, bool(more)) for rank in ranks}


def _hear(ctx: PartyContext, design: CorrelationDesign, rank: int, with_own: bool) -> _Named:
    frm, width = ctx.plan.data[rank].index, design.features[rank]
    told = ctx.channel.recv_json(frm, "names")
    columns = told.get("columns") if isinstance(told, dict) else None
    own = told.get("own") if isinstance(told, dict) and with_own else np.eye(width).tolist()
    fits = isinstance(columns, list) and len(columns) == width and all(isinstance(name, str) for name in columns)
    if not fits or not is_matrix(own, width):
        raise RemoteProtocolError(f"{ctx.plan.names[frm]}: expected the names of its columns")
    return _Named(tuple(columns or ()), np.array(own, dtype=np.float64).reshape(width, width))


def _by_party(
    ctx: PartyContext, mine: Standardised, own: Float, pairs: dict[int, Float], names: dict[int, _Named]
) -> dict[str, object]:
    """Return what is known of my own columns alone: with each other, and with those of each other party."""
    others = [
        {
            "party": ctx.plan.names[ctx.plan.data[rank].index],
            "columns": list(names[rank].columns),
            "values": block.tolist(),
        }
        for rank, block in sorted(pairs.items())
    ]
    return {"columns": list(mine.columns), "own": own.tolist(), "others": others}


def _whole(ctx: PartyContext, design: CorrelationDesign, matrix: Float, named: dict[int, _Named]) -> dict[str, object]:
    """Return all correlations of all columns, and the advice that follows for mine."""
    columns: list[dict[str, str]] = []
    for rank in range(len(design.features)):
        matrix[design.place(rank), design.place(rank)] = named[rank].own
        party = ctx.plan.names[ctx.plan.data[rank].index]
        columns += [{"party": party, "column": name} for name in named[rank].columns]
    return {"correlation": {"columns": columns, "values": matrix.tolist()}, "leave_out": _advice(ctx, matrix, columns)}


def statistics_folder(ctx: PartyContext, task: str, *, create: bool) -> SealedFolder:
    """Return where this party keeps what a task of statistics has found; raises ``DataError`` where it has nothing."""
    try:
        return ctx.root.sealed_dir(f"statistics/{task}/{ctx.place}", create=create)
    except DataError:
        if create:
            raise
        raise DataError(
            "this party has nothing of such a task; name a task of statistics of the same parties, in the same order"
        ) from None


def _keep(ctx: PartyContext, facts: dict[str, object]) -> None:
    """Write what this party knows now into its own folder."""
    folder = statistics_folder(ctx, ctx.plan.task, create=True)
    save_document(folder, STATISTICS, {"task": ctx.plan.task, "plan": ctx.plan.digest, **facts})


def _advice(ctx: PartyContext, matrix: Float, columns: list[dict[str, str]]) -> list[str]:
    """Return which of my own columns are to be left out; everybody comes to the same."""
    main, mine = main_config(ctx), ctx.plan.names[ctx.me]
    advised = [columns[k] for k in advise(matrix, main.correlation_max, main.vif_max)]
    return [column["column"] for column in advised if column["party"] == mine]


def _told(ctx: PartyContext, agreed: Agreed, prepared: Prepared, known: dict[str, object]) -> dict[str, object]:
    """Return what the main client is told: shared statistics, and from the first party the correlations of all."""
    told: dict[str, object] = {}
    if _config(ctx).share:
        ctx.channel.reveals.add("column_statistics", (ctx.plan.main.index,), ())
        told["statistics"] = [_without_cuts(column) for column in prepared.described]
    if agreed.design is not None and main_config(ctx).correlation == "all" and ctx.member is ctx.plan.data[0]:
        ctx.channel.reveals.add(ALL_TAG, (ctx.plan.main.index,), (sum(agreed.features),) * 2)
        told["correlation"] = known["correlation"]
    return told


def _without_cuts(column: dict[str, object]) -> dict[str, object]:
    """Return statistics for the report: of a distribution that has moved the index only, as cuts are values of rows."""
    stability = column.get("stability")
    return {**column, "stability": stability["psi"]} if isinstance(stability, dict) else column


def _config(ctx: PartyContext) -> StatisticsData:
    config = ctx.member.config
    if not isinstance(config, StatisticsData):
        raise LocalProtocolError("the plan gives this party no configuration of statistics")
    return config
