"""Hosts to try `ray up` on, without machines: each has its own network, processes, Ray folder, home and sshd.

    unshare ... python -m tests.deploy.hosts FOLDER     (see `inside`)

All of it is in namespaces below one process: when that ends, every host ends with it, and the machine's own network is
never touched. This process is the launcher: it has the network's address 10.77.0.254, and runs `fedray` and `ray`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["HOSTS", "inside", "missing", "running", "shell"]

HOSTS = {"head": "10.77.0.1", "clinic": "10.77.0.2", "laboratory": "10.77.0.3", "hospital": "10.77.0.4"}
LAUNCHER = "10.77.0.254"
NAMESPACES = ("--net", "--pid", "--mount", "--uts", "--ipc", "--fork", "--mount-proc")
PROGRAMS = ("unshare", "ip", "ssh", "ssh-keygen", "rsync", "/usr/sbin/sshd")

BEGIN = """
set -e
hostname {name}
mkdir -p /tmp/ray
for place in /tmp/ray /srv /run /dev/shm; do mount -t tmpfs none $place; done
mkdir /run/sshd
mount --bind {folder}/passwd /etc/passwd
ip link set lo up
until ip link set eth0 up 2>/dev/null; do sleep 0.05; done
ip addr add {address}/24 dev eth0
ip route add default via {launcher}
exec /usr/sbin/sshd -D -e -f {folder}/sshd_config
"""

SSHD = """
HostKey {home}/host_key
AuthorizedKeysFile {home}/.ssh/fedray_key.pub
StrictModes no
UsePAM no
PermitRootLogin yes
PidFile none
"""


def missing() -> str:
    """Return why there can be no such hosts here, or nothing."""
    if os.geteuid() != 0:
        return "needs root"
    absent = [program for program in PROGRAMS if shutil.which(program) is None]
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
    command = ["unshare", *NAMESPACES, "--kill-child", sys.executable, "-P", "-m", module, *arguments]
    checkout = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": checkout}
    for name in [name for name in environment if name.startswith("RAY_")]:
        del environment[name]
    return subprocess.run(
        command, cwd=checkout, env=environment, text=True, stdout=subprocess.PIPE, timeout=timeout_s, check=False
    )


def shell(command: str, *, folder: Path, timeout_s: float = 300) -> str:
    """Run a command as the launcher's user would, from his checkout in `folder`; return what it prints."""
    home = {"HOME": str(folder / "home"), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    print(f"$ {command}", file=sys.stderr, flush=True)
    begun = time.monotonic()
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, **home},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        timeout=timeout_s,
    )
    print(done.stdout, f"[{done.returncode}, {time.monotonic() - begun:.0f} s]", file=sys.stderr, flush=True)
    if done.returncode != 0:
        raise RuntimeError(f"{command} ended with {done.returncode}")
    return done.stdout


@contextmanager
def running(folder: Path) -> Iterator[None]:
    """Start the network and the hosts; the key of the launcher's home opens all of them."""
    home = folder / "home" / ".ssh"
    home.mkdir(parents=True)
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / "fedray_key"))
    (folder / "passwd").write_text(_passwd(folder / "home"))  # ssh does not look at HOME
    _run("mount", "--bind", str(folder / "passwd"), "/etc/passwd")
    Path("/tmp/ray").mkdir(exist_ok=True)
    _run("mount", "-t", "tmpfs", "none", "/tmp/ray")  # where ray up notes what it started
    for line in ("link set lo up", "link add br0 type bridge", f"addr add {LAUNCHER}/24 dev br0", "link set br0 up"):
        _run("ip", *line.split())
    hosts = [_start(folder, name, address) for name, address in HOSTS.items()]
    try:
        for name, host in zip(HOSTS, hosts, strict=True):
            _wait_for_network(host.pid)
            _run("ip", *f"link add v-{name} type veth peer name eth0 netns {host.pid}".split())
            _run("ip", *f"link set v-{name} master br0 up".split())
        yield
    finally:
        for host in hosts:
            host.kill()


def _start(folder: Path, name: str, address: str) -> subprocess.Popen[bytes]:
    place = folder / "hosts" / name
    (place / "home" / ".ssh").mkdir(parents=True)
    shutil.copy(folder / "home" / ".ssh" / "fedray_key.pub", place / "home" / ".ssh")
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(place / "home" / "host_key"))
    (place / "passwd").write_text(_passwd(place / "home"))
    (place / "sshd_config").write_text(SSHD.format(home=place / "home"))
    begin = BEGIN.format(name=name, folder=place, address=address, launcher=LAUNCHER)
    with (place / "log").open("wb") as log:
        return subprocess.Popen(
            ["unshare", *NAMESPACES, "--kill-child", "bash", "-c", begin],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def _passwd(home: Path) -> str:
    """Return the machine's users, with another home of root."""
    lines = Path("/etc/passwd").read_text().splitlines()
    root = f"root:x:0:0:root:{home}:/bin/bash"
    return "\n".join([root, *(line for line in lines if not line.startswith("root:")), ""])


def _wait_for_network(pid: int) -> None:
    mine = Path("/proc/self/ns/net").readlink()
    for _ in range(200):
        if Path(f"/proc/{pid}/ns/net").readlink() != mine:
            return
        time.sleep(0.05)
    raise RuntimeError("a host has no network of its own")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=60, stdin=subprocess.DEVNULL)


def main(arguments: Sequence[str]) -> None:
    """Start the hosts, log in to each, print who answers."""
    folder = Path(arguments[0])
    with running(folder):
        ssh = "ssh -i home/.ssh/fedray_key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
        names = {address: shell(f"{ssh} root@{address} hostname", folder=folder) for address in HOSTS.values()}
    print(json.dumps({address: name.strip() for address, name in names.items()}))


if __name__ == "__main__":
    main(sys.argv[1:])
