"""The methods of ``task.Task``, as Ray Serve's gRPC proxy takes them, and the answers of a replica.

Messages travel as bytes: ListTask has two layouts, which only the bytes tell apart, and what is no message is refused
in the API's own words.
"""

from __future__ import annotations

from typing import Any, Final

import grpc

from serve_api.paddledtx.calls import MAX_REQUEST_BYTES

__all__ = ["METHODS", "SERVICE", "add_task"]

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
