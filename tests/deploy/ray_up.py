"""docs/deploy.md, done for real on hosts in namespaces: from bare hosts to a trained model, and down again.

python -m tests.deploy.ray_up FOLDER, inside namespaces of its own: see `tests.deploy.network.inside`.
"""

from __future__ import annotations

import json
import shlex
import shutil
import socket
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from fedray.data import sample
from tests.deploy.hosts import running, shell
from tests.deploy.network import HOSTS

CHECKOUT = Path(__file__).resolve().parents[2]
JOIN_S = 480.0
HTTP2_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
DASHBOARD, CLIENT, GCS, HTTP = 8265, 10001, 6379, 8380


class Cluster:
    """The launcher's folder, with the repository's own files; only where Python comes from differs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(CHECKOUT / "deploy" / "onprem", folder / "deploy" / "onprem")
        shutil.copytree(CHECKOUT / "examples" / "tasks", folder / "tasks")
        (folder / "dist").mkdir()
        document = yaml.safe_load((CHECKOUT / "cluster.yaml").read_text())
        assert "pip install" in document["setup_commands"][0]
        document["setup_commands"][0] = f"ln -sfn {shlex.quote(sys.prefix)} ~/fedray/venv"
        (folder / "cluster.yaml").write_text(yaml.safe_dump(document))
        with (folder / "deploy" / "onprem" / "env").open("a") as env:
            env.write(f"export PYTHONPATH={shlex.quote(str(CHECKOUT))}\n")

    def run(self, command: str, timeout_s: float = 300) -> str:
        return shell(command, folder=self.folder, timeout_s=timeout_s)

    def up(self) -> None:
        """Do it again where the head was late: Ray gives it 30 s, which a busy machine may not have."""
        try:
            self.run("ray up -y cluster.yaml")
        except RuntimeError:
            self.run("ray up -y cluster.yaml")

    def at_head(self, command: str) -> str:
        return self.run(f"ray exec cluster.yaml {shlex.quote(command)}")

    def answer(self, command: str) -> Any:
        """Return what a command at the head prints as JSON, after whatever Ray says before it."""
        said = self.at_head(command)
        begin = min(place for sign in "[{" if (place := said.find(f"\n{sign}")) >= 0) if "\n" in said else 0
        return json.JSONDecoder().raw_decode(said[begin:].lstrip())[0]

    def send_tables(self) -> None:
        """Put each party's table on its own host, where nobody else has it."""
        sample.write_tables({party: self.folder / "tables" / party for party in sample.PARTIES})
        ssh = "ssh -i ~/.ssh/fedray_key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
        for party in sample.PARTIES:
            self.run(
                f"rsync -a -e '{ssh}' --rsync-path='mkdir -p /srv/{party}/raw && rsync' tables/{party}/ "
                f"root@{HOSTS[party]}:/srv/{party}/raw/"
            )

    def wait_for_parties(self) -> float:
        begun = time.monotonic()
        while not all(party["offered"] for party in self.answer("fedray parties --json")["parties"]):
            if time.monotonic() - begun > JOIN_S:
                raise RuntimeError("not every host joined")
            time.sleep(3)
        return time.monotonic() - begun


def listens(port: int) -> bool:
    """Whether another host than the head can connect to a port of the head."""
    try:
        socket.create_connection((HOSTS["head"], port), 3).close()
    except OSError:
        return False
    return True


def answers_in_clear(port: int) -> bool:
    """Whether a gRPC server of the head answers somebody who speaks no TLS."""
    try:
        with socket.create_connection((HOSTS["head"], port), 3) as stream:
            stream.sendall(HTTP2_GREETING)
            return bool(stream.recv(9))
    except OSError:
        return False


def deploy(folder: Path) -> dict[str, Any]:
    """Do what docs/deploy.md says; return what came of it."""
    found: dict[str, Any] = {}
    with running(folder):
        cluster = Cluster(folder)
        cluster.run("fedray cluster secrets cluster.yaml")
        begun = time.monotonic()
        cluster.up()
        found["up_s"] = round(time.monotonic() - begun)
        cluster.send_tables()
        found["join_s"] = round(cluster.wait_for_parties())
        cluster.run("ray rsync-up cluster.yaml tasks/ '~/tasks/'")
        cluster.at_head("fedray submit ~/tasks/align.json --watch && fedray submit ~/tasks/train.json --watch")
        found["report"] = cluster.answer("fedray report train --json")
        look = f"fedray doctor --address {HOSTS['head']}:{GCS} --registry ~/fedray/fedray.toml --json"
        found["doctor"] = cluster.answer(look)
        found["open"] = [port for port in (DASHBOARD, HTTP) if listens(port)]
        found["clear"] = [port for port in (GCS, CLIENT) if answers_in_clear(port)]
        found["listens"] = listens(GCS)
        cluster.at_head("bash ~/fedray/main-server stop")
        cluster.run("ray down -y cluster.yaml")
        found["listens after"] = listens(GCS)
    return found


if __name__ == "__main__":
    print(json.dumps(deploy(Path(sys.argv[1]))))
