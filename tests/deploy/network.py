"""Hosts without machines: each has its own network, processes and folders, in namespaces below one process.

    unshare ... python -m MODULE ARGUMENTS     (see `inside`)

When that process ends, every host ends with it, and the machine's own network is never touched. The process itself is
at 10.77.0.254 of the hosts' network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

__all__ = [
    "HOSTS",
    "LAUNCHER",
    "begin_host",
    "inside",
    "join_network",
    "missing",
    "run",
    "start_network",
    "started_inside",
]

HOSTS = {"head": "10.77.0.1", "clinic": "10.77.0.2", "laboratory": "10.77.0.3", "hospital": "10.77.0.4"}
LAUNCHER = "10.77.0.254"
NAMESPACES = ("--net", "--pid", "--mount", "--uts", "--ipc", "--fork", "--mount-proc")

NETWORK = """
ip link set lo up
until ip link set eth0 up 2>/dev/null; do sleep 0.05; done
ip addr add {address}/24 dev eth0
ip route add default via {launcher}
"""


def missing(*programs: str) -> str:
    """Return why there can be no such hosts here, or nothing."""
    if os.geteuid() != 0:
        return "needs root"
    absent = [program for program in ("unshare", "ip", *programs) if shutil.which(program) is None]
    if absent:
        return f"needs {', '.join(absent)}"
    tried = subprocess.run(
        ["unshare", *NAMESPACES, "sh", "-c", "ip link add name a type veth peer name b && mount -t tmpfs none /srv"],
        capture_output=True,
        timeout=30,
    )
    return "" if tried.returncode == 0 else "needs network, process and mount namespaces"


def inside(module: str, *arguments: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
    """Run a module of ours as the first process of namespaces of its own; its end, or a time-out, ends all in them."""
    with started_inside(module, *arguments) as process:
        try:
            said = process.communicate(timeout=timeout_s)[0]
        finally:
            process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, said)


def started_inside(module: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a module of ours as `inside` does."""
    command = ["unshare", *NAMESPACES, "--kill-child", sys.executable, "-P", "-m", module, *arguments]
    checkout = str(Path(__file__).resolve().parents[2])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment["PYTHONPATH"] = checkout
    return subprocess.Popen(command, cwd=checkout, env=environment, text=True, stdout=subprocess.PIPE)


def start_network() -> None:
    """Make the network that hosts join, with this process in it."""
    for line in ("link set lo up", "link add br0 type bridge", f"addr add {LAUNCHER}/24 dev br0", "link set br0 up"):
        run("ip", *line.split())


def begin_host(script: str, address: str, log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a host whose first process runs a script, after the host has its address; `join_network` lets it go on."""
    lines = "set -e\n" + NETWORK.format(address=address, launcher=LAUNCHER) + script
    with log.open("ab") as said:
        return subprocess.Popen(
            ["unshare", *NAMESPACES, "--kill-child", "bash", "-c", lines],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )


def join_network(name: str, pid: int) -> None:
    """Connect a host with the network by a link `v-NAME`."""
    _wait_for_network(pid)
    run("ip", *f"link add v-{name} type veth peer name eth0 netns {pid}".split())
    run("ip", *f"link set v-{name} master br0 up".split())


def leave_network(name: str) -> None:
    """Take the link away at once; the kernel does it some time after the host's end."""
    subprocess.run(["ip", "link", "del", f"v-{name}"], stderr=subprocess.DEVNULL, timeout=60, check=False)


def _wait_for_network(pid: int) -> None:
    mine = Path("/proc/self/ns/net").readlink()
    for _ in range(200):
        if Path(f"/proc/{pid}/ns/net").readlink() != mine:
            return
        time.sleep(0.05)
    raise RuntimeError("a host has no network of its own")


def run(*command: str) -> None:
    """Run a program that has to succeed."""
    subprocess.run(command, check=True, timeout=60, stdin=subprocess.DEVNULL)
