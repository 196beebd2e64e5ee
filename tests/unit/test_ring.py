"""Ring products: NumPy, the compiled kernels and Python's integers give the same bits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedray.ring import (
    COMPILED_FROM,
    LIMBS_FROM,
    LIMBS_WIDTH,
    TILES_WIDTH,
    Ring,
    Way,
    kernels,
    limbs,
    matmul,
    pace,
    tiles,
)
from tests import plain

WAYS: tuple[Way, ...] = ("numpy", "compiled", "limbs")
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
    for way in (None, *WAYS):
        found = matmul(*pair, way=way)
        assert found.dtype == np.uint64
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("m", "k", "n"), [(1, 1, 1), (15, 63, 2), (16, 64, 1), (17, 65, 3), (129, 130, 65)])
def test_kernel_equals_numpy_around_its_blocks(m: int, k: int, n: int) -> None:
    rng = np.random.default_rng(m)
    a = rng.integers(0, plain.MODULUS, (m, k), dtype=np.uint64)
    b = rng.integers(0, plain.MODULUS, (k, n), dtype=np.uint64)
    np.testing.assert_array_equal(kernels.matmul(a, b), np.matmul(a, b))
    np.testing.assert_array_equal(kernels.matmul(b.T, a.T), np.matmul(b.T, a.T))


@pytest.mark.parametrize("n", [1, 15, 16, 17])
@pytest.mark.parametrize("leading", [(), (3,), (2, 3)])
def test_kernel_equals_numpy_with_leading_axes_and_few_columns(leading: tuple[int, ...], n: int) -> None:
    rng = np.random.default_rng(n)
    a = rng.integers(0, plain.MODULUS, (*leading, 19, 21), dtype=np.uint64)
    b = rng.integers(0, plain.MODULUS, (*leading, 21, n), dtype=np.uint64)
    for x, y in [(a, b), (b.swapaxes(-1, -2), a.swapaxes(-1, -2))]:
        np.testing.assert_array_equal(kernels.matmul(x, y), np.matmul(x, y))


def test_size_decides_which_one_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, tuple[int, ...]]] = []

    def spy(name: str) -> Callable[[Ring, Ring], Ring]:
        def product(a: Ring, b: Ring) -> Ring:
            ran.append((name, a.shape))
            return np.zeros((*a.shape[:-1], b.shape[-1]), np.uint64)

        return product

    monkeypatch.setattr(kernels, "matmul", spy("compiled"))
    monkeypatch.setattr(limbs, "matmul", spy("limbs"))
    monkeypatch.setattr(tiles, "matmul", spy("tiles"))
    monkeypatch.setattr(tiles, "have_tiles", lambda: False)
    monkeypatch.setattr(pace, "limbs_pay", lambda: True)

    def ones(*shape: int) -> Ring:
        return np.ones(shape, dtype=np.uint64)

    k = COMPILED_FROM // 64
    assert matmul(ones(64, k - 1), ones(k - 1, 1))[0, 0] == k - 1
    assert matmul(ones(64, k), ones(1, k, 1))[0, 0, 0] == k  # leading axes that differ
    assert ran == []
    matmul(ones(64, k), ones(k, 1))
    matmul(ones(64, 1, k), ones(64, k, 1))
    side = LIMBS_FROM // LIMBS_WIDTH**2
    matmul(ones(LIMBS_WIDTH, side), ones(side, LIMBS_WIDTH))
    matmul(ones(1, side, LIMBS_WIDTH), ones(1, LIMBS_WIDTH, LIMBS_WIDTH))
    matmul(ones(LIMBS_WIDTH, side - 1), ones(side - 1, LIMBS_WIDTH))
    matmul(ones(LIMBS_WIDTH - 1, 2 * side), ones(2 * side, LIMBS_WIDTH))
    assert ran == [
        ("compiled", (64, k)),
        ("compiled", (64, 1, k)),
        ("limbs", (LIMBS_WIDTH, side)),
        ("limbs", (side, LIMBS_WIDTH)),
        ("compiled", (LIMBS_WIDTH, side - 1)),
        ("compiled", (LIMBS_WIDTH - 1, 2 * side)),
    ]
    monkeypatch.setattr(pace, "limbs_pay", lambda: False)
    ran.clear()
    matmul(ones(LIMBS_WIDTH, side), ones(side, LIMBS_WIDTH))
    assert ran == [("compiled", (LIMBS_WIDTH, side))]
    monkeypatch.setattr(tiles, "have_tiles", lambda: True)
    ran.clear()
    wide = TILES_WIDTH
    for m, k, n in ((wide, wide, wide), (wide - 1, wide, wide), (wide, wide - 1, wide), (wide, wide, wide - 1)):
        matmul(ones(m, k), ones(k, n))
    matmul(ones(2, wide, wide), ones(2, wide, wide))
    assert [name for name, _ in ran] == ["tiles", "compiled", "compiled", "compiled", "tiles", "tiles"]


def test_leading_axes_and_empty_sums() -> None:
    a = np.full((2, 3, 4), plain.MODULUS - 1, dtype=np.uint64)
    b = np.full((2, 4, 1), plain.MODULUS - 1, dtype=np.uint64)
    nothing = np.zeros((3, 0), dtype=np.uint64)
    for way in (None, *WAYS):
        np.testing.assert_array_equal(matmul(a, b, way=way), np.full((2, 3, 1), 4, dtype=np.uint64))
        np.testing.assert_array_equal(matmul(nothing, nothing.T, way=way), np.zeros((3, 3), np.uint64))
        assert matmul(nothing.T, nothing, way=way).shape == (0, 0)
