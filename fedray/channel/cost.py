"""What a party's talking cost: rounds, messages, bytes and seconds, by phase and by label."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass, field, replace


@dataclass
class PhaseCost:
    """Cost of one phase at one party.

    Attributes
    ----------
    rounds
        Turns of the conversation: times the party waited for an answer after it had spoken.
    messages, bytes
        Envelopes sent and their bytes on the wire.
    seconds
        Time in the phase.
    labels
        Payload bytes sent, by label.
    """

    rounds: int = 0
    messages: int = 0
    bytes: int = 0
    seconds: float = 0.0
    labels: dict[str, int] = field(default_factory=lambda: defaultdict(int))


class Cost:
    """The costs of all phases at one party."""

    def __init__(self) -> None:
        self.phases: dict[str, PhaseCost] = defaultdict(PhaseCost)

    def total(self) -> PhaseCost:
        """Return the sum over the phases, labels included."""
        total = PhaseCost()
        for phase in self.phases.values():
            total.rounds += phase.rounds
            total.messages += phase.messages
            total.bytes += phase.bytes
            total.seconds += phase.seconds
            for label, size in phase.labels.items():
                total.labels[label] += size
        return total

    def as_dict(self) -> dict[str, dict[str, object]]:
        """Return the phases as plain dictionaries."""
        return {name: asdict(replace(phase, labels=dict(phase.labels))) for name, phase in self.phases.items()}
