"""What a task will cost, before it runs: worked out from its plan and the numbers of rows and columns. Pure.

Every uniform part of a correlation masks exactly one opening (`fedray.mpc.correlation`): a part that all hold is opened
by everybody to everybody, one without its owner's summand is said to the owner by all others. So the schedule that the
dealer follows tells what the parties of a training say, element by element, whatever the model. The heads of frames are
taken at an average; what is said as JSON is left out. Rounds are in `fedray.parties.rounds`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod

from fedray.errors import LocalProtocolError, SpecError
from fedray.mpc import layout
from fedray.mpc.dealer import PrivateShape
from fedray.mpc.schedule import Segment
from fedray.parties.agreement import checkpointed
from fedray.parties.kmeans_recipe import Clustering, KMeansRecipe
from fedray.parties.recipes import Course, recipe_of
from fedray.parties.rounds import ALIGNMENT_ROUNDS, clustering_rounds, training_rounds
from fedray.psi.tokens import size_class
from fedray.task.config_bases import Kind
from fedray.task.plan import TaskPlan

__all__ = ["Estimate", "Sizes", "estimate", "of_clustering", "of_course"]

WORD_BYTES = 8
TOKEN_BYTES = 16
HEAD_BYTES = 96
"""Of an envelope with a frame, on average: most frames have one to three arrays."""

PROCESS_BYTES = 200_000_000
"""Of a party's process, before it has a table."""

COPIES = 3
"""Of a party's own table: as it was read, scaled, and as ring elements."""

TRAININGS = (Kind.SHARED_NN, Kind.LINEAR, Kind.TREES)


@dataclass(frozen=True)
class Sizes:
    """The numbers that the plan does not know.

    Attributes
    ----------
    columns
        Of features at each data client, in order; 0 where it has none.
    rows
        Training and test rows; of an alignment the ids of the largest table, and 0.
    """

    columns: tuple[int, ...]
    rows: tuple[int, int]


@dataclass(frozen=True)
class Estimate:
    """What a task will cost.

    Attributes
    ----------
    rounds
        Of a party with data, as reports count them.
    sent
        Bytes that leave each party, by its name.
    memory
        Bytes of memory at each party, by its name.
    """

    rounds: int
    sent: Mapping[str, int]
    memory: Mapping[str, int]

    @property
    def bytes(self) -> int:
        """All that is sent."""
        return sum(self.sent.values())

    def seconds(self, latency_s: float, bytes_per_s: float) -> float:
        """Return the time that the task waits for its lines at least; the parties' own work comes on top.

        Parameters
        ----------
        latency_s
            Of a message to another party and its answer.
        bytes_per_s
            That a party can send.
        """
        return self.rounds * latency_s + max(self.sent.values()) / bytes_per_s

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {"rounds": self.rounds, "bytes": self.bytes, "sent": dict(self.sent), "memory": dict(self.memory)}


def estimate(plan: TaskPlan, sizes: Sizes) -> Estimate:
    """Return what a task will cost.

    Raises
    ------
    SpecError
        There are no estimates of this kind of task, the numbers do not fit its clients, or no such training can be.
    """
    if len(sizes.columns) != len(plan.data):
        raise SpecError(f"expected columns of {len(plan.data)} clients with data, got those of {len(sizes.columns)}")
    if plan.kind is Kind.ALIGNMENT:
        return _of_alignment(plan, sizes)
    if plan.kind is Kind.KMEANS:
        return of_clustering(plan, KMeansRecipe(plan).course(sizes.columns, sizes.rows))
    if plan.kind not in TRAININGS:
        known = ", ".join(kind.value for kind in (Kind.ALIGNMENT, *TRAININGS, Kind.KMEANS))
        raise SpecError(f"there are no estimates of tasks of kind {plan.kind.value}; there are of {known}")
    made = of_course(plan, recipe_of(plan).course(sizes.columns, sizes.rows))
    if made is None:
        raise LocalProtocolError(f"there are no estimates of trainings of kind {plan.kind.value}")
    return made


