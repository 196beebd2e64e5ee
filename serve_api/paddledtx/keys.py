"""The keys that this server knows: whose each is, and for which parties it speaks as their executor.

The file holds public keys only. Each entry is signed with the server's own key, so that one that was written into the
file by other means is seen.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from fedray.data.private_file import make_folder, replace_file
from fedray.errors import Conflict, DataError, NotFound, SpecError
from serve_api.doors.state_file import StateFile
from serve_api.paddledtx.go_json import canonical
from serve_api.paddledtx.signing import PUBLIC_BYTES, new_private, public_of, sign, verify

__all__ = ["Key", "Keys", "key_files"]

_VERSION: Final = 1
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


def key_files(root: Path) -> tuple[Path, Path]:
    """Return where a server with this root has the keys that it knows, and its own private key."""
    return root / ".fedray" / "paddledtx_keys.json", root / ".fedray" / "paddledtx_server.key"


@dataclass(frozen=True)
class Key:
    """What the server knows of a key.

    Attributes
    ----------
    name
        Whose it is.
    public
        The public key, 128 hexadecimal digits.
    parties
        The parties for which it signs as executor; none for one that only publishes tasks.
    created_at, revoked_at
        Unix seconds; None where it has not been revoked.
    signature
        The server's, of all this, in hexadecimal.
    """

    name: str
    public: str
    parties: tuple[str, ...]
    created_at: float
    revoked_at: float | None = None
    signature: str = ""

    @property
    def bytes(self) -> bytes:
        """The public key."""
        return bytes.fromhex(self.public)

    def text(self) -> str:
        """Return what the server signs."""
        return canonical({**asdict(self), "parties": list(self.parties)})


class Keys:
    """The keys that a server knows, read again whenever their file has changed.

    Parameters
    ----------
    root
        The server's data root.
    clock
        Gives Unix time in seconds.
    """

    def __init__(self, root: Path, clock: Callable[[], float] = time.time) -> None:
        path, self._own = key_files(root)
        self._path, self._clock = path, clock
        self._file = StateFile(path, "keys", self._read)
        self._private: bytes | None = None
        self._public: bytes | None = None

    @property
    def server(self) -> bytes:
        """The server's own public key; the key is made when it is first needed.

        Raises
        ------
        DataError
            The file of the key cannot be read or written, or is none.
        """
        if self._public is None:
            self._public = public_of(self._secret())
        return self._public

    def all(self) -> tuple[Key, ...]:
        """Return every key, revoked ones too; raises ``DataError``."""
        return self._file.all()

    def known(self) -> tuple[Key, ...] | None:
        """Return what `all` would without reading anything; None where that has to."""
        return self._file.known()

    def find(self, public: bytes) -> Key | None:
        """Return the valid key with these bytes."""
        return next((key for key in self.all() if key.bytes == public and key.revoked_at is None), None)

    def of_party(self, party: str) -> bytes:
        """Return the newest valid key of a party's executor; the server's own where it has none."""
        found = [key for key in self.all() if party in key.parties and key.revoked_at is None]
        return found[-1].bytes if found else self.server

    def add(self, name: str, public: str, parties: Sequence[str] = ()) -> Key:
        """Keep a public key.

        Parameters
        ----------
        name
            1 to 64 letters, digits and ``._@-``; once for ever.
        public
            128 hexadecimal digits, a point of P-256.
        parties
            For which it signs as executor.

        Raises
        ------
        SpecError
            A parameter is none of these.
        Conflict
            The name or the key is taken.
        DataError
            The file cannot be read or written.
        """
        if not _NAME.fullmatch(name):
            raise SpecError("--name: expected 1 to 64 letters, digits and . _ @ -, beginning with a letter or digit")
        if not _is_key(public):
            raise SpecError(f"--public: expected a key of P-256, {2 * PUBLIC_BYTES} hexadecimal digits")
        with self._file.writing():
            kept = self.all()
            if any(name == key.name or public.lower() == key.public for key in kept):
                raise Conflict(f"--name {name}: the name or the key is known already; see fedray keys list")
            key = self._signed(Key(name, public.lower(), tuple(parties), self._clock()))
            self._write([*kept, key])
        return key

    def revoke(self, name: str) -> Key:
        """Let a key sign nothing any more, from the next request on; raises ``NotFound``, ``DataError``."""
        with self._file.writing():
            kept = self.all()
            found = next((key for key in kept if key.name == name), None)
            if found is None:
                raise NotFound(f"no key has the name {name[:64]}; fedray keys list shows them")
            ended = self._signed(replace(found, revoked_at=found.revoked_at or self._clock()))
            self._write([ended if key is found else key for key in kept])
        return ended

    def _signed(self, key: Key) -> Key:
        return replace(key, signature=sign(self._secret(), key.text()).hex())

    def _write(self, keys: Sequence[Key]) -> None:
        self._file.write({"version": _VERSION, "keys": [asdict(key) for key in keys]})

    def _read(self, document: Any) -> tuple[Key, ...]:
        if document["version"] != _VERSION:
            raise DataError(f"{self._path}: expected keys of version {_VERSION}; use the fedray that wrote them")
        found = tuple(Key(**{**fields, "parties": tuple(fields["parties"])}) for fields in document["keys"])
        for key in found:
            if not verify(self.server, bytes.fromhex(key.signature), key.text()):
                raise DataError(f"{self._path}: an entry is not signed by this server; bring back the file it wrote")
        return found

    def _secret(self) -> bytes:
        if self._private is None:
            self._private = self._load_or_make()
        return self._private

    def _load_or_make(self) -> bytes:
        try:
            if not self._own.exists():
                make_folder(self._own.parent)
                replace_file(self._own, f"{new_private().hex()}\n".encode())
            if self._own.stat().st_mode & 0o077:
                raise DataError(f"{self._own}: expected a file that only its owner may read; chmod 600 it")
            private = bytes.fromhex(self._own.read_text(encoding="ascii").strip())
            public_of(private)
        except OSError as error:
            raise DataError(f"{self._own}: the server's key cannot be read or written ({error.strerror})") from None
        except ValueError:
            raise DataError(f"{self._own}: expected a private key of P-256 in hexadecimal; bring that back") from None
        return private


def _is_key(public: str) -> bool:
    """Return whether a text is a point of the curve: whether a signature by it can be looked at at all."""
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + bytes.fromhex(public))
    except ValueError:
        return False
    return len(public) == 2 * PUBLIC_BYTES
