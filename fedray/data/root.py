"""The folders of one party: nothing that a request names is read or written outside of them.

::

    <root>/raw/         what the party brings: read only
    <root>/generated/   what tasks write for the party: aligned tables, predictions
    <root>/.fedray/     what fedray keeps for itself: models, checkpoints, what exceeds the memory; the key of these
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from fedray.data.party_key import KeySetting, load_key
from fedray.data.private_file import make_folder
from fedray.data.sealed_folder import SealedFolder
from fedray.data.sealing import PartyKey
from fedray.data.wording import shorten
from fedray.errors import DataError

__all__ = ["DataRoot", "sealed_folder_at"]

_STATE = ".fedray"


@dataclass(frozen=True)
class DataRoot:
    """The data root of one party.

    Parameters
    ----------
    path
        The folder of the party. It may itself be a symbolic link; what is below it may only hold
        links that stay inside.
    key
        Where the key is with which the party seals what fedray keeps.
    """

    path: Path
    key: KeySetting = field(default_factory=KeySetting)

    def raw_file(self, relative: str, field: str = "raw_data_path") -> Path:
        """Return the resolved path of a file of the party's raw data.

        Parameters
        ----------
        relative
            The path below ``raw/``, as the user wrote it.
        field
            The field of the request that held it, for messages.

        Raises
        ------
        DataError
            The path leaves its folder, or is no readable ordinary file.
        """
        path = self._inside("raw", relative, field)
        mode = _mode(path, relative, field)
        if mode is None:
            raise DataError(f"{field} {shorten(relative)}: no such file below the party's raw data folder")
        if not stat.S_ISREG(mode):
            raise DataError(f"{field} {shorten(relative)}: expected an ordinary file, got {_kind(mode)}")
        if not os.access(path, os.R_OK):
            raise DataError(f"{field} {shorten(relative)}: the file may not be read; change its permissions")
        return path

    def check_raw(self, relative: str, field: str = "raw_data_path") -> None:
        """Check a raw path without reading the file, so that a task is refused before it is created.

        Raises
        ------
        DataError
            As for `raw_file`.
        """
        self.raw_file(relative, field)

    def generated_dir(self, relative: str, create: bool = False, field: str = "out_data_path") -> Path:
        """Return the resolved path of a folder of the party's generated data.

        Parameters
        ----------
        relative
            The path below ``generated/``, as the user wrote it.
        create
            Make the folder, readable by its owner only, where it is missing.
        field
            The field of the request that held it, for messages.

        Raises
        ------
        DataError
            The path leaves its folder, is no folder, cannot be made, or (without `create`) is missing.
        """
        return self._folder("generated", relative, field, create)

    def generated_file(self, relative: str, field: str = "data_path") -> Path | None:
        """Return the resolved path of an ordinary file of the party's generated data; None if there is none.

        Raises
        ------
        DataError
            The path leaves its folder.
        """
        path = self._inside("generated", relative, field)
        mode = _mode(path, relative, field)
        return path if mode is not None and stat.S_ISREG(mode) else None

    def check_generated(self, relative: str, field: str = "out_data_path") -> Path | None:
        """Check a folder's path without making it; return the folder if it is there already.

        Raises
        ------
        DataError
            The path leaves its folder, or something that is no folder stands there.
        """
        path = self._inside("generated", relative, field)
        if _mode(path, relative, field) is None:
            return None
        return self._folder("generated", relative, field, create=False)

    def state_dir(self, relative: str, create: bool = True) -> Path:
        """Return a folder below ``.fedray/``, with `create` made where it is missing.

        Raises
        ------
        DataError
            The path leaves its folder, is no folder, cannot be made, or (without `create`) is missing.
        """
        return self._folder(_STATE, relative, "state folder", create)

    def sealed_dir(self, relative: str, create: bool = True) -> SealedFolder:
        """Return a folder as `state_dir` does, whose files are sealed with the party's key; raises as that."""
        return SealedFolder(
            self.state_dir(relative, create), "/".join(_parts(relative, "state folder")), self.party_key
        )

    def party_key(self, create: bool) -> PartyKey:
        """Return the key with which the party seals its files.

        Parameters
        ----------
        create
            Make one in the state folder, where there is none and no other place is named.

        Raises
        ------
        PartyKeyError
            It cannot be read or made, or others may read it.
        """
        state = self._inside("", _STATE, "state folder")
        if create and not self.key.elsewhere:
            _make(state, _STATE, "state folder")
        return load_key(self.key, state, create=create)

    def _folder(self, base: str, relative: str, field: str, create: bool) -> Path:
        path = self._inside(base, relative, field)
        mode = _mode(path, relative, field)
        if mode is None and not create:
            raise DataError(f"{field} {shorten(relative)}: no such folder below the party's {base} folder")
        if mode is not None and not stat.S_ISDIR(mode):
            raise DataError(f"{field} {shorten(relative)}: expected a folder, got {_kind(mode)}")
        if mode is None:
            _make(path, relative, field)
        return path

    def _inside(self, base: str, relative: str, field: str) -> Path:
        """Resolve every link on the way and refuse what is then outside of the base folder."""
        parts = _parts(relative, field)
        try:
            root = self.path.resolve()
            folder = (root / base).resolve()
            path = folder.joinpath(*parts).resolve()
        except (OSError, RuntimeError):
            path = None
        if path is None:
            raise DataError(f"{field} {shorten(relative)}: the path is too long or its links run in a circle")
        if not (folder.is_relative_to(root) and path.is_relative_to(folder)):
            raise DataError(f"{field} {shorten(relative)}: a link on the way leads out of the party's {base} folder")
        return path


def sealed_folder_at(path: Path, key: KeySetting) -> SealedFolder:
    """Return the sealed folder that a path of a party's own disk names, below some data root.

    Raises
    ------
    DataError
        The path is not below the folder ``.fedray`` of a data root, or no folder.
    """
    parts = path.resolve().parts
    if _STATE not in parts[:-1]:
        raise DataError(f"expected a folder below {_STATE} of a party's data root, got another one")
    at = len(parts) - 1 - parts[::-1].index(_STATE)
    return DataRoot(Path(*parts[:at]), key).sealed_dir("/".join(parts[at + 1 :]), create=False)


def _parts(relative: str, field: str) -> tuple[str, ...]:
    shown = shorten(relative)
    parts = PurePosixPath(relative).parts
    if not parts:
        raise DataError(f"{field}: expected a path relative to the party's data root, got {shown}")
    if parts[0].startswith("/"):
        raise DataError(f"{field} {shown}: expected a path relative to the party's data root, got an absolute one")
    if ".." in parts:
        raise DataError(f"{field} {shown}: '..' is not allowed in a path")
    if not relative.isprintable():
        raise DataError(f"{field} {shown}: a path may hold printable characters only")
    return parts


def _mode(path: Path, relative: str, field: str) -> int | None:
    """Return the type bits of a path, None where nothing is there."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        reason = error.strerror
    raise DataError(f"{field} {shorten(relative)}: the path cannot be looked at ({reason})")


def _make(path: Path, relative: str, field: str) -> None:
    try:
        make_folder(path)
    except OSError as error:
        reason = error.strerror
    else:
        return
    raise DataError(f"{field} {shorten(relative)}: the folder cannot be made ({reason})")


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFREG: "a file",
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "something else")
