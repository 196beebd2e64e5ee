"""Parties on nodes of their own, and a real server that joins their cluster."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fedray.errors import FedrayError, PlacementError
from tests.actors.plans import PORTS, align, registry, train, write_roots
from tests.e2e.documents import alignment
from tests.server import FedrayServer, patience, until

pytestmark = [pytest.mark.ray, pytest.mark.timeout(240)]

NODES = {
    "head": ("party_main", "party_dealer"),
    "bank": ("party_bank",),
    "shop": ("party_shop", "party_label"),
}
RESOURCES = {name: f"party_{name}" for name in PORTS}


@pytest.fixture(scope="module")
def nodes(ray_environment: None) -> Iterator[tuple[Any, dict[str, Any]]]:
    from ray.cluster_utils import Cluster

    from actors.cluster import leave, start_or_join

    cluster = Cluster()
    made = {
        name: cluster.add_node(num_cpus=1, resources=dict.fromkeys(offered, 1), include_dashboard=False)
        for name, offered in NODES.items()
    }
    cluster.wait_for_nodes()
    start_or_join(cluster.address)
    yield cluster, made
    leave()
    cluster.shutdown()


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("nodes")
    made = {name: folder / name for name in PORTS}
    write_roots(made)
    return made


def run(team: Any) -> dict[int, dict[str, Any]]:
    team.start()
    try:
        return team.watch()
    finally:
        team.close()


def test_each_role_runs_on_its_partys_node(nodes: tuple[Any, dict[str, Any]], roots: dict[str, Path]) -> None:
    import ray

    from actors.placement import SHARE, offers
    from actors.roles import ACTORS

    made = nodes[1]
    expected = {resource: node.node_id for name, node in made.items() for resource in NODES[name]}
    assert offers().nodes == {resource: (node,) for resource, node in expected.items()}
    plan = align("aligned", registry(roots, RESOURCES))
    actors = {
        member.index: ACTORS[member.role]
        .options(resources={member.party.resource: SHARE})
        .remote(plan.to_json(), member.index, member.party.root)
        for member in plan.members
    }
    ray.get([actor.introduce.remote(actors) for actor in actors.values()])
    for member in plan.members:
        found = ray.get(actors[member.index].__ray_call__.remote(where))
        assert found == expected[member.party.resource], member
    ray.get([actor.run.remote() for actor in actors.values()], timeout=100)
    for actor in actors.values():
        ray.kill(actor)
    for party, folder in (("bank", "f1"), ("shop", "f2"), ("label", "l")):
        assert [path.name for path in (roots[party] / "generated").iterdir()] == [folder]


def where(actor: Any) -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id())


@pytest.mark.e2e
def test_every_node_says_what_it_uses(nodes: tuple[Any, dict[str, Any]]) -> None:
    from actors.usage import Meter

    cluster, made = nodes
    used = Meter(list).read()
    assert len(used.nodes) == len(made)
    assert used.nodes[0].ip == cluster.head_node.node_ip_address
    assert used.actors == ()
    assert all(0 < node.memory_used < node.memory_total and node.cpus for node in used.nodes)


def test_a_server_joins_the_cluster(nodes: tuple[Any, dict[str, Any]], roots: dict[str, Path], tmp_path: Path) -> None:
    file = tmp_path / "fedray.toml"
    file.write_text(
        "\n".join(
            f'[parties.{name}]\naddr = "127.0.0.1"\nhttp_port = {port}\nroot = "{roots[name]}"\n'
            for name, port in PORTS.items()
        )
    )
    options = ("--address", nodes[0].address, "--registry", str(file))
    with FedrayServer(tmp_path / "root", *options, environment=dict(os.environ)) as server:
        assert all(party["offered"] for party in server.get("/api/v1/parties")["parties"])
        done = server.run(alignment("over-nodes", out="joined-"))
        assert done["status"] == "finished", done
        assert {member["party"] for member in done["members"]} == {"main", "bank", "shop", "label"}
        assert server.stop(timeout_s=patience(20)) == 0
    assert (roots["bank"] / "generated" / "joined-f1" / "train.csv").is_file()
    assert not (tmp_path / "root" / "generated" / "joined-f1").exists()


def test_a_node_is_removed_in_training(nodes: tuple[Any, dict[str, Any]], roots: dict[str, Path]) -> None:
    from actors.placement import offers
    from actors.team import Team

    cluster, made = nodes
    team = Team(train("bereft", registry(roots, RESOURCES), max_iter=10**7, test_per_batches=10**7), "/nowhere")
    failures: list[FedrayError] = []

    def watch() -> None:
        try:
            run(team)
        except FedrayError as error:
            failures.append(error)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    until(lambda: (roots["bank"] / "generated" / "f1").exists() and team._running, 60)
    cluster.remove_node(made["bank"])
    watching.join(patience(30))
    assert [type(error).__name__ for error in failures] == ["PeerLost"]
    assert failures[0].party == "bank"
    until(lambda: "party_bank" not in offers().nodes, patience(20))
    with pytest.raises(PlacementError, match="no node offers party_bank"):
        Team(align("after", registry(roots, RESOURCES)), "/nowhere")
