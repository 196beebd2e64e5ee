"""Rows with the label 1 in private bins, counted on shares; bins too small are joined before anything is opened.

The label is a private vector of one party, the bins are private one-hot matrices of the others. Slot by slot, for all
columns at once, a bin is closed as soon as it has enough rows of either label; what remains after the last one belongs
to that one, so it is held back until it is known whether another follows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fedray.errors import RemoteProtocolError
from fedray.features.evidence import Grouped
from fedray.mpc.beaver import close_mul, mul, open_mul
from fedray.mpc.compare import MsbMask, msb
from fedray.mpc.correlation import Correlation, Triple
from fedray.mpc.dealer import PrivateShape, Supply
from fedray.mpc.schedule import Segment
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.ring import Ring
from fedray.trees.bins import PrivateBins, bin_matrices, histogram_masks

__all__ = ["TAG", "CountDesign", "count_positives", "join", "joined_counts", "matrices", "segments"]

Codes = npt.NDArray[np.int64]

TAG = "bin_counts"


@dataclass(frozen=True)
class CountDesign:
    """The public numbers of a count, as every party and the dealer know them.

    Attributes
    ----------
    features
        Columns at each computing party, by rank; 0 at the label party, which counts its own by itself.
    label
        Rank of the label party.
    rows
        Training rows, and 0.
    bins
        Most ordinary bins of a column; with the one of missing values a column has one slot more.
    least
        Rows of either label in every bin.
    """

    features: tuple[int, ...]
    label: int
    rows: tuple[int, int]
    bins: int
    least: int

    @property
    def owners(self) -> tuple[int, ...]:
        """Ranks with features."""
        return tuple(rank for rank, columns in enumerate(self.features) if columns)

    @property
    def columns(self) -> int:
        """Columns of all owners."""
        return sum(self.features)

    @property
    def slots(self) -> int:
        """Slots of a column."""
        return self.bins + 1

    def place(self, owner: int) -> slice:
        """Return where an owner's columns lie among those of all, in the order of ranks."""
        return slice(sum(self.features[:owner]), sum(self.features[: owner + 1]))

    def thresholds(self, owner: int) -> int:  # noqa: ARG002 - all columns have as many slots
        """Return the slots of each column but the last."""
        return self.bins

    def onehot(self, owner: int) -> int:
        """Return the columns of an owner's one-hot matrix; what is in none of a column's is in its last slot."""
        return self.features[owner] * self.bins

    def sampled_columns(self, tree: int) -> dict[int, npt.NDArray[np.int64]]:  # noqa: ARG002 - there is no sample
        """Return all columns, by owner."""
        return {owner: np.arange(self.features[owner]) for owner in self.owners}


def matrices(design: CountDesign) -> tuple[PrivateShape, ...]:
    """Return the private matrices whose masks the dealer knows: the bins."""
    return bin_matrices(design)


def segments(design: CountDesign) -> Iterator[Segment]:
    """Yield the schedule: the counts, then slot by slot what closes a bin."""
    yield Segment("counts", 1, histogram_masks(design, 0, 1))
    for slot in range(design.slots):
        yield Segment(f"join/{slot}", 1, _join_masks(design))


def _join_masks(design: CountDesign) -> tuple[Correlation, ...]:
    count = design.columns
    return (
        MsbMask("light", (2, count)),
        Triple("close", (count,)),
        Triple("keep", (3, count), rows=(0, 0, 0)),
    )


def count_positives(s: Session, design: CountDesign, supply: Supply, codes: Codes | None, y: Ring | None) -> Share:
    """Return [rows with the label 1] of each slot of each column, shape (columns, slots), whole numbers.

    Parameters
    ----------
    codes
        At an owner the slots of its training rows, shape (n, columns); None elsewhere.
    y
        At the label party 0 or 1 of each training row, shape (n,); None elsewhere.

    Cost: 1 message of N columns (slots - 1) elements from each owner to each other party, and 1 round; N elements from
    each other party to each owner.
    Leaks: nothing (E and C are uniform).
    Ref: protocols, sections 3 and 19.
    """
    bins = PrivateBins(s, design, supply, codes)
    label = np.zeros((1, design.rows[0]), np.uint64) if y is None else y[None]
    found = bins.histograms(histogram_masks(design, 0, 1), label, supply.step("counts"))
    counts = np.concatenate([found[owner].reshape(-1, design.bins) for owner in design.owners])
    last = label.sum(dtype=np.uint64) - counts.sum(axis=1, dtype=np.uint64)
    return Share(np.hstack([counts, last[:, None]]), 1.0)


