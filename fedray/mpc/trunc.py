"""Truncation that never fails: off by at most one unit in the last place, for any number of parties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fedray.errors import LocalProtocolError
from fedray.mpc.session import Pending, Round, Session
from fedray.mpc.share import Share
from fedray.ring import Ring

Parts = Mapping[str, Ring]

MOST = 61
"""The largest shift."""

_TOP = np.uint64(63)
_HALF = np.uint64(1 << 62)


@dataclass(frozen=True, eq=False)
class OpenedTrunc:
    """What `open_trunc` started: x + R, there after the round, the shift and the scale of the result."""

    c: Pending
    shift: int
    scale: float


def open_trunc(r: Round, x: Share, shift: int, parts: Parts) -> OpenedTrunc:
    """Open x + R in the round `r`; `close_trunc` takes the result.

    Parameters
    ----------
    x
        Of any shape, |x| < 2^62 in ring units.
    shift
        t, 1 .. 61; the scale falls by 2^t.
    parts
        R, R1, B of the step: a `TruncMask` of that shape and shift.

    Raises
    ------
    LocalProtocolError
        The shift is not in 1 .. 61.

    Cost: n (n - 1) |x| elements, in the caller's round; one truncation mask.
    Leaks: nothing (x + R is uniform).
    Ref: [Esc20], with the mask's top bit from the dealer.
    """
    if not 1 <= shift <= MOST:
        raise LocalProtocolError(f"a truncation shifts by 1 to {MOST} bits, not by {shift}")
    return OpenedTrunc(r.open(x.value_for(parts["R"]) + parts["R"]), shift, x.scale / 2.0**shift)


def close_trunc(s: Session, opened: OpenedTrunc, parts: Parts) -> Share:
    """Return [floor(x / 2^t)] or one unit more, when the round of `open_trunc` has ended; local.

    With [R] uniform, [R1] = [(R mod 2^63) >> t], [B] = [R >> 63], and c = x + 2^62 + R:

        c' = c mod 2^63,  h = c >> 63
        [v] = h + (1 - 2 h) [B]                 (1 if the sum of the low bits carried)
        [x >> t] = (c' >> t) - [R1] + 2^(63-t) [v] - 2^(62-t)

    where (c' >> t) + 2^(63-t) h is c >> t.
    """
    c, t = opened.c.value + _HALF, opened.shift
    mine: Ring = np.uint64(1 << (63 - t)) - (c >> _TOP << np.uint64(64 - t))  # 2^(63-t) (1 - 2 h)
    mine *= parts["B"]
    mine -= parts["R1"]
    if s.rank == 0:
        mine += c >> np.uint64(t)
        mine -= np.uint64(1 << (62 - t))
    return Share(mine, opened.scale)


def trunc(s: Session, shares: Sequence[Share], shifts: Sequence[int], parts: Sequence[Parts]) -> list[Share]:
    """Return [floor(x / 2^t)] or one unit more, for several x in one round of their own; |x| < 2^62.

    Parameters
    ----------
    shares, shifts, parts
        Of equal length; of each what `open_trunc` takes.

    Cost: 1 round; n (n - 1) sum |x| elements; one truncation mask each.
    Leaks: nothing (the openings are uniform).
    Ref: [Esc20], with the mask's top bit from the dealer.
    """
    with s.round("trunc") as r:
        opened = [open_trunc(r, x, t, part) for x, t, part in zip(shares, shifts, parts, strict=True)]
    return [close_trunc(s, one, part) for one, part in zip(opened, parts, strict=True)]
