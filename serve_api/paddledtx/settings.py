"""How the PaddleDTX API is set, by the operator."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from serve_api.paddledtx.listing import Dialect

__all__ = ["PaddleSettings"]


@dataclass(frozen=True)
class PaddleSettings:
    """The settings of the API.

    Attributes
    ----------
    root
        The server's data root, below which keys are kept.
    port
        Of gRPC; 0 serves none.
    beyond
        Whether callers on other machines are answered; the port itself listens on every address, which Ray Serve fixes.
    address
        Where clients reach gRPC, as every data set says it.
    dialect
        Layout of ListTask: ``auto`` tells the two apart.
    main, dealer
        Parties that take part in every task without data: names of the registry, or ADDR:PORT.
    """

    root: Path = field(default_factory=Path)
    port: int = 0
    beyond: bool = False
    address: str = "127.0.0.1:8184"
    dialect: Dialect = "auto"
    main: str = "127.0.0.1:8377"
    dealer: str = "127.0.0.1:8999"
