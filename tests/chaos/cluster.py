"""Three hosts in namespaces, a Ray node on each with the environment of deploy/onprem, and a MainServer on the head.

It is what docs/deploy.md brings up, without sshd and the autoscaler: here a host that has died is started by the test.
Every party's data root is a small file system of its own that outlives its host, as a disk does.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from fedray.data.root import DataRoot
from serve_api.cluster_secrets import write_secrets
from tests.deploy.network import HOSTS, begin_host, join_network, leave_network, run, start_network
from tests.e2e.tables import FOLDER, write_tables
from tests.server import ENDS, ROLES, FedrayServer, living, patience, until

__all__ = ["OFFERS", "TABLES", "Cluster", "Host", "started"]

CHECKOUT = Path(__file__).resolve().parents[2]
GCS = 6379
OFFERS = {
    "head": ("coordinator", "dealer"),
    "clinic": ("clinic",),
    "hospital": ("hospital", "laboratory"),
}
"""The parties on each host."""

PORTS = {"coordinator": 8377, "dealer": 8999, "clinic": 8084, "laboratory": 8082, "hospital": 8884}
TABLES = {"clinic": "f1", "laboratory": "f2", "hospital": "l"}
"""Which party has which aligned table."""

RAW = {"clinic": "credit_default_data1", "laboratory": "credit_default_data2", "hospital": "credit_default_label"}
DISK_MIB = 48

BEGIN = """
hostname {name}
mkdir -p /tmp/ray
for place in /tmp/ray /dev/shm; do mount -t tmpfs none $place; done
. ~/fedray/env
export PYTHONPATH={checkout} RAY_TMPDIR=/tmp RAY_gcs_storage=rocksdb RAY_gcs_storage_path=~/gcs {extra}
until ray start {how} --node-ip-address={address} --resources={resources} --num-cpus=1 \
    --object-store-memory=100000000 --include-log-monitor=false; do ray stop --force; done
while :; do sleep 1000; done
"""
"""Ray gives its start 30 s, which a busy machine may not have. The last line is the first process, which also buries
whoever has nobody else to do it."""


class Host:
    """One host: started, asked for its processes, and switched off.

    Parameters
    ----------
    name
        Of `OFFERS`.
    folder
        The cluster's.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.address, self._folder = name, HOSTS[name], folder
        self._log = folder / f"{name}.log"
        self._init: subprocess.Popen[bytes] | None = None
        self._network = ""

    @property
    def up(self) -> bool:
        """Whether its Ray has started."""
        return "Ray runtime started" in self._log.read_text()

    def start(self, **more: str) -> None:
        """Start the host and its Ray node, with more variables in its environment; returns before they are up."""
        how = (
            f"--head --port={GCS} --include-dashboard=false"
            if self.name == "head"
            else f"--address={HOSTS['head']}:{GCS}"
        )
        offers = "{" + ", ".join(f'"party_{party}": 1' for party in OFFERS[self.name]) + "}"
        script = BEGIN.format(
            name=self.name,
            checkout=shlex.quote(str(CHECKOUT)),
            extra=" ".join(f"{name}={shlex.quote(value)}" for name, value in more.items()),
            how=how,
            address=self.address,
            resources=shlex.quote(offers),
        )
        self._log.unlink(missing_ok=True)
        home = {"HOME": str(self._folder / "home"), "PATH": os.environ["PATH"]}
        self._init = begin_host(script, self.address, self._log, home)
        join_network(self.name, self._init.pid)
        self._network = _network_of(self._init.pid)

    def switch_off(self) -> None:
        """End every process of the host at once, as if its power were cut."""
        if self._init is not None:
            self._init.kill()
            self._init.wait(10)
            until(lambda: not self.processes(), 10, lambda: f"{self.processes()}")
            leave_network(self.name)

    @property
    def pid(self) -> int:
        assert self._init is not None
        return self._init.pid

    def processes(self, *titles: str) -> dict[int, str]:
        """Return the living processes of this host with their titles, or of those titles only."""
        mine = {pid: title for pid, _, title in living() if _network_of(pid) == self._network}
        return {pid: title for pid, title in mine.items() if not titles or any(part in title for part in titles)}

    def inside(self, command: str) -> list[str]:
        """Return the command that runs a line of a shell on this host, in the environment of a login."""
        login = f"unset RAY_TMPDIR; . ~/fedray/env; export PYTHONPATH={shlex.quote(str(CHECKOUT))}; {command}"
        home = f"HOME={self._folder / 'home'}"
        init = _child_of(self.pid)
        return ["nsenter", "-t", str(init), "-a", "env", home, "bash", "-c", login]


