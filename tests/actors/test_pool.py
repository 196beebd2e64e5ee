"""A party over three nodes: the same results as with one, workers where they belong, and how they end."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedray.data.root import DataRoot
from fedray.errors import FedrayError
from fedray.parties.run import run_local
from fedray.task.plan import TaskPlan, make_plan
from fedray.task.spec import parse
from tests.actors.plans import PORTS, registry
from tests.e2e.documents import alignment, tree_training
from tests.server import patience, until

pytestmark = [pytest.mark.ray, pytest.mark.timeout(240)]

NODES: dict[str, dict[str, float]] = {
    "head": {"party_main": 1, "party_dealer": 1, "party_shop": 1, "party_label": 1},
    "bank": {"party_bank": 2},
    "bank-2": {"party_bank": 1},
    "bank-3": {"party_bank": 1},
}
ROWS = 25_000
"""So that there are three blocks of training rows, one for each of the bank's nodes."""

SILENT_S = 3.0

RESOURCES = {name: f"party_{name}" for name in PORTS}


@pytest.fixture(scope="module")
def nodes(ray_environment: None) -> Iterator[dict[str, str]]:
    """Return the ids of the nodes."""
    from ray.cluster_utils import Cluster

    from actors.cluster import leave, start_or_join
    from actors.pool import SHARD_ROWS

    os.environ[SHARD_ROWS] = "100"
    cluster = Cluster()
    made = {
        name: cluster.add_node(num_cpus=1, resources=offered, include_dashboard=False)
        for name, offered in NODES.items()
    }
    cluster.wait_for_nodes()
    start_or_join(cluster.address)
    yield {name: node.node_id for name, node in made.items()}
    leave()
    cluster.shutdown()
    del os.environ[SHARD_ROWS]


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Tables of so many common rows, in an order of its own at each party."""
    folder = tmp_path_factory.mktemp("shards")
    made = {name: folder / name for name in PORTS}
    rng = np.random.default_rng(5)
    x = rng.normal(size=(ROWS, 4)).round(3)
    y = (x[:, 0] - x[:, 2] + 0.5 * rng.normal(size=ROWS) > 0).astype(int)
    columns: dict[str, tuple[str, list[Any]]] = {
        "bank": ("credit_default_data1", [x[:, 0], x[:, 1]]),
        "shop": ("credit_default_data2", [x[:, 2], x[:, 3]]),
        "label": ("credit_default_label", [y]),
    }
    for name, root in made.items():
        (root / "generated").mkdir(parents=True)
        (root / "raw" / "Splitted_Indexed_Data").mkdir(parents=True)
        if name in columns:
            file, values = columns[name]
            head = ",".join(["ID", *(f"{name}{k}" for k in range(len(values)))])
            rows = [",".join([f"id-{k:06d}", *(str(v[k]) for v in values)]) for k in rng.permutation(ROWS)]
            (root / "raw" / "Splitted_Indexed_Data" / f"{file}.csv").write_text("\n".join([head, *rows]) + "\n")
    return made


def plan_of(document: dict[str, Any], roots: dict[str, Path]) -> TaskPlan:
    return make_plan(parse(document), registry(roots, RESOURCES), "seed")


def trees(name: str, roots: dict[str, Path], trees: int = 1) -> TaskPlan:
    """Masks come from the seed, so that two runs are the same to the last bit."""
    numbers = {"n_estimators": trees, "test_per_trees": trees, "max_depth": 2, "max_bin": 8}
    return plan_of(tree_training(name, public_masks=True, **numbers), roots)


def team(plan: TaskPlan) -> Any:
    from actors.team import Team

    return Team(plan, "/nowhere", timeouts={"silent_s": SILENT_S})


def run(plan: TaskPlan) -> dict[int, dict[str, Any]]:
    made = team(plan)
    try:
        made.start()
        return dict(made.watch())
    finally:
        made.close()


def actors(kind: str) -> list[dict[str, Any]]:
    """Return what Ray knows of the actors of a class, dead ones included."""
    from ray._private import state

    return [actor for actor in state.actors().values() if actor["ActorClassName"] == kind]


def living(kind: str) -> list[int]:
    """Return their process ids."""
    found = [actor["Pid"] for actor in actors(kind) if actor["State"] == "ALIVE"]
    return [pid for pid in found if Path(f"/proc/{pid}").exists()]


@pytest.fixture(scope="module")
def aligned(nodes: dict[str, str], roots: dict[str, Path]) -> dict[int, dict[str, Any]]:
    return run(plan_of(alignment("spread"), roots))


def workers_of(name: str, before: set[str], nodes: dict[str, str]) -> list[str]:
    """Return on which nodes workers of a task ran, by name; they have ended."""
    places = {node: place for place, node in nodes.items()}
    new = [actor for actor in actors("PoolWorker") if actor["ActorID"] not in before]
    assert {actor["State"] for actor in new} <= {"DEAD"}, name
    return sorted(places[actor["Address"]["NodeID"]] for actor in new)


def test_an_alignment_over_several_nodes(
    aligned: dict[int, dict[str, Any]], nodes: dict[str, str], roots: dict[str, Path], tmp_path: Path
) -> None:
    assert aligned[0]["result"] == {"n_train": ROWS * 4 // 5, "n_test": ROWS // 5}
    until(lambda: not living("PoolWorker"), patience(5))
    assert workers_of("spread", set(), nodes) == ["bank-2", "bank-3"]
    plan = plan_of(alignment("alone", out="alone-"), roots)
    local = {member.index: DataRoot(Path(str(member.party.root))) for member in plan.members}
    run_local(plan, local)
    for party, folder in (("bank", "f1"), ("shop", "f2"), ("label", "l")):
        for file in ("train.csv", "test.csv"):
            made = roots[party] / "generated"
            assert (made / folder / file).read_bytes() == (made / f"alone-{folder}" / file).read_bytes()


def test_trees_over_several_nodes(
    aligned: dict[int, dict[str, Any]], nodes: dict[str, str], roots: dict[str, Path]
) -> None:
    before = {actor["ActorID"] for actor in actors("PoolWorker")}
    plan = trees("grown", roots)
    outcomes = run(plan)
    until(lambda: not living("PoolWorker"), patience(5))
    assert workers_of("grown", before, nodes) == ["bank-2", "bank-3"]
    assert [actor["Address"]["NodeID"] for actor in actors("FeatureClient") if actor["Name"].startswith("grown/2")] == [
        nodes["bank"]
    ]
    local = {member.index: DataRoot(Path(str(member.party.root))) for member in plan.members}
    alone = run_local(replace(plan, task="alone"), local)
    assert outcomes[0]["result"]["loss"] == alone[0].result["loss"]
    assert outcomes[0]["result"]["metrics"] == alone[0].result["metrics"]
    assert outcomes[0]["result"]["metrics"]["auc"] > 0.7


def test_a_small_table_starts_no_worker(nodes: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    from actors.placement import offers
    from actors.pool import NodePool

    made = offers().nodes["party_bank"]
    assert set(made) == {nodes[name] for name in ("bank", "bank-2", "bank-3")}
    pool = NodePool(
        lambda: [(node, "there") for node in made],
        "party_bank",
        "bank",
        "/nowhere",
        least=1000,
        silent_s=60.0,
        check=lambda: None,
        fail=lambda _: None,
    )
    assert pool.worth(1000).count == 3
    assert pool.worth(999).count == 0
    assert not living("PoolWorker")


def begun(plan: TaskPlan) -> tuple[Any, threading.Thread, list[FedrayError]]:
    """Start a task that goes on for long, and wait until the bank's workers have something to do."""
    made, failures = team(plan), []
    made.start()

    def watch() -> None:
        try:
            made.watch()
        except FedrayError as error:
            failures.append(error)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    until(lambda: len(living("PoolWorker")) == 2, patience(60))
    time.sleep(2.0)  # into the training, beyond the workers' start
    return made, watching, failures


