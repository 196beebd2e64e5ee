"""What nodes and the actors on them use: processors, memory, disks, GPUs. Sizes are bytes, shares are percent."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ActorUsage", "DiskUsage", "GpuUsage", "NodeUsage", "Usage"]


@dataclass(frozen=True)
class GpuUsage:
    """A GPU of a node."""

    name: str
    percent: float
    memory_total: int
    memory_used: int


@dataclass(frozen=True)
class DiskUsage:
    """A mounted partition of a node."""

    path: str
    total: int
    used: int
    percent: float


@dataclass(frozen=True)
class NodeUsage:
    """A node.

    Attributes
    ----------
    ip
        Its address in the cluster.
    cpus
        Share of each logical processor that is in use.
    memory_total, memory_used
        Of the machine.
    memory_percent
        As the operating system counts it: what can be freed is not in use.
    """

    ip: str
    cpus: tuple[float, ...]
    memory_total: int
    memory_used: int
    memory_percent: float
    disks: tuple[DiskUsage, ...] = ()
    gpus: tuple[GpuUsage, ...] = ()


@dataclass(frozen=True)
class ActorUsage:
    """A party of a task at work.

    Attributes
    ----------
    id
        Of its actor: hexadecimal digits.
    task, index, role, ip
        Which client of which task, what it is, and its node's address.
    cpu_percent
        Share of one processor: 180 is 1.8 of them; of the process and its children.
    memory_limit, memory_used
        What it may have, and has, resident.
    """

    id: str
    task: str
    index: int
    role: str
    ip: str
    cpu_percent: float
    memory_limit: int
    memory_used: int


@dataclass(frozen=True)
class Usage:
    """The nodes, that of the server first, and the parties at work."""

    nodes: tuple[NodeUsage, ...] = ()
    actors: tuple[ActorUsage, ...] = ()
