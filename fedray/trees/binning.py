"""Bins of feature columns: cut at quantiles of the training rows, replayed on every other; at the owner only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fedray.data.wording import shorten
from fedray.errors import DataError
from fedray.pool import Alone, Arrays, Facts, Order, Pool, Shelf, in_order

__all__ = ["Binning", "codes_of_column", "edges_of_column"]

Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Binning:
    """The map from values to bins, one column after the other; columns with one value only are left out.

    Bin k of a column holds the values above edge k - 1 and up to edge k; a missing value (NaN) has the bin `bins`,
    after all ordinary ones.

    Attributes
    ----------
    given
        Names of all columns of the table.
    kept
        Places of the columns that vary.
    edges
        Of each kept column, rising, at most bins - 1.
    bins
        Most ordinary bins of a column.
    pool
        Further processes of the owner, which look columns of large tables up; no part of the map.
    """

    given: tuple[str, ...]
    kept: tuple[int, ...]
    edges: tuple[tuple[float, ...], ...]
    bins: int
    pool: Pool = field(default_factory=Alone, repr=False, compare=False)

    @classmethod
    def fit(cls, train: Float, columns: Sequence[str], bins: int, pool: Pool | None = None) -> Self:
        """Cut the columns of the training rows.

        Parameters
        ----------
        train
            Finite float64 or NaN, shape (n, d), n at least 1.
        columns
            Names of the d columns.
        bins
            Most bins of a column, missing values not counted; at least 2.
        pool
            Further processes of the owner; None for none.

        Raises
        ------
        FedrayError
            One of these is lost.
        """
        pool = pool or Alone()
        orders = (Order("bins.edges", {"bins": bins}, (_column(train, k),)) for k in range(train.shape[1]))
        found = in_order(pool.worth(len(train)), orders)
        made = {k: tuple(edges.tolist()) for k, (edges,) in enumerate(found)}
        # a column of one value and gaps has no edge, but tells the ones from the others
        kept = tuple(k for k, edges in made.items() if edges or 0 < np.isnan(train[:, k]).sum() < len(train))
        return cls(tuple(columns), kept, tuple(made[k] for k in kept), bins, pool)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that are kept."""
        return tuple(self.given[k] for k in self.kept)

    def apply(self, x: Float, bound: float = np.inf) -> Float:  # noqa: ARG002 - as other transforms
        """Return the bins of the kept columns, whole numbers, shape (n, kept).

        Parameters
        ----------
        x
            Shape (n, d), with all columns.

        Raises
        ------
        DataError
            The table has another width than the one that was cut.
        """
        if x.shape[1] != len(self.given):
            raise DataError(f"expected a table of {len(self.given)} columns, got {x.shape[1]}")
        codes = np.empty((len(x), len(self.kept)), dtype=np.float64)
        orders = (
            Order("bins.codes", {"bins": self.bins}, (_column(x, k), np.array(edges, np.float64)))
            for k, edges in zip(self.kept, self.edges, strict=True)
        )
        for place, (found,) in enumerate(in_order(self.pool.worth(len(x)), orders)):
            codes[:, place] = found
        return codes

    def notes(self) -> tuple[str, ...]:
        """Return a sentence for each column that is left out."""
        kept = set(self.kept)
        return tuple(
            f"column {shorten(name)} has one value only in the train part: it is left out"
            for k, name in enumerate(self.given)
            if k not in kept
        )

    def as_dict(self) -> dict[str, object]:
        """Return the map as JSON values that `from_dict` reads back without loss."""
        edges = [list(column) for column in self.edges]
        return {"columns": list(self.given), "kept": list(self.kept), "edges": edges, "bins": self.bins}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild the map that `as_dict` wrote.

        Raises
        ------
        DataError
            The document is not one that `as_dict` wrote.
        """
        try:
            edges = tuple(tuple(float(edge) for edge in column) for column in data["edges"])
            kept = tuple(int(k) for k in data["kept"])
            made = cls(tuple(str(name) for name in data["columns"]), kept, edges, int(data["bins"]))
        except (KeyError, TypeError, ValueError):
            made = None
        if made is None or not made.sound:
            raise DataError("binning: expected columns, kept, edges and bins as they were written")
        return made

    @property
    def sound(self) -> bool:
        """Whether every kept column is there once, with edges that rise."""
        places = all(0 <= k < len(self.given) for k in self.kept) and len(set(self.kept)) == len(self.kept)
        rising = all(np.isfinite(column).all() and (np.diff(column) > 0).all() for column in self.edges)
        return places and rising and len(self.kept) == len(self.edges)


def edges_of_column(shelf: Shelf, facts: Facts, column: Float) -> Arrays:  # noqa: ARG001 - every work has a shelf
    """Return the cuts of a column into `bins` bins, shape (cuts,)."""
    return (np.array(_edges(column, int(facts["bins"])), np.float64),)


def codes_of_column(shelf: Shelf, facts: Facts, column: Float, edges: Float) -> Arrays:  # noqa: ARG001
    """Return the bins of a column's values, whole numbers of as few bytes as hold them, shape (n,)."""
    few = np.min_scalar_type(max(int(facts["bins"]), edges.size))
    codes = np.searchsorted(edges, column, side="left").astype(few)
    codes[np.isnan(column)] = facts["bins"]
    return (codes,)


def _column(x: Float, k: int) -> Float:
    return np.ascontiguousarray(x[:, k])


def _edges(column: Float, bins: int) -> tuple[float, ...]:
    """Return the cuts between at most `bins` bins of about equal counts; between any two values where they are few."""
    values = np.unique(column[~np.isnan(column)])
    if values.size > bins:
        present = np.sort(column[~np.isnan(column)])
        # a cut stands at the last value of its bin, so that rows of one value stay together
        last = present[np.ceil(np.arange(1, bins) * present.size / bins).astype(np.int64) - 1]
        cuts = np.unique(last)
        return tuple(float(cut) for cut in cuts[cuts < values[-1]])
    # half of each, as their sum might overflow
    return tuple(float(cut) for cut in _between(values))


def _between(values: Float) -> Float:
    """Return a cut between neighbours: the middle, or the lower of two neighbours that have none."""
    low, high = values[:-1], values[1:]
    middle = low / 2.0 + high / 2.0
    cuts: Float = np.where((middle >= low) & (middle < high), middle, low)
    return cuts
