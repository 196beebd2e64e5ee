"""Envelopes as results of a call: who reads where, in which order, and what a call's end leaves."""

from __future__ import annotations

from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest

from fedray.channel.mailbox import Mailbox
from fedray.errors import PeerLost


def test_a_letter_is_taken_only_for_a_peer_that_reads() -> None:
    from actors.letters import Letters

    letters = Letters()
    assert not letters.post(1, b"early")
    reading = letters.read(1)
    assert not letters.post(1, b"before the call begins, the letter would wait where nobody reads")
    letters.prepare(1)
    assert letters.post(1, b"first")
    assert not letters.post(2, b"to another")
    assert next(reading) == b"first"


def test_letters_come_in_order_and_a_new_call_goes_on_where_the_last_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    from actors import letters as module

    monkeypatch.setattr(module, "LETTERS_PER_CALL", 2)
    letters = module.Letters()
    reading = letters.read(1)
    letters.prepare(1)
    assert all(letters.post(1, bytes([k])) for k in range(5))
    assert list(reading) == [b"\0", b"\1"]
    assert list(letters.read(1)) == [b"\2", b"\3"]
    assert list(islice(letters.read(1), 1)) == [b"\4"]


def test_the_end_of_a_peer_is_told_to_who_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray.exceptions import ActorDiedError

    from actors import letters as module

    def gone(_me: int) -> Any:
        raise ActorDiedError

    monkeypatch.setattr(module, "LOST_S", 0.05)
    mailbox = Mailbox(bytes(8))
    module.read_letters(0, 1, SimpleNamespace(letters=SimpleNamespace(remote=gone)), mailbox)
    with pytest.raises(PeerLost):
        mailbox.take(1, 10.0)
