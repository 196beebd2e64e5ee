"""What `fedray doctor` says about facts that are given to it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from fedray.checkup.checks import CHECKS, Level, checked, worst
from fedray.checkup.facts import Facts, LinkFacts, NodeFacts, RootFacts

GIB = 1 << 30
ROOT = RootFacts(has_raw=True, free_bytes=50 * GIB)
HEAD = NodeFacts(
    "10.0.0.1", ("party_main",), {"ray": "2.60.0"}, 0.0, 0.001, 8 * GIB, {"main": replace(ROOT, has_raw=False)}
)
BANK = NodeFacts("10.0.0.2", ("party_bank",), {"ray": "2.60.0"}, 0.2, 0.001, 8 * GIB, {"bank": ROOT})
LINK = LinkFacts("10.0.0.1", "10.0.0.2", 0.001, 0.0002, 100e6)
FIT = Facts({"ray": "2.60.0"}, {"main": "party_main", "bank": "party_bank"}, (HEAD, BANK), (LINK,), True, True)


def bank(**changed: Any) -> Facts:
    return replace(FIT, nodes=(HEAD, replace(BANK, **changed)))


def link(**changed: Any) -> Facts:
    return replace(FIT, links=(replace(LINK, **changed),))


def test_a_fit_cluster_is_said_to_be_fit_check_by_check() -> None:
    findings = checked(FIT)
    assert [finding.check for finding in findings] == [check.name for check in CHECKS]
    assert {finding.level for finding in findings} == {Level.OK}
    assert worst(findings) is Level.OK


WRONG = [
    ("versions", "problem", bank(versions={"ray": "2.59.0"}), "10.0.0.2 has ray 2.59.0, this machine 2.60.0; install"),
    ("versions", "problem", bank(versions={}), "10.0.0.2 has ray none"),
    ("clocks", "warning", bank(ahead_s=-5.0), "the clock of 10.0.0.2 is 5.0 s behind this machine's"),
    ("clocks", "problem", bank(ahead_s=9000.0, doubt_s=0.5), "is 8999.5 s ahead of"),
    ("resources", "problem", bank(offers=()), r"no node offers party_bank for the party bank \(offered: party_main\)"),
    ("resources", "problem", replace(FIT, unclear=("party_bank",)), "offer most of party_bank for the party bank"),
    ("separation", "warning", bank(roots={"bank": ROOT, "shop": ROOT}), "bank, shop are on the same node, 10.0.0.2"),
    ("ports", "warning", link(stream_s=None, bytes_per_s=None), "10.0.0.1 cannot open a stream to 10.0.0.2"),
    ("latency", "warning", link(call_s=0.0305), "takes 30.5 ms"),
    ("bandwidth", "warning", link(bytes_per_s=2.5e6), "carries 2.5 MB a second"),
    ("memory", "warning", bank(memory_bytes=300_000_000), "10.0.0.2 has 300 MB of memory left"),
    ("disks", "warning", bank(roots={"bank": RootFacts(True, 5_000_000)}), "of bank on 10.0.0.2 has 5 MB of disk left"),
    ("roots", "warning", bank(roots={"bank": RootFacts(False, 9 * GIB)}), "no party has a folder raw"),
    ("keys", "problem", bank(roots={"bank": replace(ROOT, key_problem="others read it")}), "bank on .* others read it"),
    ("keys", "warning", bank(roots={"bank": replace(ROOT, key_beside=True)}), "the key of bank on 10.0.0.2 is in its"),
    ("protection", "problem", replace(FIT, token=False), "Ray asks for no token"),
    ("protection", "warning", replace(FIT, tls=False), "Ray speaks no TLS between nodes"),
]


@pytest.mark.parametrize(("check", "level", "facts", "said"), WRONG)
def test_what_is_wrong_is_said_and_what_to_do(check: str, level: str, facts: Facts, said: str) -> None:
    wrong = [finding for finding in checked(facts) if finding.level is not Level.OK]
    assert [(finding.check, finding.level.value) for finding in wrong] == [(check, level)]
    assert re.search(said, wrong[0].text)
    assert worst(wrong) is Level(level)


def test_a_clock_within_the_doubt_of_the_measurement_is_not_blamed() -> None:
    assert worst(checked(bank(ahead_s=3.0, doubt_s=2.5))) is Level.OK


def test_of_one_machine_without_a_registry_only_what_was_looked_at_is_said() -> None:
    alone = Facts(FIT.versions, {}, (replace(HEAD, roots={}),), (), True, False)
    assert {finding.check for finding in checked(alone)} == {"versions", "clocks", "memory", "protection"}
    assert worst(checked(alone)) is Level.OK
