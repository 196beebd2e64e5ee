"""The methods of ``task.Task``, as Ray Serve's gRPC proxy takes them, and the answers of a replica.

Messages travel as bytes: ListTask has two layouts, which only the bytes tell apart, and what is no message is refused
in the API's own words. The proxy imports this module while it starts, so it needs nothing else of ours.
"""

from __future__ import annotations

from typing import Any, Final

import grpc

__all__ = ["MAX_REQUEST_BYTES", "METHODS", "SERVICE", "add_task"]

MAX_REQUEST_BYTES: Final = 64 << 10
"""Of a request: each holds a key, a name and a signature."""

SERVICE: Final = "task.Task"
METHODS: Final = ("ListTask", "GetTaskById", "GetPredictResult", "StartTask")


def add_task(servicer: Any, server: Any) -> None:
    """Add the service to a server, which takes and gives messages as bytes."""
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(getattr(servicer, name), request_deserializer=_small)
        for name in METHODS
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))


def _small(data: bytes) -> bytes:
    """Return a message, cut where no request could be so long: the replica refuses it, and is not sent the rest."""
    return data[: MAX_REQUEST_BYTES + 1]
