"""What clients and tables can get wrong, against the real server: a clear sentence each time, and no value in it."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from actors.logs import FILE
from tests.bad_tables import GOOD, LABELS, LEAK, RAW_TABLES, TRAIN_TABLES, assert_clear, task, write_split
from tests.e2e.documents import alignment, training
from tests.e2e.tables import FOLDER, planted
from tests.server import FedrayServer

pytestmark = [pytest.mark.e2e, pytest.mark.ray, pytest.mark.timeout(240)]

Json = dict[str, Any]


def config(place: int, **changes: object) -> Callable[[Json], None]:
    return lambda document: document["clients"][place]["client_config"].update(changes)


def client(place: int, **changes: object) -> Callable[[Json], None]:
    return lambda document: document["clients"][place].update(changes)


def twice(place: int) -> Callable[[Json], None]:
    return lambda document: document["clients"].append(copy.deepcopy(document["clients"][place]))


def only(*places: int) -> Callable[[Json], None]:
    return lambda document: document.update(clients=[document["clients"][place] for place in places])


def top(**changes: object) -> Callable[[Json], None]:
    return lambda document: document.update(changes)


def raw(path: object) -> Callable[[Json], None]:
    return config(1, raw_data_path=path)


ALIGNMENTS: dict[str, tuple[Callable[[Json], None], str]] = {
    "no name": (lambda document: document.pop("task_name"), "task_name"),
    "name of another type": (top(task_name=7), "task_name"),
    "name with a slash": (top(task_name="../a"), "task_name"),
    "name too long": (top(task_name="n" * 300), "task_name"),
    "no clients": (top(clients=[]), "clients"),
    "clients of another type": (top(clients="all"), "clients"),
    "unknown field above": (top(colour="red"), "colour"),
    "unknown role": (client(1, role="spy"), r"clients\[1\]\.role"),
    "two main clients": (twice(0), "main_client"),
    "two label clients": (twice(3), "label_client"),
    "no main client": (only(1, 2, 3), "main_client"),
    "no feature client": (only(0, 3), "feature_client"),
    "unknown field of a client": (client(1, adr="x"), r"clients\[1\]\.adr"),
    "unknown field of a configuration": (config(1, raw_path="x"), r"clients\[1\].*raw_path"),
    "type of another role": (config(0, client_type="alignment_data"), r"clients\[0\]"),
    "unknown type": (config(1, client_type="alignment_magic"), r"clients\[1\].*client_type"),
    "kinds mixed": (config(1, client_type="shared_nn_feature"), r"clients\[1\]"),
    "port too large": (client(1, http_port=70000), r"clients\[1\]\.http_port"),
    "port a truth": (config(1, computation_port=True), r"clients\[1\].*computation_port"),
    "path upwards": (raw("../../etc/passwd"), r"clients\[1\].*raw_data_path.*\.\."),
    "path absolute": (raw("/etc/passwd"), r"clients\[1\].*raw_data_path"),
    "path empty": (raw(""), r"clients\[1\].*raw_data_path"),
    "path with a NUL": (raw("a\x00b"), r"clients\[1\].*raw_data_path"),
    "path too long": (raw("a/" * 3000 + "b"), r"clients\[1\].*raw_data_path"),
    "path a number": (raw(5), r"clients\[1\].*raw_data_path"),
    "output upwards": (config(1, out_data_path="../out"), r"clients\[1\].*out_data_path"),
    "link out of the root": (raw("bad/link.csv"), r"clients\[1\].*raw_data_path.*link"),
    "folder that links out": (raw("bad/away/passwd"), r"clients\[1\].*raw_data_path.*link"),
    "named pipe": (raw("bad/pipe.csv"), r"clients\[1\].*raw_data_path.*named pipe"),
    "folder": (raw("bad"), r"clients\[1\].*raw_data_path.*a folder"),
    "missing file": (raw("bad/nothing.csv"), r"clients\[1\].*raw_data_path.*no such file"),
}

TRAININGS: dict[str, tuple[Callable[[Json], None], str]] = {
    "width 0": (config(0, in_dim=0), r"clients\[0\].*in_dim"),
    "layer of width 0": (config(0, layers=[0]), r"clients\[0\].*layers\[0\]"),
    "layers no list": (config(0, layers=4), r"clients\[0\].*layers"),
    "output unlike the last layer": (config(0, in_dim=16, layers=[4], out_dim=2), r"clients\[0\].*out_dim"),
    "learning rate 1e9": (config(0, learning_rate=1e9), r"clients\[0\].*learning_rate"),
    "learning rate negative": (config(0, learning_rate=-0.1), r"clients\[0\].*learning_rate"),
    "learning rate in words": (config(0, learning_rate="fast"), r"clients\[0\].*learning_rate"),
    "batch of 0": (config(0, batch_size=0), r"clients\[0\].*batch_size"),
    "no batches": (config(0, max_iter=0), r"clients\[0\].*max_iter"),
    "too many batches": (config(0, max_iter=10**30), r"clients\[0\].*max_iter"),
    "unknown loss": (config(4, loss="hinge"), r"clients\[4\].*loss"),
    "unknown metric": (config(4, metric="luck"), r"clients\[4\].*metric"),
    "no dealer": (only(0, 2, 3, 4), "crypto_producer"),
    "no label client": (only(0, 1, 2, 3), "label_client"),
    "data path upwards": (config(2, data_path="../raw"), r"clients\[2\].*data_path"),
}

ON_THE_CLUSTER = {"raw": ("ragged", "not text"), "train": ("ragged row", "infinite")}
"""Those of the bad tables that a real server meets; tests/protocol/test_bad_tables.py has them all."""


@pytest.fixture(scope="module")
def bad(aligned: FedrayServer) -> Iterator[FedrayServer]:
    """The server, with paths that lead to nothing good among its raw data."""
    folder = aligned.root / "raw" / "bad"
    folder.mkdir()
    (folder / "link.csv").symlink_to("/etc/passwd")
    (folder / "away").symlink_to("/etc")
    os.mkfifo(folder / "pipe.csv")
    yield aligned
    (folder / "pipe.csv").unlink()


@pytest.fixture(scope="module")
def started(bad: FedrayServer) -> FedrayServer:
    """The server, the tasks over bad tables started at once; each test looks at its own."""
    for name in ON_THE_CLUSTER["raw"]:
        text, _ = RAW_TABLES[name]
        (bad.root / "raw" / "bad" / f"{name}.csv").write_bytes(text.encode("latin-1"))
        bad.begin(changed(alignment(task(name), out=f"{task(name)}-"), raw(f"bad/{name}.csv")))
    for name in ON_THE_CLUSTER["train"]:
        features, labels, _ = TRAIN_TABLES[name]
        paths = tuple(f"{task(name)}-{part}" for part in ("a", "b", "l"))
        for path, text in zip(paths, (features, GOOD, labels), strict=True):
            write_split(bad.root / "generated" / path, text)
        bad.begin(training(task(name), (paths[0], paths[1], paths[2]), max_iter=3, test_per_batches=3))
    return bad


def changed(document: Json, change: Callable[[Json], None]) -> Json:
    change(document)
    return document


@pytest.mark.parametrize("name", ALIGNMENTS)
def test_a_wrong_alignment_is_refused(bad: FedrayServer, name: str) -> None:
    change, expected = ALIGNMENTS[name]
    reply = bad.post("/createTask", changed(alignment("refused"), change))
    assert reply["status"] == "err", reply
    assert_clear(reply["msg"], expected)
    assert bad.get("/queryStatus", task_name="refused")["msg"] == "NotExist"


@pytest.mark.parametrize("name", TRAININGS)
def test_a_wrong_training_is_refused(bad: FedrayServer, name: str) -> None:
    change, expected = TRAININGS[name]
    reply = bad.post("/createTask", changed(training("refused"), change))
    assert reply["status"] == "err", reply
    assert_clear(reply["msg"], expected)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "7", '"text"', '{"task_name": }', '{"a": 1}{"b": 2}', "[" * 5000, "\x00", '{"a": NaN}'],
)
def test_a_body_that_is_no_document_is_refused(bad: FedrayServer, text: str) -> None:
    reply = bad.post("/createTask", text)
    assert reply["status"] == "err", reply
    assert_clear(reply["msg"], "expected|task_name|JSON")


def test_bytes_that_are_no_text_are_refused(bad: FedrayServer) -> None:
    reply = bad.post("/createTask", b"\xff\xfe{")
    assert reply["status"] == "err"
    assert_clear(reply["msg"], "UTF-8")


def test_a_task_begins_once_and_has_its_own_name(bad: FedrayServer) -> None:
    assert "not exist" in bad.get("/startTask", task_name="nobody")["msg"]
    assert "task_name" in bad.get("/startTask")["msg"]
    bad.begin(training("once", max_iter=3))
    assert "already" in bad.get("/startTask", task_name="once")["msg"]
    assert "already exists" in bad.post("/createTask", training("once"))["msg"]
    bad.wait("once")
    assert "already finished" in bad.get("/startTask", task_name="once")["msg"]


def test_a_training_without_tables_does_not_start_and_may_be_started_later(bad: FedrayServer) -> None:
    name = bad.create(training("later", ("later-a", "f2", "l"), max_iter=3))
    reply = bad.get("/startTask", task_name=name)
    assert reply["status"] == "err"
    assert_clear(reply["msg"], r"clients\[2\].*data_path.*train\.csv")
    assert bad.get("/queryStatus", task_name=name)["msg"] == "Created"
    shutil.copytree(bad.root / "generated" / "f1", bad.root / "generated" / "later-a")
    assert bad.get("/startTask", task_name=name)["status"] == "ok"
    assert bad.wait(name)["status"] == "finished"


def test_tables_of_different_alignments_are_refused(bad: FedrayServer) -> None:
    assert bad.run(alignment("again", out="again-"))["status"] == "finished"
    done = bad.run(training("mixed", ("again-f1", "f2", "l"), max_iter=3))
    assert done["status"] == "failed"
    assert_clear(done["error"]["message"], "different alignments")


def test_numbers_beyond_the_range_are_refused(bad: FedrayServer) -> None:
    for part in ("a", "b"):
        write_split(bad.root / "generated" / f"huge-{part}", GOOD.replace("-1.5", "-1.5e300"))
    write_split(bad.root / "generated" / "huge-l", LABELS)
    document = training("huge", ("huge-a", "huge-b", "huge-l"), max_iter=3)
    for place in (2, 3):
        document["clients"][place]["client_config"]["scale"] = "none"
    for folder in ("huge-a", "huge-b"):
        for file in ("train.csv", "test.csv"):
            path = bad.root / "generated" / folder / file
            path.write_text("1e300,1\n" + "\n".join(path.read_text().splitlines()[1:]) + "\n")
    done = bad.run(document)
    assert done["status"] == "failed"
    assert_clear(done["error"]["message"], "column|feature")
    assert "e300" not in str(done["error"]) and "e+300" not in str(done["error"])


@pytest.mark.parametrize("name", ON_THE_CLUSTER["raw"])
def test_a_bad_raw_table_fails_its_task(started: FedrayServer, name: str) -> None:
    done = started.wait(task(name), timeout_s=200)
    assert done["status"] == "failed", done
    assert_clear(done["error"]["message"], RAW_TABLES[name][1])
    assert done["error"]["type"] == "DataError"
    assert done["error"]["party"] in ("127.0.0.1:8084", "127.0.0.1:8377")


@pytest.mark.parametrize("name", ON_THE_CLUSTER["train"])
def test_a_bad_data_set_fails_its_task(started: FedrayServer, name: str) -> None:
    done = started.wait(task(name), timeout_s=200)
    assert done["status"] == "failed", done
    assert_clear(done["error"]["message"], TRAIN_TABLES[name][2])
    assert done["error"]["type"] == "DataError"


def test_the_server_works_after_all_that(bad: FedrayServer) -> None:
    assert bad.run(training("good", max_iter=10))["status"] == "finished"
    assert bad.get("/api/v1/queue") == {"queue": []}
    assert not bad.roles()


def test_each_party_logs_its_part_of_each_task(bad: FedrayServer) -> None:
    lines = [json.loads(line) for line in (bad.root / FILE).read_text().splitlines()]
    assert [line["message"] for line in lines if line.get("task") == "good" and "party" not in line] == [
        "running",
        "finished",
    ]
    parts = {(line["party"], line["phase"]) for line in lines if line.get("task") == "good" and "phase" in line}
    assert ("127.0.0.1:8884", "train") in parts
    ended = [line for line in lines if line.get("task") == "good" and line["event"] == "ended"]
    assert len(ended) == len({line["process"] for line in ended}) == 5
    assert {line["error"] for line in lines if line["level"] == "error"} >= {"DataError", "TaskAborted"}


def test_no_log_and_no_event_holds_an_id_or_a_value(bad: FedrayServer) -> None:
    files = [path.read_text(errors="replace") for path in bad.logs()]
    assert len(files) > 20
    for page in bad.get("/api/v1/tasks", limit=1000)["tasks"]:
        files.append(bad.ask("GET", f"/api/v1/tasks/{page['task_name']}/events", params={"limit": 1000}).text)
        files.append(bad.ask("GET", f"/api/v1/tasks/{page['task_name']}/report").text)
        files.append(str(page))
    text = "\n".join(files)
    secrets = planted(bad.root / "raw") | {LEAK, "A-1"}
    assert len(secrets) > 3000
    assert (bad.root / "raw" / FOLDER).is_dir()
    found = [secret for secret in ("Planted-", LEAK) if secret in text]
    found += re.findall(rf"(?<![\d.]){LEAK.partition('.')[0]}(?!\d)", text)  # as a value, not within a longer number
    values = set(re.findall(r"\d+\.\d{9}(?!\d)", text)) & secrets
    assert (found, values) == ([], set())
