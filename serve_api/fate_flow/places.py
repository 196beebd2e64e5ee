"""Which party of the server each party of a FATE job is."""

from __future__ import annotations

from typing import Final, Literal

from fedray.task.scoring import Place
from fedray.task.service import TaskService
from serve_api.fate_flow.faults import REFUSED, FateError
from serve_api.fate_flow.job import PartyId

__all__ = ["PORT", "PartyPlaces"]

PORT: Final = 9380
"""Of every party on a server without a registry; the address tells them apart."""

_HELPERS: Final = {"main_client": PartyId("arbiter", "main"), "crypto_producer": PartyId("arbiter", "dealer")}


class PartyPlaces:
    """The places of parties: those that the registry names ``ROLE-ID``, or without a registry any, all on this machine.

    Parameters
    ----------
    service
        Knows the registry.
    """

    def __init__(self, service: TaskService) -> None:
        self._known = {view.name: (view.addr, view.http_port) for view in service.parties()}

    def party(self, party: PartyId) -> Place:
        """Return address and port of a party.

        Raises
        ------
        FateError
            The registry has no party of this name.
        """
        name = f"{party.role}-{party.party_id}"
        if not self._known:
            return name, PORT
        if name not in self._known:
            raise FateError(REFUSED, f"role: the registry of this server has no party {name}; it needs one")
        return self._known[name]

    def helper(self, role: Literal["main_client", "crypto_producer"]) -> Place:
        """Return address and port of a party without data; in a registry ``arbiter-main`` and ``arbiter-dealer``."""
        return self.party(_HELPERS[role])
