"""What `fedray doctor` measures: on every node of the cluster, and between every two of them."""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import socket
import statistics
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from itertools import combinations
from pathlib import Path
from typing import Any

import ray
from ray.actor import ActorHandle
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.own_root import own_root
from actors.placement import PREFIX, offers
from fedray.checkup.facts import Facts, LinkFacts, NodeFacts, RootFacts
from fedray.data.party_key import DEFAULT_FILE
from fedray.errors import FedrayError, PlacementError
from fedray.task.registry import PartyRef, Registry

__all__ = ["Probe", "measure"]

PACKAGES = ("ray", "fedray", "numpy", "numba", "cryptography")
START_S = 60.0
ROUNDS = 20
CLOCK_ROUNDS = 5
CONNECT_S = 5.0
BULK_BYTES = 1 << 23
TOKEN_BYTES = 32
PING_BYTES = 8


class Probe:
    """Sits on one node, says what is there, and talks to the probes of others."""

    def facts(self, roots: Mapping[str, str]) -> dict[str, Any]:
        """Return versions, memory, and the data roots of parties, given by name."""
        return {
            "versions": versions(),
            "memory_bytes": _memory_left(),
            "roots": {party: _root(Path(root)) for party, root in roots.items()},
        }

    def clock(self) -> float:
        """Return the time here, in Unix seconds."""
        return time.time()

    def echo(self, said: bytes) -> bytes:
        """Say what was said."""
        return said

    def listen(self) -> tuple[str, int, bytes]:
        """Wait in the background for one stream; return where, and what has to be said first on it."""
        token = secrets.token_bytes(TOKEN_BYTES)
        listener = socket.create_server((ray.util.get_node_ip_address(), 0))
        listener.settimeout(CONNECT_S)
        threading.Thread(target=_answer, args=(listener, token), daemon=True).start()
        host, port = listener.getsockname()[:2]
        return host, port, token

    def call(self, peer: ActorHandle[Any]) -> float:
        """Return the median of round trips of calls to another probe, in seconds."""
        return _median(lambda: ray.get(peer.echo.remote(bytes(PING_BYTES))))

    def stream(self, host: str, port: int, token: bytes) -> tuple[float, float] | None:
        """Return the median of round trips on a stream and its bytes a second, or None if there can be none."""
        try:
            with socket.create_connection((host, port), CONNECT_S) as line:
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                line.sendall(token)
                trip = _median(lambda: _ping(line))
                begun = time.perf_counter()
                line.sendall(bytes(BULK_BYTES))
                _read(line, 1)
                return trip, BULK_BYTES / (time.perf_counter() - begun)
        except OSError:
            return None


def measure(registry: Registry) -> Facts:
    """Measure every node and every pair of nodes of the cluster that this process has joined.

    Raises
    ------
    PlacementError
        A node does not answer.
    """
    nodes = [node for node in ray.nodes() if node["Alive"]]
    offered = offers(nodes)
    with _probes(nodes) as probes:
        pairs = zip(nodes, probes, strict=True)
        found = tuple(_node(node, probe, _roots_at(node, registry, offered.homes)) for node, probe in pairs)
        named = [(node.name, probe) for node, probe in zip(found, probes, strict=True)]
        links = tuple(_link(*pair) for pair in combinations(named, 2))
    return Facts(
        versions(),
        {party.name: party.resource for party in registry.parties()},
        found,
        links,
        token=os.environ.get("RAY_AUTH_MODE") == "token",
        tls=os.environ.get("RAY_USE_TLS", "0") != "0",
        unclear=tuple(sorted(offered.unclear)),
    )


def versions() -> dict[str, str]:
    """Return the versions of what has to be the same on all nodes."""
    return {"python": platform.python_version(), **{package: _version(package) for package in PACKAGES}}


@contextmanager
def _probes(nodes: list[dict[str, Any]]) -> Iterator[list[ActorHandle[Any]]]:
    # two threads: a probe that measures a call to another still answers
    made = [
        ray.remote(num_cpus=0, max_concurrency=2)(Probe)
        .options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False))
        .remote()
        for node in nodes
    ]
    try:
        yield made
    finally:
        for probe in made:
            ray.kill(probe)


