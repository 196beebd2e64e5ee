"""Parties on nodes: by custom resources that nodes offer, checked before anything is created.

Ray itself waits for ever for a resource that no node has, so nothing is asked of it before a look at what there is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import ray

from fedray.errors import PlacementError
from fedray.task.plan import TaskPlan

__all__ = ["SHARE", "Offers", "offers"]

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
    """

    nodes: dict[str, tuple[str, ...]]

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

    def nodes_of(self, plan: TaskPlan) -> frozenset[str]:
        """Return the ids of the nodes on which the plan's parties may run."""
        resources = {member.party.resource for member in plan.members}
        return frozenset(node for resource in resources for node in self.nodes.get(resource, ()))


def offers(nodes: Iterable[dict[str, Any]] | None = None) -> Offers:
    """Return what the cluster's live nodes offer now."""
    found: dict[str, list[str]] = {}
    for node in ray.nodes() if nodes is None else nodes:
        if node["Alive"]:
            for resource in node["Resources"]:
                if resource.startswith(PREFIX):
                    found.setdefault(resource, []).append(node["NodeID"])
    return Offers({resource: tuple(sorted(ids)) for resource, ids in found.items()})
