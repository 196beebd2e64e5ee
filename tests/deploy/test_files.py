"""The cluster files against Ray's own schema and reader, and against the parties of the registry beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import jsonschema
import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field

from fedray.errors import SpecError
from fedray.task.registry import Registry
from serve_api.doors.settings import state_files
from serve_api.doors.tokens import Tokens

CHECKOUT = Path(__file__).resolve().parents[2]
KUBERNETES = "1.34"
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


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Group(_Strict):
    """What KubeRay 1.5 knows of a group of pods, of `HeadGroupSpec` and `WorkerGroupSpec` in its v1 types."""

    template: dict[str, Any]
    ray_start_params: dict[str, str] = Field(alias="rayStartParams")
    resources: dict[str, str] = {}
    labels: dict[str, str] = {}


class _Workers(_Group):
    group_name: str = Field(alias="groupName")
    replicas: int
    least: int = Field(alias="minReplicas")
    most: int = Field(alias="maxReplicas")
    hosts: int = Field(1, alias="numOfHosts")


class _Auth(_Strict):
    mode: Literal["disabled", "token"]


class _Cluster(_Strict):
    """What it knows of a cluster, as far as our file says anything."""

    ray_version: str = Field(alias="rayVersion")
    auth: _Auth = Field(alias="authOptions")
    head: _Group = Field(alias="headGroupSpec")
    workers: list[_Workers] = Field(alias="workerGroupSpecs")


def test_the_kubernetes_file_keeps_to_the_types_of_kuberay_and_its_pods_to_kubernetes_schemas() -> None:
    import kubernetes_validate

    document = read("deploy/kuberay.yaml")
    assert (document["apiVersion"], document["kind"]) == ("ray.io/v1", "RayCluster")
    spec = _Cluster.model_validate(document["spec"])
    assert [(group.replicas, group.least, group.most, group.hosts) for group in spec.workers] == [(1, 1, 1, 1)] * 3
    for group in (spec.head, *spec.workers):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, **group.template}
        kubernetes_validate.validate(pod, KUBERNETES, strict=True)
        container = {**pod["spec"]["containers"][0], "imagePullPolice": "Always"}
        with pytest.raises(kubernetes_validate.ValidationError, match="imagePullPolice"):
            misspelt = {**pod, "spec": {**pod["spec"], "containers": [container]}}
            kubernetes_validate.validate(misspelt, KUBERNETES, strict=True)


def test_ray_and_its_file_are_of_one_version() -> None:
    import ray

    assert read("deploy/kuberay.yaml")["spec"]["rayVersion"] == ray.__version__


def test_serve_reads_its_config_file_and_we_our_arguments_in_it() -> None:
    from ray._common.utils import import_attr
    from ray.serve.schema import ServeDeploySchema

    from serve_api import configured

    document = ServeDeploySchema.model_validate(read("deploy/serve.yaml"))
    assert document.http_options.host == "127.0.0.1"
    (application,) = document.applications
    assert import_attr(application.import_path) is configured.main_server
    assert [deployment.name for deployment in application.deployments] == [configured.DEPLOYMENT["name"]]
    assert configured.ServerArguments.model_validate(application.args).insecure
    with pytest.raises(ValueError, match="extra_forbidden"):
        configured.ServerArguments.model_validate({**application.args, "rot": "/srv"})


def test_a_server_from_a_config_file_needs_tokens_or_says_that_it_needs_none(tmp_path: Path) -> None:
    from serve_api.configured import ServerArguments

    with pytest.raises(SpecError, match=r"args\.insecure: there are no tokens"):
        ServerArguments(root=tmp_path).settings()
    assert not ServerArguments(root=tmp_path, insecure=True).settings().doors.required
    tokens = state_files(tmp_path)[0]
    tokens.parent.mkdir()
    Tokens(tokens).add("admin", "admin")
    assert ServerArguments(root=tmp_path, insecure=True).settings().doors.required, "once there are some"
