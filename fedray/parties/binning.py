"""Binning with weights of evidence: what the data clients do, and the order of steps of all roles.

::

    data clients    read their tables and cut their columns into bins; nothing has been said so far
    everybody       learns the shapes, and refuses what does not fit
    owners          mask their bins once
    dealer          streams correlations
    data clients    count on shares the rows of each bin with the label 1, and join bins with too few of either label
    owners          learn which of their bins stand, and their counts; work out weights of evidence
    data clients    keep their weights, and write data sets whose values are weights
    owners          tell the main client names and information values of their columns

The label party's own columns are counted by itself. With a transform everybody codes its rows with the weights that it
kept, and no number is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from fedray.data.load import Split
from fedray.data.words import Vocabulary
from fedray.errors import DataError, LocalProtocolError
from fedray.features.cutting import cut, slots
from fedray.features.evidence import Evidence, Grouped, join_locally, weigh
from fedray.features.joining import CountDesign, count_positives, join, joined_counts, segments
from fedray.mpc import Session
from fedray.mpc.dealer import Supply
from fedray.mpc.share import Share
from fedray.parties.binning_agreement import Agreed, agree, main_config
from fedray.parties.coding import Rows, read_rows, replay, shapes_of, write_coded
from fedray.parties.context import PartyContext, PartyOutcome
from fedray.parties.kept_transforms import KeptTransform, keep_transform
from fedray.parties.labels import binary
from fedray.task.config_bases import Role
from fedray.task.feature_configs import BinningData
from fedray.task.record import EventKind
from fedray.trees.binning import Binning

__all__ = ["Prepared", "prepare", "run_data"]

Float = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A data client's input.

    Attributes
    ----------
    split
        Its tables.
    label
        At the label client 0 or 1 of each training row, shape (n,); None elsewhere.
    binning
        The cuts of its columns of features.
    codes
        The slots of its training rows, shape (n, columns that vary).
    """

    split: Split
    label: Float | None
    binning: Binning
    codes: Codes

    @property
    def labels(self) -> int:
        """Columns of labels before the features."""
        return 0 if self.label is None else 1


def run_data(ctx: PartyContext) -> PartyOutcome:
    """Play a feature client or the label client.

    Raises
    ------
    DataError
        The tables cannot be used; raised before any share leaves.
    """
    if main_config(ctx).transform is not None:
        return _again(ctx)
    with ctx.channel.phase("read"):
        ctx.begin("read", "reading the tables and cutting the columns")
        prepared = prepare(ctx)
    split, binning = prepared.split, prepared.binning
    agreed = agree(ctx, shapes_of(split, len(binning.columns)))
    evidence = _evidence(ctx, agreed, prepared)
    with ctx.channel.phase("write"):
        _write(ctx, agreed, prepared, evidence)
        ctx.channel.reveals.add("column_iv", (ctx.plan.main.index,), ())
        ctx.channel.send_json(ctx.plan.main.index, "done", {"columns": evidence.told()})
        ctx.channel.flush()
    return PartyOutcome({"rows": agreed.rows[0]})


def _again(ctx: PartyContext) -> PartyOutcome:
    """Code rows with the bins of an earlier task."""
    agreed, _, _ = replay(ctx)
    ctx.channel.send_json(ctx.plan.main.index, "done", {"columns": []})
    ctx.channel.flush()
    return PartyOutcome({"rows": sum(agreed.rows)})


def prepare(ctx: PartyContext) -> Prepared:
    """Read and check this data client's tables, and cut its columns; local."""
    config, main = ctx.member.config, main_config(ctx)
    if not isinstance(config, BinningData) or config.data_path is None:
        raise LocalProtocolError("the plan gives this party no table to bin")
    split = read_rows(ctx, Vocabulary())
    label = None
    if ctx.member.role is Role.LABEL_CLIENT:
        label = binary(split, 1).train[:, 0]
        if min(label.sum(), (1.0 - label).sum()) < main.min_bin:
            raise DataError(
                f"train.csv: the label column has fewer rows of one class than min_bin = {main.min_bin}, so no bin can "
                "have as many; use more rows"
            )
    first = 0 if label is None else 1
    features = split.train[:, first:]
    binning = cut(features, split.columns[first:], main.max_bin, main.method)
    return Prepared(split, label, binning, slots(binning, features))


def _evidence(ctx: PartyContext, agreed: Agreed, prepared: Prepared) -> Evidence:
    """Return the weights of my columns; the others' are worked out at the same time."""
    if agreed.design is None:
        raise LocalProtocolError("a binning without a design")
    design, main = agreed.design, main_config(ctx)
    grouped = _count(ctx, design, prepared)
    if prepared.label is not None:
        y = prepared.label
        grouped = tuple(join_locally(column, y, design.slots, design.least) for column in prepared.codes.T)
    n_train = agreed.rows[0]
    weighed = tuple(
        weigh(column, design.slots, found, (n_train - sum(found.positives), sum(found.positives)))
        for column, found in zip(prepared.codes.T, grouped, strict=True)
    )
    evidence = Evidence(prepared.binning, weighed, main.iv_min, main.write)
    for note in evidence.notes():
        ctx.tell(EventKind.NOTE, phase="count", text=note)
    return evidence


def _count(ctx: PartyContext, design: CountDesign, prepared: Prepared) -> tuple[Grouped, ...]:
    """Count on shares; return the bins of my columns if I am a feature client."""
    if ctx.plan.dealer is None:
        raise LocalProtocolError("the plan has no dealer")
    with ctx.channel.phase("share"):
        ctx.begin("share", "masking the bins")
        session = Session(ctx.channel, tuple(member.index for member in ctx.plan.data))
        supply = Supply(ctx.channel, ctx.plan.dealer.index, session.rank, design.label, segments(design))
        mine = prepared.codes if design.features[session.rank] else None
        label = None if prepared.label is None else prepared.label.astype(np.uint64)
        positives = count_positives(session, design, supply, mine, label)
    with ctx.channel.phase("count"):
        ctx.begin("count", "joining bins with too few rows of either label")
        found = join(session, design, supply, positives, _rows(design, session.rank, mine), _progress(ctx))
        return joined_counts(session, design, found)


def _rows(design: CountDesign, rank: int, codes: Codes | None) -> Share:
    """Return the rows of each slot of each column, which its owner alone knows."""
    rows = np.zeros((design.columns, design.slots), np.uint64)
    if codes is not None:
        counts = [np.bincount(column, minlength=design.slots) for column in codes.T]
        rows[design.place(rank)] = np.array(counts).astype(np.uint64)
    return Share(rows, 1.0)


def _progress(ctx: PartyContext) -> Callable[[int, int], None]:
    """Return what tells how far the count is: the label client does."""
    if ctx.member.role is not Role.LABEL_CLIENT:
        return lambda done, total: None  # noqa: ARG005 - one of them is enough
    return partial(ctx.progress, "count")


def _write(ctx: PartyContext, agreed: Agreed, prepared: Prepared, evidence: Evidence) -> None:
    """Keep the weights, and write the data set that is asked for."""
    split, labels = prepared.split, prepared.labels
    label = split.columns[0] if labels else ""
    made = KeptTransform(agreed.run, label, bool(split.fingerprint), evidence)
    keep_transform(ctx.plan, ctx.member, ctx.root, made)
    write_coded(ctx, agreed, made, Rows({"train": split.train, "test": split.test}, {}))
