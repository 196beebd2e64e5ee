"""The cluster files against Ray's own schema and reader, and against the parties of the registry beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from fedray.task.registry import Registry

CHECKOUT = Path(__file__).resolve().parents[2]
PARTIES = {party.resource for party in Registry.from_toml(CHECKOUT / "deploy" / "onprem" / "fedray.toml").parties()}


def read(name: str) -> Any:
    return yaml.safe_load((CHECKOUT / name).read_text(encoding="utf-8"))


def offered(node_types: dict[str, Any]) -> list[str]:
    return sorted(name for kind in node_types.values() for name in kind["resources"] if name.startswith("party_"))


@pytest.mark.parametrize("name", ["cluster.yaml", "deploy/aws.yaml"])
def test_a_cluster_file_keeps_to_rays_schema(name: str) -> None:
    import ray.autoscaler

    schema = json.loads((Path(ray.autoscaler.__file__).parent / "ray-schema.json").read_text())
    jsonschema.validate(read(name), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**read(name), "hosts": []}, schema)


def test_on_aws_every_party_of_the_registry_has_one_instance() -> None:
    document = read("deploy/aws.yaml")
    assert offered(document["available_node_types"]) == sorted(PARTIES)
    workers = [kind for name, kind in document["available_node_types"].items() if name != document["head_node_type"]]
    assert all(kind["min_workers"] == kind["max_workers"] == 1 for kind in workers)
    assert document["max_workers"] == len(workers)


def test_ray_reads_the_kubernetes_file_as_it_is_meant() -> None:
    from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr
    from ray.autoscaler._private.util import validate_config

    made = _derive_autoscaling_config_from_ray_cr(read("deploy/kuberay.yaml"))
    validate_config(made)
    assert offered(made["available_node_types"]) == sorted(PARTIES)
    assert made["available_node_types"]["clinic"]["resources"] == {"CPU": 2, "memory": 6 << 30, "party_clinic": 1}


def test_ray_and_its_file_are_of_one_version() -> None:
    import ray

    assert read("deploy/kuberay.yaml")["spec"]["rayVersion"] == ray.__version__
