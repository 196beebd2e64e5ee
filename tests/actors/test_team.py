"""Parties as actors on one Ray, driven as a script would drive them: no HTTP, no supervisor."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fedray.errors import DataError, FedrayError, PeerLost, PlacementError, PolicyError
from fedray.task.registry import Registry
from tests.actors.plans import PORTS, align, linear, registry, train, write_roots
from tests.server import patience

pytestmark = [pytest.mark.ray, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def cluster(ray_environment: None) -> Iterator[None]:
    from actors.cluster import leave, start_or_join

    start_or_join(None, {f"party_{name}": 1 for name in PORTS})
    yield
    leave()


@pytest.fixture(scope="module")
def world(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Registry, dict[str, Path]]:
    """Five parties with roots of their own, aligned."""
    from actors.team import Team

    folder = tmp_path_factory.mktemp("parties")
    roots = {name: folder / name for name in PORTS}
    write_roots(roots)
    parties = registry(roots, {name: f"party_{name}" for name in PORTS})
    team = Team(align("aligned", parties), "/nowhere")
    team.start()
    outcomes = team.watch()
    team.close()
    assert [outcomes[index]["result"] for index in range(4)] == [{"n_train": 400, "n_test": 100}] * 4
    return parties, roots


def test_each_party_writes_in_its_own_root_only(world: tuple[Registry, dict[str, Path]]) -> None:
    _, roots = world
    written = {name: sorted(path.name for path in (root / "generated").iterdir()) for name, root in roots.items()}
    assert written == {"main": [], "dealer": [], "bank": ["f1"], "shop": ["f2"], "label": ["l"]}


@pytest.fixture(scope="module")
def trained(world: tuple[Registry, dict[str, Path]]) -> tuple[list[tuple[str, dict[str, Any]]], dict[int, Any]]:
    """What the listener heard of a training over Ray's transport, and the training's outcomes."""
    import ray

    from actors.team import Team

    class Listener:
        def __init__(self) -> None:
            self.events: list[tuple[str, dict[str, Any]]] = []

        def tell(self, task: str, event: dict[str, Any]) -> None:
            self.events.append((task, event))

        def heard(self) -> list[tuple[str, dict[str, Any]]]:
            return self.events

    listener = ray.remote(num_cpus=0)(Listener).remote()
    plan = train("trained", world[0], max_iter=20, test_per_batches=10, transport="ray", seed=1)
    team = Team(plan, "/nowhere", listener)
    team.start()
    outcomes = team.watch()
    team.close()
    heard = ray.get(listener.heard.remote())
    ray.kill(listener)
    return heard, outcomes


def test_a_team_trains_and_tells_its_listener(trained: tuple[list[Any], dict[int, Any]]) -> None:
    heard, outcomes = trained
    assert {task for task, _ in heard} == {"trained"}
    assert [event["data"]["row"][1] for _, event in heard if event["kind"] == "record"] == [10, 20]
    assert outcomes[0]["result"]["n_batches"] == 20
    assert all(outcome["cost"] and outcome["seconds"] > 0 for outcome in outcomes.values())


def test_the_fast_transport_gives_the_same_task(
    world: tuple[Registry, dict[str, Path]], trained: tuple[list[Any], dict[int, Any]]
) -> None:
    from actors.team import Team

    plan = train("by-fast", world[0], max_iter=20, test_per_batches=10, transport="fast", seed=1)
    team = Team(plan, "/nowhere")
    team.start()
    loss = team.watch()[0]["result"]["loss"]
    team.close()
    assert loss == pytest.approx(trained[1][0]["result"]["loss"], abs=1e-3)


def test_parity_on_a_cluster(world: tuple[Registry, dict[str, Path]]) -> None:
    from actors.team import Team

    team = Team(train("parity", world[0], max_iter=10, parity=True), "/nowhere")
    team.start()
    outcomes = team.watch()
    team.close()
    found = outcomes[4]["result"]["parity"]
    assert found["steps"] == found["test"]["n_batches"] == 10
    assert all(line["error"] < found["noticeable"] for line in found["layers"])
    assert {"parity_features", "parity_values"} <= {entry["tag"] for entry in outcomes[2]["reveals"]}


@pytest.mark.parametrize("transport", ["ray", "fast"])
def test_a_linear_model_stops_early_on_a_cluster(world: tuple[Registry, dict[str, Path]], transport: str) -> None:
    """Everybody ends with the label client's verdict, the dealer too."""
    from actors.team import Team

    numbers = {"max_iter": 10**6, "test_per_batches": 10, "early_stopping": True, "n_iter_no_change": 2, "tol": 0.5}
    team = Team(linear(f"stopped-{transport}", world[0], transport=transport, **numbers), "/nowhere")
    team.start()
    outcomes = team.watch()
    team.close()
    assert sorted(outcomes) == [0, 1, 2, 3, 4]
    assert set(outcomes[0]["result"]["metrics"]) == {"auc"}
    assert outcomes[0]["result"]["n_batches"] <= 30


