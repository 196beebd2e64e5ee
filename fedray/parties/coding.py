"""Writing a party's rows as weights of evidence; and tasks that do no more, with the weights of earlier ones."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fedray.data.derived import Coded, Source, write_derived
from fedray.data.load import Split, load_split
from fedray.data.wording import count, shorten
from fedray.errors import DataError, LocalProtocolError
from fedray.parties.binning_agreement import Agreed, agree, main_config
from fedray.parties.context import PartyContext, PartyOutcome
from fedray.parties.kept_transforms import KeptTransform, load_transform
from fedray.task.configs import BinningData
from fedray.task.record import EventKind

__all__ = ["transform_data", "write_coded"]

Float = npt.NDArray[np.float64]


def transform_data(ctx: PartyContext) -> PartyOutcome:
    """Play a data client of a task that codes rows with the weights of an earlier binning.

    Raises
    ------
    DataError
        This party has no such weights, or the rows have other columns.
    """
    with ctx.channel.phase("read"):
        ctx.begin("read", "reading the kept bins and the rows")
        kept = load_transform(ctx.plan, main_config(ctx).transform or "", ctx.member, ctx.root)
        split = _rows(ctx)
        parts = {} if split is None else _parts(kept, split)
    told: dict[str, object] = {
        "n_train": 0 if split is None else len(split.train),
        "n_test": 0 if split is None else len(split.test),
        "features": len(kept.evidence.binning.columns),
        "rows": "" if split is None else split.fingerprint,
        "run": secrets.token_hex(8),
        "transform": kept.run,
    }
    agreed = agree(ctx, told)
    with ctx.channel.phase("write"):
        if split is not None:
            write_coded(ctx, agreed, kept, parts)
        ctx.channel.send_json(ctx.plan.main.index, "done", {"columns": []})
        ctx.channel.flush()
    return PartyOutcome({"rows": sum(agreed.rows)})


def write_coded(ctx: PartyContext, agreed: Agreed, made: KeptTransform, parts: Mapping[str, Float]) -> None:
    """Write the data set that is asked for: the label as it is, then a weight for each column that is kept; local.

    Parameters
    ----------
    parts
        The rows for training and for tests, with all columns: the label first, if there is one.
    """
    config = _config(ctx)
    if config.out_data_path is None:
        return
    widths = {table.shape[1] for table in parts.values()}
    before = max(widths) - len(made.evidence.binning.given)
    columns = [_as_it_is(made.label, {part: table[:, 0] for part, table in parts.items()})] if before else []
    columns += _weights(made, {part: table[:, before:] for part, table in parts.items()})
    if not columns:
        text = "no column of this party is kept, so no data set is written; lower iv_min, or train without this party"
        ctx.tell(EventKind.NOTE, phase="write", text=text)
        return
    ctx.begin("write", "writing the weights of evidence")
    folder = ctx.root.generated_dir(config.out_data_path, create=True)
    write_derived(folder, Source(_folder(ctx), agreed.rows), ctx.plan.task, agreed.run, columns)


def _weights(made: KeptTransform, parts: Mapping[str, Float]) -> list[Coded]:
    found = {part: list(made.evidence.apply(table)) for part, table in parts.items()}
    return [
        Coded(name, {part: columns[k][0] for part, columns in found.items()}, found["train"][k][1])
        for k, name in enumerate(made.evidence.columns)
    ]


def _as_it_is(name: str, parts: Mapping[str, Float]) -> Coded:
    values, codes = np.unique(np.concatenate(list(parts.values())), return_inverse=True)
    bounds = np.cumsum([len(column) for column in parts.values()])[:-1]
    split = np.split(codes.astype(np.int64), bounds)
    return Coded(name, dict(zip(parts, split, strict=True)), values.tolist())


def _rows(ctx: PartyContext) -> Split | None:
    config = _config(ctx)
    return None if config.data_path is None else load_split(_folder(ctx), gaps=config.missing == "bin")


def _folder(ctx: PartyContext) -> Path:
    return ctx.root.generated_dir(_config(ctx).data_path or "", field="data_path")


def _config(ctx: PartyContext) -> BinningData:
    config = ctx.member.config
    if not isinstance(config, BinningData):
        raise LocalProtocolError("the plan gives this party no configuration of a binning")
    return config


def _parts(kept: KeptTransform, split: Split) -> dict[str, Float]:
    """Return the rows by part; their columns are those of the binning, with the label before them or not.

    Raises
    ------
    DataError
        The columns are others.
    """
    wanted = kept.evidence.binning.given
    labels = (kept.label,) if kept.label else ()
    before = len(split.columns) - len(wanted)
    if before not in (0, len(labels)):
        raise DataError(
            f"data_path: the transform was made of {count(len(wanted), 'column')} of this party, the rows have "
            f"{len(split.columns)}; align the rows with the same columns"
        )
    names = split.columns[before:]
    if kept.named and split.fingerprint and names != wanted:
        place = next(k for k, (one, other) in enumerate(zip(wanted, names, strict=True)) if one != other)
        raise DataError(
            f"data_path: column {place + 1} of the rows is {shorten(names[place])}, but the transform was made of "
            f"{shorten(wanted[place])} there; align the rows with the same columns, in the same order"
        )
    return {"train": split.train, "test": split.test}
