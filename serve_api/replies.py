"""What went wrong with a request, apart from the shape in which an API says it.

Every failure becomes a `Problem`; each API turns a `Problem` into its own words (``answer`` in its module).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from fedray.errors import Conflict, DataError, FedrayError, NotFound, PlacementError, PolicyError, SpecError, StateError

__all__ = ["Problem", "Refuse", "finite", "json_reply", "plain_text", "status_of"]

_STATUS: Final[Mapping[type, int]] = MappingProxyType(
    {
        SpecError: 400,
        DataError: 400,
        PolicyError: 403,
        NotFound: 404,
        Conflict: 409,
        StateError: 409,
        PlacementError: 503,
        FedrayError: 500,
    }
)


@dataclass(frozen=True)
class Problem:
    """One failed request.

    Parameters
    ----------
    status
        The HTTP status, for APIs that use it.
    type
        The kind of the problem: the name of an error of `fedray.errors`, or of the HTTP refusal.
    message
        A sentence for a person.
    party, phase
        Where it happened, or "".
    headers
        HTTP headers that belong to the answer, such as ``Allow``.
    """

    status: int
    type: str
    message: str
    party: str = ""
    phase: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, error: FedrayError) -> Problem:
        """Return the problem that `error` describes."""
        parts = error.as_dict()
        return cls(status_of(error), parts["type"], parts["message"], parts["party"], parts["phase"])

    def sentence(self) -> str:
        """Return the message with party and phase in front of it."""
        return str(FedrayError(self.message, self.party, self.phase))


Refuse = Callable[[Scope, Problem], Response]
"""Given a request and its problem, the answer in the shape of the API that owns the request's path."""


def status_of(error: FedrayError) -> int:
    """Return the HTTP status of an error: that of the nearest class above it which has one."""
    return next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)


def plain_text(text: str) -> str:
    """Return `text` with lone surrogates written out, which JSON in UTF-8 cannot carry."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def finite(value: object) -> object:
    """Return `value` with NaN and infinities as None, at any depth: JSON has no word for them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def json_reply(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response that no cache keeps."""
    return JSONResponse(finite(content), status, {"Cache-Control": "no-store", **(headers or {})})
