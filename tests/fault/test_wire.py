"""A wire that loses, repeats or changes one envelope: an error at every party soon, never a wrong result."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fedray.channel import Timeouts
from fedray.errors import FedrayError, RecvTimeout, RemoteProtocolError, TaskAborted
from fedray.ml.network import Network
from tests.server import patience
from tests.tasks import Training, made_up

SOON_S = 8.0

Fault = Callable[[Training, int, int, bytes], bytes | None]


def drop(task: Training, sender: int, receiver: int, blob: bytes) -> bytes | None:
    return None


def duplicate(task: Training, sender: int, receiver: int, blob: bytes) -> bytes | None:
    task.channels[receiver]._mailbox.deliver(sender, blob)
    return blob


def truncate(task: Training, sender: int, receiver: int, blob: bytes) -> bytes | None:
    return blob[: len(blob) // 2]


def cut_the_seal(task: Training, sender: int, receiver: int, blob: bytes) -> bytes | None:
    return blob[:-1]


def empty(task: Training, sender: int, receiver: int, blob: bytes) -> bytes | None:
    return b""


def flip_in_body(task: Training, sender: int, receiver: int, blob: bytes) -> bytes | None:
    return blob[:-9] + bytes([blob[-9] ^ 4]) + blob[-8:]


def flip_in_head(task: Training, sender: int, receiver: int, blob: bytes) -> bytes | None:
    return blob[:8] + bytes([blob[8] ^ 1]) + blob[9:]  # the sequence number


def reflect(task: Training, sender: int, receiver: int, blob: bytes) -> bytes | None:
    task.channels[sender]._mailbox.deliver(receiver, blob)
    return None


FAULTS = [drop, duplicate, truncate, cut_the_seal, empty, flip_in_body, flip_in_head, reflect]


@pytest.fixture(scope="module", autouse=True)
def compiled(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Compile, and import what is imported late, before time-outs are short."""
    made_up(tmp_path_factory.mktemp("first")).succeed()


def short() -> Timeouts:
    """Return time-outs that a quiet machine needs no part of."""
    return Timeouts(connect_s=patience(1.5), receive_s=patience(1.5))


class Wire:
    """Passes everything on but the k-th envelope of one sender."""

    def __init__(self, task: Training, fault: Fault, sender: int, k: int) -> None:
        self.task, self.fault, self.sender, self.k = task, fault, sender, k
        self.counts: dict[int, int] = defaultdict(int)
        self.struck = False

    def __call__(self, sender: int, receiver: int, blob: bytes) -> bytes | None:
        at, self.counts[sender] = self.counts[sender], self.counts[sender] + 1
        if (sender, at) != (self.sender, self.k):
            return blob
        self.struck = True
        return self.fault(self.task, sender, receiver, blob)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@pytest.mark.parametrize(("sender", "k"), [(0, 1), (1, 8), (2, 1), (2, 9), (4, 17)])
def test_one_bad_envelope(tmp_path: Path, fault: Fault, sender: int, k: int) -> None:
    before = set(threading.enumerate())
    task = made_up(tmp_path)
    wire = Wire(task, fault, sender, k)
    outcomes = task.run(wire=wire, timeouts=short())
    assert wire.struck
    if fault is flip_in_head and k < 4:  # nobody looks at the number of an introduction
        assert not task.errors
        return
    assert max(task.ended.values()) < patience(SOON_S)
    assert set(outcomes) <= {1}  # the dealer may have dealt everything by then
    kinds = {type(error) for error in task.errors.values()}
    assert kinds <= {RecvTimeout, RemoteProtocolError, TaskAborted}
    assert kinds & {RecvTimeout, RemoteProtocolError}
    assert not (set(threading.enumerate()) - before)


@pytest.mark.parametrize(("sender", "k"), [(1, 0), (1, 9), (2, 3), (4, 11)])
def test_a_slow_envelope_changes_nothing(tmp_path: Path, sender: int, k: int) -> None:
    def slow(task: Training, sender: int, receiver: int, blob: bytes) -> bytes | None:
        time.sleep(0.3)
        return blob

    task = made_up(tmp_path / "slow")
    outcomes = task.succeed(wire=Wire(task, slow, sender, k))
    plain = made_up(tmp_path / "plain").succeed()
    loss = [one[0].result["loss"] for one in (outcomes, plain)]
    assert np.ptp(np.array(loss, dtype=np.float64)) < 1e-4


@pytest.mark.parametrize("party", [2, 3, 4])
def test_a_fault_of_our_own_ends_everybody_and_tells_no_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, party: int
) -> None:
    step = Network._step

    def failing(self: Network, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
        if self._s.channel.me == party and self._s.channel.cost.total().rounds > 6:
            raise ZeroDivisionError("planted 123.4375")
        step(self, rows)

    monkeypatch.setattr(Network, "_step", failing)
    task = made_up(tmp_path)
    task.run()
    assert max(task.ended.values()) < patience(SOON_S)
    assert set(task.errors) >= {0, 2, 3, 4}
    assert type(task.errors[party]) is FedrayError
    for index, error in task.errors.items():
        assert "internal error: ZeroDivisionError at test_wire.py:" in error.message
        assert "planted" not in str(error)
        assert error.party == task.plan().names[party]
        assert index == party or type(error) is TaskAborted


@pytest.mark.parametrize("party", range(5))
def test_a_party_that_never_comes(tmp_path: Path, party: int) -> None:
    task, timeouts = made_up(tmp_path), short()
    task.run(wire=lambda sender, receiver, blob: None if sender == party else blob, timeouts=timeouts)
    assert max(task.ended.values()) < patience(SOON_S)
    assert len(task.errors) == 5
    name = task.plan().names[party]
    others = [error for index, error in task.errors.items() if index != party]
    assert any(f"{name} said nothing for {timeouts.connect_s:g} s" in error.message for error in others)
