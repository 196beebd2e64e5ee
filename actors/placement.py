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
        Where all offer as much, each has the data, in a file system that they share.
    addresses
        Id of a node -> its address.
    unclear
        Resources of which several nodes, but not all, offer most: nobody can say which of them has the data.
    """

    nodes: Mapping[str, tuple[str, ...]]
    homes: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    unclear: frozenset[str] = frozenset()

    @property
    def resources(self) -> list[str]:
        """The parties' resources, sorted."""
        return sorted(self.nodes)

    def require(self, plan: TaskPlan) -> None:
        """Raise PlacementError at once if a party of the plan has no node, or it is unclear which has its data.

        The message lists what is offered, so that a misspelt resource is seen.
        """
        wanted = {member.party.resource for member in plan.members}
        missing, unclear = sorted(wanted - self.nodes.keys()), sorted(wanted & self.unclear)
        if missing:
            offered = ", ".join(self.resources) or "nothing"
            raise PlacementError(
                f"no node offers {', '.join(missing)} (offered: {offered}); start the party's node with "
                f"--resources='{{\"{missing[0]}\": 1}}'"
            )
        if unclear:
            raise PlacementError(
                f"several nodes, but not all, offer most of {', '.join(unclear)}; expected one that offers most, which "
                "has the party's data, or as much of all, which share a file system"
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
    most = {resource: _most(amounts) for resource, amounts in found.items()}
    return Offers(
        {resource: tuple(sorted(amounts)) for resource, amounts in found.items()},
        {resource: having[0] for resource, having in most.items() if len(having) == 1 < len(found[resource])},
        addresses,
        frozenset(resource for resource, having in most.items() if 1 < len(having) < len(found[resource])),
    )


def _most(amounts: Mapping[str, float]) -> list[str]:
    """Return the nodes that offer most of a resource."""
    most = max(amounts.values())
    return [node for node, amount in amounts.items() if amount == most]
