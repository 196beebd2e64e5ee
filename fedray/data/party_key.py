"""Where a party's key is: in a file that its operator names, in the environment, or made in its own state folder."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fedray.data.private_file import replace_file
from fedray.data.sealing import KEY_BYTES, PartyKey
from fedray.errors import PartyKeyError

__all__ = ["DEFAULT_FILE", "FILE_VARIABLE", "KEY_VARIABLE", "KeySetting", "load_key"]

FILE_VARIABLE = "FEDRAY_PARTY_KEY_FILE"
KEY_VARIABLE = "FEDRAY_PARTY_KEY"
DEFAULT_FILE = "party.key"
"""In the state folder."""

_FORM = f"expected {2 * KEY_BYTES} hexadecimal digits, as 'openssl rand -hex {KEY_BYTES}' gives them"
_LONGEST = 1 << 10


@dataclass(frozen=True)
class KeySetting:
    """What a party's node says of its key.

    Attributes
    ----------
    file
        That holds it; "" where none is named.
    text
        The key itself, in hexadecimal; "" where it is not given so.
    """

    file: str = ""
    text: str = field(default="", repr=False)

    @property
    def elsewhere(self) -> bool:
        """Whether the key is not in the party's own state folder."""
        return bool(self.file or self.text)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> KeySetting:
        """Return what the environment of a process says."""
        return cls(environment.get(FILE_VARIABLE, ""), environment.get(KEY_VARIABLE, ""))


def load_key(setting: KeySetting, state: Path, *, create: bool) -> PartyKey:
    """Return a party's key.

    Parameters
    ----------
    state
        The party's state folder, where the key is that nothing else names.
    create
        Make a key there where there is none; one that is named is never made.

    Raises
    ------
    PartyKeyError
        The key is not there, not the owner's alone, or none. No message holds a path or a part of a key.
    """
    if setting.file and setting.text:
        raise PartyKeyError(f"the party's key: expected one of {FILE_VARIABLE} and {KEY_VARIABLE}, got both")
    if setting.text:
        return _key(KEY_VARIABLE, setting.text)
    if setting.file:
        return _read(FILE_VARIABLE, Path(setting.file))
    shown, path = f".fedray/{DEFAULT_FILE}", state / DEFAULT_FILE
    if create and not path.exists():
        _make(shown, path)
    return _read(shown, path)


def _make(shown: str, path: Path) -> None:
    """Make a key, unless another process does at the same time."""
    own = path.with_name(f".{secrets.token_hex(8)}")
    try:
        replace_file(own, f"{secrets.token_hex(KEY_BYTES)}\n".encode())
        with contextlib.suppress(FileExistsError):
            os.link(own, path)
        own.unlink()
    except OSError as error:
        reason = error.strerror
    else:
        return
    raise PartyKeyError(f"{shown}: the party's key cannot be written ({reason}); check space and permissions")


def _read(shown: str, path: Path) -> PartyKey:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:  # a pipe is refused, not waited for
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise PartyKeyError(f"{shown}: expected an ordinary file with the party's key")
            if facts.st_mode & 0o077 or facts.st_uid not in (0, os.geteuid()):
                raise PartyKeyError(
                    f"{shown}: expected a file that belongs to the party's own user, or to root, and that nobody else "
                    "may read or write; chmod 600 it"
                )
            text = file.read(_LONGEST)
    except OSError as error:
        reason = error.strerror
    else:
        return _key(shown, text.decode("ascii", "replace"))
    raise PartyKeyError(
        f"{shown}: the party's key cannot be read ({reason}); bring it back, or check its permissions: without it "
        "nothing opens that was sealed with it"
    )


def _key(shown: str, text: str) -> PartyKey:
    try:
        return PartyKey(bytes.fromhex(text.strip()))
    except ValueError:
        raise PartyKeyError(f"{shown}: {_FORM}, got something else") from None
