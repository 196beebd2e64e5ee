"""How the K12AI API is set: one TOML file of the operator, never a request."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit, urlunsplit

from fedray.errors import SpecError
from fedray.task.complaints import closest
from fedray.task.text import show

__all__ = ["MESSAGE_PATH", "K12Settings"]

MESSAGE_PATH: Final = "/k12ai/private/message"

_CHOICES: Final[dict[str, tuple[object, ...]]] = {
    "dialect": ("seed", "2020"),
    "success_code": (100200, 100000),
    "datetime": ("%Y-%m-%d %H:%M:%S", "%Y%m%d%H%M%S"),
    "gpu_memory_unit": ("bytes", "MiB"),
    "legacy_spelling": (False, True),
}
"""Setting -> what it may be; the first is the default."""


@dataclass(frozen=True)
class K12Settings:
    """The settings of the API.

    Attributes
    ----------
    dialect
        ``seed``: the routes and shapes of the seed document; ``2020``: ``execute`` and the shapes of 2020.
    success_code
        What a good reply of the seed dialect has as its code: 100200, or 100000 as from December 2019 on.
    datetime
        How messages write the server's local time.
    gpu_memory_unit
        Of GPUs' memory in stats: ``bytes`` as documented, or ``MiB`` as the original sent.
    legacy_spelling
        Whether errors also have the original's keys ``trackback`` and ``souce``.
    webhook
        URL to which each message is posted; "" posts none.
    server
        HOST:PORT of this server, for messages of 2020.
    """

    dialect: Literal["seed", "2020"] = "seed"
    success_code: int = 100200
    datetime: str = "%Y-%m-%d %H:%M:%S"
    gpu_memory_unit: Literal["bytes", "MiB"] = "bytes"
    legacy_spelling: bool = False
    webhook: str = ""
    server: str = ""

    @classmethod
    def from_toml(cls, path: Path, server: str = "") -> K12Settings:
        """Return the settings that a file holds.

        Raises
        ------
        SpecError
            It cannot be read, is no TOML, or a setting is wrong: which, what was expected.
        """
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise SpecError(f"{path.name}: cannot be read ({error.strerror})") from None
        except (UnicodeDecodeError, tomllib.TOMLDecodeError):
            raise SpecError(f"{path.name}: expected TOML in UTF-8") from None
        known = (*_CHOICES, "webhook")
        for name in document:
            if name not in known:
                raise SpecError(f"{path.name}: {show(name)}: unknown setting, {closest(name, known)}")
        return cls(**_checked(path.name, document), server=server)


def _checked(file: str, document: dict[str, Any]) -> dict[str, Any]:
    for name, choices in _CHOICES.items():
        value = document.get(name, choices[0])
        if not any(type(value) is type(choice) and value == choice for choice in choices):
            wanted = ", ".join(show(choice) for choice in choices)
            raise SpecError(f"{file}: {name}: expected one of {wanted}, got {show(value)}")
    if "webhook" in document:
        return {**document, "webhook": _address(file, document["webhook"])}
    return document


def _address(file: str, value: object) -> str:
    """Return the address of a webhook, with the path of the original where it has none."""
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.username is None and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise SpecError(f"{file}: webhook: expected a URL such as http://10.0.0.9:8129, without a name or password")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") or MESSAGE_PATH, parts.query, ""))
