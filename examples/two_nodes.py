"""A Ray cluster of two nodes, each with its own parties: the clinic and the hospital on one, the others on the other.

    python examples/two_nodes.py

On real machines each party starts its node with ``ray start --address=HEAD:6379 --resources='{"party_clinic": 1}'``,
and the server joins the cluster with ``fedray serve --root DIR --address HEAD:6379 --registry fedray.toml``. Here
both nodes run on this machine.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from actors import environment

environment.prepare()  # Ray reads its environment when it is imported

import ray  # noqa: E402
from ray.cluster_utils import Cluster  # noqa: E402

from actors.cluster import leave, start_or_join  # noqa: E402
from actors.placement import offers  # noqa: E402
from actors.team import Team  # noqa: E402
from fedray.data import sample  # noqa: E402
from fedray.task.plan import make_plan  # noqa: E402
from fedray.task.registry import Registry  # noqa: E402
from fedray.task.spec import parse  # noqa: E402

NODES = (("clinic", "hospital"), ("laboratory", "coordinator", "dealer"))


@contextmanager
def two_nodes() -> Iterator[None]:
    """Start a head node and a second one, each of which offers its parties as resources; end them."""
    cluster = Cluster()
    try:
        for parties in NODES:
            cluster.add_node(num_cpus=1, resources={f"party_{name}": 1 for name in parties}, object_store_memory=2**28)
        start_or_join(cluster.address)
        yield
    finally:
        leave()
        cluster.shutdown()


def run(document: dict[str, Any], registry: Registry) -> dict[str, Any]:
    """Run one task with every party on its own node; return what its main client says at the end."""
    plan = make_plan(parse(document), registry, secrets.token_hex(16))
    team = Team(plan, root="")  # the registry names every party's root
    try:
        team.start()
        outcome = team.watch()[plan.main.index]
    finally:
        team.close()
    result: dict[str, Any] = outcome["result"]
    return result


def main() -> None:
    """Make the tables and the registry, start the nodes, align, train."""
    with tempfile.TemporaryDirectory(prefix="fedray-example-") as folder:
        roots = {name: Path(folder, name) for name in (*sample.PARTIES, *sample.HELPERS)}
        sample.write_tables({name: roots[name] / "raw" for name in sample.PARTIES})
        file = Path(folder, "fedray.toml")
        file.write_text(sample.registry_toml(roots), encoding="utf-8")
        with two_nodes():
            for resource, nodes in offers().nodes.items():
                print(f"{resource}: node {nodes[0][:8]}")
            print(f"{len(ray.nodes())} nodes")
            print("aligned:", run(sample.alignment_task(), Registry.from_toml(file)))
            print("trained:", run(sample.training_task(), Registry.from_toml(file)))


if __name__ == "__main__":
    main()
