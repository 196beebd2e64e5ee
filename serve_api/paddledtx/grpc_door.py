"""The methods of ``task.Task``, as Ray Serve's gRPC proxy takes them, and the answers of a replica.

Messages travel as bytes: ListTask has two layouts, which only the bytes tell apart, and what is no message is refused
in the API's own words. The proxy imports this module while it starts, so it needs little else of ours.

The proxy answers the calls by itself where it has all that they need (`serve_api.front`); else they go to a replica.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import grpc

from serve_api.front import entrance

if TYPE_CHECKING:
    from serve_api.paddledtx.desk import PaddleDesk

__all__ = ["MAX_REQUEST_BYTES", "METHODS", "SERVICE", "NearFirst", "add_task"]

MAX_REQUEST_BYTES: Final = 64 << 10
"""Of a request: each holds a key, a name and a signature."""

SERVICE: Final = "task.Task"
METHODS: Final = ("ListTask", "GetTaskById", "GetPredictResult", "StartTask")

Call = Callable[[bytes, Any], Awaitable[bytes]]


class NearFirst(grpc.ServiceRpcHandler):
    """The service, of which Serve makes ways to its replicas, as a way that is taken only where nobody is near.

    Parameters
    ----------
    desk
        Returns who is near; None where nobody is.
    handlers
        By path; Serve replaces them.
    """

    def __init__(self, desk: Callable[[], PaddleDesk | None], handlers: Mapping[str, grpc.RpcMethodHandler]) -> None:
        self._desk = desk
        self._method_handlers = handlers  # the name by which Serve looks for them

    def service_name(self) -> str:
        """Return the name of the service."""
        return SERVICE

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Return what answers a call; None where the service has no such method."""
        path = handler_call_details.method
        routed = self._method_handlers.get(path)
        desk = None if routed is None else self._desk()
        if desk is None:
            return routed
        return grpc.unary_unary_rpc_method_handler(_near(desk, path.rpartition("/")[2]), _small)


def add_task(servicer: Any, server: Any) -> None:
    """Add the service to a server, which takes and gives messages as bytes."""
    handlers = {
        f"/{SERVICE}/{name}": grpc.unary_unary_rpc_method_handler(getattr(servicer, name), _small) for name in METHODS
    }
    server.add_generic_rpc_handlers((NearFirst(_desk, handlers),))


def _desk() -> PaddleDesk | None:
    near = entrance().near
    return None if near is None else near.paddledtx


def _near(desk: PaddleDesk, method: str) -> Call:
    async def answer(data: bytes, context: Any) -> bytes:
        return await desk.answer_soon(method, data, context)

    return answer


def _small(data: bytes) -> bytes:
    """Return a message, cut where no request could be so long: the replica refuses it, and is not sent the rest."""
    return data[: MAX_REQUEST_BYTES + 1]
