"""Fixed point: what encodes, what it comes back as, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedray.errors import RangeGuardError
from fedray.ring import decode, encode

scales = st.one_of(st.integers(0, 58).map(lambda bits: 2.0**bits), st.floats(1.0, 2.0**58))


@given(scales, st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=9))
def test_round_trip_within_half_a_unit(scale: float, values: list[float]) -> None:
    x = np.array(values)
    back = decode(encode(x, scale), scale)
    # scaling and dividing round the float once each
    assert np.all(np.abs(back - x) <= 0.5 / scale + np.abs(x) * 2.0**-51)


@given(st.integers(-(2**53), 2**53))
def test_integers_are_exact(n: int) -> None:
    assert int(encode(n, 1.0)) == n % 2**64
    assert int(decode(encode(n, 1.0), 1.0)) == n


def test_halves_go_to_the_even_one() -> None:
    assert encode([0.5, 1.5, -0.5, -1.5], 1.0).view(np.int64).tolist() == [0, 2, 0, -2]


def test_shapes_and_types_are_kept() -> None:
    made = encode(np.ones((2, 0, 3), dtype=np.float32), 4.0)
    assert made.shape == (2, 0, 3)
    assert made.dtype == np.uint64
    assert encode(1.0, 4.0).shape == ()


@pytest.mark.parametrize("scale", [1.0, 3.0, 2.0**40])
def test_range_ends_at_2_to_the_62(scale: float) -> None:
    inside = float(np.nextafter(2.0**62, 0.0)) * (1 - 2**-50) / scale
    assert int(encode(-inside, scale).view(np.int64)) == -int(np.rint(inside * scale))
    with pytest.raises(RangeGuardError):
        encode(2.0**62 / scale * (1 + 2**-50), scale)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 2.0**62, -(2.0**62), 1e308])
def test_refusals_name_the_thing_and_no_value(bad: float) -> None:
    with pytest.raises(RangeGuardError, match="a training feature does not fit the fixed-point range") as caught:
        encode([0.0, bad], 16.0 if abs(bad) < 1e300 else 2.0**58, "a training feature")
    assert str(bad) not in str(caught.value)
