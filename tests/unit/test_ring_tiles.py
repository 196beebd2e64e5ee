"""Products on the matrix unit: exact where sums are largest, over tiles, blocks and odd shapes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedray.ring import matmul, tiles
from tests import plain
from tests.parties import words

ON_UNIT = pytest.mark.skipif(not tiles.have_tiles(), reason="this processor has no matrix unit")


def test_the_bound_of_a_sum_is_the_one_that_32_bits_hold() -> None:
    assert tiles.TERMS % 64 == 0
    assert 4 * tiles.TERMS * 255**2 < 2**32


@ON_UNIT
@pytest.mark.parametrize("terms", [1, 63, 64, tiles.TERMS - 1, tiles.TERMS, tiles.TERMS + 1])
def test_largest_bytes(terms: int) -> None:
    a = np.full((3, terms), plain.MODULUS - 1, dtype=np.uint64)
    b = np.full((terms, 2), plain.MODULUS - 1, dtype=np.uint64)
    b[:, 1] = 0x00FF_00FF_FFFF_FFFF
    np.testing.assert_array_equal(tiles.matmul(a, b), np.matmul(a, b))


@ON_UNIT
@pytest.mark.parametrize(
    ("m", "k", "n"), [(1, 1, 1), (16, 64, 16), (17, 65, 33), (32, 128, 32), (33, 3, 300), (300, 5, 31), (65, 700, 130)]
)
def test_odd_shapes_and_blocks(m: int, k: int, n: int) -> None:
    rng = np.random.default_rng(m)
    a, b = words(rng, m, k), words(rng, k, n)
    kept = a.copy(), b.copy()
    np.testing.assert_array_equal(tiles.matmul(a, b), np.matmul(a, b))
    np.testing.assert_array_equal(tiles.matmul(b.T, a.T), np.matmul(b.T, a.T))
    np.testing.assert_array_equal(a, kept[0])
    np.testing.assert_array_equal(b, kept[1])


@ON_UNIT
@given(st.data())
def test_any_shape_any_terms(data: st.DataObject) -> None:
    m, k, n = (data.draw(st.integers(1, 40)) for _ in range(3))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    edges = np.array(plain.EDGES, dtype=np.uint64)
    a, b = edges[rng.integers(0, len(edges), (m, k))], words(rng, k, n)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "TERMS", data.draw(st.integers(1, 40)))
        np.testing.assert_array_equal(tiles.matmul(a, b), np.matmul(a, b))


def test_nothing_needs_a_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "have_tiles", lambda: False)
    rng = np.random.default_rng(2)
    a, b = words(rng, 128, 70), words(rng, 70, 90)
    np.testing.assert_array_equal(matmul(a, b), np.matmul(a, b))


@pytest.mark.parametrize("variable", ["CPU_NAME", "CPU_FEATURES"])
def test_code_for_another_processor_never_uses_it(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    from numba import config

    monkeypatch.setattr(config, variable, "generic")
    assert not tiles.have_tiles.__wrapped__()


def test_a_kernel_that_refuses_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "_REQUEST", 0x1FFF)  # no such request
    assert not tiles.have_tiles.__wrapped__()
