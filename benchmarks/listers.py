"""Callers of ListTask, in a process of their own, which `python -m benchmarks list` starts.

``python -m benchmarks.listers PORT KEY RATE SECONDS``

A call is due every 1/RATE seconds, whether those before were answered or not, and its milliseconds count from then.
The request is that of an executor, which asks for all tasks of its key up to now; it has no signature, as the
original's has none. Prints one JSON document: milliseconds of each answer, errors, how many calls were sent, seconds
until the last answer, and processor seconds of the process.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field

import grpc

from serve_api.paddledtx.wire.task_pb2 import FLTasks, ListTaskRequest

__all__ = ["Heard", "call_all"]

ANSWER_S = 30.0
CHANNELS = 8
"""Connections, each with a share of the calls."""

TURN_S = 0.002
"""Between two looks at what is due."""


@dataclass
class Heard:
    """What came of the calls.

    Attributes
    ----------
    ms
        Milliseconds of each answer, from when the call was due.
    errors
        How often what went wrong.
    sent
        Calls that were made.
    took_s
        Seconds from the first call until the last answer.
    """

    ms: list[float] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)
    sent: int = 0
    took_s: float = 0.0


async def call_all(port: int, key: bytes, rate: float, seconds: float) -> Heard:
    """Make every call that is due within some seconds, and wait for the answers."""
    heard = Heard()
    options = [("grpc.use_local_subchannel_pool", 1)]  # else all channels share one connection
    channels = [grpc.aio.insecure_channel(f"127.0.0.1:{port}", options) for _ in range(CHANNELS)]
    calls = [channel.unary_unary("/task.Task/ListTask") for channel in channels]
    asked = ListTaskRequest(ePubKey=key, timeEnd=time.time_ns(), limit=100).SerializeToString()
    running: set[asyncio.Task[None]] = set()
    begin = time.perf_counter()
    while heard.sent < rate * seconds:
        while heard.sent < rate * seconds and (due := begin + heard.sent / rate) <= time.perf_counter():
            task = asyncio.create_task(_call(calls[heard.sent % CHANNELS], asked, due, heard))
            running.add(task)
            task.add_done_callback(running.discard)
            heard.sent += 1
        await asyncio.sleep(TURN_S)
    await asyncio.gather(*running)
    heard.took_s = time.perf_counter() - begin
    for channel in channels:
        await channel.close()
    return heard


async def _call(call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes], asked: bytes, due: float, heard: Heard) -> None:
    try:
        answer = await call(asked, timeout=ANSWER_S)
    except grpc.aio.AioRpcError as error:
        heard.errors[error.code().name] = heard.errors.get(error.code().name, 0) + 1
        return
    heard.ms.append(1000.0 * (time.perf_counter() - due))
    if not heard.ms[1:] and not FLTasks.FromString(answer).fLTasks:
        heard.errors["empty"] = 1


def main() -> None:
    """Run from the command line."""
    port, key, rate, seconds = sys.argv[1:]
    heard = asyncio.run(call_all(int(port), bytes.fromhex(key), float(rate), float(seconds)))
    print(json.dumps({**vars(heard), "processor_s": time.process_time()}))


if __name__ == "__main__":
    main()
