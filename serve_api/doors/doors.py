"""What stands at the door of one server: its tokens, its names, its limits, its log."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from serve_api.doors.audit import AuditLog
from serve_api.doors.origins import LOOPBACK_NAMES
from serve_api.doors.rates import Rates
from serve_api.doors.settings import DoorSettings
from serve_api.doors.tokens import Token, Tokens
from serve_api.replies import Problem

__all__ = ["Doors", "token_needed"]

_ENTRIES: Final = 1.0
"""Refusals a second that are written down for each caller; a page in a browser can make many more."""
_LONGEST: Final = 256


class Doors:
    """The doors of one process of a server.

    Parameters
    ----------
    settings
        The default is open to this machine: no tokens, no log, no limit of rates, but no foreign pages either.
    clock
        Gives Unix time in seconds.
    """

    def __init__(self, settings: DoorSettings | None = None, clock: Callable[[], float] = time.time) -> None:
        settings = settings or DoorSettings()
        self.names = LOOPBACK_NAMES | {name.casefold().rstrip(".") for name in settings.names}
        self.rates = Rates(settings.rate)
        self.entries = Rates(_ENTRIES)
        self.log = None if settings.audit is None else AuditLog(settings.audit, clock)
        self._tokens = None if settings.tokens is None else Tokens(settings.tokens)
        self._required = settings.required
        self._clock = clock

    def locked(self) -> bool:
        """Return whether a token is needed: once one has been made, always; raises ``DataError``."""
        return bool(self._tokens and self._tokens.all()) or self._required

    def caller(self, headers: Sequence[str]) -> tuple[Token | None, Problem | None]:
        """Return whose token the ``Authorization`` headers of a request hold, and why it does not open the door.

        A token that was valid once is returned too, for the log.
        """
        if not headers or self._tokens is None:
            return None, token_needed()
        scheme, _, secret = headers[0].strip().partition(" ")
        if len(headers) > 1 or scheme.casefold() != "bearer" or not 0 < len(secret.strip()) <= _LONGEST:
            return None, token_needed("expected one header Authorization: Bearer TOKEN, got another form")
        token = self._tokens.find(secret.strip())
        if token is None or not token.valid(self._clock()):
            return token, token_needed("the token is not valid: unknown, revoked or out of date")
        return token, None

    def note(self, **fields: object) -> int:
        """Write an entry into the log and return its number, 0 without a log; raises ``DataError``."""
        return 0 if self.log is None else self.log.append(**fields)


def token_needed(why: str = "this server needs a token, and none came") -> Problem:
    """Return the refusal of a caller who is not known."""
    message = f"{why}; send the header Authorization: Bearer TOKEN (fedray: FEDRAY_TOKEN or --token-file)."
    return Problem(401, "TokenNeeded", message, headers={"WWW-Authenticate": 'Bearer realm="fedray"'})