class HeadServer(FedrayServer):
    """The MainServer on the head; what it starts are processes of the head."""

    host = HOSTS["head"]

    def __init__(self, head: Host, root: Path, registry: Path) -> None:
        address = f"{head.address}:{GCS}"
        beyond = ("--host", head.address, "--insecure", "--rate", "0")
        super().__init__(root, "--address", address, "--registry", str(registry), *beyond)
        self._head = head

    def command(self) -> list[str]:
        """Return the command that runs the server on the head."""
        return self._head.inside("exec " + shlex.join(super().command()))

    def processes(self, *titles: str) -> list[int]:
        """Return the processes of the head with these titles."""
        return [pid for pid, title in self._head.processes().items() if title.startswith(titles)]

    @property
    def pid(self) -> int:
        """The process that was started by `fedray serve`, not the one that went to the head to start it."""
        return next(pid for pid, title in self._head.processes("serve_api.cli serve").items() if "nsenter" not in title)

    def crash(self) -> None:
        """Kill the server's own process without a warning."""
        os.kill(self.pid, signal.SIGKILL)
        super().crash()

    def status(self, name: str) -> str:
        """Return a task's status, or nothing where the server does not answer just now."""
        with contextlib.suppress(httpx.HTTPError, ValueError, KeyError):
            return str(self.task(name)["status"])
        return ""

    def ended(self, name: str, timeout_s: float) -> dict[str, Any]:
        """Wait for a task's end, through times when nobody answers, and return it."""
        until(lambda: self.status(name) in ENDS, timeout_s, lambda: self.status(name), longest_s=0.2)
        found: dict[str, Any] = self.task(name)
        return found


class Cluster:
    """All hosts and the server.

    Parameters
    ----------
    folder
        For everything that is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts = {name: Host(name, folder) for name in OFFERS}
        registry = folder / "fedray.toml"
        self.server = HeadServer(self.hosts["head"], folder / "server", registry)
        registry.write_text(
            "[parties]\n"
            + "\n".join(
                f'{party} = {{ addr = "127.0.0.1", http_port = {port}, root = "{self.root(party)}" }}'
                for party, port in PORTS.items()
            )
        )

    def root(self, party: str) -> Path:
        """Return a party's data root."""
        return self.folder / "parties" / party

    def start(self) -> None:
        """Bring everything up."""
        for host in self.hosts.values():  # one after the other: Ray gives each 30 s
            host.start()
            until(lambda host=host: host.up, patience(90), self.logs)  # type: ignore[misc]
        try:
            self.server.start()
        except AssertionError:  # Serve, too, has its own time for a start
            self.server.start()
        self.wait_for_parties()

    def restart(self, *names: str, **more: str) -> None:
        """Switch hosts off, all before the first is started again, and wait until their parties are offered."""
        for name in names:
            self.hosts[name].switch_off()
        if "head" in names:
            raise ValueError("the head takes the whole cluster with it: use stop and start")
        until(
            lambda: not self._offered(names), patience(60), longest_s=1.0
        )  # of the old hosts
        for name in names:
            self.hosts[name].start(**more)
        self.wait_for_parties()

    def stop(self) -> None:
        """Switch every host off."""
        for host in self.hosts.values():
            host.switch_off()

    def wait_for_parties(self) -> None:
        """Wait until the server says that every party is offered."""
        parties = {party for offered in OFFERS.values() for party in offered}
        until(lambda: self._offered(OFFERS) == parties, patience(180), self.logs, longest_s=1.0)

    def _offered(self, hosts: Iterable[str]) -> set[str]:
        """Return which parties of these hosts are offered; none where the server does not answer."""
        mine = {party for host in hosts for party in OFFERS[host]}
        with contextlib.suppress(httpx.HTTPError, ValueError, KeyError):
            return {one["name"] for one in self.server.get("/api/v1/parties")["parties"] if one["offered"]} & mine
        return set()

    def logs(self) -> str:
        """Return the last that every host has said when it started."""
        return "\n".join(path.read_text()[-1500:] for path in self.folder.glob("*.log"))

    def actors(self) -> dict[int, tuple[str, str]]:
        """Return the processes of roles: process id -> role, host."""
        return {
            pid: (role, host.name)
            for host in self.hosts.values()
            for pid, title in host.processes("ray::").items()
            for role in ROLES
            if title.startswith(f"ray::{role}")
        }

    def together(self) -> DataRoot:
        """Return a root with copies of all parties' aligned tables, for the float64 twins."""
        root = self.folder / "twin"
        for party, table in TABLES.items():
            shutil.copytree(self.root(party) / "generated" / table, root / "generated" / table, dirs_exist_ok=True)
        return DataRoot(root)


@contextmanager
def started(folder: Path) -> Iterator[Cluster]:
    """Make the network, the disks and the cluster in namespaces of this process; end all of it."""
    home = folder / "home" / "fedray"
    shutil.copytree(CHECKOUT / "deploy" / "onprem", home)
    (home / "venv").symlink_to(sys.prefix)
    write_secrets(home / "secrets", [HOSTS[name] for name in OFFERS])
    start_network()
    for party in PORTS:
        disk = folder / "parties" / party
        disk.mkdir(parents=True)
        run("mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "none", str(disk))
        if party in RAW:
            write_tables(folder / "tables")
            (disk / "raw" / FOLDER).mkdir(parents=True)
            shutil.copy(folder / "tables" / FOLDER / f"{RAW[party]}.csv", disk / "raw" / FOLDER)
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _network_of(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    except OSError:
        return ""


def _child_of(pid: int) -> int:
    """Return the first process of a host: `unshare` waits in the namespaces outside for it."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
