"""Start a Ray of our own on this machine, or join one."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

import psutil
import ray
from ray.exceptions import RayError

from actors.forking import end_template, forked_workers
from fedray.errors import PlacementError, SpecError

__all__ = ["LOCAL_RESOURCE", "leave", "start_or_join"]

LOCAL_RESOURCE = "party_local"
"""What a Ray of our own offers: every (addr, http_port) is a party on it."""

OBJECT_STORE_BYTES = 1 << 30
KNOCK_S = 5.0
STARTS = 3
LATE = "timed out during startup"
"""What Ray says of a node that has not come up within half a minute; no setting of it gives more."""

HTTP2_HEAD_BYTES = 9
HTTP2_SETTINGS = 4
HTTP2_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, HTTP2_SETTINGS, 0, 0, 0, 0, 0])


def start_or_join(address: str | None, parties: Mapping[str, float] | None = None) -> None:
    """Connect this process to Ray; call `actors.environment.prepare` before this module is imported.

    Parameters
    ----------
    address
        HOST:PORT of a running cluster's head; None starts a Ray here that ends with this process.
    parties
        Custom resources that a Ray of our own offers; by default LOCAL_RESOURCE.

    Raises
    ------
    SpecError
        The address is not of the form HOST:PORT.
    PlacementError
        No cluster answers at the address, or it refuses this process, or no Ray comes up here in time.
    """
    if address is not None:
        _join(address)
        return
    with forked_workers():
        for _ in range(STARTS):
            if _started(parties or {LOCAL_RESOURCE: 1}):
                return
        raise PlacementError(
            f"Ray did not start on this machine, {STARTS} times within the time that it gives itself; see whether "
            "other programs keep all processors busy"
        )


def _started(parties: Mapping[str, float]) -> bool:
    """Start a Ray here; return False if it took longer than Ray waits for itself, which it does on a busy machine."""
    others = set(_children())
    try:
        ray.init(
            address="local",
            namespace="fedray",
            num_cpus=1,
            resources=dict(parties),
            include_dashboard=False,
            log_to_driver=False,
            logging_level="error",
            object_store_memory=OBJECT_STORE_BYTES,
        )
    except Exception as error:  # Ray raises no narrower one here
        if LATE not in str(error):
            raise
        for process in set(_children()) - others:  # Ray forgets what it has started
            with suppress(psutil.Error):
                process.kill()
        return False
    return True


def _children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def _join(address: str) -> None:
    _knock(address)
    try:
        ray.init(address=address, namespace="fedray", log_to_driver=False, logging_level="error")
    except (ConnectionError, ValueError, RuntimeError, RayError):
        raise PlacementError(
            f"no Ray cluster at {address} lets this process in; see whether its head runs there, is of Ray "
            f"{ray.__version__}, and has the token that RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH gives here"
        ) from None


def _knock(address: str) -> None:
    """See whether anybody listens; Ray itself tries for minutes."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535 or "/" in host:
        raise SpecError(f"--address {address[:80]}: expected HOST:PORT of a Ray cluster's head")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), KNOCK_S) as knock:
            speaks = os.environ.get("RAY_USE_TLS", "0") != "0" or _speaks_http2(knock)
    except OSError:
        raise PlacementError(
            f"nothing listens at {address}; give the address of a cluster's head as ray start --head prints it"
        ) from None
    if not speaks:
        raise PlacementError(f"what listens at {address} is no Ray cluster; give the address of a cluster's head")


def _speaks_http2(knock: socket.socket) -> bool:
    """Greet as a gRPC client does; a gRPC server answers at once with its settings."""
    knock.sendall(HTTP2_GREETING)
    try:
        answer = knock.recv(HTTP2_HEAD_BYTES)
    except (TimeoutError, ConnectionError):
        return False
    return len(answer) == HTTP2_HEAD_BYTES and answer[3] == HTTP2_SETTINGS


def leave() -> None:
    """Leave the cluster; one that `start_or_join` started ends."""
    ray.shutdown()
    end_template()
