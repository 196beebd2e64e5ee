"""What every design of a training has: who has features, and which rows are used when."""

from __future__ import annotations


class Batches:
    """Base of the designs: its numbers are fields there, what follows from them stands here.

    Attributes
    ----------
    features
        Columns at each computing party, by rank; 0 where it has none.
    rows
        Training and test rows.
    batch, test_batch, test_every, steps
        Rows per step and per slice of a test, steps between tests, steps in all.
    seed
        Public seed of the batches.
    order
        ``random`` draws the rows of each batch with replacement; ``table`` and ``hashed`` are passes over the rows, see
        `fedray.ml.passes`.
    restart_every
        Steps after which a new keystream begins, so that a training that goes on there has the masks of one that was
        not broken off; 0 for no such steps.
    """

    features: tuple[int, ...]
    rows: tuple[int, int]
    batch: int
    test_batch: int
    test_every: int
    steps: int
    seed: str
    order: str = "random"
    restart_every: int = 0

    @property
    def owners(self) -> tuple[int, ...]:
        """Ranks with features."""
        return tuple(rank for rank, columns in enumerate(self.features) if columns)

    @property
    def columns(self) -> int:
        """Columns of all owners."""
        return sum(self.features)

    @property
    def places(self) -> dict[int, slice]:
        """Where each owner's columns lie among those of all, in the order of ranks."""
        return {owner: slice(sum(self.features[:owner]), sum(self.features[: owner + 1])) for owner in self.owners}

    @property
    def tests(self) -> int:
        """Number of tests: one every `test_every` steps and one after the last."""
        return -(-self.steps // self.test_every)

    def since_test(self, done: int) -> int:
        """Return the steps since the test before, at the test after so many steps."""
        return done - (done - 1) // self.test_every * self.test_every

    def keystream(self, done: int, longest: int) -> int:
        """Return for how many steps a keystream that begins after so many may last, `longest` at most."""
        return min(longest, self.restart_every - done % self.restart_every) if self.restart_every else longest

    def next_test(self, done: int) -> int:
        """Return the steps after which the next test comes, when so many are done."""
        return min((done // self.test_every + 1) * self.test_every, self.steps)
