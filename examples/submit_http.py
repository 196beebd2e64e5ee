"""Run two tasks on a server that runs already, by nothing but HTTP.

    fedray serve --root DIR
    python examples/submit_http.py                          # http://127.0.0.1:8380
    python examples/submit_http.py http://127.0.0.1:9000

The tasks are ``tasks/align.json`` and ``tasks/train.json`` beside this file; their tables must be in ``DIR/raw``
(``python examples/tables.py DIR/raw`` writes sample tables). Names of tasks are used once, so this script adds
a number to them.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import httpx

TASKS = Path(__file__).parent / "tasks"


def run(client: httpx.Client, file: Path) -> dict[str, Any]:
    """Create a task from its file, start it, wait for its end; return it as it then stands."""
    document = json.loads(file.read_text(encoding="utf-8"))
    document["task_name"] += f"-{time.time_ns()}"
    created = client.post("/api/v1/tasks", params={"start": "true"}, json=document)
    if created.is_error:
        raise SystemExit(f"refused: {created.json()['error']['message']}")
    path = created.headers["Location"]
    while True:
        task: dict[str, Any] = client.get(path).raise_for_status().json()
        if task["status"] in {"finished", "failed", "cancelled"}:
            break
        time.sleep(0.3)
    if task["status"] != "finished":
        raise SystemExit(f"{task['task_name']} {task['status']}: {(task['error'] or {}).get('message', '')}")
    return task


def main() -> None:
    """Align, train, print the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("server", nargs="?", default="http://127.0.0.1:8380")
    options = parser.parse_args()
    with httpx.Client(base_url=options.server, timeout=60, trust_env=False) as client:
        aligned = run(client, TASKS / "align.json")
        print("rows to train and to test:", aligned["dataset"])
        trained = run(client, TASKS / "train.json")
        record = client.get(f"/api/v1/tasks/{trained['task_name']}/record").raise_for_status().json()
        print(*record["columns"], sep="\t")
        for row in record["rows"]:
            print(*(f"{cell:.4g}" for cell in row), sep="\t")


if __name__ == "__main__":
    main()
