"""The clients of the load benchmarks: every answer is counted, every error is, and connections stay open."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest

from benchmarks.callers import OFTEN, Told, ask_all, paths
from benchmarks.listers import Heard, call_all
from benchmarks.load import training_document
from fedray.task.config_bases import Kind
from fedray.task.spec import parse
from serve_api.paddledtx.wire.task_pb2 import FLTask, FLTasks, ListTaskRequest

Answer = Callable[[str], bytes]


def ok(path: str) -> bytes:
    body = json.dumps({"status": "ok", "path": path}).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


async def serve(answer: Answer, ask: Callable[[int], Awaitable[Told]]) -> tuple[Told, int]:
    """Return what the clients were told by a server that answers so, and how many connections it had."""
    met = 0

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal met
        met += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(answer(head.split()[1].decode()))
        except EOFError:
            writer.close()

    listening = await asyncio.start_server(one, "127.0.0.1", 0)
    async with listening:
        return await ask(listening.sockets[0].getsockname()[1]), met


def asked(answer: Answer, clients: int = 3) -> tuple[Told, int]:
    return asyncio.run(serve(answer, lambda port: ask_all(port, paths("t"), clients, 0.5, 0.01)))


def test_a_client_keeps_its_connection_and_asks_for_the_status_most_often() -> None:
    told, met = asked(ok)
    assert met == 3
    assert told.errors == {}
    assert len(told.status_ms) > len(told.other_ms) > 0
    wanted = paths("t")
    assert len(wanted) == 3 * (OFTEN + 1)
    assert sum(path == "/queryStatus?task_name=t" for path in wanted) == 3 * OFTEN


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda path: b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n", "HTTP 503"),
        (lambda path: ok(path).replace(b'"ok"', b'"no"'), "queryStatus said err"),
        (lambda path: b"nonsense\r\n\r\n", "IndexError"),
    ],
    ids=["refused", "err", "no HTTP"],
)
def test_what_goes_wrong_is_counted(answer: Answer, error: str) -> None:
    told, _ = asked(answer)
    assert told.errors[error] > 0
    assert set(told.errors) == {error}


def test_nobody_there_is_an_error_and_no_end() -> None:
    told = asyncio.run(ask_all(1, paths("t"), 2, 0.05, 0.01))
    assert told.errors["ConnectionRefusedError"] >= 2


def test_an_interval_is_kept_and_none_asks_again_when_answered() -> None:
    for interval, least, most in ((10.0, 1, 1), (0.0, 5, 10**6)):
        told, met = asyncio.run(serve(ok, lambda port, every=interval: ask_all(port, ["/queryStatus"], 1, 0.3, every)))
        assert met == 1
        assert least <= len(told.status_ms) <= most
        assert told.errors == {}


class Lists(grpc.GenericRpcHandler):
    """Answers ListTask with these bytes, or refuses."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer, self.seen = answer, list[bytes]()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        if handler_call_details.method != "/task.Task/ListTask":
            return None

        async def listed(data: bytes, context: Any) -> bytes:
            self.seen.append(data)
            if self.answer is None:
                await context.abort(grpc.StatusCode.UNKNOWN, "no")
            return self.answer or b""

        return grpc.unary_unary_rpc_method_handler(listed)


async def heard_of(lists: Lists) -> Heard:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((lists,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        return await call_all(port, b"k" * 64, rate=100.0, seconds=0.2)
    finally:
        await server.stop(None)


def test_every_list_that_is_due_is_asked_for() -> None:
    lists = Lists(FLTasks(fLTasks=[FLTask(name="t")]).SerializeToString())
    heard = asyncio.run(heard_of(lists))
    assert (heard.sent, len(heard.ms), heard.errors) == (20, 20, {})
    assert {ListTaskRequest.FromString(data).ePubKey for data in lists.seen} == {b"k" * 64}
    assert heard.took_s >= 0.19  # the last is due then


@pytest.mark.parametrize(("answer", "errors"), [(None, {"UNKNOWN": 20}), (b"", {"empty": 1})])
def test_lists_that_fail_or_hold_nothing_are_errors(answer: bytes | None, errors: dict[str, int]) -> None:
    assert asyncio.run(heard_of(Lists(answer))).errors == errors


@pytest.mark.parametrize("transport", ["ray", "fast"])
def test_the_training_is_a_task(transport: str) -> None:
    assert parse(training_document(transport)).kind is Kind.LINEAR
