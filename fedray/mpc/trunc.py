"""Truncation that never fails: off by at most one unit in the last place, for any number of parties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.ring import Ring

Parts = Mapping[str, Ring]

_TOP = np.uint64(63)
_HALF = np.uint64(1 << 62)
_LOW = np.uint64((1 << 63) - 1)


def trunc(s: Session, shares: Sequence[Share], shifts: Sequence[int], parts: Sequence[Parts]) -> list[Share]:
    """Return [floor(x / 2^t)] or one unit more, for several x in one round; |x| < 2^62.

    With [R] uniform, [R1] = [(R mod 2^63) >> t], [B] = [R >> 63]:

        open  c = x + 2^62 + R
        c' = c mod 2^63,  h = c >> 63
        [v] = h + (1 - 2 h) [B]                 (1 if the sum of the low bits carried)
        [x >> t] = (c' >> t) - [R1] + 2^(63-t) [v] - 2^(62-t)

    Parameters
    ----------
    shares
        Of any shapes.
    shifts
        t of each, 1 .. 61; the scale falls by 2^t.
    parts
        R, R1, B of each.

    Cost: 1 round; n (n - 1) sum |x| elements; one truncation mask each.
    Leaks: nothing (c is uniform).
    Ref: [Esc20], with the mask's top bit from the dealer.
    """
    with s.round("trunc") as r:
        opened = [
            r.open(x.value + part["R"] + (_HALF if s.rank == 0 else np.uint64(0)))
            for x, part in zip(shares, parts, strict=True)
        ]
    return [
        Share(_shifted(s.rank, pending.value, t, part), x.scale / 2.0**t)
        for pending, x, t, part in zip(opened, shares, shifts, parts, strict=True)
    ]


def _shifted(rank: int, c: Ring, t: int, parts: Parts) -> Ring:
    high = c >> _TOP
    carry = np.where(high == 1, np.uint64(0) - parts["B"], parts["B"])  # (1 - 2 h) [B]
    wrap = np.uint64(1 << (63 - t))
    mine = carry * wrap - parts["R1"]
    if rank != 0:
        return mine
    whole: Ring = mine + ((c & _LOW) >> np.uint64(t)) + high * wrap - np.uint64(1 << (62 - t))
    return whole
