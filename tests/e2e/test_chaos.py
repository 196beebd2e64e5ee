"""A few of the faults of `python -m tests.chaos`, on a cluster of hosts in namespaces."""

from __future__ import annotations

import json
import tempfile

import pytest

from tests.chaos.faults import FAULTS
from tests.chaos.run import schedule
from tests.deploy import network

pytestmark = [pytest.mark.e2e, pytest.mark.hosts, pytest.mark.timeout(1260)]

SOME = ("actor killed", "host powered off", "parties cut off for a moment")
LIMIT_S = 1200.0
"""It takes a tenth of that on two processors that nobody else uses."""


def test_some_faults() -> None:
    if why := network.missing("nsenter"):
        pytest.skip(f"hosts in namespaces: {why}")
    with tempfile.TemporaryDirectory(prefix="fc-", dir="/tmp") as folder:  # short, for the sockets in it
        arguments = (folder, "--faults", str(len(SOME)), "--seed", "1", "--only", ";".join(SOME))
        done = network.inside("tests.chaos.run", *arguments, timeout_s=LIMIT_S)
    assert done.returncode == 0, "see the captured log"
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(line["fault"] for line in found) == sorted(SOME)
    assert [line for line in found if line["end"] == "wrong"] == []


def test_a_run_has_every_kind_of_fault_in_an_order_of_its_seed() -> None:
    cases = schedule(1, 50)
    assert {case.fault for case in cases} == set(FAULTS)
    assert cases == schedule(1, 50) != schedule(2, 50)
    assert [case.number for case in cases] == list(range(50))
