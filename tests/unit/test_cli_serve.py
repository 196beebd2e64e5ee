"""`fedray serve --address` takes over a MainServer that one before has left on the cluster, and nobody else's port."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from serve_api.cli.serve import _left_behind


@contextmanager
def answering(body: bytes) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("body", "ours"),
    [(b'{"status": "ok", "version": "1"}', True), (b'{"status": "ok"}', False), (b"[]", False), (b"hello", False)],
)
def test_only_a_main_server_is_taken_over(body: bytes, ours: bool) -> None:
    with answering(body) as port:
        assert _left_behind("127.0.0.1", port, tls=False) is ours


def test_where_nobody_listens_there_is_nothing_to_take_over() -> None:
    with answering(b"") as port:
        pass
    assert not _left_behind("127.0.0.1", port, tls=False)
