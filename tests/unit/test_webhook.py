"""Messages posted to a real HTTP server: in order, tried again, given up, never sent elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fedray.errors import SpecError
from fedray.task.messages import Message
from fedray.task.store import Store
from serve_api.k12ai.settings import K12Settings
from serve_api.pump import Pump
from serve_api.webhook import TRIES, Webhook
from tests.receiver import Receiver


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path}/tasks.db") as opened:
        opened.messages.put(*(Message("out", f'{{"type": "{kind}"}}') for kind in "abc"))
        yield opened


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


class Sender:
    """A webhook whose time is set by hand."""

    def __init__(self, store: Store, url: str) -> None:
        self.now = 0.0
        self.store = store
        self.webhook = Webhook(store.messages, "out", url, lambda: self.now)

    def run(self, seconds: int) -> int:
        """Let so many seconds go by; return how often something was tried."""
        tried = 0
        for _ in range(seconds):
            while self.webhook.step():
                tried += 1
            self.now += 1.0
        return tried


def test_in_order(store: Store, receiver: Receiver) -> None:
    assert Sender(store, f"{receiver.url}/here").run(1) == 3
    assert [message["type"] for message in receiver.messages] == ["a", "b", "c"]
    assert receiver.paths == {"/here"}
    assert store.messages.next("out") is None


def test_tried_again(store: Store, receiver: Receiver) -> None:
    sender = Sender(store, receiver.url)
    receiver.status = 503
    assert sender.run(1) == 1
    receiver.status = 200
    assert sender.run(1) == 3
    assert [message["type"] for message in receiver.messages] == ["a", "b", "c"]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_given_up_after_three_tries(store: Store, receiver: Receiver, status: int) -> None:
    receiver.status = status
    assert Sender(store, receiver.url).run(60) == 3 * TRIES
    assert receiver.messages == []
    assert store.messages.next("out") is None


def test_nobody_listens(store: Store, receiver: Receiver) -> None:
    url = receiver.url
    receiver.__exit__()
    assert Sender(store, url).run(60) == 3 * TRIES


def test_a_pump_goes_on_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serve_api.pump.AFTER_FAILURE_S", 0.0)
    done = threading.Event()
    steps = iter([RuntimeError("1001"), None])

    def step() -> bool:
        error = next(steps, None)
        if error is not None:
            raise error
        done.set()
        return False

    pump = Pump("pump", step)
    pump.start()
    assert done.wait(30)
    pump.stop()


def settings(folder: Path, text: str) -> K12Settings:
    file = folder / "k12ai.toml"
    file.write_text(text)
    return K12Settings.from_toml(file, "127.0.0.1:1")


def test_settings(tmp_path: Path) -> None:
    assert settings(tmp_path, "") == K12Settings(server="127.0.0.1:1")
    found = settings(tmp_path, 'dialect = "2020"\nwebhook = "http://10.0.0.9:8129"\nlegacy_spelling = true')
    assert (found.dialect, found.legacy_spelling) == ("2020", True)
    assert found.webhook == "http://10.0.0.9:8129/k12ai/private/message"
    assert settings(tmp_path, 'webhook = "https://a/b?c=d"').webhook == "https://a/b?c=d"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('webhok = "x"', "did you mean webhook?"),
        ('dialect = "2019"', 'dialect: expected one of "seed", "2020", got "2019"'),
        ("success_code = true", "success_code: expected one of 100200, 100000"),
        ('webhook = "ftp://a"', "webhook: expected a URL such as http"),
        ('webhook = "http://me:secret@a"', "without a name or password"),
        ('webhook = "http://[a"', "webhook: expected a URL"),
        ("webhook = 7", "webhook: expected a URL"),
        ("[", "expected TOML"),
    ],
)
def test_wrong_settings(tmp_path: Path, text: str, wanted: str) -> None:
    with pytest.raises(SpecError) as caught:
        settings(tmp_path, text)
    assert wanted in caught.value.message
    assert "secret" not in caught.value.message
