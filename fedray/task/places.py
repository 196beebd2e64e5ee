"""Where an exception came from, without what it says: its type and the lines of code, never a value.

Text of a stranger's exception may quote a table; lines of code cannot.
"""

from __future__ import annotations

import linecache
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

__all__ = ["Place", "cause_of", "places_of"]

_MOST: Final = 32
_LONGEST: Final = 200


@dataclass(frozen=True)
class Place:
    """A line of code that was being run.

    Attributes
    ----------
    filename
        Below the folder from which it was imported: nobody learns where a party keeps its programs.
    linenum, funcname
        Line, from 1, and function.
    source
        The line itself, or "" where the file is not at hand.
    """

    filename: str
    linenum: int
    funcname: str
    source: str

    def as_dict(self) -> dict[str, object]:
        """Return the place as it is sent."""
        return asdict(self)


def places_of(error: BaseException) -> list[Place]:
    """Return where `error` was raised, outermost first, the innermost 32."""
    frames = list(traceback.walk_tb(error.__traceback__))[-_MOST:]
    return [
        Place(
            _below(frame.f_code.co_filename, str(frame.f_globals.get("__name__", ""))),
            line,
            frame.f_code.co_name,
            linecache.getline(frame.f_code.co_filename, line).strip()[:_LONGEST],
        )
        for frame, line in frames
    ]


def cause_of(error: BaseException) -> BaseException:
    """Return the exception from which another was raised, down to the first."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _below(filename: str, module: str) -> str:
    file, packages = Path(filename), module.split(".")
    return "/".join([*(packages if file.stem == "__init__" else packages[:-1]), file.name])
