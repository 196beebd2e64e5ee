"""Ring products: NumPy, the compiled kernels and Python's integers give the same bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedray.ring import COMPILED_FROM, Ring, kernels, matmul
from tests import plain

element = st.one_of(st.integers(0, plain.MODULUS - 1), st.sampled_from(plain.EDGES))


def matrix(rows: int, columns: int) -> st.SearchStrategy[Ring]:
    cells = st.lists(element, min_size=rows * columns, max_size=rows * columns)
    return cells.map(lambda values: np.array(values, dtype=np.uint64).reshape(rows, columns))


@st.composite
def factors(draw: st.DrawFn) -> tuple[Ring, Ring]:
    m, k, n = (draw(st.integers(1, 5)) for _ in range(3))
    return draw(matrix(m, k)), draw(matrix(k, n))


@given(factors())
def test_product_equals_integers(pair: tuple[Ring, Ring]) -> None:
    expected = plain.matmul(*pair)
    for compiled in (None, False, True):
        found = matmul(*pair, compiled=compiled)
        assert found.dtype == np.uint64
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("m", "k", "n"), [(1, 1, 1), (15, 63, 2), (16, 64, 1), (17, 65, 3), (129, 130, 65)])
def test_kernel_equals_numpy_around_its_blocks(m: int, k: int, n: int) -> None:
    rng = np.random.default_rng(m)
    a = rng.integers(0, plain.MODULUS, (m, k), dtype=np.uint64)
    b = rng.integers(0, plain.MODULUS, (k, n), dtype=np.uint64)
    np.testing.assert_array_equal(kernels.matmul(a, b), np.matmul(a, b))
    np.testing.assert_array_equal(kernels.matmul(b.T, a.T), np.matmul(b.T, a.T))


def test_size_decides_which_one_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[int, ...]] = []

    def spy(a: Ring, b: Ring) -> Ring:
        ran.append(a.shape)
        product: Ring = np.matmul(a, b)
        return product

    monkeypatch.setattr(kernels, "matmul", spy)
    side = round(COMPILED_FROM ** (1 / 2))
    ones = np.ones((side, side), dtype=np.uint64)
    assert matmul(ones, ones[:, :1])[0, 0] == side
    assert ran == [(side, side)]
    matmul(ones[:-1], ones[:, :1])
    matmul(ones[None], ones[:, :1])
    assert ran == [(side, side)]
    assert matmul(ones[None], ones[None, :, :1])[0, 0, 0] == side
    assert ran == [(side, side)] * 2


def test_leading_axes_and_empty_sums() -> None:
    a = np.full((2, 3, 4), plain.MODULUS - 1, dtype=np.uint64)
    b = np.full((2, 4, 1), plain.MODULUS - 1, dtype=np.uint64)
    np.testing.assert_array_equal(matmul(a, b), np.full((2, 3, 1), 4, dtype=np.uint64))
    nothing = np.zeros((3, 0), dtype=np.uint64)
    for compiled in (False, True):
        np.testing.assert_array_equal(matmul(nothing, nothing.T, compiled=compiled), np.zeros((3, 3), np.uint64))
