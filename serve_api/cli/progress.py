"""What the events of a task say about how far it is: a fold of events, without any screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

__all__ = ["Progress", "record_line", "size_text"]

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Progress:
    """How far a task is.

    Parameters
    ----------
    phase
        The phase last named.
    done, total
        Steps of the phase; `total` 0 when it is not known.
    numbers
        The newest loss and metrics by name.
    cost
        (rounds, bytes) by party, as each last told.
    """

    phase: str = ""
    done: int = 0
    total: int = 0
    numbers: Mapping[str, float] = field(default_factory=dict)
    cost: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def after(self, event: Json) -> Progress:
        """Return the progress after one more event; parts that are missing or odd are passed over."""
        data = event.get("data")
        if not isinstance(data, dict):
            return self
        match event.get("kind"):
            case "phase":
                phase = str(data.get("phase") or self.phase)
                return self if phase == self.phase else replace(self, phase=phase, done=0, total=0)
            case "progress":
                return self._after_progress(str(event.get("party", "")), data)
            case "record":
                return replace(self, numbers={**self.numbers, **_named(data)})
            case _:
                return self

    @property
    def rounds(self) -> int:
        """Rounds of the party that had most of them."""
        return max((rounds for rounds, _ in self.cost.values()), default=0)

    @property
    def size_bytes(self) -> int:
        """Bytes sent by all parties."""
        return sum(size for _, size in self.cost.values())

    def _after_progress(self, party: str, data: Json) -> Progress:
        numbers = dict(self.numbers)
        if _is_number(data.get("loss")):
            numbers["loss"] = data["loss"]
        rounds, size = self.cost.get(party, (0, 0))
        told = (_count(data.get("rounds"), rounds), _count(data.get("bytes"), size))
        return replace(
            self,
            phase=str(data.get("phase") or self.phase),
            done=_count(data.get("done"), self.done),
            total=_count(data.get("total"), self.total),
            numbers=numbers,
            cost={**self.cost, party: told} if any(told) else self.cost,
        )

    def line(self) -> str:
        """Return the progress in one line."""
        steps = f"{self.done}/{self.total}" if self.total else (str(self.done) if self.done else "")
        numbers = [f"{name} {value:.6g}" for name, value in self.numbers.items()]
        cost = [f"{self.rounds} rounds", size_text(self.size_bytes)] if self.cost else []
        return "  ".join(part for part in (self.phase, steps, *numbers, *cost) if part)


def record_line(data: Json) -> str:
    """Return a row of the record in one line: ``12.3 s  101 batches  loss 0.236  auc 0.494``."""
    row, columns = data.get("row"), data.get("columns")
    if not isinstance(row, list) or not isinstance(columns, list):
        return ""
    cells = dict(zip(map(str, columns), row, strict=False))
    seconds, batches = cells.pop("time", None), cells.pop("n_batches", None)
    head = [f"{seconds:.1f} s"] if _is_number(seconds) else []
    head += [f"{batches} batches"] if _is_number(batches) else []
    return "  ".join(head + [f"{name} {value:.6g}" for name, value in cells.items() if _is_number(value)])


def size_text(size: float) -> str:
    """Return a number of bytes for people: ``1.5 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _named(data: Json) -> dict[str, float]:
    row, columns = data.get("row"), data.get("columns")
    if not isinstance(row, list) or not isinstance(columns, list):
        return {}
    pairs = zip(map(str, columns), row, strict=False)
    return {name: value for name, value in pairs if name not in {"time", "n_batches"} and _is_number(value)}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _count(value: object, otherwise: int) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else otherwise
