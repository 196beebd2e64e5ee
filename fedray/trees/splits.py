"""The best candidate of every node of a level: found on shares, told to its owner alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedray.errors import RemoteProtocolError
from fedray.mpc.dealer import Bundle
from fedray.mpc.maximum import Tournament, largest
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.mpc.turns import play
from fedray.ring import Ring
from fedray.trees.candidates import Split, blocks, split_of
from fedray.trees.gains import GainPlan

__all__ = ["OWNER_TAG", "SPLIT_TAG", "Chosen", "choose", "tournament"]

OWNER_TAG, SPLIT_TAG = "split_owner", "split"


@dataclass(frozen=True)
class Chosen:
    """The splits of a level as one party knows them.

    Attributes
    ----------
    owners
        Rank of each node's owner.
    mine
        By node, my own splits; None where all rows go left.
    """

    owners: tuple[int, ...]
    mine: dict[int, Split | None]


def tournament(plan: GainPlan) -> Tournament:
    """Return the plan of the comparison: no split first, then all candidates."""
    return Tournament("best", (plan.candidates + 1, plan.nodes), axis=0, place=True)


def choose(s: Session, plan: GainPlan, gain: Share, bundle: Bundle) -> Chosen:
    """Return the best split of every node: everybody learns its owner, the owner learns which it is.

    No split stands first among the candidates with a gain of gamma, and belongs to the first owner: he learns that all
    rows go left, the others see him named as for any split. Of equal gains the first wins.

    Parameters
    ----------
    gain
        Shape (candidates, nodes).
    bundle
        A step with the correlations of `tournament(plan)`.

    Cost: 9 rounds a level of the tournament, and 2; section 15 for elements, and
    n (n - 1) elements a node, and n - 1 for each owner.
    Leaks: split_owner to all, split to the owner.
    Ref: protocols, sections 15 and 18.
    """
    none = s.constant(plan.design.gamma, gain.scale, (1, plan.nodes))
    entrants = Share(np.concatenate([none.value, gain.value]), gain.scale)
    onehot = play(s, "best", largest(s, tournament(plan), entrants, bundle)).onehot
    if onehot is None:
        raise RemoteProtocolError("a tournament without its winner's place")
    by_owner = _by_owner(plan, onehot.value[1:])
    numbers = np.array(list(by_owner), dtype=np.uint64)
    sums = np.stack([hot.sum(axis=0, dtype=np.uint64) for hot in by_owner.values()])
    # no split is in nobody's block, so that it counts as the first owner's
    first = s.constant(float(numbers[0]), 1.0, (plan.nodes,)).value
    named = first + (numbers - numbers[0]) @ sums
    owners = tuple(int(owner) for owner in s.reveal(OWNER_TAG, Share(named, 1.0)))
    if not set(owners) <= set(by_owner):
        raise RemoteProtocolError("a split was opened as that of a party without features")
    return Chosen(owners, _told(s, plan, by_owner, owners))


def _by_owner(plan: GainPlan, hot: Ring) -> dict[int, Ring]:
    return {owner: hot[block] for owner, block in blocks(plan.design, plan.tree).items()}


def _told(s: Session, plan: GainPlan, by_owner: dict[int, Ring], owners: tuple[int, ...]) -> dict[int, Split | None]:
    """Open to each owner the places of its splits, counted from 1; 0 is none, or another's."""
    pending = {}
    for owner in by_owner:
        s.channel.reveals.add(SPLIT_TAG, (s.computing[owner],), (plan.nodes,))
    with s.round(f"reveal.{SPLIT_TAG}") as r:
        for owner, hot in by_owner.items():
            pending[owner] = r.gather(owner, np.arange(1, len(hot) + 1, dtype=np.uint64) @ hot)
    if s.rank not in pending:
        return {}
    places = pending[s.rank].value.astype(np.int64)
    if ((places < 0) | (places > len(by_owner[s.rank]))).any():
        raise RemoteProtocolError("a split was opened that is no candidate")
    mine = [node for node, owner in enumerate(owners) if owner == s.rank]
    return {node: _split(plan, s.rank, int(places[node])) for node in mine}


def _split(plan: GainPlan, rank: int, place: int) -> Split | None:
    return split_of(plan.design, plan.tree, rank, place - 1) if place else None
