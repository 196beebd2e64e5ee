"""The size of a body, counted as it arrives."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from serve_api.limits import MAX_BODY_BYTES, AnyCasePaths, BodyLimit
from serve_api.replies import Problem

WORDS = f"request body: expected at most {MAX_BODY_BYTES} bytes, more came."


def pieces(size: int) -> Iterator[bytes]:
    while size > 0:
        yield b" " * min(size, 65536)
        size -= 65536


@pytest.mark.parametrize(
    "content", [b" " * (MAX_BODY_BYTES + 1), pieces(MAX_BODY_BYTES + 1), pieces(3 * MAX_BODY_BYTES)]
)
def test_mainserver_refuses(client: TestClient, content: bytes | Iterator[bytes]) -> None:
    reply = client.post("/CREATETASK", content=content)
    assert reply.status_code == 200
    assert reply.json() == {"status": "err", "msg": WORDS}


def test_native_refuses(client: TestClient) -> None:
    reply = client.post("/api/v1/tasks", content=pieces(MAX_BODY_BYTES + 1))
    assert reply.status_code == 413
    assert reply.json()["error"] == {"type": "TooLarge", "message": WORDS, "party": "", "phase": ""}


def test_a_body_at_the_limit_is_read(client: TestClient) -> None:
    reply = client.post("/createTask", content=pieces(MAX_BODY_BYTES))
    assert "JSON" in reply.json()["msg"]


class Talk:
    """One request to a BodyLimit of 10 bytes, message by message."""

    def __init__(self, messages: list[Message], headers: list[tuple[bytes, bytes]] | None = None) -> None:
        self.messages = list(messages)
        self.seen: list[bytes] = []
        self.after: Message | None = None
        self.status = 0
        scope = {"type": "http", "method": "POST", "path": "/x", "headers": headers or [], "query_string": b""}
        asyncio.run(BodyLimit(self._app, _refuse, 10)(scope, self._receive, self._send))

    async def _receive(self) -> Message:
        return self.messages.pop(0)

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        self.seen.append(message["body"])
        assert message["more_body"] is False
        if self.messages:
            self.after = await receive()
        await PlainTextResponse("fine")(scope, receive, send)


def _refuse(path: str, problem: Problem) -> Response:
    return PlainTextResponse(problem.message, problem.status)


def part(body: bytes, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def test_pieces_arrive_as_one() -> None:
    talk = Talk([part(b"12345", True), part(b"", True), part(b"67890", False), {"type": "http.disconnect"}])
    assert (talk.status, talk.seen) == (200, [b"1234567890"])
    assert talk.after == {"type": "http.disconnect"}


def test_a_header_that_says_less_than_comes() -> None:
    talk = Talk([part(b"1234567890", True), part(b"1", False)], [(b"content-length", b"5")])
    assert (talk.status, talk.seen) == (413, [])


def test_a_header_that_says_too_much_is_enough() -> None:
    talk = Talk([part(b"1", False)], [(b"content-length", b"11")])
    assert (talk.status, talk.seen) == (413, [])


@pytest.mark.parametrize("declared", [b"-1", b"x", b"", "٣".encode(), b"1" * 5000])
def test_a_header_that_is_no_number(declared: bytes) -> None:
    talk = Talk([part(b"1", False)], [(b"content-length", declared)])
    assert talk.status in {200, 413}


def test_a_client_that_asks_first_is_told_at_once() -> None:
    talk = Talk([], [(b"content-length", b"11"), (b"expect", b"100-continue")])
    assert talk.status == 413


def test_reading_on_ends_somewhere() -> None:
    endless = [part(b"x" * (1 << 20), True) for _ in range(40)]
    talk = Talk(endless)
    assert talk.status == 413
    assert len(talk.messages) > 20


def test_a_client_that_leaves() -> None:
    talk = Talk([part(b"1", True), {"type": "http.disconnect"}])
    assert (talk.status, talk.seen) == (0, [])


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("/A/X/b", "/a/X/B"),
        ("/a/X/B/", "/a/X/B"),
        ("/a//b", "/a//b"),
        ("/a/X/c", "/a/X/c"),
        ("/", "/"),
        ("", ""),
        ("/A", "/A"),
    ],
)
def test_known_paths(path: str, known: str) -> None:
    async def nothing(scope: Scope, receive: Receive, send: Send) -> None: ...

    assert AnyCasePaths(nothing, _refuse, ["/a/{name}/B"]).known(path) == known