def join(
    s: Session, design: CountDesign, supply: Supply, positives: Share, rows: Share, tell: Callable[[int, int], None]
) -> Share:
    """Return [what is opened] of each column, shape (2 slots + 1, columns).

    By slot whether a bin ends there; by slot, if one does, how many positives the bin before it has; and at last how
    many the last bin has.

    With p, n the positives and rows of the bin that is being filled and h those positives of the one that is held:

        p, n = p + positives, n + rows of the slot
        c = [p >= least] [n - p >= least]
        said = c h,   h = h + c (p - h),   p, n = (1 - c) p, (1 - c) n

    Parameters
    ----------
    positives, rows
        Of each slot, shape (columns, slots).
    tell
        Called with slots that are done, and all of them.

    Cost: 10 rounds a slot; for each column n (n - 1) times a comparison of 2 numbers and 6 elements.
    Leaks: nothing (all openings are uniform).
    Ref: protocols, sections 4, 9 and 19.
    """
    zero = np.zeros(design.columns, np.uint64)
    held, filled, size = zero, zero, zero
    closed, said = [], []
    for slot in range(design.slots):
        bundle = supply.step(f"join/{slot}")
        filled, size = filled + positives.value[:, slot], size + rows.value[:, slot]
        both = Share(np.stack([filled, size - filled]), 1.0)
        light = msb(s, both - s.constant(design.least, 1.0, both.shape), bundle["light"])
        heavy = s.constant(1.0, 1.0, light.shape) - light
        close = mul(s, Share(heavy.value[0], 1.0), Share(heavy.value[1], 1.0), bundle["close"])
        with s.round("join") as r:
            opened = open_mul(
                r, close_row(close), Share(np.stack([held, filled, size]), 1.0), bundle["keep"], (0, 0, 0)
            )
        taken = close_mul(s, opened, bundle["keep"]).value
        closed.append(close.value)
        said.append(taken[0])
        held, filled, size = held - taken[0] + taken[1], filled - taken[1], size - taken[2]
        tell(slot + 1, design.slots)
    return Share(np.stack([*closed, *said, held + filled]), 1.0)


def close_row(close: Share) -> Share:
    """Return the same numbers as a row; local."""
    return Share(close.value[None], close.scale)


def joined_counts(s: Session, design: CountDesign, found: Share) -> tuple[Grouped, ...]:
    """Open to each owner the bins of its columns that stand; return my own, none at a party without.

    Parameters
    ----------
    found
        Of `join`.

    Cost: 1 round; 2 slots + 1 elements for each of an owner's columns from each other party to it.
    Leaks: bin_counts, to the owner.
    Ref: protocols, section 19.
    """
    pending = {}
    for owner in design.owners:
        s.channel.reveals.add(TAG, (s.computing[owner],), (found.shape[0], design.features[owner]))
    with s.round(f"reveal.{TAG}") as r:
        for owner in design.owners:
            pending[owner] = r.gather(owner, np.ascontiguousarray(found.value[:, design.place(owner)]))
    if s.rank not in pending:
        return ()
    opened = pending[s.rank].value.view(np.int64)
    return tuple(_grouped(design, column) for column in opened.T)


def _grouped(design: CountDesign, column: Codes) -> Grouped:
    closed, said, last = column[: design.slots], column[design.slots : -1], column[-1]
    ends = np.flatnonzero(closed)
    counts = [int(count) for count in (*said[ends[1:]], last)]
    if not set(closed.tolist()) <= {0, 1} or not all(0 <= count <= design.rows[0] for count in counts):
        raise RemoteProtocolError("bins were opened that are none")
    return Grouped((*map(int, ends[:-1]), design.slots - 1), tuple(counts))
