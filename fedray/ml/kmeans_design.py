"""The public numbers of a clustering by k-means, its schedule, and how fine its arithmetic is.

A row belongs to the nearest centroid. Of the squared distance the row's own part is the same for all centroids, so

    |c|^2 - 2 x c          c: a centroid, x: a row

is compared. Rows and centroids are whole numbers, of 2^-bits, and these products are exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import frexp

import numpy as np
import numpy.typing as npt

from fedray.errors import SpecError
from fedray.mpc.compare import MsbMask
from fedray.mpc.correlation import BackwardMask, Correlation, ForwardMask, SquareMask, Triple, TruncMask
from fedray.mpc.dealer import PrivateShape
from fedray.mpc.maximum import Tournament
from fedray.mpc.normal import Span
from fedray.mpc.roots import Quotient
from fedray.mpc.schedule import Segment
from fedray.prg import Stream

__all__ = ["KMeansDesign", "Rows", "counted_segments", "matrices", "rows_segments", "segments", "training_rows"]

FINEST_BITS = 20
LEAST_BITS = 6
ROOM_BITS = 61
"""All squared distances together, of centroids from where they were, stay below 2^61."""

BLOCK_VALUES = 1 << 18
"""Distances that are compared at a time: about a hundred bytes each."""


@dataclass(frozen=True)
class KMeansDesign:
    """A clustering as every party and the dealer know it; a step is an iteration.

    Attributes
    ----------
    features
        Columns at each computing party, by rank; 0 where it has none.
    rows
        Training and test rows; only the first are clustered.
    clusters
        Number of clusters.
    steps
        Iterations, if nothing ends it before.
    tol
        Sum of the squared ways of all centroids below which an iteration is the last; 0 for no such end.
    limit
        Largest magnitude of a value.
    seed
        Public seed, from which the rows are drawn that are the first centroids.

    Raises
    ------
    SpecError
        There are more clusters than rows, or so many columns and so large values that too few bits would be left.
    """

    features: tuple[int, ...]
    rows: tuple[int, int]
    clusters: int
    steps: int
    tol: float
    limit: float
    seed: str

    def __post_init__(self) -> None:
        if self.clusters > self.rows[0]:
            raise SpecError(f"clusters: expected at most one for each of the {self.rows[0]} rows, got {self.clusters}")
        if self.bits < LEAST_BITS:
            raise SpecError(
                f"limit: {self.limit:g} with {self.columns} columns and {self.clusters} clusters leaves {self.bits} "
                f"bits behind the point, and {LEAST_BITS} is the least; scale the columns and give a smaller limit"
            )

    @property
    def label(self) -> int:
        """Rank of the party that takes the dealer's corrections."""
        return 0

    @property
    def columns(self) -> int:
        """Columns of all owners."""
        return sum(self.features)

    @property
    def owners(self) -> tuple[int, ...]:
        """Ranks with columns."""
        return tuple(rank for rank, columns in enumerate(self.features) if columns)

    @property
    def bits(self) -> int:
        """Bits behind the point of values and centroids."""
        _, exponent = frexp(4.0 * self.clusters * self.columns * self.limit**2)  # exact, so the same everywhere
        return min(FINEST_BITS, (ROOM_BITS - exponent) // 2)

    @property
    def scale(self) -> float:
        """Ring units of a value's 1.0."""
        return 2.0**self.bits

    @property
    def quotient(self) -> Quotient:
        """The plan of the means: sums of values over numbers of rows."""
        span = Span(0, max(2, self.rows[0].bit_length()))
        return Quotient("mean", (self.clusters,), span, self.limit * self.scale, self.columns)

    @property
    def cut(self) -> int:
        """Bits by which a mean, as it is divided, is finer than a centroid."""
        plan = self.quotient
        return plan.span.high - plan.shift + plan.bits

    def place(self, owner: int) -> slice:
        """Return where an owner's columns lie among those of all, in the order of ranks."""
        return slice(sum(self.features[:owner]), sum(self.features[: owner + 1]))

    def next_test(self, done: int) -> int:  # noqa: ARG002 - the interface
        """Return the last step: there is no test."""
        return self.steps

    def starts(self) -> npt.NDArray[np.int64]:
        """Return the places of the rows that are the first centroids: different ones, drawn from the seed."""
        words = Stream.from_seed(f"{self.seed}/kmeans").words("starts", (self.rows[0],))
        return np.argsort(words, kind="stable")[: self.clusters].astype(np.int64)


@dataclass(frozen=True)
class Rows:
    """Rows that look for their centroids.

    Attributes
    ----------
    design
        The clustering.
    matrix
        Name of the owners' private matrices with these rows.
    count, batch
        How many they are, and how many are compared at a time.
    """

    design: KMeansDesign
    matrix: str
    count: int
    batch: int

    def blocks(self) -> Iterator[slice]:
        """Yield the rows that are compared at a time."""
        for start in range(0, self.count, self.batch):
            yield slice(start, min(start + self.batch, self.count))

    def tournament(self, rows: slice) -> Tournament:
        """Return the plan of a block's comparisons."""
        return Tournament("near", (rows.stop - rows.start, self.design.clusters), place=True)


def training_rows(design: KMeansDesign) -> Rows:
    """Return the rows that are clustered."""
    return Rows(design, "train", design.rows[0], max(1, BLOCK_VALUES // design.clusters))


def matrices(rows: Rows) -> tuple[PrivateShape, ...]:
    """Return the private matrices: the rows' columns of each owner."""
    design = rows.design
    return tuple(PrivateShape(owner, rows.matrix, (rows.count, design.features[owner])) for owner in design.owners)


def rows_segments(rows: Rows, label: str) -> Iterator[Segment]:
    """Yield the schedule of a look for the nearest centroids: their squares, and a step for each block of rows."""
    design = rows.design
    yield Segment(f"{label}/squares", 1, (SquareMask("square", (design.columns, design.clusters)),))
    for block in rows.blocks():
        count = block.stop - block.start
        forward = tuple(
            ForwardMask(f"F{owner}", owner, rows.matrix, "rows", (count, design.features[owner], design.clusters))
            for owner in design.owners
        )
        masks = (*forward, *rows.tournament(block).correlations())
        yield Segment(f"{label}/rows/{block.start}", 1, masks, {"rows": np.arange(block.start, block.stop)[None]})


def _update_masks(design: KMeansDesign) -> tuple[Correlation, ...]:
    """Return what new centroids take: sums, numbers of rows, means, what is kept, and how far they have gone."""
    shape = (design.columns, design.clusters)
    backward = tuple(
        BackwardMask(f"B{owner}", owner, "train", "rows", (design.rows[0], design.features[owner], design.clusters))
        for owner in design.owners
    )
    moved = (SquareMask("moved", shape), MsbMask("near enough", (1,))) if design.tol else ()
    return (
        *backward,
        *design.quotient.correlations(),
        MsbMask("empty", (design.clusters,)),
        TruncMask("cut", shape, design.cut),
        Triple("keep", shape, (0,) * design.columns),
        *moved,
    )


def _sizes(design: KMeansDesign) -> Segment:
    return Segment("sizes", 1, (MsbMask("small", (design.clusters,)),))


def segments(design: KMeansDesign, done: int = 0) -> Iterator[Segment]:
    """Yield the schedule: the sizes of clusters first, which wait; then looks for centroids, and new ones between them.

    Whenever the centroids stand still, the look that comes next is the last.
    """
    rows, masks = training_rows(design), _update_masks(design)
    yield _sizes(design)
    for step in range(done, design.steps):
        yield from rows_segments(rows, f"look/{step}")
        yield Segment(f"update/{step}", 1, masks, {"rows": np.arange(design.rows[0])[None]})
    yield from rows_segments(rows, f"look/{design.steps}")


def counted_segments(design: KMeansDesign) -> Iterator[tuple[Segment, int]]:
    """Yield the schedule without what repeats itself: each segment of a look and of an update, and how many there are.

    All iterations take the same correlations; labels do not say which it is, and rows are no matter here.
    """
    yield _sizes(design), 1
    for segment in rows_segments(training_rows(design), "look"):
        yield segment, design.steps + 1
    yield Segment("update", 1, _update_masks(design)), design.steps
