"""Requests that no honest client sends: each gets one plain sentence, and the server stays up."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.conftest import World
from tests.api.documents import alignment, training

PLACES = ("/createTask", "/api/v1/tasks")


def changed(base: dict[str, Any], path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """Return a copy of a document with one place changed."""
    document: dict[str, Any] = json.loads(json.dumps(base))
    inner: Any = document
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return document


def sentence(client: TestClient, path: str, body: bytes) -> str:
    """Send a body that must be refused; return the sentence, in the shape of the API."""
    reply = client.post(path, content=body)
    assert "Traceback" not in reply.text
    assert 'File "' not in reply.text
    if path == "/createTask":
        assert (reply.status_code, reply.json()["status"]) == (200, "err")
        message = reply.json()["msg"]
    else:
        assert reply.status_code in {400, 413}
        message = reply.json()["error"]["message"]
    assert isinstance(message, str)
    assert message.isprintable()
    assert 10 < len(message) < 2000
    return message


CONFIG = ("clients", 0, "client_config")
DOCUMENTS: list[tuple[dict[str, Any], str]] = [
    (changed(training(), ("task_name",), 7), "task_name"),
    (changed(training(), ("task_name",), ""), "task_name"),
    (changed(training(), ("task_name",), "a/b"), "task_name"),
    (changed(training(), ("task_name",), "x" * 129), "task_name"),
    (changed(training(), ("task_name",), "a\ud800"), "task_name"),
    (changed(training(), ("task_name",), "a\x00b"), "task_name"),
    (changed(training(), ("task_name",), None), "task_name"),
    (changed(training(), ("clients",), {}), "clients"),
    (changed(training(), ("clients",), []), "clients"),
    (changed(training(), ("clients", 0), "main"), "clients[0]"),
    (changed(training(), ("clients", 0, "role"), "boss"), "clients[0].role"),
    (changed(training(), ("clients", 0, "role"), "feature_client"), "client"),
    (changed(training(), ("clients", 2, "role"), "main_client"), "main_client"),
    (changed(training(), ("clients", 2, "role"), ["feature_client"]), "clients[2].role"),
    (changed(training(), ("clients", 0, "addr"), ""), "clients[0].addr"),
    (changed(training(), ("clients", 0, "http_port"), "8377"), "clients[0].http_port"),
    (changed(training(), ("clients", 0, "http_port"), 0), "clients[0].http_port"),
    (changed(training(), ("clients", 0, "http_port"), 65536), "clients[0].http_port"),
    (changed(training(), ("clients", 0, "http_port"), True), "clients[0].http_port"),
    (changed(training(), CONFIG, None), "client_config"),
    (changed(training(), (*CONFIG, "client_type"), "magic"), "client_type"),
    (changed(training(), (*CONFIG, "client_type"), "alignment_main"), "client"),
    (changed(training(), (*CONFIG, "batch_size"), "abc"), "batch_size"),
    (changed(training(), (*CONFIG, "batch_size"), -1), "batch_size"),
    (changed(training(), (*CONFIG, "batch_size"), 1e400), "finite"),
    (changed(training(), (*CONFIG, "learning_rate"), float("nan")), "finite"),
    (changed(training(), (*CONFIG, "learning_rate"), 0), "learning_rate"),
    (changed(training(), (*CONFIG, "layers"), [[1]]), "layers"),
    (changed(training(), (*CONFIG, "bach_size"), 64), "bach_size"),
    (changed(training(), ("extra",), 1), "extra"),
    (changed(alignment(), ("clients", 1, "client_config", "raw_data_path"), "../x.csv"), "raw_data_path"),
    (changed(alignment(), ("clients", 1, "client_config", "raw_data_path"), "/etc/passwd"), "raw_data_path"),
    (changed(alignment(), ("clients", 1, "client_config", "out_data_path"), "a\\b"), "out_data_path"),
    (changed(alignment(), ("clients", 1, "client_config", "columns"), [1.5]), "columns"),
]


@pytest.mark.parametrize(("document", "word"), DOCUMENTS, ids=range(len(DOCUMENTS)))
def test_wrong_documents(client: TestClient, world: World, document: dict[str, Any], word: str) -> None:
    for path in PLACES:
        assert word in sentence(client, path, json.dumps(document).encode())
    assert world.service.list().total == 0


BODIES = [
    b"",
    b" ",
    b"{",
    b"null",
    b"[]",
    b"7",
    b'"text"',
    b"{'task_name': 't'}",
    b"task_name=t",
    b"\xff\xfe\x00",
    b"\xef\xbb\xbf",
    b"\x00",
    b'{"task_name": "t", "task_name": "u"}',
    b'{"task_name": NaN}',
    b"[" * 200_000,
    b'{"a":' * 100_000,
    b"[" * 50 + b"]" * 50,
    b"1" * 10_000,
    b'{"clients": ' + b"9" * 5000 + b"}",
    b"#" * 100_000,
    b'{"' + b"\\" * 100_000,
    b"{" + b"," * 500_000,
    b'"' * 500_000,
    b"# \n" * 300_000 + b"{",
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@pytest.mark.timeout(20)
def test_bodies_that_are_no_documents(client: TestClient, body: bytes) -> None:
    for path in PLACES:
        sentence(client, path, body)


@pytest.mark.parametrize("path", PLACES)
def test_what_came_is_repeated_in_short(client: TestClient, path: str) -> None:
    long = "<script>" * 10_000
    message = sentence(client, path, json.dumps(changed(training(), ("clients", 0, "role"), long)).encode())
    assert message.count("<script>") <= 10


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
steps = st.sampled_from(
    [
        ("task_name",),
        ("clients",),
        ("clients", 0),
        ("clients", 1, "role"),
        ("clients", 2, "addr"),
        ("clients", 3, "http_port"),
        CONFIG,
        (*CONFIG, "layers"),
        (*CONFIG, "seed"),
        ("clients", 3, "client_config", "metric"),
    ]
)
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(steps, any_json)
def test_any_value_anywhere(client: TestClient, path: tuple[str | int, ...], value: object) -> None:
    reply = client.post("/createTask", content=json.dumps(changed(training(), path, value)).encode())
    assert reply.status_code == 200
    assert set(reply.json()) == {"status", "msg"}
    assert "server failed" not in reply.json()["msg"]


@quick
@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_any_query(client: TestClient, name: str, query: str, index: str) -> None:
    params = {
        "task_name": name.encode("utf-8", "replace").decode(),
        "query": query.encode("utf-8", "replace").decode(),
        "client": index.encode("utf-8", "replace").decode(),
    }
    for path in ("/queryTask", "/queryStatus", "/queryDataset", "/queryRecord", "/startTask"):
        reply = client.get(path, params=params)
        assert reply.status_code == 200
        assert "server failed" not in str(reply.json()["msg"])


@quick
@given(st.binary(max_size=40))
def test_any_bytes_to_start(client: TestClient, body: bytes) -> None:
    reply = client.post("/startTask", content=body)
    assert reply.json()["status"] == "err"
    assert "server failed" not in reply.json()["msg"]


@pytest.mark.parametrize(
    "url",
    [
        "/queryStatus?task_name=%00",
        "/queryStatus?task_name=%ff%fe",
        "/queryStatus?task_name=%ED%A0%80",
        "/queryStatus?task_name=" + "x" * 20_000,
        "/queryStatus?task_name[]=t",
        "/queryStatus?task_name='; DROP TABLE tasks; --",
        "/queryStatus?task_name=../../etc/passwd",
    ],
)
def test_odd_names(client: TestClient, url: str) -> None:
    reply = client.get(url)
    assert reply.status_code == 200
    assert reply.json()["msg"] in {"NotExist", "task_name: expected a value, the argument is missing or empty."}


def test_name_given_twice(client: TestClient, world: World) -> None:
    world.create("u")
    assert client.get("/queryStatus?task_name=t&task_name=u").json()["msg"] == "Created"
