"""The mailbox: order, duplicates, time-outs, and that a failure wakes every reader; against a small model too."""

from __future__ import annotations

import threading
import time
from collections import defaultdict

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from fedray.channel import mailbox as module
from fedray.channel.mailbox import Aborted, Mailbox
from fedray.channel.seal import Head, Kind
from fedray.errors import DataError, RecvTimeout, RemoteProtocolError

TASK = b"task-no1"


def blob(sender: int, seq: int, body: bytes = b"", kind: Kind = Kind.LAST, task: bytes = TASK) -> bytes:
    return Head(kind, sender, 0, seq, task).pack() + body


def test_each_senders_order_is_its_own() -> None:
    box = Mailbox(TASK)
    for sender, seq in [(1, 0), (2, 0), (2, 1), (1, 1)]:
        box.deliver(sender, blob(sender, seq))
    assert [box.take(1, 1)[1], box.take(1, 1)[1]] == [blob(1, 0), blob(1, 1)]
    assert [box.take(2, 1)[1], box.take(2, 1)[1]] == [blob(2, 0), blob(2, 1)]


def test_an_early_one_waits_for_the_missing_ones() -> None:
    box = Mailbox(TASK)
    for seq in (2, 1):
        box.deliver(1, blob(1, seq))
    with pytest.raises(RecvTimeout):
        box.take(1, 0.01)
    box.deliver(1, blob(1, 0))
    assert [box.take(1, 1)[1] for _ in range(3)] == [blob(1, seq) for seq in range(3)]


@pytest.mark.parametrize("again", [0, 2], ids=["taken", "early"])
def test_a_number_that_comes_twice_is_an_error(again: int) -> None:
    box = Mailbox(TASK)
    box.deliver(1, blob(1, 0))
    box.deliver(1, blob(1, 2))
    box.take(1, 1)
    box.deliver(1, blob(1, again))
    with pytest.raises(RemoteProtocolError, match=f"party 1 sent envelope {again} twice"):
        box.take(1, 1)


def test_time_out_names_party_and_seconds() -> None:
    box = Mailbox(TASK)
    started = time.monotonic()
    with pytest.raises(RecvTimeout, match=r"party 7 said nothing for 0\.05 s"):
        box.take(7, 0.05)
    assert 0.05 <= time.monotonic() - started < 5
    with pytest.raises(RecvTimeout):
        box.take_hello(7, 0.0)


