"""What nodes and actors use, over the K12AI API, and actors that are stopped."""

from __future__ import annotations

import pytest

from fedray.task.usage import ActorUsage, DiskUsage, GpuUsage, NodeUsage, Usage
from tests.api.conftest import World
from tests.api.k12 import K12, Json


@pytest.fixture
def k12(world: World) -> K12:
    return K12(world)


USED = Usage(
    (
        NodeUsage(
            "10.0.0.1", (50.0, 25.0), 1000, 400, 40.0, (DiskUsage("/", 10, 5, 50.0),), (GpuUsage("G", 7.0, 4096, 1024),)
        ),
        NodeUsage("10.0.0.2", (0.0,), 500, 100, 20.0),
    ),
    (
        ActorUsage("ab" * 16, "test.123456", 2, "feature_client", "10.0.0.1", 180.0, 1000, 250),
        ActorUsage("cd" * 16, "foreign", 0, "main_client", "10.0.0.1", 1.0, 1000, 10),
    ),
)


WHO = {"username": "test", "password": "test"}


def test_stats(k12: K12, world: World) -> None:
    world.runner.used = USED
    assert k12.post("platform/stats", WHO)["message"]["containers"] == []
    k12.train()
    reply = k12.post("platform/stats", {**WHO, "async": False, "query": {}})
    assert set(reply) == {"code", "descr", "message"}
    stats = reply["message"]
    assert stats["cpu_percent"] == 37.5
    assert stats["cpu_percent_list"] == [50.0, 25.0]
    memory = [stats[f"cpu_memory_{name}"] for name in ("total", "usage", "percent")]
    assert memory == [1000, 400, 40.0]
    assert stats["disks"] == [{"path": "/", "disk_total": 10, "disk_usage": 5, "disk_percent": 50.0}]
    assert stats["gpus"] == [
        {
            "name": "G",
            "gpu_percent": 7.0,
            "gpu_memory_total": 4096,
            "gpu_memory_usage": 1024,
            "gpu_memory_percent": 25.0,
        }
    ]
    assert stats["containers"] == [
        {
            "id": "abababababab",
            "cpu_percent": 180.0,
            "cpu_memory_total": 1000,
            "cpu_memory_usage": 250,
            "cpu_memory_percent": 25.0,
            "op": "train.start",
            "user": "test",
            "service_uuid": "123456",
            "role": "feature_client",
            "ip": "10.0.0.1",
        }
    ]
    assert [node["ip"] for node in stats["nodes"]] == ["10.0.0.1", "10.0.0.2"]
    assert stats["nodes"][1]["gpus"] == []


def test_parts_of_stats(k12: K12, world: World) -> None:
    world.runner.used = USED
    stats = k12.post("platform/stats", {**WHO, "query": {"disks": False, "gpus": True}})["message"]
    assert "disks" not in stats
    assert "disks" not in stats["nodes"][0]
    assert {"cpu_percent", "gpus", "containers"} <= set(stats)
    none = dict.fromkeys(("cpus", "gpus", "disks", "containers"), False)
    assert set(k12.post("platform/stats", {**WHO, "query": none})["message"]) == {"nodes"}
    assert k12.post("platform/stats", {**WHO, "query": {"cpus": 1}})["code"] == 100102
    assert k12.post("platform/stats", {"username": "x"})["code"] == 100101


def test_stats_as_a_message(k12: K12, world: World) -> None:
    world.runner.used = USED
    assert k12.post("platform/stats", {**WHO, "async": True}) == {"code": 100200, "descr": "task service success"}
    (message,) = k12.told("info")
    assert set(message) == {"version", "type", "tag", "op", "timestamp", "datetime", "info"}
    assert (message["tag"], message["op"]) == ("platform", "stats")
    assert message["info"]["cpu_memory_total"] == 1000


def test_gpu_memory_in_mebibytes(world: World) -> None:
    world.runner.used = USED
    stats = K12(world, gpu_memory_unit="MiB").post("platform/stats", WHO)["message"]
    assert stats["gpus"][0]["gpu_memory_usage"] == 1024 / 2**20


def stop(k12: K12, actor: str, **fields: object) -> Json:
    return k12.post("platform/control", {**WHO, "op": "container.stop", "params": {"id": actor}, **fields})


def test_an_actor_is_stopped(k12: K12, world: World) -> None:
    world.runner.used = USED
    name = k12.train()
    assert stop(k12, "abababababab")["message"] == "container id abababababab stop success"
    assert world.runner.cancelled == [name]
    (message,) = k12.told("container.stop")
    assert (message["tag"], message["op"], message["type"]) == ("platform", "control", "container.stop")
    assert message["container.stop"] == "container id abababababab stop success"
    assert k12.told("error")[0]["error"]["code"] == 100400


def test_an_actor_that_is_no_job_of_ours(k12: K12, world: World) -> None:
    world.runner.used = USED
    world.run("foreign")
    k12.train()
    for actor in ("x", "ab", "cdcdcdcdcdcd"):
        reply = stop(k12, actor)
        assert (reply["code"], reply["message"]) == (100202, f"container id {actor} is not found")
    assert world.runner.cancelled == []
    assert "message" not in stop(k12, actor, **{"async": True})
    assert stop(k12, actor, op="oss.remove")["message"] == "not support op:oss.remove"
    assert k12.post("platform/control", {**WHO, "op": "container.stop"})["code"] == 100101
