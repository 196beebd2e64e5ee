"""Bearer tokens: 256 random bits each, of which the server keeps only the SHA-256.

A digest without salt and without work is right here: nobody can guess 256 bits, so there is nothing to slow down.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from fedray.errors import Conflict, DataError, NotFound, SpecError
from serve_api.doors.roles import Role
from serve_api.doors.state_file import StateFile

__all__ = ["Token", "Tokens"]

_PREFIX: Final = "fedray_"
_VERSION: Final = 1
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_DAY_S: Final = 86400.0


@dataclass(frozen=True)
class Token:
    """What the server knows of a token.

    Attributes
    ----------
    name
        Whose it is; the audit log says it.
    role
        What it is for.
    parties
        Of a data owner: the parties for which it speaks.
    sha256
        Digest of the token, in hexadecimal.
    created_at, expires_at, revoked_at
        Unix seconds; None where it does not end or has not been revoked.
    """

    name: str
    role: Role
    parties: tuple[str, ...]
    sha256: str
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None

    def valid(self, now: float) -> bool:
        """Return whether the token opens the door at this time."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class Tokens:
    """The file of tokens, read again whenever it has changed.

    Parameters
    ----------
    path
        Made by the first `add`, readable by its owner only; it is replaced as a whole.
    clock
        Gives Unix time in seconds.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._file = StateFile(path, "tokens", lambda document: _read(path, document))

    def all(self) -> tuple[Token, ...]:
        """Return every token ever made here, revoked ones too.

        Raises
        ------
        DataError
            The file cannot be read, is none of ours, or others may read it.
        """
        return self._file.all()

    def find(self, secret: str) -> Token | None:
        """Return the token of this secret, whether it is still valid or not; None where it is none of ours.

        Every digest is compared, each in constant time, so how long it takes tells nothing.
        """
        digest = _digest(secret)
        found = None
        for token in self.all():
            if hmac.compare_digest(token.sha256, digest):
                found = token
        return found

    def add(self, name: str, role: str, parties: Sequence[str] = (), days: float | None = None) -> str:
        """Make a token and return its secret, which is kept nowhere.

        Parameters
        ----------
        name
            1 to 64 letters, digits and ``._@-``; once for ever.
        role
            A `Role`.
        parties
            The parties of a data owner; none for other roles.
        days
            How long it is valid; None has no end.

        Raises
        ------
        SpecError
            A parameter is none of these.
        Conflict
            The name is taken.
        DataError
            The file cannot be read or written.
        """
        wanted = _checked(name, role, parties, days)
        secret = _PREFIX + secrets.token_urlsafe(32)
        now = self._clock()
        end = None if days is None else now + days * _DAY_S
        with self._file.writing():
            kept = self.all()
            if any(token.name == name for token in kept):
                raise Conflict(f"--name {name}: a token had this name before; names are used once, for the audit log")
            self._write([*kept, Token(name, wanted, tuple(parties), _digest(secret), now, end)])
        return secret

    def revoke(self, name: str) -> Token:
        """Let a token open no door any more, from the next request on, and return it.

        Raises
        ------
        NotFound
            No token has this name.
        DataError
            The file cannot be read or written.
        """
        with self._file.writing():
            kept = self.all()
            found = next((token for token in kept if token.name == name), None)
            if found is None:
                raise NotFound(f"no token has the name {name[:64]}; fedray token list shows them")
            ended = replace(found, revoked_at=found.revoked_at or self._clock())
            self._write([ended if token is found else token for token in kept])
        return ended

    def _write(self, tokens: Sequence[Token]) -> None:
        self._file.write({"version": _VERSION, "tokens": [asdict(token) for token in tokens]})


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _checked(name: str, role: str, parties: Sequence[str], days: float | None) -> Role:
    if not _NAME.fullmatch(name):
        raise SpecError("--name: expected 1 to 64 letters, digits and . _ @ -, beginning with a letter or digit")
    if role not in tuple(Role):
        raise SpecError(f"--role: expected one of {', '.join(Role)}, got another word")
    if (role == Role.DATA_OWNER) != bool(parties):
        raise SpecError(f"--party: expected the parties of a {Role.DATA_OWNER}, at least one, and none for other roles")
    if days is not None and not 0 < days <= 36500:
        raise SpecError("--days: expected a number above 0, at most 36500")
    return Role(role)


def _read(path: Path, document: Any) -> tuple[Token, ...]:
    if document["version"] != _VERSION:
        raise DataError(f"{path}: expected tokens of version {_VERSION}; use the fedray that wrote them")
    return tuple(
        Token(**{**fields, "role": Role(fields["role"]), "parties": tuple(fields["parties"])})
        for fields in document["tokens"]
    )
