"""Products with a private matrix: one one-time mask per data set, traffic independent of the batch.

X belongs to one party, the owner. U is expanded from the key of owner and dealer; E = X - U went to the others once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fedray.mpc.dealer import PrivateShape, Supply
from fedray.mpc.session import Pending, Round, Session
from fedray.mpc.share import Share
from fedray.ring import Ring, matmul

Rows = npt.NDArray[np.int64] | slice


@dataclass(eq=False)
class MaskedMatrix:
    """My part of a private matrix X of shape (N, d).

    Attributes
    ----------
    shape
        Owner's rank, name and shape.
    block
        At the owner X and U side by side, shape (N, 2 d); elsewhere E = X - U, shape (N, d).
    """

    shape: PrivateShape
    block: Ring
    _taken: tuple[Rows, Ring] | None = field(default=None, init=False, repr=False)

    @property
    def owner(self) -> int:
        """The owner's rank."""
        return self.shape.owner

    def take(self, rows: Rows) -> Ring:
        """Return some rows of the block; asked for again, as the way back does, the same array."""
        if self._taken is None or self._taken[0] is not rows:
            self._taken = (rows, self.block[rows] if isinstance(rows, slice) else self.block.take(rows, axis=0))
        return self._taken[1]


def share_matrix(s: Session, supply: Supply, shape: PrivateShape, x: Ring | None) -> MaskedMatrix:
    """Mask the owner's matrix once for all its products.

    Parameters
    ----------
    x
        At the owner the encoded matrix of `shape`; None elsewhere.

    Cost: 1 message of N d elements from the owner to each other party.
    Leaks: nothing; E = X - U is uniform.
    Ref: protocols, section 2.
    """
    label = f"private.{shape.matrix}"
    if x is not None:
        u = supply.mask(shape)
        e = x - u
        with s.round(label) as r:
            for peer in s.others:
                r.give(peer, e)
        return MaskedMatrix(shape, np.hstack([x, u]))
    with s.round(label) as r:
        pending = r.receive(shape.owner, shape.shape)
    return MaskedMatrix(shape, pending.value)


def send_weights(r: Round, m: MaskedMatrix, rank: int, w: Ring, parts: Mapping[str, Ring]) -> Pending:
    """Send W_j - V_j to the owner, in the round `r`; at the owner the pending value is their sum, F.

    Cost: |W| elements from each other party to the owner.
    Leaks: nothing; V is uniform.
    Ref: protocols, section 2.
    """
    return r.gather(m.owner, w if rank == m.owner else w - parts["V"], without_own=True)


def product(m: MaskedMatrix, rank: int, rows: Rows, w: Ring, f: Ring | None, parts: Mapping[str, Ring]) -> Ring:
    """Return my summand of X[rows] W; local.

    Parameters
    ----------
    w
        My summand of W, shape (d, h).
    f
        At the owner the sum of the others' W_j - V_j; None elsewhere.
    parts
        UV of the step.
    """
    operand = w if f is None or rank != m.owner else np.vstack([w, f])
    return matmul(m.take(rows), operand) + parts["UV"]


def send_residual(r: Round, m: MaskedMatrix, rank: int, d: Ring, parts: Mapping[str, Ring]) -> Pending:
    """Open C = d - M to the owner, in the round `r`.

    Cost: |d| elements from each other party to the owner.
    Leaks: nothing; M is uniform and the owner holds no summand of it.
    Ref: protocols, section 3.
    """
    return r.gather(m.owner, d if rank == m.owner else d - parts["M"])


def transposed_elsewhere(m: MaskedMatrix, rows: Rows, parts: Mapping[str, Ring]) -> Ring:
    """Return a non-owner's summand of X[rows]^T d, which needs no answer: E^T M_j + [U^T M]_j; local."""
    return matmul(m.take(rows).T, parts["M"]) + parts["UtM"]


def transposed_at_owner(m: MaskedMatrix, rows: Rows, c: Ring, parts: Mapping[str, Ring]) -> Ring:
    """Return the owner's summand of X[rows]^T d: X^T C + [U^T M]_i; local."""
    x = m.take(rows)[:, : m.shape.shape[1]]
    return matmul(x.T, c) + parts["UtM"]


def mul_private(s: Session, m: MaskedMatrix, rows: Rows, x: Share, parts: Mapping[str, Ring]) -> Share:
    """Return [y[rows] x] elementwise, y the owner's private integers, at x's own scale.

    Others send x_j - V_j to the owner, and

        owner     z_i = y x_i + U sum (x_j - V_j) + [U V]_i
        others    z_j = E x_j + [U V]_j

    Cost: 1 round; |x| elements from each other party to the owner.
    Leaks: nothing; V is uniform.
    Ref: protocols, section 2.
    """
    with s.round("mul.private") as r:
        pending = r.gather(m.owner, x.value if s.rank == m.owner else x.value - parts["V"], without_own=True)
    if s.rank != m.owner:
        return Share(m.take(rows) * x.value + parts["UV"], x.scale)
    width = m.shape.shape[1]
    y, u = m.take(rows)[:, :width], m.take(rows)[:, width:]
    return Share(y * x.value + u * pending.value + parts["UV"], x.scale)
