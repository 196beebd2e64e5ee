"""Many HTTP clients of one server, in a process of their own, which `python -m benchmarks load` starts.

``python -m benchmarks.callers PORT TASK CLIENTS SECONDS INTERVAL_S``

Each has a connection that stays open and asks once an interval, whatever the answer before took; milliseconds count
from the moment at which a request was due. With an interval of 0 each asks as soon as it has its answer, which shows
how many requests there can be. A general HTTP client takes more processor time for a request than the server does, and
both share the machine; so these say what is needed and no more. Prints one JSON document: milliseconds of each answer
by path, errors, and processor seconds of all clients.
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


async def ask_all(port: int, wanted: list[str], clients: int, seconds: float, interval_s: float) -> Told:
    """Let all clients ask for some seconds, each beginning within the first interval."""
    told = Told()
    begin = time.perf_counter()
    firsts = [begin + k * interval_s / clients for k in range(clients)]
    await asyncio.gather(
        *(_caller(port, wanted, k, first, interval_s, begin + seconds, told) for k, first in enumerate(firsts))
    )
    return told


async def _caller(
    port: int, wanted: list[str], number: int, due: float, interval_s: float, end: float, told: Told
) -> None:
    """Ask at `due`, and then every interval; begin a new connection where one breaks."""
    while due < end:
        await _until(due)
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError as error:
            told.fail(type(error).__name__)
            due = max(due, time.perf_counter()) + (interval_s or 1.0)
            continue
        try:
            while due < end:
                await _until(due)
                number += 1
                began, due = due if interval_s else time.perf_counter(), due + interval_s
                await _ask(reader, writer, wanted[number % len(wanted)], told, began)
                if not interval_s:
                    due = time.perf_counter()
        except (OSError, EOFError, ValueError, LookupError, TimeoutError) as error:
            told.fail(type(error).__name__)
        finally:
            writer.close()


async def _until(moment: float) -> None:
    wait_s = moment - time.perf_counter()
    if wait_s > 0:
        await asyncio.sleep(wait_s)


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, told: Told, began: float) -> None:
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
    port, task, clients, seconds, interval_s = sys.argv[1:]
    told = asyncio.run(ask_all(int(port), paths(task), int(clients), float(seconds), float(interval_s)))
    print(json.dumps({**vars(told), "processor_s": time.process_time()}))


if __name__ == "__main__":
    main()
