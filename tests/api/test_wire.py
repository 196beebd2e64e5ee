"""Bodies over a real connection: headers that lie, pieces without a length, a client that asks first."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from fastapi import FastAPI

from serve_api.limits import MAX_BODY_BYTES
from tests.api.documents import DIALECT


@pytest.fixture
def connection(app: FastAPI) -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", ws="none", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        with socket.create_connection(listener.getsockname(), timeout=20) as made:
            yield made
        server.should_exit = True
        thread.join(10)


def head(*lines: str, path: str = "/createTask") -> bytes:
    return "\r\n".join((f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *lines, "", "")).encode()


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def reply(connection: socket.socket) -> tuple[int, bytes]:
    data = b""
    while piece := connection.recv(65536):
        data += piece
    first, _, rest = data.partition(b"\r\n")
    return int(first.split()[1]), rest.partition(b"\r\n\r\n")[2]


def test_pieces_without_a_length(connection: socket.socket) -> None:
    connection.sendall(head("Transfer-Encoding: chunked"))
    for place in range(0, len(DIALECT), 100):
        connection.sendall(chunk(DIALECT[place : place + 100]))
    connection.sendall(chunk(b""))
    status, body = reply(connection)
    assert (status, json.loads(body)["status"]) == (200, "ok")


def test_too_many_pieces(connection: socket.socket) -> None:
    connection.sendall(head("Transfer-Encoding: chunked", path="/api/v1/tasks"))
    for _ in range(MAX_BODY_BYTES // 65536 + 1):
        connection.sendall(chunk(b" " * 65536))
    connection.sendall(chunk(b""))
    status, body = reply(connection)
    assert (status, json.loads(body)["error"]["type"]) == (413, "TooLarge")


def test_a_client_that_asks_first_sends_nothing(connection: socket.socket) -> None:
    connection.sendall(head(f"Content-Length: {1 << 40}", "Expect: 100-continue"))
    status, body = reply(connection)
    assert status == 200
    assert "at most 1048576 bytes" in json.loads(body)["msg"]


@pytest.mark.parametrize("lines", [("Content-Length: x",), ("Content-Length: -1",), ("Transfer-Encoding: gzip",)])
def test_broken_headers(connection: socket.socket, lines: tuple[str, ...]) -> None:
    connection.sendall(head(*lines))
    status, body = reply(connection)
    assert status in {200, 400, 413}
    assert b"Traceback" not in body


def test_less_than_the_header_says(connection: socket.socket) -> None:
    connection.sendall(head("Content-Length: 100") + b"{}")
    connection.shutdown(socket.SHUT_WR)
    data = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b"Traceback" not in data
    assert b'"ok"' not in data
