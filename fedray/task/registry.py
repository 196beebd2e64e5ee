"""Which party stands behind an (addr, http_port), and which resource of the cluster is its node.

``fedray.toml`` names the parties::

    [parties.bank]
    addr = "10.0.0.5"
    http_port = 8084
    root = "/srv/bank"            # the party's data root; left out: the server's root
    resource = "party_bank"       # left out: party_<name>

Without a file every (addr, http_port) is a party on this machine, so that the documented examples run unchanged.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fedray.errors import SpecError
from fedray.task.complaints import closest
from fedray.task.text import show

__all__ = ["LOCAL_RESOURCE", "PartyRef", "Registry"]

LOCAL_RESOURCE = "party_local"
"""The resource of every party of a server without a registry."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_FIELDS = ("addr", "http_port", "root", "resource")
_NAMED = 20


@dataclass(frozen=True)
class PartyRef:
    """A party: its name, where its clients say it is, its resource, its data root.

    Attributes
    ----------
    root
        The party's data root on its own node; None is the root of the server.
    """

    name: str
    addr: str
    http_port: int
    resource: str
    root: str | None = None


class Registry:
    """The parties known to a server.

    Parameters
    ----------
    parties
        The parties by name; None takes every (addr, http_port) for a party on this machine.
    """

    def __init__(self, parties: tuple[PartyRef, ...] | None) -> None:
        self._parties = parties
        self._by_place = {(p.addr.lower(), p.http_port): p for p in parties or ()}

    @classmethod
    def local(cls) -> Registry:
        """Return the registry in which every (addr, http_port) is a party on this machine."""
        return cls(None)

    @classmethod
    def from_toml(cls, path: str | Path) -> Registry:
        """Return the registry that a file holds.

        Raises
        ------
        SpecError
            The file cannot be read, is no TOML, or an entry is wrong: which field, what was expected.
        """
        place = Path(path)
        parties = _entries(place)
        found = tuple(_party(place.name, name, entry) for name, entry in parties.items())
        _no_doubles(place.name, found)
        return cls(found)

    @property
    def is_local(self) -> bool:
        """Whether every (addr, http_port) is a party on this machine."""
        return self._parties is None

    def parties(self) -> tuple[PartyRef, ...]:
        """Return the parties by order of the file; none for a local registry, which knows no names."""
        return self._parties or ()

    def resolve(self, addr: str, http_port: int) -> PartyRef:
        """Return the party behind an (addr, http_port).

        Raises
        ------
        SpecError
            No party is there; the message names the known ones.
        """
        if self._parties is None:
            return PartyRef(f"{addr}:{http_port}", addr, http_port, LOCAL_RESOURCE)
        party = self._by_place.get((addr.lower(), http_port))
        if party is None:
            raise SpecError(
                f"no party at addr {show(addr)}, http_port {http_port}; known parties: {self._known() or 'none'}"
            )
        return party

    def _known(self) -> str:
        every = [f"{p.name} ({p.addr}:{p.http_port})" for p in self.parties()]
        more = len(every) - _NAMED
        return ", ".join(every[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _entries(path: Path) -> Mapping[str, object]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SpecError(f"{path.name}: no such file; give the path of the registry of parties") from None
    except OSError as exc:
        raise SpecError(f"{path.name}: cannot be read ({exc.strerror})") from None
    except UnicodeDecodeError:
        raise SpecError(f"{path.name}: expected UTF-8 text") from None
    except tomllib.TOMLDecodeError as exc:
        raise SpecError(f"{path.name}: expected TOML ({exc})") from None
    parties = document.get("parties")
    if not isinstance(parties, dict) or not parties:
        raise SpecError(f"{path.name}: expected a table [parties.<name>] for each party, got none")
    return parties


def _party(file: str, name: str, entry: object) -> PartyRef:
    where = f"{file}: parties.{name if _NAME.fullmatch(name) else show(name)}"
    if not _NAME.fullmatch(name):
        raise SpecError(f"{where}: expected a name of 1 to 64 letters, digits, _, . and -")
    if not isinstance(entry, dict):
        raise SpecError(f"{where}: expected a table with addr and http_port, got {show(entry)}")
    for field in entry:
        if field not in _FIELDS:
            raise SpecError(f"{where}.{field}: unknown field, {closest(field, _FIELDS)}")
    root = _text(where, entry, "root") if "root" in entry else None
    resource = _text(where, entry, "resource") if "resource" in entry else f"party_{name}"
    return PartyRef(name, _text(where, entry, "addr"), _port(where, entry), resource, root)


def _text(where: str, entry: Mapping[str, object], field: str) -> str:
    value = entry.get(field)
    if not isinstance(value, str) or not value or not value.isprintable():
        raise SpecError(f"{where}.{field}: expected text of printable characters, got {show(value)}")
    return value


def _port(where: str, entry: Mapping[str, object]) -> int:
    value = entry.get("http_port")
    if type(value) is not int or not 1 <= value <= 65535:
        raise SpecError(f"{where}.http_port: expected an integer from 1 to 65535, got {show(value)}")
    return value


def _no_doubles(file: str, parties: tuple[PartyRef, ...]) -> None:
    seen: dict[tuple[str, int], str] = {}
    for party in parties:
        place = (party.addr.lower(), party.http_port)
        if place in seen:
            raise SpecError(
                f"{file}: parties.{party.name}: expected an addr and http_port of its own, "
                f"got those of parties.{seen[place]}"
            )
        seen[place] = party.name
