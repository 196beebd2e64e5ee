r"""Files sealed with a party's key: AES-256-GCM under a key of each file's own, bound to the file's name.

::

    "fedray sealed " version " " name of the key "\n" | 32 bytes of salt | sealed content | 16 bytes of tag

The first line can be read by a person; it, the salt and the file's name below the party's state folder are
authenticated, so a file opens only where it was written. What was written there before opens as well: who can write to
the disk can put an old file back.
"""

from __future__ import annotations

import hashlib
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import GCM

from fedray.errors import DataError, PartyKeyError

__all__ = ["KEY_BYTES", "PartyKey"]

KEY_BYTES = 32
VERSION = 1
_MAGIC = b"fedray sealed "
_ID_BYTES = 8
_SALT_BYTES = 32
_TAG_BYTES = 16
_NONCE = bytes(12)  # each file has a key of its own
_PIECE_BYTES = 1 << 18


class PartyKey:
    """What a party seals its files with.

    Parameters
    ----------
    key
        32 bytes.

    Attributes
    ----------
    name
        By which the key can be told from others; says nothing of it.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a party's key has {KEY_BYTES} bytes, got {len(key)}")
        self._key = key
        self.name = hashlib.blake2b(key=key, digest_size=_ID_BYTES, person=b"fedray/name").hexdigest()

    def seal(self, place: str, content: bytes) -> bytearray:
        """Return a file's sealed form.

        Parameters
        ----------
        place
            The file's name below the party's state folder.
        """
        head = self._line() + secrets.token_bytes(_SALT_BYTES)
        cipher = Cipher(AES256(self._file_key(head)), GCM(_NONCE)).encryptor()
        cipher.authenticate_additional_data(head + place.encode())
        sealed = bytearray(len(head) + len(content))
        sealed[: len(head)] = head
        view, into = memoryview(content), memoryview(sealed)[len(head) :]
        for at in range(0, len(view), _PIECE_BYTES):
            cipher.update_into(view[at : at + _PIECE_BYTES], into[at : at + _PIECE_BYTES])
        into.release()
        cipher.finalize()
        sealed += cipher.tag
        return sealed

    def open(self, place: str, sealed: bytes | bytearray) -> bytes:
        """Return what `seal` was given.

        Raises
        ------
        PartyKeyError
            It was sealed with another key.
        DataError
            It is not sealed, of another version, changed, or was written at another place.
        """
        file = place.rpartition("/")[2]
        line = bytes(sealed[: len(self._line())])
        if line != self._line():
            raise self._other(file, line)
        size = len(line) + _SALT_BYTES
        head, tag = bytes(sealed[:size]), bytes(sealed[-_TAG_BYTES:])
        if len(sealed) < size + _TAG_BYTES:
            raise _damaged(file)
        cipher = Cipher(AES256(self._file_key(head)), GCM(_NONCE, tag)).decryptor()
        cipher.authenticate_additional_data(head + place.encode())
        view = memoryview(sealed)[size:-_TAG_BYTES]
        try:
            pieces = [cipher.update(view[at : at + _PIECE_BYTES]) for at in range(0, len(view), _PIECE_BYTES)]
            return b"".join((*pieces, cipher.finalize()))
        except InvalidTag:
            raise _damaged(file) from None

    def _line(self) -> bytes:
        return b"%s%d %s\n" % (_MAGIC, VERSION, self.name.encode())

    def _file_key(self, head: bytes) -> bytes:
        salt = head[-_SALT_BYTES:]
        return hashlib.blake2b(salt, key=self._key, digest_size=KEY_BYTES, person=b"fedray/file").digest()

    def _other(self, file: str, line: bytes) -> DataError:
        """Return why a file with another first line cannot be opened."""
        if not line.startswith(_MAGIC):
            return DataError(
                f"{file} is not sealed with the party's key: it is damaged, or a version of fedray wrote it "
                "that did not seal files yet; run the task that wrote it again"
            )
        version, _, name = line.removeprefix(_MAGIC).decode("ascii", "replace").strip().partition(" ")
        if version != str(VERSION) or len(name) != len(self.name):
            return _damaged(file)
        return PartyKeyError(
            f"{file} was sealed with another key than the party's ({self.name}): bring back the key with which it was "
            "written, or run the task that wrote it again"
        )


def _damaged(file: str) -> DataError:
    return DataError(
        f"{file} is damaged, was put there from another place, or is of another version of fedray; put the right file "
        "back or run the task that wrote it again"
    )
