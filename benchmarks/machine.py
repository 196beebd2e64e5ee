"""The machine under the benchmarks, and the share of it that each party's process gets."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

__all__ = ["cores", "describe", "limited_threads"]

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def cores() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def limited_threads(processes: int) -> Iterator[int]:
    """Let every process that starts in the block use its share of the processors; yield that number of threads.

    Parties run on machines of their own. Here they share one, and a party whose products took all processors would
    slow down the others in a way that nobody will see outside of a benchmark.
    """
    threads = max(1, cores() // processes)
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, str(threads)))
    try:
        yield threads
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def describe() -> dict[str, object]:
    """Return a line about the machine: its class and the versions, nothing that names it."""
    packages = ("numpy", "numba", "ray", "cryptography")
    return {
        "bench": "machine",
        "date": time.strftime("%Y-%m-%d"),
        "cores": cores(),
        "processor": _first("/proc/cpuinfo", "model name"),
        "memory_gib": round(int(_first("/proc/meminfo", "MemTotal").split()[0] or 0) / 2**20),
        "system": platform.system(),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


def _first(file: str, key: str) -> str:
    """Return what a file of `key: value` lines says first under a key."""
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except OSError:
        return "0"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "0")