def _node(node: Mapping[str, Any], probe: ActorHandle[Any], roots: Mapping[str, str]) -> NodeFacts:
    name = node["NodeManagerAddress"]
    try:
        told = ray.get(probe.facts.remote(roots), timeout=START_S)
        doubt_s, ahead_s = min(_clock(probe) for _ in range(CLOCK_ROUNDS))
    except RayError as error:
        raise PlacementError(
            f"the node {name} does not answer ({type(error).__name__}); see whether it is busy, and Ray's logs"
        ) from None
    offered = tuple(sorted(resource for resource in node["Resources"] if resource.startswith(PREFIX)))
    found = {party: RootFacts(**root) for party, root in told["roots"].items()}
    return NodeFacts(name, offered, told["versions"], ahead_s, doubt_s, told["memory_bytes"], found)


def _clock(probe: ActorHandle[Any]) -> tuple[float, float]:
    """Return half the time that asking for the time took, and how far the answer is ahead of its middle."""
    begun = time.time()
    there = ray.get(probe.clock.remote(), timeout=START_S)
    ended = time.time()
    return (ended - begun) / 2, there - (begun + ended) / 2


def _link(one: tuple[str, ActorHandle[Any]], other: tuple[str, ActorHandle[Any]]) -> LinkFacts:
    (frm, asks), (to, answers) = one, other
    try:
        call_s = ray.get(asks.call.remote(answers), timeout=START_S)
        stream = ray.get(asks.stream.remote(*ray.get(answers.listen.remote(), timeout=START_S)), timeout=START_S)
    except RayError as error:
        raise PlacementError(
            f"{frm} does not reach {to} ({type(error).__name__}); open the ports of Ray between them"
        ) from None
    return LinkFacts(frm, to, call_s, *(stream or (None, None)))


def _roots_at(node: Mapping[str, Any], registry: Registry, homes: Mapping[str, str]) -> dict[str, str]:
    """Return the data roots that a node has; of a party of several nodes only that with the data has one."""

    def has_root(party: PartyRef) -> bool:
        home = homes.get(party.resource, node["NodeID"])
        return party.root is not None and party.resource in node["Resources"] and home == node["NodeID"]

    return {party.name: str(party.root) for party in registry.parties() if has_root(party)}


def _root(path: Path) -> dict[str, Any]:
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    return {"has_raw": (path / "raw").is_dir(), "free_bytes": shutil.disk_usage(there).free, **_key(path)}


def _key(path: Path) -> dict[str, Any]:
    root = own_root(str(path))
    beside = not root.key.elsewhere
    if beside and not (path / ".fedray" / DEFAULT_FILE).exists():
        return {"key_beside": True}
    try:
        root.party_key(create=False)
    except FedrayError as error:
        return {"key_beside": beside, "key_problem": error.message}
    return {"key_beside": beside}


def _memory_left() -> int | None:
    """Return what Linux says that programs can still take."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _median(trip: Any) -> float:
    taken = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        trip()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def _answer(listener: socket.socket, token: bytes) -> None:
    """Take one stream: its token, pings that are answered, then what is only counted."""
    try:
        with listener:
            line, _ = listener.accept()
        with line:
            line.settimeout(CONNECT_S)
            if not secrets.compare_digest(_read(line, TOKEN_BYTES), token):
                return
            for _ in range(ROUNDS):
                line.sendall(_read(line, PING_BYTES))
            left = BULK_BYTES
            while left:
                left -= len(_some(line, left))
            line.sendall(b"!")
    except OSError:
        return  # whoever asked sees it at his end


def _ping(line: socket.socket) -> None:
    line.sendall(bytes(PING_BYTES))
    _read(line, PING_BYTES)


def _read(line: socket.socket, size: int) -> bytes:
    said = b""
    while len(said) < size:
        said += _some(line, size - len(said))
    return said


def _some(line: socket.socket, most: int) -> bytes:
    said = line.recv(min(most, 1 << 16))
    if not said:
        raise ConnectionError("the other end closed the stream")
    return said
