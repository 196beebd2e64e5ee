"""`GET /metrics`: what Prometheus reads, and the dashboard of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from fedray.task import metrics
from fedray.task.metrics import NAMES
from tests.api.conftest import TestClient, World

CHECKOUT = Path(__file__).resolve().parents[2]


COST = {"rounds": 7, "messages": 20, "bytes": 4000, "seconds": 1.5}
REPORT = {"seconds": {"total": 3.25}, "cost": {"by_phase": {"train": COST, "test": {**COST, "rounds": 2}}}}


def lines(text: str) -> dict[str, float]:
    told = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in told)}


def finish(world: World, name: str) -> None:
    world.run(name)
    world.store.reports.save(name, dict(REPORT))
    world.finish(name)


def test_tasks_are_counted_by_status_and_what_finished_ones_took_by_phase(world: World) -> None:
    assert lines(world.service.metrics())['fedray_tasks{status="finished"}'] == 0
    world.create("waits")
    finish(world, "one")
    first = lines(world.service.metrics())
    assert first['fedray_tasks{status="finished"}'] == first['fedray_finished_tasks_total{kind="shared_nn"}'] == 1
    assert first['fedray_tasks{status="created"}'] == 1
    assert first["fedray_queue_length"] == 0
    assert first['fedray_phase_rounds_total{kind="shared_nn",phase="train"}'] == 7
    assert first['fedray_phase_bytes_total{kind="shared_nn",phase="test"}'] == 4000
    assert first['fedray_task_seconds_total{kind="shared_nn"}'] == 3.25
    assert lines(world.service.metrics()) == first, "no report is added twice"
    finish(world, "two")
    second = lines(world.service.metrics())
    totals = [name for name in first if name.partition("{")[0].endswith("_total")]
    assert len(totals) == 2 + 2 * len(COST)
    assert {name: second[name] for name in totals} == {name: 2 * first[name] for name in totals}


def test_a_task_that_finished_without_a_report_is_counted_all_the_same(world: World) -> None:
    world.run("old")
    world.finish("old")
    assert lines(world.service.metrics())['fedray_finished_tasks_total{kind="shared_nn"}'] == 1


@pytest.mark.parametrize("report", [{}, {"seconds": {}}, {"cost": {"by_phase": {"train": {}}}}], ids=str)
def test_a_report_that_lacks_something_does_not_hide_the_rest(world: World, report: dict[str, object]) -> None:
    world.run("old")
    world.store.reports.save("old", report)
    world.finish("old")
    finish(world, "new")
    told = lines(world.service.metrics())
    assert told['fedray_finished_tasks_total{kind="shared_nn"}'] == 2
    assert told['fedray_task_seconds_total{kind="shared_nn"}'] == 3.25


def test_more_tasks_than_a_page_are_all_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_PAGE", 2)
    for number in range(5):
        finish(world, f"t{number}")
    assert lines(world.service.metrics())['fedray_task_seconds_total{kind="shared_nn"}'] == 5 * 3.25


def test_every_metric_is_named_with_its_type_and_documented(client: TestClient) -> None:
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    text = answer.text
    page = (CHECKOUT / "docs" / "deploy.md").read_text(encoding="utf-8")
    for name, (kind, _) in NAMES.items():
        assert f"# TYPE {name} {kind}\n" in text
        assert f"`{name}`" in page


def test_the_dashboard_asks_for_metrics_that_are_there() -> None:
    board = json.loads((CHECKOUT / "deploy" / "grafana.json").read_text(encoding="utf-8"))
    asked = " ".join(target["expr"] for panel in board["panels"] for target in panel["targets"])
    assert set(re.findall(r"fedray_\w+", asked)) == NAMES.keys()
