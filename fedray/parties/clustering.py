"""Clustering aligned rows: what the data clients do, and the order of steps of all roles.

::

    data clients    read and scale their columns; nothing has been said so far
    everybody       learns the shapes, and refuses what does not fit
    owners          mask their rows once
    dealer          streams correlations
    data clients    let every row look for its centroid, and move the centroids, again and again; all on shares
    everybody       learns after each time whether the centroids stand still, if the task has a tolerance
    everybody       learns which clusters are large enough to be told of, and their sizes if all are
    owners          learn the centroids of their own columns, the receiver the cluster of each row
    data clients    keep their summands of the centroids, with which new rows can be predicted

Only training rows are clustered.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fedray.data.load import load_split
from fedray.data.new_rows import Ids, load_ids, write_predictions, write_texts
from fedray.data.scaling import Standardizer
from fedray.errors import LocalProtocolError
from fedray.ml.kmeans_model import KMeansModel, Opened
from fedray.mpc import Session
from fedray.mpc.dealer import Supply
from fedray.parties.clustering_agreement import Agreed, agree, main_config, receiver_of
from fedray.parties.context import PartyContext, PartyOutcome
from fedray.parties.kept import Columns, keep
from fedray.parties.kmeans_recipe import KMeansRecipe
from fedray.ring import series
from fedray.task.config_bases import Role
from fedray.task.kmeans_configs import KMeansData
from fedray.task.record import TRAIN_PHASE, EventKind

__all__ = ["CENTROIDS_FILE", "run_data"]

Float = npt.NDArray[np.float64]

CENTROIDS_FILE = "centroids.csv"

BEAT_S = 30.0
"""How often the main client is told that the clustering still goes on."""


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A data client's input: its columns, their scaled values if there are any, what it tells, ids at the receiver."""

    columns: Columns
    scaling: Standardizer
    values: Float | None
    told: dict[str, object]
    ids: Ids | None


def run_data(ctx: PartyContext) -> PartyOutcome:
    """Play a feature client or the label client.

    Raises
    ------
    DataError, RangeGuardError
        The tables cannot be used; raised before any share leaves.
    PolicyError
        The party's policy allows fewer predictions today than the receiver would learn; raised before that, too.
    """
    with ctx.channel.phase("read"):
        ctx.begin("read", "reading and scaling the tables")
        prepared = _prepare(ctx)
    agreed = agree(ctx, prepared.told)
    receiver = receiver_of(ctx)
    if receiver is not None:
        ctx.allowance.take(agreed.design.rows[0])
    session = Session(ctx.channel, tuple(member.index for member in ctx.plan.data))
    with ctx.channel.phase("share"):
        ctx.begin("share", "masking the rows")
        model, supply = _model(ctx, session, agreed, prepared.values)
    with ctx.channel.phase(TRAIN_PHASE):
        ctx.begin(TRAIN_PHASE, f"clustering {agreed.design.rows[0]} rows")
        stands = _cluster(ctx, agreed, model)
        if model.done < agreed.design.steps:
            supply.end()
    with ctx.channel.phase("open"):
        opened = model.open(None if receiver is None else ctx.plan.data.index(receiver))
    with ctx.channel.phase("save"):
        _save(ctx, agreed, prepared, model, opened)
        ctx.channel.send_json(ctx.plan.main.index, "done", _told(ctx, model, opened, stands))
        ctx.channel.flush()
    return PartyOutcome({"rows": agreed.design.rows[0]})


def _prepare(ctx: PartyContext) -> _Prepared:
    """Read this data client's tables, scale its columns, see that what comes out can be kept; local."""
    config, recipe = _config(ctx), KMeansRecipe(ctx.plan)
    folder = ctx.root.generated_dir(config.data_path, field="data_path")
    split = load_split(folder, untested=True)
    labels = 1 if ctx.member.role is Role.LABEL_CLIENT else 0
    scaling = recipe.fit(config, split.train[:, labels:], split.columns[labels:])
    for note in scaling.notes():
        ctx.tell(EventKind.NOTE, phase="read", text=note)
    values = scaling.apply(split.train[:, labels:], recipe.limit) if scaling.columns else None
    told: dict[str, object] = {
        "n_train": len(split.train),
        "n_test": len(split.test),
        "features": len(scaling.columns),
        "rows": split.fingerprint,
        "run": secrets.token_hex(8),
    }
    columns = Columns(split.columns[:labels], scaling, bool(split.fingerprint))
    receives = receiver_of(ctx) is ctx.member
    ids = load_ids(folder, "train") if receives else None
    ctx.root.party_key(create=True)  # seals the centroids
    if scaling.columns or receives:
        _folder(ctx)
    return _Prepared(columns, scaling, values, told, ids)