def test_a_dead_party_over_the_fast_transport(world: tuple[Registry, dict[str, Path]]) -> None:
    import ray

    from actors.team import NAMESPACE, Team

    numbers = {"max_iter": 10**7, "test_per_batches": 10**7, "transport": "fast"}
    team = Team(train("fast-loss", world[0], **numbers), "/nowhere")
    team.start()
    time.sleep(2)
    ray.kill(ray.get_actor("fast-loss/2-feature_client", namespace=NAMESPACE))
    started = time.monotonic()
    with pytest.raises(PeerLost, match=r"bank|shop"):
        team.watch()
    assert time.monotonic() - started < patience(5)
    team.close()


@pytest.mark.parametrize("transport", ["ray", "fast"])
def test_a_frozen_party_is_missed(world: tuple[Registry, dict[str, Path]], transport: str) -> None:
    """Nothing of it ends, so that only a question that it does not answer shows it."""
    import ray

    from actors.team import NAMESPACE, Team

    numbers = {"max_iter": 10**7, "test_per_batches": 10**7, "transport": transport}
    name, silent_s = f"frozen-{transport}", patience(2)
    team = Team(train(name, world[0], **numbers), "/nowhere", timeouts={"silent_s": silent_s})
    team.start()
    party = ray.get_actor(f"{name}/2-feature_client", namespace=NAMESPACE)
    os.kill(ray.get(party.__ray_call__.remote(lambda _: os.getpid())), signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(PeerLost, match=rf"(bank|shop) has not answered for {silent_s:g} s"):
        team.watch()
    assert time.monotonic() - started < 2 * silent_s + patience(4)
    team.close()


def test_an_error_at_one_party_arrives_with_its_type(world: tuple[Registry, dict[str, Path]]) -> None:
    from actors.team import Team

    parties, roots = world
    table = next((roots["shop"] / "raw").rglob("*.csv"))
    text = table.read_text()
    table.write_text(text + text.splitlines()[1] + "\n")
    try:
        team = Team(align("doubled", parties), "/nowhere")
        team.start()
        with pytest.raises(DataError) as failed:
            team.watch()
        team.close()
    finally:
        table.write_text(text)
    assert (failed.value.party, failed.value.phase) == ("shop", "read")
    assert "Planted" not in str(failed.value)


def test_abort_from_outside_ends_every_party(world: tuple[Registry, dict[str, Path]]) -> None:
    from actors.team import Team

    team = Team(train("aborted", world[0], max_iter=10**7, test_per_batches=10**7), "/nowhere")
    team.start()
    time.sleep(2)
    team.abort(FedrayError("the test says so"))
    started = time.monotonic()
    with pytest.raises(FedrayError, match="the test says so"):
        team.watch()
    assert time.monotonic() - started < patience(3)
    team.close()


def test_a_closed_team_has_no_processes(world: tuple[Registry, dict[str, Path]]) -> None:
    import ray

    from actors.team import NAMESPACE, Team

    team = Team(train("closed", world[0]), "/nowhere")
    team.start()
    team.close()
    with pytest.raises(PeerLost):
        team.watch()
    with pytest.raises(ValueError, match="closed/0-main_client"):
        ray.get_actor("closed/0-main_client", namespace=NAMESPACE)


def test_a_party_that_no_node_offers(world: tuple[Registry, dict[str, Path]]) -> None:
    from actors.team import Team

    far = registry(world[1], {name: f"party_{name}" for name in PORTS} | {"shop": "party_far"})
    started = time.monotonic()
    with pytest.raises(PlacementError, match=r"no node offers party_far \(offered: party_bank, .*\)"):
        Team(align("far", far), "/nowhere")
    assert time.monotonic() - started < patience(1)


def test_the_roles_run_under_a_script(world: tuple[Registry, dict[str, Path]]) -> None:
    import ray

    from actors.placement import SHARE
    from actors.roles import ACTORS

    plan = align("script", world[0])
    actors = {
        member.index: ACTORS[member.role]
        .options(resources={member.party.resource: SHARE})
        .remote(plan.to_json(), member.index, member.party.root)
        for member in plan.members
    }
    processes = ray.get([actor.introduce.remote(actors) for actor in actors.values()])
    assert len(set(processes)) == 4
    done = ray.get([actor.run.remote() for actor in actors.values()], timeout=100)
    assert [answer["outcome"]["result"]["n_train"] for answer in done] == [400] * 4
    for actor in actors.values():
        ray.kill(actor)


@pytest.mark.parametrize("index", [0, 4, -1])
def test_a_role_refuses_another_roles_place(world: tuple[Registry, dict[str, Path]], index: int) -> None:
    import ray

    from actors.roles import CryptoProducer

    wrong = CryptoProducer.remote(align("wrong", world[0]).to_json(), index, "/nowhere")
    with pytest.raises(ray.exceptions.ActorDiedError, match=f"client {index} of the plan is no crypto_producer"):
        ray.get(wrong.introduce.remote({}), timeout=60)


def test_parties_look_at_their_own_part(world: tuple[Registry, dict[str, Path]]) -> None:
    from actors.look import look_at

    parties, roots = world
    look_at(align("looked", parties), "/nowhere", ready=False)
    look_at(train("looked", parties), "/nowhere", ready=True)
    (roots["bank"] / "generated" / "f1" / "test.csv").rename(roots["bank"] / "kept.csv")
    try:
        with pytest.raises(DataError, match=r"clients\[2\].*no test.csv") as failed:
            look_at(train("looked", parties), "/nowhere", ready=True)
    finally:
        (roots["bank"] / "kept.csv").rename(roots["bank"] / "generated" / "f1" / "test.csv")
    assert failed.value.party == "bank"


def test_each_party_has_its_own_policy(world: tuple[Registry, dict[str, Path]]) -> None:
    from actors.look import approve_at, look_at
    from actors.team import Team

    parties, roots = world
    bank, shop = (roots[name] / "policy.toml" for name in ("bank", "shop"))
    plan = align("allowed", parties)
    try:
        bank.write_text('kinds = ["linear"]')
        with pytest.raises(PolicyError, match="rule kinds") as failed:
            look_at(plan, "/nowhere", ready=False)
        assert failed.value.party == "bank"
        bank.write_text("")
        shop.write_text('approvals = "manual"')
        standings = {one.party: one for one in look_at(plan, "/nowhere", ready=True)}
        assert {name: (bool(one.policy), one.manual) for name, one in standings.items()} == {
            "main": (False, False),
            "bank": (True, False),
            "shop": (True, True),
            "label": (False, False),
        }
        with pytest.raises(PolicyError, match="has not approved this plan") as refused:
            _run(Team(plan, "/nowhere"))  # whoever starts the actors: they ask themselves
        assert refused.value.party == "shop"
        approve_at(plan, "shop", "dora", "/nowhere")
        assert {outcome["policy"]["party"] for outcome in _run(Team(plan, "/nowhere")).values()} == set(standings)
    finally:
        bank.unlink()
        shop.unlink()


def _run(team: Any) -> dict[int, dict[str, Any]]:
    try:
        team.start()
        return dict(team.watch())
    finally:
        team.close()
