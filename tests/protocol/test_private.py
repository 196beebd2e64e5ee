"""Products with a private matrix: exact in the ring, for every owner, at the stated cost."""

from __future__ import annotations

import numpy as np
import pytest

from fedray.channel import codec
from fedray.errors import RemoteProtocolError
from fedray.mpc import Session, Share, private
from fedray.mpc.correlation import BackwardMask, ElementMask, ForwardMask
from fedray.mpc.dealer import PrivateShape, Supply
from fedray.mpc.schedule import Segment
from fedray.ring import Ring
from tests import plain
from tests.parties import Played, compute, joined, split, words

N, D, H, BATCH = 11, 5, 3, 4
EDGES = np.array(plain.EDGES, dtype=np.uint64)


def payload(label: str, *arrays: Ring) -> int:
    return len(codec.encode(codec.Frame(label, arrays)))


class Problem:
    """A private X, shared W and d, a few steps on drawn rows; one of the rows comes twice in a batch."""

    def __init__(self, size: int, owner: int, steps: int = 3) -> None:
        rng = np.random.default_rng(10 * size + owner)
        self.size, self.owner = size, owner
        self.x, self.w, self.d = words(rng, N, D), words(rng, D, H), words(rng, BATCH, H)
        self.x.reshape(-1)[: EDGES.size] = EDGES
        self.ws, self.ds = split(self.w, size, rng), split(self.d, size, rng)
        self.rows = rng.integers(0, N, (steps, BATCH))
        self.rows[:, 1] = self.rows[:, 0]
        self.shape = PrivateShape(owner, "train", (N, D))
        masks = (
            ForwardMask("F", owner, "train", "next", (BATCH, D, H)),
            BackwardMask("B", owner, "train", "next", (BATCH, D, H)),
        )
        self.segment = Segment("step", steps, masks, {"next": self.rows})

    def protocol(self, s: Session, supply: Supply) -> list[tuple[Ring, Ring]]:
        with s.channel.phase("mask"):
            mine = self.x if s.rank == self.owner else None
            masked = private.share_matrix(s, supply, self.shape, mine)
        return [self.step(s, masked, rows, supply) for rows in self.rows]

    def step(
        self, s: Session, masked: private.MaskedMatrix, rows: np.ndarray[tuple[int], np.dtype[np.int64]], supply: Supply
    ) -> tuple[Ring, Ring]:
        bundle = supply.step("step")
        w, d = self.ws[s.rank], self.ds[s.rank]
        with s.round("forward") as r:
            f = private.send_weights(r, masked, s.rank, w, bundle["F"])
        with s.round("backward") as r:
            c = private.send_residual(r, masked, s.rank, d, bundle["B"])
        if s.rank != self.owner:
            z = private.product(masked, s.rank, rows, w, None, bundle["F"])
            return z, private.transposed_elsewhere(masked, rows, bundle["B"])
        z = private.product(masked, s.rank, rows, w, f.value, bundle["F"])
        return z, private.transposed_at_owner(masked, rows, c.value, bundle["B"])

    def play(self, corrected: int = 0) -> Played[list[tuple[Ring, Ring]]]:
        return compute(self.size, self.protocol, [self.segment], [self.shape], corrected=corrected)


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_product_and_transposed_are_exact_for_every_owner(size: int) -> None:
    for owner in range(size):
        problem = Problem(size, owner)
        results = problem.play(corrected=(owner + owner % 2) % size).all()[:size]
        for step, rows in enumerate(problem.rows):
            z = joined(party[step][0] for party in results)
            g = joined(party[step][1] for party in results)
            np.testing.assert_array_equal(z, plain.matmul(problem.x[rows], problem.w))
            np.testing.assert_array_equal(g, plain.matmul(np.ascontiguousarray(problem.x[rows].T), problem.d))


@pytest.mark.parametrize("size", [2, 3, 4])
def test_cost_does_not_depend_on_the_batch(size: int) -> None:
    problem = Problem(size, 0, steps=1)
    played = problem.play()
    played.all()
    totals = [channel.cost.total() for channel in played.channels[:size]]
    assert sum(t.labels["private.train"] for t in totals) == (size - 1) * payload("private.train", problem.x)
    assert sum(t.labels["forward"] for t in totals) == (size - 1) * payload("forward", problem.w)
    assert sum(t.labels["backward"] for t in totals) == (size - 1) * payload("backward", problem.d)
    assert totals[0].labels["forward"] == 0


def test_each_party_sees_what_it_needs_only() -> None:
    played = Problem(3, 1, steps=1).play()
    played.all()
    seen = [{(frm, frame.label) for frm, frame in view if frm < 3} for view in played.views[:3]]
    others = {(1, "private.train")}
    assert seen[0] == others
    assert seen[2] == others
    assert seen[1] == {(frm, label) for frm in (0, 2) for label in ("forward", "backward")}


@pytest.mark.parametrize("size", [2, 3, 4])
def test_private_factor_is_exact(size: int) -> None:
    owner = size - 1
    rng = np.random.default_rng(size)
    y = rng.integers(0, 2, (N, 2), dtype=np.uint64)
    y[0] = EDGES[-2:]
    x = words(rng, BATCH, 2)
    xs = split(x, size, rng)
    rows = np.array([0, 3, 3, 10])
    shape = PrivateShape(owner, "label", (N, 2))
    segment = Segment("s", 1, (ElementMask("e", owner, "label", "this", (BATCH, 2)),), {"this": rows[None]})

    def protocol(s: Session, supply: Supply) -> Share:
        with s.channel.phase("mask"):
            masked = private.share_matrix(s, supply, shape, y if s.rank == owner else None)
        return private.mul_private(s, masked, rows, Share(xs[s.rank], 7.0), supply.step("s")["e"])

    played = compute(size, protocol, [segment], [shape])
    shares = played.all()[:size]
    np.testing.assert_array_equal(joined(shares), y[rows] * x)
    assert {share.scale for share in shares} == {7.0}
    totals = [channel.cost.total() for channel in played.channels[:size]]
    assert sum(t.labels["mul.private"] for t in totals) == (size - 1) * payload("mul.private", x)


@pytest.mark.parametrize(
    "arrays", [(), (np.zeros((D, H)),), (np.zeros((H, D), np.uint64),), (np.zeros((D, H), np.uint64),) * 2]
)
def test_a_wrong_shape_is_the_peers_fault(arrays: tuple[Ring, ...]) -> None:
    def protocol(s: Session, supply: Supply) -> None:
        if s.rank == 1:
            s.channel.send(0, "forward", *arrays)
            return
        with pytest.raises(RemoteProtocolError, match="party_1 sent"), s.round("forward") as r:
            r.receive(1, (D, H))

    compute(2, protocol).all()
