"""What gRPC and the HTTP routes of one process have in common."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, Final, Protocol

from google.protobuf.message import Message
from starlette.concurrency import run_in_threadpool

from fedray.task.service import TaskService
from fedray.task.store import Store
from serve_api.doors.doors import Doors
from serve_api.doors.rates import caller_at
from serve_api.paddledtx.calls import Calls
from serve_api.paddledtx.faults import Code, Fault
from serve_api.paddledtx.keys import Keys
from serve_api.paddledtx.ledger import Ledger
from serve_api.paddledtx.life import Life
from serve_api.paddledtx.results import result_of
from serve_api.paddledtx.settings import PaddleSettings
from serve_api.paddledtx.wire.task_pb2 import FLTask, FLTasks, PredictResponse, TaskResponse

__all__ = ["GrpcContext", "PaddleDesk"]

_log = logging.getLogger("fedray.paddledtx")

_METHODS: Final[Mapping[str, tuple[Callable[[Calls, bytes], Message], Message, bool]]] = {
    "ListTask": (Calls.list_tasks, FLTasks(), False),
    "GetTaskById": (Calls.get_task, FLTask(), False),
    "GetPredictResult": (Calls.predict_result, PredictResponse(), True),
    "StartTask": (Calls.start_task, TaskResponse(), True),
}
"""Each with its empty answer, and whether it is signed."""


class GrpcContext(Protocol):
    """What Ray Serve tells of a gRPC call, and is told of its end."""

    def peer(self) -> str:
        """Return who calls, such as ``ipv4:127.0.0.1:5``."""

    def invocation_metadata(self) -> Any:
        """Return pairs of names and values."""

    def set_code(self, code: Any) -> None:
        """Say how the call ended."""

    def set_details(self, details: str) -> None:
        """Say why."""


class PaddleDesk:
    """The API of one process.

    Parameters
    ----------
    store
        The server's.
    settings
        As the operator set them.
    doors
        The server's.
    """

    def __init__(self, store: Store, settings: PaddleSettings, doors: Doors) -> None:
        self.settings, self._doors, self._papers = settings, doors, store.papers
        self.keys = Keys(settings.root)
        self.ledger = Ledger(store, self.keys, settings.address)
        self._calls = partial(Calls, dialect=settings.dialect, results=partial(result_of, store))
        self.calls = self._calls(self.ledger)

    def life(self, service: TaskService) -> Life:
        """Return what changes published tasks, for one request."""
        return Life(service, self.ledger, self.keys, self.settings, self._papers)

    def answer(self, method: str, data: bytes, context: GrpcContext) -> Message:
        """Answer a gRPC call; a failure goes into its context, with an empty message."""
        return self._answer(self.calls, method, data, context)

    def _answer(self, calls: Calls, method: str, data: bytes, context: GrpcContext) -> Message:
        call, empty, signed = _METHODS[method]
        try:
            self._admit(context, signed)
            return call(calls, data)
        except Fault as fault:
            return _failed(context, fault, empty)
        except Exception as error:  # noqa: BLE001  the last line of defence; its text may quote the request
            _log.error("%s failed: %s", method, type(error).__name__)
            return _failed(context, Fault(Code.INTERNAL, "the server failed on this request"), empty)

    async def answer_soon(self, method: str, data: bytes, context: GrpcContext) -> bytes:
        """Answer a gRPC call as it is sent: at once where all is at hand, else in a thread, as the store waits."""
        near = None if _METHODS[method][2] else self.ledger.at_hand()
        if near is None:
            return (await run_in_threadpool(self.answer, method, data, context)).SerializeToString()
        return self._answer(self._calls(near), method, data, context).SerializeToString()

    def _admit(self, context: GrpcContext, signed: bool) -> None:
        """See that the caller may call: from where it comes, and who it is where nothing is signed."""
        address = _address(context.peer())
        if not self.settings.beyond and not _is_here(address):
            raise Fault(Code.NOT_ALLOWED, "this server answers callers on its own machine only")
        if self._doors.rates.wait(caller_at(address), 1.0):
            raise Fault(Code.NOT_ALLOWED, "too many requests, try again")
        if signed or not self._doors.locked():
            return
        told = [str(value) for name, value in context.invocation_metadata() if name == "authorization"]
        if self._doors.caller(told)[1] is not None:
            raise Fault(Code.NOT_ALLOWED, "this server needs a token, in the metadata authorization: Bearer TOKEN")


def _failed(context: GrpcContext, fault: Fault, empty: Message) -> Message:
    import grpc

    context.set_code(grpc.StatusCode.UNKNOWN)
    context.set_details(fault.text())
    return empty


def _address(peer: str) -> str:
    """Return the address of a peer as gRPC writes it, such as ``ipv6:[::1]:5`` or ``ipv6:%5B::1%5D:5``."""
    kind, _, rest = peer.partition(":")
    host = rest.rpartition(":")[0].replace("%5B", "").replace("%5D", "").strip("[]")
    return host if kind in ("ipv4", "ipv6") else ""


@lru_cache(maxsize=1024)
def _is_here(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback
