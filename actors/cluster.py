"""Start a Ray of our own on this machine, or join one."""

from __future__ import annotations

from collections.abc import Mapping

import ray

__all__ = ["LOCAL_RESOURCE", "leave", "start_or_join"]

LOCAL_RESOURCE = "party_local"
"""What a Ray of our own offers: every (addr, http_port) is a party on it."""

OBJECT_STORE_BYTES = 1 << 30


def start_or_join(address: str | None, parties: Mapping[str, float] | None = None) -> None:
    """Connect this process to Ray; call `actors.environment.prepare` before this module is imported.

    Parameters
    ----------
    address
        Of a running cluster; None starts one here that ends with this process.
    parties
        Custom resources that a Ray of our own offers; by default LOCAL_RESOURCE.
    """
    if address is not None:
        ray.init(address=address, namespace="fedray", log_to_driver=False, logging_level="error")
        return
    ray.init(
        address="local",
        namespace="fedray",
        num_cpus=1,
        resources=dict(parties or {LOCAL_RESOURCE: 1}),
        include_dashboard=False,
        log_to_driver=False,
        logging_level="error",
        object_store_memory=OBJECT_STORE_BYTES,
    )


def leave() -> None:
    """Leave the cluster; one that `start_or_join` started ends."""
    ray.shutdown()