BAD = {
    "short": b"FR",
    "garbage": bytes(100),
    "another sender": blob(2, 0),
    "another task": blob(1, 0, task=b"task-no2"),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_a_bad_envelope_fails_the_reader_not_the_deliverer(bad: bytes) -> None:
    box = Mailbox(TASK)
    box.deliver(1, bad)
    with pytest.raises(RemoteProtocolError):
        box.take(1, 1)
    with pytest.raises(RemoteProtocolError):
        box.take_hello(3, 1)


def test_one_hello_only() -> None:
    box = Mailbox(TASK)
    box.deliver(1, blob(1, 0, b"key", Kind.HELLO))
    assert box.take_hello(1, 1) == b"key"
    box.deliver(1, blob(1, 0, b"yek", Kind.HELLO))
    with pytest.raises(RemoteProtocolError, match="introduced itself twice"):
        box.take_hello(1, 1)


def test_first_failure_stays() -> None:
    box = Mailbox(TASK)
    box.fail(DataError("first"))
    box.fail(DataError("second"))
    box.deliver(1, blob(1, 0))
    with pytest.raises(DataError, match="first"):
        box.take(1, 1)


def test_first_abort_stays() -> None:
    box = Mailbox(TASK)
    first, second = blob(2, 0, b"why", Kind.ABORT), blob(1, 0, b"also", Kind.ABORT)
    box.deliver(2, first)
    box.deliver(1, second)
    assert box.abort == (2, first)
    with pytest.raises(Aborted):
        box.take(1, 1)


def test_what_nobody_asked_for_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING_BYTES", 1000)
    box = Mailbox(TASK)
    for seq in range(20):  # twice the bound in all, but taken as it comes
        box.deliver(1, blob(1, seq, bytes(76)))
        box.take(1, 1)
    for seq in range(20, 31):
        box.deliver(1, blob(1, seq, bytes(76)))
    with pytest.raises(RemoteProtocolError, match="more than 1000 bytes that nobody asked for"):
        box.take(1, 1)


@pytest.mark.parametrize("how", ["abort", "fail", "bad"])
def test_every_reader_wakes_within_a_second(how: str) -> None:
    box = Mailbox(TASK)
    woken: list[tuple[float, str]] = []
    ready = threading.Barrier(5)

    def read(sender: int) -> None:
        ready.wait()
        try:
            box.take(sender, 30.0) if sender < 3 else box.take_hello(sender, 30.0)
        except (Aborted, DataError, RemoteProtocolError) as error:
            woken.append((time.monotonic(), type(error).__name__))

    readers = [threading.Thread(target=read, args=(sender,)) for sender in range(1, 5)]
    for reader in readers:
        reader.start()
    ready.wait()
    time.sleep(0.05)
    started = time.monotonic()
    if how == "abort":
        box.deliver(9, blob(9, 0, kind=Kind.ABORT))
    elif how == "fail":
        box.fail(DataError("why"))
    else:
        box.deliver(9, b"bad")
    for reader in readers:
        reader.join(5)
    assert len(woken) == 4
    assert max(at for at, _ in woken) - started < 1.0
    assert {name for _, name in woken} == {{"abort": "Aborted", "fail": "DataError", "bad": "RemoteProtocolError"}[how]}


class MailboxAgainstModel(RuleBasedStateMachine):
    """Any order of deliveries and takes against lists: what is in sequence comes out, in sequence, once."""

    @initialize()
    def start(self) -> None:
        self.box = Mailbox(TASK)
        self.came: dict[int, set[int]] = defaultdict(set)
        self.taken: dict[int, int] = defaultdict(int)
        self.failed: str = ""

    @precondition(lambda self: not self.failed)
    @rule(sender=st.integers(1, 2), ahead=st.integers(0, 3))
    def deliver_new(self, sender: int, ahead: int) -> None:
        missing = [seq for seq in range(100) if seq not in self.came[sender]]
        self.came[sender].add(missing[ahead])
        self.box.deliver(sender, blob(sender, missing[ahead], b"%d" % missing[ahead]))

    @precondition(lambda self: not self.failed and any(self.came.values()))
    @rule(data=st.data())
    def deliver_again(self, data: st.DataObject) -> None:
        sender = data.draw(st.sampled_from([s for s, came in self.came.items() if came]))
        self.box.deliver(sender, blob(sender, data.draw(st.sampled_from(sorted(self.came[sender])))))
        self.failed = "RemoteProtocolError"

    @precondition(lambda self: not self.failed)
    @rule(how=st.sampled_from(["DataError", "Aborted"]))
    def fail(self, how: str) -> None:
        if how == "DataError":
            self.box.fail(DataError("why"))
        else:
            self.box.deliver(2, blob(2, 0, kind=Kind.ABORT))
        self.failed = how

    @rule(sender=st.integers(1, 2))
    def take(self, sender: int) -> None:
        at = self.taken[sender]
        if self.failed:
            with pytest.raises((DataError, Aborted, RemoteProtocolError)) as caught:
                self.box.take(sender, 0.0)
            assert type(caught.value).__name__ == self.failed
        elif at in self.came[sender]:
            assert self.box.take(sender, 0.0)[1] == blob(sender, at, b"%d" % at)
            self.taken[sender] += 1
        else:
            with pytest.raises(RecvTimeout):
                self.box.take(sender, 0.0)


TestMailboxAgainstModel = MailboxAgainstModel.TestCase
TestMailboxAgainstModel.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def test_a_look_at_what_has_come_waits_for_nothing() -> None:
    box = Mailbox(TASK)
    box.check()
    box.deliver(1, blob(1, 0))
    box.check()
    box.deliver(9, blob(9, 0, kind=Kind.ABORT))
    with pytest.raises(Aborted):
        box.check()
    box.fail(DataError("why"))
    with pytest.raises(DataError, match="why"):
        box.check()


def test_a_look_brings_in_the_mail_where_nobody_else_does() -> None:
    box = Mailbox(TASK)
    waited: list[float] = []

    def read(timeout_s: float) -> None:
        waited.append(timeout_s)
        box.deliver(9, blob(9, 0, kind=Kind.ABORT))

    box.read_by(read)
    with pytest.raises(Aborted):
        box.check()
    assert waited == [0.0]
