"""A Ray of our own that does not come up in time: tried again, and told in words."""

from __future__ import annotations

import pytest

from fedray.errors import PlacementError

LATE = "The current node timed out during startup. This could happen because ..."


class Starts:
    """Stands for ray.init, which fails so many times."""

    def __init__(self, failures: int, text: str = LATE) -> None:
        self.failures, self.text, self.tries = failures, text, 0

    def __call__(self, **_: object) -> None:
        self.tries += 1
        if self.tries <= self.failures:
            raise Exception(self.text)


def test_a_late_start_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from actors import cluster

    starts = Starts(2)
    monkeypatch.setattr("ray.init", starts)
    cluster.start_or_join(None)
    assert starts.tries == 3


def test_what_is_always_late_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from actors import cluster

    monkeypatch.setattr("ray.init", Starts(3))
    with pytest.raises(PlacementError, match=r"3 times .* keep all processors busy"):
        cluster.start_or_join(None)


def test_another_failure_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from actors import cluster

    starts = Starts(1, "something else")
    monkeypatch.setattr("ray.init", starts)
    with pytest.raises(Exception, match="something else"):
        cluster.start_or_join(None)
    assert starts.tries == 1
