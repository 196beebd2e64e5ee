"""What a node and an actor use, as psutil and NVML tell on the spot; and how all of them are asked."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import psutil
import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from fedray.task.usage import ActorUsage, DiskUsage, GpuUsage, NodeUsage, Usage

__all__ = ["Meter", "actor_usage", "node_usage"]

MEASURE_S: Final = 0.2
"""Seconds over which processors are watched."""

ANSWER_S: Final = 5.0
"""Seconds after which a node or an actor that has not answered is left out."""

FRESH_S: Final = 1.0
"""Seconds for which an answer serves further requests, so that many of them ask nobody."""

OLD_S: Final = 10.0
"""Seconds after which one is no longer given while a newer one is being asked for."""

CGROUP_LIMITS: Final = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def node_usage(ip: str) -> NodeUsage:
    """Return what this machine uses."""
    cpus = tuple(float(share) for share in psutil.cpu_percent(interval=MEASURE_S, percpu=True))
    memory = psutil.virtual_memory()
    return NodeUsage(ip, cpus, memory.total, memory.used, memory.percent, _disks(), _gpus())


def actor_usage(task: str, index: int, role: str) -> ActorUsage:
    """Return what this process and its children use; called inside of an actor."""
    context = ray.get_runtime_context()
    ip = ray.util.get_node_ip_address()
    whole = [psutil.Process(), *psutil.Process().children(recursive=True)]
    before, started = _seconds(whole), time.monotonic()
    time.sleep(MEASURE_S)
    percent = 100.0 * max(0.0, _seconds(whole) - before) / (time.monotonic() - started)
    resident = 0
    for process in whole:
        with contextlib.suppress(psutil.Error):
            resident += process.memory_info().rss
    return ActorUsage(str(context.get_actor_id()), task, index, role, ip, percent, _limit(), resident)


def _seconds(processes: Sequence[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        with contextlib.suppress(psutil.Error):  # a child that has ended meanwhile
            times = process.cpu_times()
            total += times.user + times.system
    return total


def _limit() -> int:
    """Return how much memory a process here may have: the container's limit, or all there is."""
    total = int(psutil.virtual_memory().total)
    for file in CGROUP_LIMITS:
        with contextlib.suppress(OSError, ValueError):
            return min(total, int(file.read_text(encoding="ascii")))
    return total


def _disks() -> tuple[DiskUsage, ...]:
    found = []
    for path in sorted({part.mountpoint for part in psutil.disk_partitions(all=False)}):
        with contextlib.suppress(OSError):  # one that this user may not look at
            usage = psutil.disk_usage(path)
            found.append(DiskUsage(path, usage.total, usage.used, usage.percent))
    return tuple(found)


def _gpus() -> tuple[GpuUsage, ...]:
    """Return the GPUs that NVML tells of; none where the package or the driver is not there."""
    try:
        import pynvml
    except ImportError:
        return ()
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    found = []
    try:
        for place in range(pynvml.nvmlDeviceGetCount()):
            with contextlib.suppress(pynvml.NVMLError):  # one that is being reset, or split into parts
                found.append(_gpu(pynvml, place))
    finally:
        pynvml.nvmlShutdown()
    return tuple(found)


def _gpu(nvml: Any, place: int) -> GpuUsage:
    gpu = nvml.nvmlDeviceGetHandleByIndex(place)
    name, memory = nvml.nvmlDeviceGetName(gpu), nvml.nvmlDeviceGetMemoryInfo(gpu)
    shown = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
    busy = float(nvml.nvmlDeviceGetUtilizationRates(gpu).gpu)
    return GpuUsage(shown, busy, int(memory.total), int(memory.used))


@ray.remote(num_cpus=0, max_retries=0)
def _look(ip: str) -> NodeUsage:
    return node_usage(ip)


class Meter:
    """Asks every node and every party; many who want to know at once get one answer.

    Parameters
    ----------
    parties
        Returns the actors of the parties at work.
    """

    def __init__(self, parties: Callable[[], Sequence[Any]]) -> None:
        self._parties = parties
        self._lock = threading.Lock()
        self._last, self._at = Usage(), float("-inf")

    def read(self) -> Usage:
        """Return what nodes and parties use, a few seconds old at the most; who does not answer is left out."""
        if not self._lock.acquire(blocking=time.monotonic() - self._at > OLD_S):
            return self._last  # another asks
        try:
            if time.monotonic() - self._at > FRESH_S:
                self._last, self._at = self._ask(), time.monotonic()
            return self._last
        finally:
            self._lock.release()

    def _ask(self) -> Usage:
        here = ray.get_runtime_context().get_node_id()
        nodes = sorted((node for node in ray.nodes() if node["Alive"]), key=lambda node: node["NodeID"] != here)
        asked = [
            _look.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote(
                node["NodeManagerAddress"]
            )
            for node in nodes
        ]
        parties = [actor.usage.remote() for actor in self._parties()]
        answers = _answers([*asked, *parties])
        found = [answers[ref] for ref in asked if ref in answers]
        return Usage(tuple(found), tuple(_rounded(answers[ref]) for ref in parties if ref in answers))


def _rounded(actor: ActorUsage) -> ActorUsage:
    return replace(actor, cpu_percent=round(actor.cpu_percent, 2))


def _answers(asked: list[Any]) -> Mapping[Any, Any]:
    if not asked:
        return {}
    done, late = ray.wait(asked, num_returns=len(asked), timeout=ANSWER_S)
    for ref in late:
        with contextlib.suppress(ValueError, RayError):
            ray.cancel(ref)
    answers = {}
    for ref in done:
        with contextlib.suppress(RayError):  # a party that has just ended
            answers[ref] = ray.get(ref)
    return answers
