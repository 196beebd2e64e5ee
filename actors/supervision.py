"""The one supervisor of a cluster: found or made, and ended."""

from __future__ import annotations

import logging
from typing import Any

import ray
from ray.actor import ActorHandle
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.supervisor import NAME, Supervisor
from actors.team import NAMESPACE
from fedray.errors import PlacementError

__all__ = ["get_or_create", "stop_supervisor"]

START_S = 60.0
STOP_S = 10.0
log = logging.getLogger("fedray.supervisor")


def get_or_create(database: str, root: str, per_node: int) -> ActorHandle[Any]:
    """Return the cluster's supervisor; make it, on this node, where there is none.

    Raises
    ------
    PlacementError
        It does not start, or the cluster has one already with another database.
    """
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    supervisor: ActorHandle[Any] = (
        ray.remote(num_cpus=0, max_restarts=-1, concurrency_groups={"control": 8, "events": 1})(Supervisor)
        .options(
            name=NAME,
            namespace=NAMESPACE,
            lifetime="detached",
            get_if_exists=True,
            scheduling_strategy=here,
        )
        .remote(database, root, per_node)
    )
    try:
        ours = ray.get(supervisor.serves.remote(database), timeout=START_S)
    except RayError as error:
        raise PlacementError(f"the supervisor did not start ({type(error).__name__}); see its log") from None
    if not ours:
        raise PlacementError("another fedray server, with another database, runs on this cluster; stop that one first")
    return supervisor


def stop_supervisor(reason: str) -> None:
    """End the cluster's supervisor and, with that reason, every task that runs; nothing if there is none."""
    try:
        supervisor = ray.get_actor(NAME, namespace=NAMESPACE)
        ray.get(supervisor.stop.remote(reason), timeout=STOP_S)
        ray.kill(supervisor, no_restart=True)
    except (ValueError, RayError):
        log.warning("the supervisor had ended before it was told to")
