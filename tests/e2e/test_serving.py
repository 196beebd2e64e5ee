"""Requests for predictions over HTTP, on a real cluster: asked, refused, ended; and a party that dies meanwhile."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.documents import linear_training, prediction, serving
from tests.e2e.test_happy import aligned_ids, fedray
from tests.e2e.test_predict import predicted
from tests.server import FedrayServer, patience, until

pytestmark = [pytest.mark.e2e, pytest.mark.ray, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def kept(aligned: FedrayServer) -> FedrayServer:
    """The server, with a linear regression, whose predictions are the same to the last bit in every run."""
    document = linear_training("amounts", objective="linear", max_iter=100, test_per_batches=100)
    done = aligned.run(document)
    assert done["status"] == "finished", done
    return aligned


def serve(server: FedrayServer, name: str, **main: object) -> None:
    server.begin(serving(name, "amounts", **main))

    def serves() -> bool:
        return (server.task(name)["progress"] or {}).get("phase") == "serve"

    until(serves, 90, lambda: f"{server.task(name)}", longest_s=0.4)


def test_online_equals_batch_to_the_last_digit(kept: FedrayServer) -> None:
    assert kept.run(prediction("batch", "amounts"))["status"] == "finished"
    _, ids, batch = predicted(kept, "predictions/batch")
    assert ids == aligned_ids(kept.root / "generated" / "l")
    serve(kept, "online")
    path = "/api/v1/tasks/online/predictions"

    def ask(start: int) -> list[list[float]]:
        answer = kept.ask("POST", path, json={"ids": ids[start : start + 50]})
        assert answer.status_code == 200, answer.text
        found: list[list[float]] = answer.json()["predictions"]
        return found

    with ThreadPoolExecutor(4) as pool:
        found = [row for part in pool.map(ask, range(0, len(ids), 50)) for row in part]
    assert found == [[value] for value in batch]
    shown = fedray(kept, "ask", "online", ids[0], ids[1])
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"{batch[0]:.6g}" in shown.stdout
    missing = kept.ask("POST", path, json={"ids": [ids[0], "nobody"]})
    assert missing.status_code == 400
    assert missing.json()["error"]["message"].startswith("ids[1]: expected ids of rows that the task answers for")
    assert kept.post("/api/v1/tasks/online/cancel")["status"] == "cancelled"
    until(lambda: not kept.roles(), patience(5), lambda: f"{kept.roles()}")
    assert kept.ask("POST", path, json={"ids": [ids[0]]}).status_code == 409
    report = kept.get("/api/v1/tasks/online/report")
    assert (report["status"], report["result"]["ended"]) == ("cancelled", "cancelled")
    assert report["result"]["answered"] == len(ids) + 2
    assert {entry["tag"] for entry in report["leakage"]} == {"shapes", "range_guard", "asked", "predictions", "answers"}


def test_a_cancelled_task_answers_what_waits(kept: FedrayServer) -> None:
    """Every caller gets an answer or a sentence while the task is cancelled; nobody hangs."""
    serve(kept, "drained")
    ids = aligned_ids(kept.root / "generated" / "l")
    path = "/api/v1/tasks/drained/predictions"

    def ask(row: int) -> int:
        return kept.ask("POST", path, json={"ids": [ids[row]]}).status_code

    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(ask, row) for row in range(60)]
        until(lambda: sum(one.done() for one in asked) >= 10, 60)
        assert kept.post("/api/v1/tasks/drained/cancel")["status"] == "cancelled"
        codes = [one.result(60) for one in asked]
    assert set(codes) <= {200, 409, 503}
    assert codes.count(200) >= 10
    answered = kept.get("/api/v1/tasks/drained/report")["result"]["answered"]
    assert answered == codes.count(200)


def test_a_party_dies_while_requests_come(kept: FedrayServer) -> None:
    serve(kept, "mortal", transport="fast")
    ids = aligned_ids(kept.root / "generated" / "l")
    path = "/api/v1/tasks/mortal/predictions"
    assert kept.ask("POST", path, json={"ids": ids[:1]}).status_code == 200
    os.kill(kept.roles("FeatureClient")[0], signal.SIGKILL)
    until(lambda: kept.ask("POST", path, json={"ids": ids[:1]}).status_code in (409, 503), patience(5))
    until(lambda: kept.task("mortal")["status"] == "failed", patience(5))
    assert kept.task("mortal")["error"]["type"] == "PeerLost"
    assert "is failed" in kept.ask("POST", path, json={"ids": ids[:1]}).json()["error"]["message"]
