"""`ray up -y cluster.yaml` on four hosts, an alignment and a training across them, `ray down`: run for real."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.deploy import network
from tests.deploy.hosts import PROGRAMS

pytestmark = [pytest.mark.e2e, pytest.mark.hosts, pytest.mark.timeout(1260)]

LIMIT_S = 1200.0
"""It takes a quarter of that on two processors that nobody else uses."""

OFFERS = {
    network.HOSTS["head"]: ("party_coordinator", "party_dealer"),
    network.HOSTS["clinic"]: ("party_clinic",),
    network.HOSTS["laboratory"]: ("party_laboratory",),
    network.HOSTS["hospital"]: ("party_hospital",),
}


def test_from_bare_hosts_to_a_trained_model(tmp_path: Path) -> None:
    if why := network.missing(*PROGRAMS):
        pytest.skip(f"hosts in namespaces: {why}")
    done = network.inside("tests.deploy.ray_up", str(tmp_path), timeout_s=LIMIT_S)
    assert done.returncode == 0, "see the captured log of the launcher"
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["report"]["status"] == "finished"
    assert found["report"]["result"]["metrics"]["auc"] > 0.95
    assert found["report"]["estimate"]["rounds"]["counted"] == found["report"]["estimate"]["rounds"]["expected"]
    told = found["doctor"]
    assert [finding for finding in told["findings"] if finding["level"] == "problem"] == []
    assert {node["name"]: tuple(node["offers"]) for node in told["facts"]["nodes"]} == OFFERS
    assert len(told["facts"]["links"]) == 6, "every two of four hosts"
    assert all(link["stream_s"] and link["bytes_per_s"] for link in told["facts"]["links"])
    assert found["open"] == [], "dashboard and HTTP listen on loopback"
    assert found["listens"]
    assert found["clear"] == [], "Ray answers nobody without TLS"
    assert not found["listens after"]
