"""Parties on nodes: by custom resources that nodes offer, checked before anything is created.

Ray itself waits for ever for a resource that no node has, so nothing is asked of it before a look at what there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from fedray.errors import PlacementError
from fedray.task.plan import TaskPlan

__all__ = ["SHARE", "Offers", "offers", "on_node"]

SHARE = 0.001
"""Fraction of a party's resource that one role takes: a thousand roles fit on it."""

PREFIX = "party_"


@dataclass(frozen=True)
class Offers:
    """What the live nodes offer.

    Attributes
    ----------
    nodes
        Resource of a party -> ids of the nodes that offer it.
    homes
        Resource of a party -> id of the one node that offers more of it than any other: the party's data are there.
        A resource that no node offers more of than all others is in it not: any of them has the data.
    addresses
        Id of a node -> its address.
    """

    nodes: Mapping[str, tuple[str, ...]]
    homes: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)

    @property
    def resources(self) -> list[str]:
        """The parties' resources, sorted."""
        return sorted(self.nodes)

    def require(self, plan: TaskPlan) -> None:
        """Raise PlacementError at once if a party of the plan has no node.

        The message lists what is offered, so that a misspelt resource is seen.
        """
        missing = sorted({member.party.resource for member in plan.members} - self.nodes.keys())
        if missing:
            offered = ", ".join(self.resources) or "nothing"
            raise PlacementError(
                f"no node offers {', '.join(missing)} (offered: {offered}); start the party's node with "
                f"--resources='{{\"{missing[0]}\": 1}}'"
            )

    def options(self, resource: str) -> dict[str, Any]:
        """Return how Ray is told to start something of a party, where its data are."""
        home = self.homes.get(resource)
        return {"resources": {resource: SHARE}} if home is None else on_node(resource, home)

    def nodes_of(self, plan: TaskPlan) -> frozenset[str]:
        """Return the ids of the nodes on which the plan's parties may run."""
        resources = {member.party.resource for member in plan.members}
        return frozenset(node for resource in resources for node in self.nodes.get(resource, ()))


def on_node(resource: str, node: str) -> dict[str, Any]:
    """Return how Ray is told to start something of a party on one of its nodes."""
    there = NodeAffinitySchedulingStrategy(node, soft=False)
    return {"resources": {resource: SHARE}, "scheduling_strategy": there}


def offers(nodes: Iterable[dict[str, Any]] | None = None) -> Offers:
    """Return what the cluster's live nodes offer now."""
    found: dict[str, dict[str, float]] = {}
    addresses: dict[str, str] = {}
    for node in ray.nodes() if nodes is None else nodes:
        if node["Alive"]:
            addresses[node["NodeID"]] = node["NodeManagerAddress"]
            for resource, amount in node["Resources"].items():
                if resource.startswith(PREFIX):
                    found.setdefault(resource, {})[node["NodeID"]] = amount
    homes = {resource: home for resource, amounts in found.items() if (home := _home(amounts)) is not None}
    return Offers({resource: tuple(sorted(ids)) for resource, ids in found.items()}, homes, addresses)


def _home(amounts: Mapping[str, float]) -> str | None:
    """Return the node that offers more than every other, where there are others."""
    most = max(amounts.values())
    having = [node for node, amount in amounts.items() if amount == most]
    return having[0] if len(having) == 1 and len(amounts) > 1 else None