@pytest.mark.parametrize(
    ("how", "soon_s", "said"),
    [(signal.SIGKILL, 2.0, "died; see whether that node runs"), (signal.SIGSTOP, 2.0 + SILENT_S, "has not answered")],
)
def test_a_worker_that_is_lost_ends_the_task_everywhere(
    aligned: dict[int, dict[str, Any]], roots: dict[str, Path], how: signal.Signals, soon_s: float, said: str
) -> None:
    made, watching, failures = begun(trees(f"bereft-{how.name}", roots, 1000))
    victim = living("PoolWorker")[0]
    try:
        os.kill(victim, how)
        watching.join(patience(soon_s))
        assert [type(error).__name__ for error in failures] == ["PeerLost"]
        assert failures[0].party == "bank"
        assert "the worker of bank on node" in failures[0].message
        assert said in failures[0].message
        assert made.actors == []  # all have ended by themselves
    finally:
        made.close()
    until(lambda: not living("PoolWorker"), patience(10))
    until(lambda: not Path(f"/proc/{victim}").exists(), patience(10))


def test_workers_end_with_their_party(aligned: dict[int, dict[str, Any]], roots: dict[str, Path]) -> None:
    made, watching, failures = begun(trees("orphaned", roots, 1000))
    try:
        workers = living("PoolWorker")
        (party,) = [
            actor["Pid"]
            for actor in actors("FeatureClient")
            if actor["State"] == "ALIVE" and actor["Name"].startswith("orphaned/2")
        ]
        os.kill(party, signal.SIGKILL)
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), patience(5))
        watching.join(patience(5))
        assert [error.party for error in failures] == ["bank"]
    finally:
        made.close()
