"""New rows brought through the transforms of earlier tasks before a model sees them; local, at their owner."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from fedray.data.new_rows import NewRows
from fedray.data.wording import count, shorten
from fedray.data.words import Vocabulary
from fedray.errors import DataError
from fedray.parties.coding import Rows, coded_columns, labels_before
from fedray.parties.context import PartyContext
from fedray.parties.kept_transforms import KeptTransform, load_transform
from fedray.task.record import EventKind

__all__ = ["kept_transforms", "read_coded"]

_PART = "rows"


def kept_transforms(ctx: PartyContext, names: Sequence[str]) -> list[KeptTransform]:
    """Return this party's parts of earlier tasks.

    Raises
    ------
    DataError
        It has none of one of them.
    """
    found = []
    for place, name in enumerate(names):
        try:
            found.append(load_transform(ctx.plan, name, ctx.member, ctx.root))
        except DataError as error:
            raise DataError(f"transforms[{place}]: {error.message}") from None
    return found


def read_coded(
    ctx: PartyContext,
    kept: Sequence[KeptTransform],
    read: Callable[[Vocabulary], NewRows],
    *,
    gaps: bool = False,
    orders: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> NewRows:
    """Return new rows as some transforms, one after the other, make them.

    Parameters
    ----------
    read
        Reads the rows, with gaps; the vocabulary takes the words of columns of categories.
    gaps
        Whether values may still be missing at the end.
    orders
        As for `fedray.parties.prediction.new_rows`.

    Raises
    ------
    DataError
        A transform was made of other columns, or a value is missing at the end.
    """
    words = Vocabulary(kept[0].coder.words) if kept else Vocabulary.of(orders)
    table = read(words)
    for place, one in enumerate(kept):
        if place:
            table, words = _worded(Vocabulary(one.coder.words), table)
        table = _code(ctx, one, table, words)
    if kept and orders:
        table, _ = _worded(Vocabulary.of(orders), table)
    _note_unseen(ctx, table, orders)
    missing = np.isnan(table.values).any(axis=0)
    if kept and not gaps and missing.any():
        name = shorten(table.columns[int(missing.argmax())])
        raise DataError(f"data_path: column {name} has gaps after the transforms; fill them by a step imputation")
    return table


def _code(ctx: PartyContext, kept: KeptTransform, table: NewRows, words: Vocabulary) -> NewRows:
    """Return new rows as a transform makes them, without any label before them; notes categories that it does not know.

    Raises
    ------
    DataError
        The transform was made of other columns.
    """
    labels_before(kept, table.columns, named=table.named)
    columns, counts = coded_columns(kept, Rows({_PART: table.values}, words.words()))
    if kept.coder.words:
        ctx.channel.reveals.add("cell_counts", (ctx.plan.main.index,), ())
    _tell_unseen(ctx, counts["unseen"])
    values = np.empty((len(table.values), len(columns)))
    for k, column in enumerate(columns):
        values[:, k] = np.array(column.values)[column.codes[_PART]]
    return replace(table, values=values, columns=kept.coder.columns, named=table.named and kept.named)


def _note_unseen(ctx: PartyContext, table: NewRows, orders: Mapping[str, Sequence[str]]) -> None:
    """Note how many cells have a category that the model does not know; they count as missing.

    Raises
    ------
    DataError
        Nobody knows which columns these are.
    """
    if not orders:
        return
    if not table.named:
        raise DataError("data_path: the model has columns of categories, and the rows no names of columns; align them")
    ctx.channel.reveals.add("cell_counts", (ctx.plan.main.index,), ())
    places = [(k, len(orders[name])) for k, name in enumerate(table.columns) if name in orders]
    _tell_unseen(ctx, sum(int((table.values[:, k] >= size).sum()) for k, size in places))


def _tell_unseen(ctx: PartyContext, unseen: int) -> None:
    if unseen:
        text = f"{count(unseen, 'cell')} with a category that the training rows do not have"
        ctx.tell(EventKind.NOTE, phase="read", text=text)


def _worded(words: Vocabulary, table: NewRows) -> tuple[NewRows, Vocabulary]:
    """Return rows whose numbers are words where a transform or a model takes them for categories."""
    values = table.values.copy()
    for k, name in enumerate(table.columns):
        if name in words:
            values[:, k] = words.of_numbers(name, values[:, k])
    return replace(table, values=values), words
