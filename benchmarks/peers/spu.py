"""SPU's side: two processes, joined by its own links over the loopback, play programs on shares.

An interpreter that has ``spu`` (and JAX with it) runs this from the checkout; nothing of fedray is imported:

    PYTHON -m benchmarks.peers.spu --op logistic

SEMI2K over 64 bits, 18 of them for the fraction; the first party makes all triples. One line for each program, with the
seconds of its single runs after one that warms up. A result that is not right is an error, not a line.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import socket
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.peers.programs import PROGRAMS, Program, errors, inputs

__all__ = ["main"]

PARTIES, HOST, FRACTION_BITS = 2, "127.0.0.1", 18
WAIT_S, LINK_MS = 120.0, 60_000
LEAD_S = 0.02
"""From the word to start until the start: both processes have heard it by then."""


@dataclass(frozen=True)
class Job:
    """What a party is to run: the compiled program, the names of its variables, the party's shares, how often."""

    code: bytes
    names: list[str]
    outputs: list[str]
    shares: list[Any]
    runs: int


def main() -> None:
    """Print a line for each program that was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers.spu")
    parser.add_argument("--op", action="append", choices=tuple(PROGRAMS), help="program, may be repeated; default all")
    parser.add_argument("--repeat", type=int, default=5, help="measured runs of each program")
    parser.add_argument("--small", action="store_true", help="tiny sizes, to see that it works")
    parser.add_argument("--threads", type=int, default=0, help="of each party; 0 leaves it to SPU")
    asked = parser.parse_args()
    with _parties(asked.threads) as pipes:
        for name in asked.op or PROGRAMS:
            print(json.dumps(_line(name, asked, pipes)), flush=True)


def _line(name: str, asked: argparse.Namespace, pipes: Sequence[Connection[Any, Any]]) -> dict[str, object]:
    import spu

    program = PROGRAMS[name]
    operands = inputs(program, asked.small)
    seconds, results = _run(program, operands, asked, pipes)
    error, relative = errors(program, operands, results)
    if not relative <= 1.0:  # which NaN is not either
        raise SystemExit(f"{name}: off by {error:.2g}, which is {relative:.2g} times what is allowed")
    return {
        "bench": "peers",
        "peer": f"spu {spu.__version__}",
        "op": name,
        "seconds": statistics.median(seconds),
        "min": min(seconds),
        "max": max(seconds),
        "runs": len(seconds),
        "max_error": error,
        "relative_error": relative,
        "threads": asked.threads,
        "cores": len(os.sched_getaffinity(0)),
    }


def _run(
    program: Program, operands: Sequence[Any], asked: argparse.Namespace, pipes: Sequence[Connection[Any, Any]]
) -> tuple[list[float], list[Any]]:
    """Return the seconds of each run, of trainings those of one step, and the results."""
    import spu
    from spu import libspu

    names, code, outputs = _compiled(program, operands)
    io = spu.Io(PARTIES, _config(libspu, asked.threads))
    shares = [io.make_shares(operand, libspu.Visibility.VIS_SECRET) for operand in operands]
    for rank, pipe in enumerate(pipes):
        pipe.send(Job(code, names, outputs, [share[rank] for share in shares], asked.repeat + 1))
    _heard(pipes)
    seconds = [_slowest(pipes) / (program.steps or 1) for _ in range(asked.repeat + 1)]
    results = [io.reconstruct(list(parts)) for parts in zip(*_heard(pipes), strict=True)]
    return seconds[1:], results


def _compiled(program: Program, operands: Sequence[Any]) -> tuple[list[str], bytes, list[str]]:
    """Return the names of the operands, the code, the names of the results."""
    import jax
    from spu import libspu
    from spu.utils import frontend

    def computed(*arrays: Any) -> Any:
        return program.play(jax.numpy, jax.nn.sigmoid, *arrays)

    names = [f"in{number}" for number in range(len(operands))]
    secret = [libspu.Visibility.VIS_SECRET] * len(operands)
    executable, _ = frontend.compile(
        frontend.Kind.JAX,
        computed,
        list(operands),
        {},
        names,
        secret,
        lambda outputs: [f"out{number}" for number in range(len(outputs))],
    )
    return names, executable.code, list(executable.output_names)


def _config(libspu: Any, threads: int) -> Any:
    config = libspu.RuntimeConfig(protocol=libspu.ProtocolKind.SEMI2K, field=libspu.FieldType.FM64)
    config.fxp_fraction_bits = FRACTION_BITS
    config.sigmoid_mode = libspu.RuntimeConfig.SigmoidMode.SIGMOID_REAL
    config.beaver_type = libspu.RuntimeConfig.BeaverType.TrustedFirstParty
    config.max_concurrency = threads
    return config


@contextlib.contextmanager
def _parties(threads: int) -> Iterator[list[Connection[Any, Any]]]:
    """Start and connect the parties; yield a pipe to each; end them."""
    context = multiprocessing.get_context("spawn")
    pipes: list[Connection[Any, Any]] = []
    processes = []
    for rank in range(PARTIES):
        ours, theirs = context.Pipe()
        process = context.Process(target=_party, args=(theirs, rank, threads), daemon=True)
        process.start()
        theirs.close()  # so that its end is noticed here
        pipes.append(ours)
        processes.append(process)
    try:
        ports = _heard(pipes)
        for pipe in pipes:
            pipe.send(ports)
        _heard(pipes)
        yield pipes
    except (EOFError, ConnectionError):
        raise SystemExit("a party ended before its time") from None
    except TimeoutError:
        raise SystemExit(f"a party said nothing for {WAIT_S:g} s") from None
    finally:
        for process in processes:
            process.terminate()
            process.join(WAIT_S)


def _heard(pipes: Sequence[Connection[Any, Any]]) -> list[Any]:
    """Return what every party says next; TimeoutError if one says nothing."""
    said = []
    for pipe in pipes:
        if not pipe.poll(WAIT_S):
            raise TimeoutError
        said.append(pipe.recv())
    return said


def _slowest(pipes: Sequence[Connection[Any, Any]]) -> float:
    """Let all parties run once; return the seconds from the common start to the end of the last."""
    start = time.monotonic() + LEAD_S
    for pipe in pipes:
        pipe.send(start)
    return max(map(float, _heard(pipes))) - start


def _party(pipe: Connection[Any, Any], rank: int, threads: int) -> None:
    import spu
    from spu import libspu

    with socket.socket() as found:
        found.bind((HOST, 0))
        port = found.getsockname()[1]
    pipe.send(port)
    described = libspu.link.Desc()
    described.recv_timeout_ms = described.http_timeout_ms = LINK_MS
    for number, other in enumerate(pipe.recv()):
        described.add_party(f"party {number}", f"{HOST}:{other}")
    runtime = spu.Runtime(libspu.link.create_brpc(described, rank), _config(libspu, threads))
    pipe.send(None)
    while True:
        _play(pipe, runtime, libspu, pipe.recv())


def _play(pipe: Connection[Any, Any], runtime: Any, libspu: Any, job: Job) -> None:
    for name, share in zip(job.names, job.shares, strict=True):
        runtime.set_var(name, share)
    executable = libspu.Executable(name="program", input_names=job.names, output_names=job.outputs, code=job.code)
    pipe.send(None)
    for _ in range(job.runs):
        time.sleep(max(0.0, pipe.recv() - time.monotonic()))
        runtime.run(executable)
        pipe.send(time.monotonic())
    pipe.send([runtime.get_var(name) for name in job.outputs])
    for name in (*job.names, *job.outputs):
        runtime.del_var(name)


if __name__ == "__main__":
    main()
