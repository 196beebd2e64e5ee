"""Every operation of the table comes out right, so that what is timed is the operation that is named."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.operations import OPERATIONS
from benchmarks.parties import AHEAD, WHOLE, Play
from fedray.mpc import Session, Share
from fedray.mpc.dealer import Supply
from fedray.mpc.schedule import Segment
from fedray.ring import decode
from tests.parties import compute

# absolute; of reciprocals and quotients nearly all is the rounding of divisors as small as 1/16 to 2^-20
ERRORS = {
    **dict.fromkeys(("comparison", "largest"), 0.0),
    **dict.fromkeys(("mul_trunc", "square", "relu", "softmax"), 3e-5),
    **dict.fromkeys(("matmul", "sigmoid", "exp", "divide"), 2e-3),
    "trunc": 1e-6,
    "reciprocal": 2e-4,
}


def test_every_operation_has_an_error() -> None:
    assert set(ERRORS) == set(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_results(name: str) -> None:
    operation = OPERATIONS[name]
    operands = operation.operands(operation.small)

    def protocol(s: Session, supply: Supply) -> tuple[Share, ...]:
        shares = [s.constant(x, scale, x.shape) for x, scale in operands]
        return operation.play(s, supply.step("op"), *shares)

    parties = compute(2, protocol, [Segment("op", 1, operation.masks(operation.small))], corrected=0).all()[:2]
    wanted = operation.clear(*(x for x, _ in operands))
    assert len(wanted) == len(parties[0])
    for place, clear in enumerate(wanted):
        total = np.add.reduce([mine[place].value for mine in parties], dtype=np.uint64)
        assert np.abs(decode(total, parties[0][place].scale) - clear).max() <= ERRORS[name]


def test_the_operations_of_old_keep_their_shapes() -> None:
    million = ("mul_trunc", "comparison", "relu")
    assert OPERATIONS["matmul"].shape == (1024, 1024, 1024)
    assert [OPERATIONS[name].shape for name in million] == [(1_000_000,)] * 3
    assert OPERATIONS["sigmoid"].shape == (100_000,)


def test_a_play_warms_up_on_the_timed_shape_and_names_no_step_twice() -> None:
    segments = Play("relu", (5,), 2, 3).segments()
    labels = [segment.label for segment in segments]
    assert labels == ["warm", *(f"{mode}/{k}" for k in range(3) for mode in (WHOLE, AHEAD))]
    assert len({segment.correlations for segment in segments}) == 1
