"""What the crypto producer may be told, in any task that has one."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from fedray.task.config_bases import MAX_CLIENTS, ClientConfig
from fedray.task.fields import whole

__all__ = ["DealerConfig"]


class DealerConfig(ClientConfig):
    """The party that deals correlated randomness and has no data.

    Attributes
    ----------
    listen_clients
        Places in ``clients`` of the parties served; None means all data clients.
    """

    client_type: Literal["triplet_producer"]
    listen_clients: (
        Annotated[
            tuple[Annotated[int, whole(0, MAX_CLIENTS - 1)], ...],
            Field(max_length=MAX_CLIENTS),
        ]
        | None
    ) = None
