"""Fresh summands: what is opened from them tells the sum and nothing of what any party had before."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import numpy as np

from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.prg.agreement import KEY_BYTES
from fedray.prg.stream import Stream

__all__ = ["blinded"]

_WORDS = KEY_BYTES // 8


def blinded(s: Session, shares: Sequence[Share]) -> list[Share]:
    """Return shares of the same values whose summands are uniform; a summand may have been a party's own number.

    1. Of each pair of parties the first draws a key and gives it to the other.
    2. Both expand it, for every share; the first adds what comes, the other subtracts it.

    Cost: 1 round; 4 elements a pair of parties, whatever the shares.
    Leaks: nothing.
    Ref: protocols, section 22.
    """
    with s.round("blind") as r:
        mine = {peer: secrets.token_bytes(KEY_BYTES) for peer in s.others if s.rank < peer}
        for peer, key in mine.items():
            r.give(peer, np.frombuffer(key, "<u8").astype(np.uint64))
        pending = {peer: r.receive(peer, (_WORDS,)) for peer in s.others if peer < s.rank}
    theirs = {peer: found.value.astype("<u8").tobytes() for peer, found in pending.items()}
    values = [share.value.copy() for share in shares]
    for peer, key in {**mine, **theirs}.items():
        stream = Stream(key)
        for k, value in enumerate(values):
            mask = stream.words(f"share {k}", value.shape)
            values[k] = value + mask if peer in mine else value - mask
    return [Share(value, share.scale) for value, share in zip(values, shares, strict=True)]
