"""What nodes and parties use, under the names of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fedray.task.jobs import Job
from fedray.task.usage import ActorUsage, GpuUsage, NodeUsage, Usage
from serve_api.k12ai.settings import K12Settings

__all__ = ["stats_of"]

Json = dict[str, Any]
ID_DIGITS: Final = 12


def stats_of(usage: Usage, jobs: Mapping[str, Job], parts: frozenset[str], settings: K12Settings) -> Json:
    """Return the parts that were asked for: of the server's node, and under ``nodes`` of each.

    Parameters
    ----------
    jobs
        The jobs by the names of their tasks; parties of other tasks are not shown.
    """
    nodes = [_node(node, parts, settings) for node in usage.nodes]
    found: Json = {name: value for name, value in (nodes[0] if nodes else {}).items() if name != "ip"}
    if "containers" in parts:
        found["containers"] = [_container(actor, jobs[actor.task]) for actor in usage.actors if actor.task in jobs]
    return {**found, "nodes": nodes}


def _node(node: NodeUsage, parts: frozenset[str], settings: K12Settings) -> Json:
    found: Json = {"ip": node.ip}
    if "cpus" in parts:
        found |= {
            "cpu_percent": round(sum(node.cpus) / max(1, len(node.cpus)), 2),
            "cpu_percent_list": list(node.cpus),
            "cpu_memory_total": node.memory_total,
            "cpu_memory_usage": node.memory_used,
            "cpu_memory_percent": node.memory_percent,
        }
    if "gpus" in parts:
        found["gpus"] = [_gpu(gpu, settings) for gpu in node.gpus]
    if "disks" in parts:
        found["disks"] = [
            {"path": disk.path, "disk_total": disk.total, "disk_usage": disk.used, "disk_percent": disk.percent}
            for disk in node.disks
        ]
    return found


def _gpu(gpu: GpuUsage, settings: K12Settings) -> Json:
    total: float = gpu.memory_total
    used: float = gpu.memory_used
    if settings.gpu_memory_unit == "MiB":
        total, used = total / 2**20, used / 2**20
    return {
        "name": gpu.name,
        "gpu_percent": round(gpu.percent, 2),
        "gpu_memory_total": total,
        "gpu_memory_usage": used,
        "gpu_memory_percent": _percent(gpu.memory_used, gpu.memory_total),
    }


def _container(actor: ActorUsage, job: Job) -> Json:
    return {
        "id": actor.id[:ID_DIGITS],
        "cpu_percent": actor.cpu_percent,
        "cpu_memory_total": actor.memory_limit,
        "cpu_memory_usage": actor.memory_used,
        "cpu_memory_percent": _percent(actor.memory_used, actor.memory_limit),
        "op": f"{job.op}.start",
        "user": job.key.owner,
        "service_uuid": job.key.project,
        "role": actor.role,
        "ip": actor.ip,
    }


def _percent(part: float, whole: float) -> float:
    return round(100.0 * part / whole, 2) if whole else 0.0
