"""What a party's talking cost: rounds, messages, bytes and seconds, by phase and by label within the phase.

Everything is counted once, in the line of one label of one phase; a phase and a task are sums of their lines.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

__all__ = ["LOCAL", "Cost", "LabelCost", "PhaseCost"]

LOCAL = "local"
"""The line of a phase's own work: the seconds in which the party waited for nobody."""


@dataclass
class LabelCost:
    """One line: what was said and awaited under one label in one phase, at one party.

    Attributes
    ----------
    rounds
        Turns of the conversation: times the party waited for an answer with this label after it had spoken.
    messages
        Envelopes sent whose first frame has this label. Frames that ride in the same envelope cost no message.
    frame_bytes
        Bytes of the frames sent with this label.
    envelope_bytes
        Bytes of heads and seals of the envelopes in `messages`.
    seconds
        Time spent waiting for frames with this label; in the line `LOCAL` the rest of the phase.
    """

    rounds: int = 0
    messages: int = 0
    frame_bytes: int = 0
    envelope_bytes: int = 0
    seconds: float = 0.0

    @property
    def bytes(self) -> int:
        """Bytes on the wire."""
        return self.frame_bytes + self.envelope_bytes

    def add(self, other: LabelCost) -> None:
        """Add another line's numbers to this one."""
        self.rounds += other.rounds
        self.messages += other.messages
        self.frame_bytes += other.frame_bytes
        self.envelope_bytes += other.envelope_bytes
        self.seconds += other.seconds

    def as_dict(self) -> dict[str, object]:
        """Return rounds, messages, bytes and seconds."""
        return {
            "rounds": self.rounds,
            "messages": self.messages,
            "bytes": self.bytes,
            "seconds": self.seconds,
        }


@dataclass
class PhaseCost:
    """Cost of one phase at one party, or of several phases together: its lines by label, and their sums."""

    lines: dict[str, LabelCost] = field(default_factory=lambda: defaultdict(LabelCost))

    def total(self) -> LabelCost:
        """Return the sum of the lines."""
        total = LabelCost()
        for line in self.lines.values():
            total.add(line)
        return total

    @property
    def rounds(self) -> int:
        """Turns of the conversation."""
        return self.total().rounds

    @property
    def messages(self) -> int:
        """Envelopes sent."""
        return self.total().messages

    @property
    def bytes(self) -> int:
        """Bytes sent, on the wire."""
        return self.total().bytes

    @property
    def seconds(self) -> float:
        """Time in the phase."""
        return self.total().seconds

    @property
    def labels(self) -> Counter[str]:
        """Bytes of frames sent, by label, without those of envelopes."""
        return Counter({label: line.frame_bytes for label, line in self.lines.items() if line.frame_bytes})

    def as_dict(self) -> dict[str, object]:
        """Return the sums and, under ``labels``, the lines, as plain dictionaries."""
        return {**self.total().as_dict(), "labels": {label: line.as_dict() for label, line in self.lines.items()}}


class Cost:
    """The costs of all phases at one party."""

    def __init__(self) -> None:
        self.phases: dict[str, PhaseCost] = defaultdict(PhaseCost)

    def total(self) -> PhaseCost:
        """Return all phases together, line by line."""
        total = PhaseCost()
        for phase in self.phases.values():
            for label, line in phase.lines.items():
                total.lines[label].add(line)
        return total

    def as_dict(self) -> dict[str, dict[str, object]]:
        """Return the phases as plain dictionaries."""
        return {name: phase.as_dict() for name, phase in self.phases.items()}
