"""How many requests a caller may make, and how many callers are told apart."""

from __future__ import annotations

import pytest

from serve_api.doors.rates import Rates, caller_at


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_the_rate() -> None:
    clock = Clock()
    rates = Rates(2, clock)
    assert [rates.wait("a") for _ in range(20)] == [0.0] * 20
    assert rates.wait("a") == 0.5
    clock.now = 0.25
    assert rates.wait("a") == 0.25
    clock.now = 0.5
    assert rates.wait("a") == 0.0
    assert rates.wait("a") == 0.5
    assert rates.wait("b") == 0.0
    clock.now = 1000
    assert [rates.wait("a") for _ in range(20)] == [0.0] * 20
    assert rates.wait("a") > 0


def test_what_shall_be_rare_costs_more() -> None:
    rates = Rates(50, Clock())
    assert [rates.wait("a", 1.0) for _ in range(10)] == [0.0] * 10
    assert rates.wait("a", 1.0) == 1.0
    assert rates.wait("a") == pytest.approx(1 / 50)


def test_no_limit() -> None:
    rates = Rates(0)
    assert all(rates.wait("a", 5) == 0 for _ in range(1000))
    assert rates.forgive("a") == 0


def test_refusals_are_counted_until_they_are_forgiven() -> None:
    rates = Rates(1, Clock())
    for _ in range(13):
        rates.wait("a")
    assert rates.forgive("b") == 0
    assert rates.forgive("a") == 3
    assert rates.forgive("a") == 0


def test_memory_is_bounded_and_busy_callers_keep_their_bucket() -> None:
    clock = Clock()
    rates = Rates(1, clock, most=3)
    for caller in "abc":
        for _ in range(10):
            rates.wait(caller)
    for n in range(10):
        assert rates.wait(f"other {n}") == 0.0
    assert rates.wait("other 11") == 1.0, "all others share one bucket"
    assert rates.wait("a") > 0
    clock.now = 100
    for n in range(1000):
        assert rates.wait(f"new {n}") in {0.0, 1.0}
    assert len(rates._buckets) == 3


@pytest.mark.parametrize(
    ("address", "caller"),
    [
        ("10.0.0.7", "from 10.0.0.7"),
        ("2001:db8::1", "from 2001:db8::/64"),
        ("2001:db8::ffff:1", "from 2001:db8::/64"),
        ("::1", "from ::/64"),
        ("", "from "),
        ("x" * 100, f"from {'x' * 64}"),
    ],
)
def test_callers(address: str, caller: str) -> None:
    assert caller_at(address) == caller
