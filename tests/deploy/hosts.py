"""Hosts to try `ray up` on, without machines: each has its own network, processes, Ray folder, home and sshd.

    unshare ... python -m tests.deploy.hosts FOLDER     (see `tests.deploy.network`)

This process is the launcher, who runs `fedray` and `ray`.
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

from tests.deploy.network import HOSTS, begin_host, join_network, run, start_network

__all__ = ["PROGRAMS", "running", "shell"]

PROGRAMS = ("ssh", "ssh-keygen", "rsync", "/usr/sbin/sshd")

BEGIN = """
hostname {name}
mkdir -p /tmp/ray
for place in /tmp/ray /srv /run /dev/shm; do mount -t tmpfs none $place; done
mkdir /run/sshd
mount --bind {folder}/passwd /etc/passwd
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
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / "fedray_key"))
    (folder / "passwd").write_text(_passwd(folder / "home"))  # ssh does not look at HOME
    run("mount", "--bind", str(folder / "passwd"), "/etc/passwd")
    Path("/tmp/ray").mkdir(exist_ok=True)
    run("mount", "-t", "tmpfs", "none", "/tmp/ray")  # where ray up notes what it started
    start_network()
    hosts = [_start(folder, name, address) for name, address in HOSTS.items()]
    try:
        for name, host in zip(HOSTS, hosts, strict=True):
            join_network(name, host.pid)
        yield
    finally:
        for host in hosts:
            host.kill()


def _start(folder: Path, name: str, address: str) -> subprocess.Popen[bytes]:
    place = folder / "hosts" / name
    (place / "home" / ".ssh").mkdir(parents=True)
    shutil.copy(folder / "home" / ".ssh" / "fedray_key.pub", place / "home" / ".ssh")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(place / "home" / "host_key"))
    (place / "passwd").write_text(_passwd(place / "home"))
    (place / "sshd_config").write_text(SSHD.format(home=place / "home"))
    begin = BEGIN.format(name=name, folder=place)
    return begin_host(begin, address, place / "log", {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})


def _passwd(home: Path) -> str:
    """Return the machine's users, with another home of root."""
    lines = Path("/etc/passwd").read_text().splitlines()
    root = f"root:x:0:0:root:{home}:/bin/bash"
    return "\n".join([root, *(line for line in lines if not line.startswith("root:")), ""])


def main(arguments: Sequence[str]) -> None:
    """Start the hosts, log in to each, print who answers."""
    folder = Path(arguments[0])
    with running(folder):
        ssh = "ssh -i home/.ssh/fedray_key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
        names = {address: shell(f"{ssh} root@{address} hostname", folder=folder) for address in HOSTS.values()}
    print(json.dumps({address: name.strip() for address, name in names.items()}))


if __name__ == "__main__":
    main(sys.argv[1:])
