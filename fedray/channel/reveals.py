"""The log of everything that was opened in clear, against the list that the plan allows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from fedray.errors import LocalProtocolError


@dataclass
class Revealed:
    """How often something was opened under one tag, to whom and in which shapes."""

    tag: str
    to: tuple[int, ...]
    count: int = 0
    shapes: list[tuple[int, ...]] = field(default_factory=list)


class RevealLog:
    """One party's log of reveals.

    Parameters
    ----------
    allowed
        The tags of the plan. Another tag raises LocalProtocolError before anything is opened.
    """

    SHAPES_KEPT = 8

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = frozenset(allowed)
        self._seen: dict[tuple[str, tuple[int, ...]], Revealed] = {}

    def add(self, tag: str, to: tuple[int, ...], shape: tuple[int, ...]) -> None:
        """Note one opening in clear of an array of `shape` to the parties `to`."""
        if tag not in self._allowed:
            raise LocalProtocolError(f"an opening with the tag {tag!r}, which the plan does not list")
        entry = self._seen.setdefault((tag, to), Revealed(tag, to))
        entry.count += 1
        if shape not in entry.shapes and len(entry.shapes) < self.SHAPES_KEPT:
            entry.shapes.append(shape)

    def as_list(self) -> list[dict[str, object]]:
        """Return the entries as plain dictionaries: tag, to, count, shapes."""
        return [
            {"tag": seen.tag, "to": list(seen.to), "count": seen.count, "shapes": [list(s) for s in seen.shapes]}
            for seen in self._seen.values()
        ]
