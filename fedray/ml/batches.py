"""What the schedules of all models read from a design."""

from __future__ import annotations

from typing import Protocol


class Batches(Protocol):
    """The numbers of a design that say who has features and which rows are used when; see `NetDesign`."""

    @property
    def features(self) -> tuple[int, ...]:
        """Columns at each computing party."""

    @property
    def owners(self) -> tuple[int, ...]:
        """Ranks with features."""

    @property
    def rows(self) -> tuple[int, int]:
        """Training and test rows."""

    @property
    def batch(self) -> int:
        """Rows of a step."""

    @property
    def test_batch(self) -> int:
        """Rows of a slice of a test."""

    @property
    def test_every(self) -> int:
        """Steps between two tests."""

    @property
    def steps(self) -> int:
        """Steps in all."""

    @property
    def seed(self) -> str:
        """Public seed of the batches."""