def _model(ctx: PartyContext, session: Session, agreed: Agreed, values: Float | None) -> tuple[KMeansModel, Supply]:
    if ctx.plan.dealer is None:
        raise LocalProtocolError("the plan has no dealer")
    series.warm_up()
    design = agreed.design
    supply = Supply(ctx.channel, ctx.plan.dealer.index, session.rank, design.label, agreed.course.segments())
    return KMeansModel(session, design, supply, values), supply


def _cluster(ctx: PartyContext, agreed: Agreed, model: KMeansModel) -> bool:
    """Move the centroids until they stand still, or often enough; return whether they were seen to stand still."""
    stands, steps, beat = False, agreed.design.steps, _Beat(ctx)
    while not stands and model.done < steps:
        model.look(beat)
        stands = model.update()
        beat()
        if ctx.member is ctx.plan.data[0]:
            ctx.progress(TRAIN_PHASE, model.done, model.done if stands else steps)
    model.look(beat)
    return stands


class _Beat:
    """Lets the first data client tell the main client, now and then, that it is still there."""

    def __init__(self, ctx: PartyContext) -> None:
        self._ctx, self._told = ctx, time.monotonic()

    def __call__(self) -> None:
        now, ctx = time.monotonic(), self._ctx
        if ctx.member is ctx.plan.data[0] and now - self._told > BEAT_S:
            self._told = now
            ctx.channel.send_json(ctx.plan.main.index, "done", None)


def _save(ctx: PartyContext, agreed: Agreed, prepared: _Prepared, model: KMeansModel, opened: Opened) -> None:
    """Keep my summands of the centroids, and write what was opened to me."""
    design = agreed.design
    facts = {"features": list(design.features), "n_train": design.rows[0], "steps": model.done, "run": agreed.run}
    keep(ctx.plan, ctx.member, ctx.root, prepared.columns, model.arrays(), facts)
    if opened.centroids is not None:
        places = np.flatnonzero(opened.large)
        values = opened.centroids * np.array(prepared.scaling.std) + np.array(prepared.scaling.mean)
        columns = [_texts(name, values[places, k]) for k, name in enumerate(prepared.scaling.columns)]
        write_texts(_folder(ctx) / CENTROIDS_FILE, [("cluster", [str(place) for place in places]), *columns])
    if opened.clusters is not None:
        write_predictions(_folder(ctx), prepared.ids, opened.clusters[:, None].astype(np.float64))


def _texts(name: str, values: Float) -> tuple[str, Sequence[str]]:
    return name, [repr(float(value)) for value in values]


def _told(ctx: PartyContext, model: KMeansModel, opened: Opened, stands: bool) -> dict[str, object]:
    """Return what the main client is told: nothing that was not opened to all parties with data."""
    tags = ("large_clusters", "cluster_sizes", *(["converged"] if main_config(ctx).tol else []))
    for tag in tags:
        ctx.channel.reveals.add(tag, (ctx.plan.main.index,), ())
    return {
        "iterations": model.done,
        "converged": stands if main_config(ctx).tol else None,
        "large": [int(place) for place in np.flatnonzero(opened.large)],
        "sizes": None if opened.sizes is None else opened.sizes.tolist(),
    }


def _folder(ctx: PartyContext) -> Path:
    path = _config(ctx).out_data_path or f"clusters/{ctx.plan.task}/{ctx.place}"
    return ctx.root.generated_dir(path, create=True)


def _config(ctx: PartyContext) -> KMeansData:
    config = ctx.member.config
    if not isinstance(config, KMeansData):
        raise LocalProtocolError("the plan gives this party no configuration of a clustering")
    return config
