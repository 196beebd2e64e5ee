"""What is measured on the nodes of a cluster and between them, before anything is said about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Facts", "LinkFacts", "NodeFacts", "RootFacts"]


@dataclass(frozen=True)
class RootFacts:
    """A party's data root on its node.

    Attributes
    ----------
    has_raw
        Whether its folder ``raw`` is there.
    free_bytes
        Of the disk that it is on, or would be.
    key_beside
        Whether the key that seals the party's files is, or will be, in the root itself.
    key_problem
        Why the key cannot be used; "" where it can, or is made when it is first needed.
    """

    has_raw: bool
    free_bytes: int
    key_beside: bool = False
    key_problem: str = ""


@dataclass(frozen=True)
class NodeFacts:
    """One node.

    Attributes
    ----------
    name
        Its address.
    offers
        The parties' resources that it offers.
    versions
        Of what must be the same everywhere.
    ahead_s
        How far its clock is ahead of the clock of who asks.
    doubt_s
        Half the time that asking took: `ahead_s` may be off by so much.
    memory_bytes
        That programs can still take; None where it cannot be known.
    roots
        Of the parties whose resource it offers, by the party's name.
    """

    name: str
    offers: tuple[str, ...]
    versions: Mapping[str, str]
    ahead_s: float
    doubt_s: float
    memory_bytes: int | None
    roots: Mapping[str, RootFacts] = field(default_factory=dict)


@dataclass(frozen=True)
class LinkFacts:
    """What lies between two nodes; each way is measured by itself.

    Attributes
    ----------
    call_s
        Median of a round trip of actor calls, the transport ``ray``.
    stream_s
        Median of a round trip on a stream, the transport ``fast``; None where no stream could be opened.
    bytes_per_s
        On the stream; None as above.
    """

    frm: str
    to: str
    call_s: float
    stream_s: float | None
    bytes_per_s: float | None


@dataclass(frozen=True)
class Facts:
    """All that was found.

    Attributes
    ----------
    versions
        Of the machine that asks.
    wanted
        Resource of each party of the registry, by name.
    token, tls
        Whether Ray asks for a token, and speaks TLS.
    unclear
        Resources of which several nodes offer most, but not all: nobody can say which of them has the data.
    """

    versions: Mapping[str, str]
    wanted: Mapping[str, str]
    nodes: tuple[NodeFacts, ...]
    links: tuple[LinkFacts, ...]
    token: bool
    tls: bool
    unclear: tuple[str, ...] = ()

    @property
    def data(self) -> frozenset[str]:
        """Names of the parties with data, as far as roots tell."""
        return frozenset(name for node in self.nodes for name, root in node.roots.items() if root.has_raw)