def of_course(plan: TaskPlan, course: Course) -> Estimate | None:
    """Return what a training will cost from where it begins or goes on; None of one whose rounds are not known here."""
    rounds = training_rounds(course.design, course.done)
    if rounds is None:
        return None
    rounds += int(checkpointed(plan, course))  # that all have the model, so that checkpoints can go
    return _of(plan, course, rounds, ((segment, 1) for segment in course.segments(course.done)))


def of_clustering(plan: TaskPlan, course: Clustering) -> Estimate:
    """Return what a clustering will cost at most: it may end before its last iteration."""
    return _of(plan, course, clustering_rounds(course.design), course.counted())


def _of(plan: TaskPlan, course: Course | Clustering, rounds: int, schedule: Iterable[tuple[Segment, int]]) -> Estimate:
    """Return what follows from the schedule, whatever is dealt for: segments, and how often each comes."""
    said = [0] * len(plan.data)
    for matrix in course.matrices:
        said[matrix.owner] += (len(said) - 1) * _size(matrix)
    dealt = 0
    for segment, times in schedule:
        dealt += times * WORD_BYTES * layout.size_of(layout.corrections(segment.correlations, segment.steps))
        for rank, size in enumerate(_openings(segment, len(said))):
            said[rank] += times * size
    heads = rounds * (len(said) - 1) * HEAD_BYTES
    sent = {plan.names[member.index]: size + heads for member, size in zip(plan.data, said, strict=True)}
    return Estimate(rounds, {**_dealer(plan, dealt), **sent}, _memory(plan, course))


def _openings(segment: Segment, parties: int) -> list[int]:
    """Return the bytes that each computing party says in a segment."""
    said = [0] * parties
    for part in (part for correlation in segment.correlations for part in correlation.uniform()):
        size = WORD_BYTES * segment.steps * prod(part.shape)
        for rank in range(parties):
            if part.without is None:
                said[rank] += (parties - 1) * size
            elif rank != part.without:
                said[rank] += size
    return said


def _dealer(plan: TaskPlan, size: int) -> dict[str, int]:
    return {} if plan.dealer is None else {plan.names[plan.dealer.index]: size}


def _memory(plan: TaskPlan, course: Course | Clustering) -> dict[str, int]:
    """Return each party's memory: its process, its own table, and the others' masked ones; of the dealer all masks."""
    rows = sum(course.design.rows)
    masked = sum(_size(matrix) for matrix in course.matrices)
    made = {plan.names[plan.main.index]: PROCESS_BYTES, **_dealer(plan, PROCESS_BYTES + masked)}
    for rank, (member, columns) in enumerate(zip(plan.data, course.design.features, strict=True)):
        others = sum(_size(matrix) for matrix in course.matrices if matrix.owner != rank)
        made[plan.names[member.index]] = PROCESS_BYTES + COPIES * WORD_BYTES * rows * columns + others
    return made


def _size(matrix: PrivateShape) -> int:
    return WORD_BYTES * prod(matrix.shape)


def _of_alignment(plan: TaskPlan, sizes: Sizes) -> Estimate:
    """Return what an alignment costs at most: as if all had the ids of the largest table."""
    ids = sum(sizes.rows)
    tokens, common = TOKEN_BYTES * size_class(ids), TOKEN_BYTES * ids
    heads = (len(plan.data) - 1) * HEAD_BYTES
    sent = {plan.names[plan.main.index]: len(plan.data) * common}
    sent |= {plan.names[member.index]: tokens + heads for member in plan.data}
    memory = {plan.names[plan.main.index]: PROCESS_BYTES + len(plan.data) * tokens}
    for member, columns in zip(plan.data, sizes.columns, strict=True):
        memory[plan.names[member.index]] = PROCESS_BYTES + COPIES * (WORD_BYTES * ids * columns + tokens)
    return Estimate(ALIGNMENT_ROUNDS, sent, memory)
