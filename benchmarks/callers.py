"""Many HTTP clients of one server, in a process of their own, which `python -m benchmarks load` starts.

``python -m benchmarks.callers PORT TASK CLIENTS SECONDS PAUSE_S``

Each has a connection that stays open, asks, waits for the answer and pauses. A general HTTP client takes more processor
time for a request than the server does, and both share the machine; so these say what is needed and no more. Prints
one JSON document: milliseconds of each answer by path, and errors.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field

__all__ = ["Told", "ask_all", "paths"]

ANSWER_S = 30.0
OFTEN = 4
"""Requests of queryStatus before each other one."""


@dataclass
class Told:
    """What came of the requests.

    Attributes
    ----------
    status_ms
        Of each answer of queryStatus.
    other_ms
        Of each other answer.
    errors
        How often what went wrong.
    """

    status_ms: list[float] = field(default_factory=list)
    other_ms: list[float] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)

    def fail(self, why: str) -> None:
        """Count an error."""
        self.errors[why] = self.errors.get(why, 0) + 1


def paths(task: str) -> list[str]:
    """Return the paths that a client asks for, in turn."""
    status = f"/queryStatus?task_name={task}"
    others = (f"/api/v1/tasks/{task}", "/api/v1/tasks?limit=20", f"/queryRecord?task_name={task}")
    return [path for other in others for path in (*(status,) * OFTEN, other)]


async def ask_all(port: int, wanted: list[str], clients: int, seconds: float, pause_s: float) -> Told:
    """Let all clients ask for some seconds, each beginning within the first pause."""
    told = Told()
    end = time.monotonic() + seconds
    each_s = pause_s / clients
    await asyncio.gather(*(_caller(port, wanted, k, k * each_s, pause_s, end, told) for k in range(clients)))
    return told


async def _caller(
    port: int, wanted: list[str], number: int, after_s: float, pause_s: float, end: float, told: Told
) -> None:
    await asyncio.sleep(after_s)
    while time.monotonic() < end:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError as error:
            told.fail(type(error).__name__)
            await asyncio.sleep(pause_s or 1.0)
            continue
        try:
            while time.monotonic() < end:
                number += 1
                await _ask(reader, writer, wanted[number % len(wanted)], told)
                await asyncio.sleep(pause_s)
        except (OSError, EOFError, ValueError, LookupError, TimeoutError) as error:
            told.fail(type(error).__name__)
        finally:
            writer.close()


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, told: Told) -> None:
    began = time.perf_counter()
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    status, body = await asyncio.wait_for(_answer(reader), ANSWER_S)
    taken = 1000.0 * (time.perf_counter() - began)
    if status != 200:
        told.fail(f"HTTP {status}")
    elif path.startswith("/queryStatus"):
        told.status_ms.append(taken)
        if json.loads(body).get("status") != "ok":
            told.fail("queryStatus said err")
    else:
        told.other_ms.append(taken)


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return status and body of an answer that says how long it is."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
    return int(head[0].split()[1]), await reader.readexactly(int(fields["content-length"]))


def main() -> None:
    """Run from the command line."""
    port, task, clients, seconds, pause_s = sys.argv[1:]
    told = asyncio.run(ask_all(int(port), paths(task), int(clients), float(seconds), float(pause_s)))
    print(json.dumps({"status_ms": told.status_ms, "other_ms": told.other_ms, "errors": told.errors}))


if __name__ == "__main__":
    main()
