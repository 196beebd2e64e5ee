"""The hosts of a cluster: `hosts.toml`, the same file on each, says what each offers to the cluster.

::

    [hosts]
    "10.77.0.1" = ["party_coordinator", "party_dealer"]
    "10.77.0.2" = ["party_clinic"]
    "10.77.0.5" = {party_bank = 2}
    "10.77.0.6" = {party_bank = 1}

Of several hosts of a party the one with the largest amount has its data; where amounts are equal, as in a list, each
has them, say in a file system that they share.

A host finds its own line by its addresses: it can listen on them and on no other host's.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fedray.errors import PlacementError, SpecError

__all__ = ["Hosts", "is_mine"]

MOST = 1000
"""Of a resource that a host offers."""

_RESOURCE = re.compile(r"party_[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Hosts:
    """What each host offers.

    Attributes
    ----------
    offers
        By the host's address, resources of parties and the amount of each.
    """

    offers: Mapping[str, Mapping[str, int]]

    @classmethod
    def from_toml(cls, path: Path) -> Hosts:
        """Return what a file holds.

        Raises
        ------
        SpecError
            The file cannot be read, is no TOML, or an entry is wrong: which one, what was expected.
        """
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise SpecError(f"{path.name}: cannot be read ({error.strerror})") from None
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SpecError(f"{path.name}: expected TOML ({error})") from None
        hosts = document.get("hosts")
        if not isinstance(hosts, dict) or not hosts:
            raise SpecError(f'{path.name}: expected a table [hosts] with lines such as "10.0.0.5" = ["party_bank"]')
        return cls({_address(path.name, address): _resources(path.name, address, hosts[address]) for address in hosts})

    def here(self, mine: Callable[[str], bool]) -> str:
        """Return the address under which this host is in the file.

        Parameters
        ----------
        mine
            Whether an address is this host's own; `is_mine`.

        Raises
        ------
        PlacementError
            None of the addresses is this host's, or several are.
        """
        found = [address for address in self.offers if mine(address)]
        if len(found) != 1:
            some = f"{' and '.join(found)} are" if found else f"none of {', '.join(self.offers)} is"
            raise PlacementError(
                f"hosts.toml: {some} this host's address; expected exactly one line for each host, under the address "
                "at which the others reach it"
            )
        return found[0]


def is_mine(address: str) -> bool:
    """Whether an address belongs to this host: whether it could listen there."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _address(file: str, address: str) -> str:
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        raise SpecError(f"{file}: hosts.{address[:80]!r}: expected an IP address") from None


def _resources(file: str, address: str, entry: object) -> dict[str, int]:
    expected = f'{file}: hosts."{address}": expected a list of resources such as ["party_bank"]'
    if not isinstance(entry, list | dict) or not entry:
        raise SpecError(expected)
    found = dict(entry) if isinstance(entry, dict) else {str(resource)[:80]: 1 for resource in entry}
    for resource, amount in found.items():
        if not _RESOURCE.fullmatch(resource):
            raise SpecError(f"{expected}, got {resource[:80]!r}; resources of parties begin with party_")
        if type(amount) is not int or not 1 <= amount <= MOST:
            raise SpecError(
                f'{file}: hosts."{address}".{resource}: expected a whole number from 1 to {MOST}, got '
                f"{str(amount)[:80]!r}; the host that has the party's data offers more of it than the party's others"
            )
    return found
