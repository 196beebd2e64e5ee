"""What the compiler of jobs asks of its surroundings, and what it gives them: tables, places, results, outcomes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from fedray.task.scoring import Place
from serve_api.fate_flow.job import PartyId

__all__ = ["ComponentOutcome", "DataOutput", "LocalPlaces", "Metric", "Places", "Results", "TableEntry", "Tables"]


@dataclass(frozen=True)
class TableEntry:
    """A table that was uploaded.

    Attributes
    ----------
    namespace, name
        What it is called.
    file
        CSV with a header, below the ``raw`` folder of the data root; the id comes first.
    id_column, columns
        Name of the id, and of the columns after it.
    rows, partition
        Numbers of rows and of FATE's partitions.
    """

    namespace: str
    name: str
    file: str
    id_column: str
    columns: tuple[str, ...]
    rows: int
    partition: int = 1


class Tables(Protocol):
    """The tables that were uploaded."""

    def find(self, namespace: str, name: str) -> TableEntry | None:
        """Return the table of a name, None where there is none."""


class Places(Protocol):
    """Where the parties of a job are."""

    def party(self, party: PartyId) -> Place:
        """Return address and port of a party with data."""

    def helper(self, role: Literal["main_client", "crypto_producer"]) -> Place:
        """Return address and port of a party without data."""


class LocalPlaces:
    """One server that plays all parties, as FATE standalone does."""

    def __init__(self, parties: tuple[PartyId, ...]) -> None:
        self._parties = parties

    def party(self, party: PartyId) -> Place:
        """Return a place for a party of the job: each has its own port."""
        return "127.0.0.1", 20000 + 2 * self._parties.index(party)

    def helper(self, role: Literal["main_client", "crypto_producer"]) -> Place:
        """Return a place for a party without data."""
        return "127.0.0.1", {"main_client": 19996, "crypto_producer": 19998}[role]


class Results(Protocol):
    """What came of the steps of a job."""

    def report(self, step: str) -> Mapping[str, Any] | None:
        """Return the report of a step's task, None while there is none."""

    def record(self, step: str) -> Sequence[Sequence[Any]]:
        """Return the record of a step's task: rows of seconds, steps done, loss, metrics; none while there is none."""

    def status(self, step: str) -> str:
        """Return the status of a step: waiting, running, finished, failed, cancelled or skipped."""

    def kept(self, party: PartyId, folder: str, file: str) -> Mapping[str, Any] | None:
        """Return a document that a party keeps for itself, in a folder below its state; None if it is not here."""

    def table(self, party: PartyId, file: str) -> Path | None:
        """Return a party's file, named from its data root (``raw/...``, ``generated/...``); None if it is not here."""


@dataclass(frozen=True)
class Metric:
    """A metric: pairs of numbers or texts, in order, and what they are."""

    data: list[list[Any]]
    meta: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class DataOutput:
    """A table that a component has put out, at one party.

    Attributes
    ----------
    name
        Of the output, in the DSL.
    header
        Of its columns, the id first.
    rows
        Gives its rows, anew with each call.
    total
        How many there are.
    """

    name: str
    header: tuple[str, ...]
    rows: Callable[[], Iterator[list[Any]]]
    total: int


@dataclass(frozen=True, eq=False)
class ComponentOutcome:
    """What a component has to show, by party.

    Attributes
    ----------
    metrics
        By namespace and name.
    model
        ``data`` and ``meta``, FATE's parameters and meta data of the model; ``alias``, the name of the output; and
        ``buffers``, by ``data`` and ``meta`` FATE's names of the two buffers.
    summary
        Of FATE 1.6.
    data
        Its tables.
    log
        Lines that its log has at the level INFO.
    """

    metrics: Mapping[PartyId, Mapping[str, Mapping[str, Metric]]] = field(default_factory=dict)
    model: Mapping[PartyId, Mapping[str, Any]] = field(default_factory=dict)
    summary: Mapping[PartyId, Mapping[str, Any]] = field(default_factory=dict)
    data: Mapping[PartyId, tuple[DataOutput, ...]] = field(default_factory=dict)
    log: Mapping[PartyId, tuple[str, ...]] = field(default_factory=dict)
