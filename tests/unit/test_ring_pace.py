"""Limbs are taken where they are faster, as a try of both ways says, and always where there is no kernel."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from fedray.ring import Ring, kernels, limbs, pace


def slow(way: Callable[[Ring, Ring], Ring]) -> Callable[[Ring, Ring], Ring]:
    """Return the way, a twentieth of a second later: longer than either takes."""

    def late(a: Ring, b: Ring) -> Ring:
        time.sleep(0.05)
        return way(a, b)

    return late


@pytest.mark.parametrize(("slower", "pays"), [(kernels, True), (limbs, False)])
def test_the_faster_way_is_found(monkeypatch: pytest.MonkeyPatch, slower: object, pays: bool) -> None:
    monkeypatch.setattr(slower, "matmul", slow(slower.matmul))  # type: ignore[attr-defined]
    assert pace.limbs_pay.__wrapped__() is pays


def test_without_a_kernel_limbs_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "have_kernels", lambda: False)
    assert pace.limbs_pay.__wrapped__()
