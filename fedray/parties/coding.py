"""Writing a party's rows as its transform codes them; and tasks that do no more, with transforms of earlier ones."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fedray.data.derived import Coded, Picked, Source, write_derived
from fedray.data.load import Split, load_split
from fedray.data.wording import count, shorten
from fedray.data.words import Vocabulary
from fedray.errors import DataError, LocalProtocolError
from fedray.features.steps import Counts, as_coded
from fedray.parties.binning_agreement import Agreed, agree, coded_main
from fedray.parties.context import PartyContext
from fedray.parties.kept_transforms import Coder, KeptTransform, load_transform
from fedray.task.feature_configs import BinningData
from fedray.task.record import EventKind
from fedray.task.transform_configs import CodedData

__all__ = ["Rows", "coded_columns", "labels_before", "read_rows", "replay", "shapes_of", "write_coded"]

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows to be coded.

    Attributes
    ----------
    parts
        By part, with all columns: the label first, if there is one.
    words
        Of each column of categories what its numbers stand for.
    picked
        Which of the source's rows they are; None is all of them.
    """

    parts: Mapping[str, Float]
    words: Mapping[str, tuple[str, ...]]
    picked: Picked | None = None


def replay(ctx: PartyContext) -> tuple[Agreed, Coder, Counts]:
    """Code rows with the transform of an earlier task, and return it; the others do so at the same time.

    Raises
    ------
    DataError
        This party has no such transform, or the rows have other columns.
    """
    with ctx.channel.phase("read"):
        ctx.begin("read", "reading the kept transform and the rows")
        kept = load_transform(ctx.plan, coded_main(ctx).transform or "", ctx.member, ctx.root)
        words = Vocabulary(kept.coder.words)
        split = None if _config(ctx).data_path is None else read_rows(ctx, words)
        if split is not None:
            labels_before(kept, split.columns, named=bool(split.fingerprint))
    agreed = agree(ctx, {**shapes_of(split, len(kept.coder.columns)), "transform": kept.run})
    with ctx.channel.phase("write"):
        if split is None:
            return agreed, kept.coder, Counter()
        return agreed, kept.coder, write_coded(ctx, agreed, kept, Rows(_parts(split), words.words()))


def read_rows(ctx: PartyContext, words: Vocabulary) -> Split:
    """Read this party's tables; `words` takes those of the columns of categories. Local."""
    config = _config(ctx)
    gaps = config.missing == "bin" if isinstance(config, BinningData) else True
    return load_split(_folder(ctx), gaps=gaps, words=words)


def shapes_of(split: Split | None, features: int) -> dict[str, object]:
    """Return what this party tells everybody: its rows, the columns it makes, and its part of the run's name."""
    return {
        "n_train": 0 if split is None else len(split.train),
        "n_test": 0 if split is None else len(split.test),
        "features": features,
        "rows": "" if split is None else split.fingerprint,
        "run": secrets.token_hex(8),
    }


def write_coded(ctx: PartyContext, agreed: Agreed, made: KeptTransform, rows: Rows) -> Counts:
    """Write the data set that is asked for: the label as it is, then the columns that are made; local.

    Returns
    -------
    Counts
        What was counted on the way.
    """
    config = _config(ctx)
    columns, counts = coded_columns(made, rows)
    if config.out_data_path is None:
        return counts
    before = max(table.shape[1] for table in rows.parts.values()) - len(made.coder.given)
    if before:
        columns = [as_coded(made.label, {part: table[:, 0] for part, table in rows.parts.items()}), *columns]
    if not columns:
        cause = "lower iv_min, or " if isinstance(config, BinningData) else ""
        text = f"no column of this party is kept, so no data set is written; {cause}train without this party"
        ctx.tell(EventKind.NOTE, phase="write", text=text)
        return counts
    ctx.begin("write", "writing the columns that were made")
    folder = ctx.root.generated_dir(config.out_data_path, create=True)
    write_derived(folder, Source(_folder(ctx), agreed.rows, rows.picked), ctx.plan.task, agreed.run, columns)
    return counts


def coded_columns(made: KeptTransform, rows: Rows) -> tuple[list[Coded], Counts]:
    """Return the columns that a transform makes, and what was counted; the label, if there is one, is left out."""
    width = len(made.coder.given)
    features = {part: table[:, table.shape[1] - width :] for part, table in rows.parts.items()}
    return made.coder.code(features, rows.words)


def labels_before(kept: KeptTransform, columns: Sequence[str], *, named: bool) -> int:
    """Return how many columns of labels are before the features of a table.

    Parameters
    ----------
    columns
        Names of the columns of the table.
    named
        Whether they are those of a table, else they only count the columns.

    Raises
    ------
    DataError
        The table has other columns than the transform was made of.
    """
    wanted = kept.coder.given
    labels = (kept.label,) if kept.label else ()
    before = len(columns) - len(wanted)
    if before not in (0, len(labels)):
        raise DataError(
            f"data_path: the transform was made of {count(len(wanted), 'column')} of this party, the rows have "
            f"{len(columns)}; align the rows with the same columns"
        )
    names = columns[before:]
    if kept.named and named and tuple(names) != wanted:
        place = next(k for k, (one, other) in enumerate(zip(wanted, names, strict=True)) if one != other)
        raise DataError(
            f"data_path: column {place + 1} of the rows is {shorten(names[place])}, but the transform was made of "
            f"{shorten(wanted[place])} there; align the rows with the same columns, in the same order"
        )
    return before


def _parts(split: Split) -> dict[str, Float]:
    return {"train": split.train, "test": split.test}


def _folder(ctx: PartyContext) -> Path:
    return ctx.root.generated_dir(_config(ctx).data_path or "", field="data_path")


def _config(ctx: PartyContext) -> CodedData:
    config = ctx.member.config
    if not isinstance(config, CodedData):
        raise LocalProtocolError("the plan gives this party no configuration of columns to be coded")
    return config
