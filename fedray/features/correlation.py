"""Correlations of columns of different parties, on shares.

    r = sum over rows of z z' / rows                for columns z, z' that are standardised at their owners

Both factors are whole numbers, of 2^-bits, and their products are added exactly: nothing is truncated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fedray.mpc.correlation import BackwardMask
from fedray.mpc.dealer import PrivateShape, Supply
from fedray.mpc.private import send_residual, share_matrix, transposed_at_owner, transposed_elsewhere
from fedray.mpc.schedule import Segment
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.ring import Ring, decode, encode

__all__ = [
    "ALL_TAG",
    "PAIR_TAG",
    "CorrelationDesign",
    "correlate",
    "matrices",
    "open_to_all",
    "open_to_pairs",
    "segments",
]

Float = npt.NDArray[np.float64]

PAIR_TAG, ALL_TAG = "correlation", "correlation_matrix"

BLOCK_ROWS = 1 << 12
FINEST_BITS = 20
ROOM_BITS = 61
"""The sum of all products of two standardised columns is at most the number of rows: it stays below 2^61."""


@dataclass(frozen=True)
class CorrelationDesign:
    """The public numbers of correlations, as every party and the dealer know them.

    Attributes
    ----------
    features
        Columns at each computing party, by rank.
    rows
        Rows of all tables.
    """

    features: tuple[int, ...]
    rows: int

    @property
    def owners(self) -> tuple[int, ...]:
        """Ranks with columns."""
        return tuple(rank for rank, columns in enumerate(self.features) if columns)

    @property
    def scale(self) -> float:
        """Ring units of a standardised value's 1.0."""
        return 2.0 ** min(FINEST_BITS, (ROOM_BITS - self.rows.bit_length()) // 2)

    def place(self, owner: int) -> slice:
        """Return where an owner's columns lie among those of all, in the order of ranks."""
        return slice(sum(self.features[:owner]), sum(self.features[: owner + 1]))

    def after(self, owner: int) -> int:
        """Return how many columns the owners after one have: those that its own are multiplied with."""
        return sum(self.features[owner + 1 :])

    @property
    def factors(self) -> tuple[int, ...]:
        """Owners with others after them: they mask their columns."""
        return tuple(owner for owner in self.owners if self.after(owner))

    def blocks(self) -> Iterator[slice]:
        """Yield the rows that are multiplied at a time."""
        for start in range(0, self.rows, BLOCK_ROWS):
            yield slice(start, min(start + BLOCK_ROWS, self.rows))


def matrices(design: CorrelationDesign) -> tuple[PrivateShape, ...]:
    """Return the private matrices: the columns of each owner but the last."""
    return tuple(PrivateShape(owner, "columns", (design.rows, design.features[owner])) for owner in design.factors)


def segments(design: CorrelationDesign) -> Iterator[Segment]:
    """Yield the schedule: a step for each block of rows."""
    for number, rows in enumerate(design.blocks()):
        masks = tuple(
            BackwardMask(
                f"Z{owner}",
                owner,
                "columns",
                "rows",
                (rows.stop - rows.start, design.features[owner], design.after(owner)),
            )
            for owner in design.factors
        )
        yield Segment(f"block/{number}", 1, masks, {"rows": np.arange(rows.start, rows.stop)[None]})


def correlate(s: Session, design: CorrelationDesign, supply: Supply, values: Float | None) -> dict[int, Share]:
    """Return, by owner i, [Z_i^T Z_j / rows] for the columns of all later owners j, one after the other.

    Parameters
    ----------
    values
        My standardised columns, shape (rows, columns); None at a party without.

    Cost: 1 message of N d elements from each owner but the last to each other party; 1 round for each block of rows, in
    which an owner takes from each other party an element for each row and column of later owners.
    Leaks: nothing (E and C are uniform).
    Ref: protocols, sections 3 and 20.
    """
    mine = None if values is None else encode(values, design.scale, "a standardised value")
    masked = {
        shape.owner: share_matrix(s, supply, shape, mine if shape.owner == s.rank else None)
        for shape in matrices(design)
    }
    totals = {owner: np.zeros((design.features[owner], design.after(owner)), np.uint64) for owner in design.factors}
    for number, rows in enumerate(design.blocks()):
        bundle = supply.step(f"block/{number}")
        later = {owner: _later(s, design, owner, rows, mine) for owner in design.factors}
        with s.round("correlate") as r:
            opened = {
                owner: send_residual(r, masked[owner], s.rank, later[owner], bundle[f"Z{owner}"])
                for owner in design.factors
            }
        for owner in design.factors:
            parts = bundle[f"Z{owner}"]
            if owner == s.rank:
                totals[owner] += transposed_at_owner(masked[owner], rows, opened[owner].value, parts)
            else:
                totals[owner] += transposed_elsewhere(masked[owner], rows, parts)
    return {owner: Share(total, design.scale**2 * design.rows) for owner, total in totals.items()}


def _later(s: Session, design: CorrelationDesign, owner: int, rows: slice, mine: Ring | None) -> Ring:
    """Return my summand of the columns of all owners after one: my own are in it if I come after it."""
    made = np.zeros((rows.stop - rows.start, design.after(owner)), np.uint64)
    if mine is not None and s.rank > owner:
        before = design.place(owner).stop
        place = design.place(s.rank)
        made[:, place.start - before : place.stop - before] = mine[rows]
    return made


def open_to_all(s: Session, design: CorrelationDesign, found: dict[int, Share]) -> Float:
    """Open all correlations to all parties; return them in one matrix, 0 where both columns are of one party.

    Parameters
    ----------
    found
        Of `correlate`.

    Cost: 1 round; n (n - 1) elements for each pair of columns of different parties.
    Leaks: correlation_matrix.
    Ref: protocols, section 20.
    """
    flat = np.concatenate([share.value.reshape(-1) for share in found.values()])
    opened = s.reveal(ALL_TAG, Share(flat, next(iter(found.values())).scale))
    made, start = np.zeros((sum(design.features),) * 2), 0
    for owner, share in found.items():
        block = opened[start : start + share.value.size].reshape(share.shape)
        start += share.value.size
        _put(made, design.place(owner), slice(design.place(owner).stop, None), block)
    return made


def open_to_pairs(s: Session, design: CorrelationDesign, found: dict[int, Share]) -> dict[int, Float]:
    """Open correlations to the two parties whose columns they are; return mine, by the other's rank.

    Shape (my columns, the other's columns) each.

    Cost: 1 round; 2 (n - 1) elements for each pair of columns of different parties.
    Leaks: correlation, to the two parties.
    Ref: protocols, section 20.
    """
    pending = {}
    pairs = [(one, other) for one in design.factors for other in design.owners if other > one]
    for one, other in pairs:
        shape = (design.features[one], design.features[other])
        s.channel.reveals.add(PAIR_TAG, (s.computing[one], s.computing[other]), shape)
    with s.round(f"reveal.{PAIR_TAG}") as r:
        for one, other in pairs:
            before, place = design.place(one).stop, design.place(other)
            share = found[one].value[:, place.start - before : place.stop - before]
            for to in (one, other):
                pending[one, other, to] = r.gather(to, np.ascontiguousarray(share))
    mine: dict[int, Float] = {}
    for one, other in pairs:
        if s.rank in (one, other):
            block = decode(pending[one, other, s.rank].value, found[one].scale)
            mine[other if s.rank == one else one] = block if s.rank == one else block.T
    return mine


def _put(matrix: Float, rows: slice, columns: slice, block: Float) -> None:
    """Put a block on both sides of the diagonal of a symmetric matrix."""
    matrix[rows, columns] = block
    matrix[columns, rows] = block.T
