"""What is to be said about a cluster: each check takes the facts and yields what it found, with what to do.

A check that finds nothing wrong says so in one finding, so that what was looked at can be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from fedray.checkup.facts import Facts

__all__ = ["CHECKS", "Check", "Finding", "Level", "checked", "worst"]

CLOCK_S = 1.0
"""Clocks that differ by more make times of events and logs hard to compare."""

CLOCK_WRONG_S = 3600.0
"""Clocks that differ by more may refuse each other's certificates."""

LATENCY_S = 0.02
BYTES_PER_S = 10e6
MEMORY_BYTES = 1 << 30
DISK_BYTES = 1 << 30


class Level(Enum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One sentence about one thing."""

    check: str
    level: Level
    text: str

    def as_dict(self) -> dict[str, str]:
        """Return it as JSON values."""
        return {"check": self.check, "level": self.level.value, "text": self.text}


Found = Iterator[tuple[Level, str]]


@dataclass(frozen=True)
class Check:
    """One thing that is looked at.

    Attributes
    ----------
    fine
        What is said where nothing is wrong.
    look
        Yields what is wrong.
    at
        Field of the facts that it looks at: where that is empty, there is nothing to say.
    """

    name: str
    fine: str
    look: Callable[[Facts], Found]
    at: str = "nodes"


def versions(facts: Facts) -> Found:
    """Compare what nodes have with what this machine has."""
    for node in facts.nodes:
        for what, mine in facts.versions.items():
            theirs = node.versions.get(what, "none")
            if theirs != mine:
                yield (
                    Level.PROBLEM,
                    f"{node.name} has {what} {theirs}, this machine {mine}; install the same on all nodes",
                )


def clocks(facts: Facts) -> Found:
    """Compare clocks with this machine's."""
    for node in facts.nodes:
        apart = abs(node.ahead_s) - node.doubt_s
        if apart > CLOCK_S:
            way = "ahead of" if node.ahead_s > 0 else "behind"
            level = Level.PROBLEM if apart > CLOCK_WRONG_S else Level.WARNING
            yield (
                level,
                f"the clock of {node.name} is {apart:.1f} s {way} this machine's; let both follow a time server",
            )


def resources(facts: Facts) -> Found:
    """Look whether every party of the registry has a node."""
    offered = sorted({resource for node in facts.nodes for resource in node.offers})
    for party, resource in facts.wanted.items():
        if resource not in offered:
            yield (
                Level.PROBLEM,
                f"no node offers {resource} for the party {party} (offered: {', '.join(offered) or 'nothing'}); "
                f"start its node with --resources='{{\"{resource}\": 1}}', or correct fedray.toml",
            )
        if resource in facts.unclear:
            yield (
                Level.PROBLEM,
                f"several nodes, but not all, offer most of {resource} for the party {party}; let the one with its "
                "data offer most, or all as much if they share a file system",
            )


def separation(facts: Facts) -> Found:
    """Look whether parties with data are on nodes of their own."""
    for node in facts.nodes:
        together = sorted(facts.data & node.roots.keys())
        if len(together) > 1:
            yield (
                Level.WARNING,
                f"{', '.join(together)} are on the same node, {node.name}: who runs it sees the data of all of them; "
                "that is right for a trial only",
            )


def ports(facts: Facts) -> Found:
    """Look whether every two nodes can open streams."""
    for link in facts.links:
        if link.stream_s is None:
            yield (
                Level.WARNING,
                f"{link.frm} cannot open a stream to {link.to}: tasks with transport fast will use actor calls; open "
                "the ports 1024 to 65535 between them",
            )


def latency(facts: Facts) -> Found:
    """Look whether a round takes little time."""
    for link in facts.links:
        if link.call_s > LATENCY_S:
            yield (
                Level.WARNING,
                f"a message from {link.frm} to {link.to} and back takes {link.call_s * 1e3:.1f} ms: a training waits "
                "so long in every round; use nodes that are closer, or whose processors have less to do",
            )


def bandwidth(facts: Facts) -> Found:
    """Look whether lines carry what tasks send."""
    for link in facts.links:
        if link.bytes_per_s is not None and link.bytes_per_s < BYTES_PER_S:
            yield (
                Level.WARNING,
                f"the line from {link.frm} to {link.to} carries {link.bytes_per_s / 1e6:.1f} MB a second; large tables "
                "will be slow on it",
            )


def memory(facts: Facts) -> Found:
    """Look whether nodes have memory left."""
    for node in facts.nodes:
        if node.memory_bytes is not None and node.memory_bytes < MEMORY_BYTES:
            yield (
                Level.WARNING,
                f"{node.name} has {_mb(node.memory_bytes)} of memory left; a party takes 200 MB and its table three "
                "times over: end other programs, or take a larger machine",
            )


def disks(facts: Facts) -> Found:
    """Look whether parties have room on their disks."""
    for node in facts.nodes:
        for party, root in node.roots.items():
            if root.free_bytes < DISK_BYTES:
                yield (
                    Level.WARNING,
                    f"the data root of {party} on {node.name} has {_mb(root.free_bytes)} of disk left; an alignment "
                    "writes its table twice: make room there",
                )


def roots(facts: Facts) -> Found:
    """Look whether some party has a table."""
    if any(node.roots for node in facts.nodes) and not facts.data:
        yield (
            Level.WARNING,
            "no party has a folder raw in its data root; make it on each party's node, and put the table there",
        )


def keys(facts: Facts) -> Found:
    """Look whether parties can seal what they keep, and whether a copy of a root holds its key as well."""
    for node in facts.nodes:
        for party, root in node.roots.items():
            if root.key_problem:
                yield Level.PROBLEM, f"{party} on {node.name} cannot seal its files: {root.key_problem}"
            elif root.key_beside and party in facts.data:
                yield (
                    Level.WARNING,
                    f"the key of {party} on {node.name} is in its data root, beside what it seals: whoever gets disk "
                    "or backup has both; put it elsewhere and name it in FEDRAY_PARTY_KEY_FILE (docs/security.md)",
                )


def protection(facts: Facts) -> Found:
    """Look whether Ray lets in nobody without a token, and nobody reads along between nodes."""
    if not facts.token:
        yield (
            Level.PROBLEM,
            "Ray asks for no token: whoever reaches its ports runs code on every node; set RAY_AUTH_MODE=token on "
            "all of them",
        )
    if not facts.tls and len(facts.nodes) > 1:
        yield (
            Level.WARNING,
            "Ray speaks no TLS between nodes: whoever listens on the line reads task documents and predictions "
            "that are asked for; set RAY_USE_TLS=1 and the certificates on all nodes (docs/deploy.md)",
        )


CHECKS: tuple[Check, ...] = (
    Check("versions", "all nodes have the versions of this machine", versions),
    Check("clocks", "all clocks show the same time", clocks),
    Check("resources", "every party of the registry has a node", resources, "wanted"),
    Check("separation", "no two parties with data are on one node", separation, "wanted"),
    Check("ports", "nodes can open streams to each other", ports, "links"),
    Check("latency", f"a message there and back takes less than {LATENCY_S * 1e3:g} ms", latency, "links"),
    Check("bandwidth", f"lines carry {BYTES_PER_S / 1e6:g} MB a second or more", bandwidth, "links"),
    Check("memory", "nodes have memory left", memory),
    Check("disks", "parties have room on their disks", disks, "wanted"),
    Check("roots", "a party has a folder for its table", roots, "wanted"),
    Check("keys", "parties' keys are for their owners only, and not beside what they seal", keys, "wanted"),
    Check("protection", "Ray asks for a token, and speaks TLS between nodes", protection),
)
"""In the order in which they are told."""


def checked(facts: Facts) -> tuple[Finding, ...]:
    """Return what every check found; where it found nothing wrong, one finding says so."""
    found: list[Finding] = []
    for check in CHECKS:
        if not getattr(facts, check.at):
            continue
        wrong = [Finding(check.name, level, text) for level, text in check.look(facts)]
        found += wrong or [Finding(check.name, Level.OK, check.fine)]
    return tuple(found)


def worst(findings: Iterable[Finding]) -> Level:
    """Return the worst level of all findings."""
    levels = {finding.level for finding in findings}
    return next((level for level in (Level.PROBLEM, Level.WARNING) if level in levels), Level.OK)


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
