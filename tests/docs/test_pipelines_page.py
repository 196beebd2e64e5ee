"""docs/pipelines.md: its pipeline runs as the page says, its tables are those of the code."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from fedray.data.root import DataRoot
from fedray.errors import DataError
from fedray.pipeline.document import MAX_STEPS, parse
from fedray.pipeline.outputs import OUTPUTS, TAKERS
from fedray.pipeline.plan import StepStatus
from fedray.pipeline.service import Pipeline, PipelineService, PipelineStatus
from fedray.task.registry import Registry
from fedray.task.service import TaskService
from fedray.task.store import Store
from serve_api.pipelines import PipelineOut, StepOut
from tests.docs.blocks import ROOT, blocks
from tests.e2e.tables import FOLDER, write_tables
from tests.local_runner import LocalRunner

PAGE = ROOT / "docs/pipelines.md"
TEXT = PAGE.read_text(encoding="utf-8")
(DOCUMENT,) = (json.loads(block.text) for block in blocks(PAGE) if block.language == "json")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_tables(tmp_path / "raw")
    for name, file in (("bank", "data1"), ("shop", "data2"), ("label", "label")):
        shutil.move(tmp_path / "raw" / FOLDER / f"credit_default_{file}.csv", tmp_path / "raw" / f"{name}.csv")
    return tmp_path


def run(service: PipelineService, name: str) -> Pipeline:
    while service.step():
        pass
    return service.get(name)


def test_the_pipeline_of_the_page_runs(root: Path) -> None:
    with Store(f"sqlite:///{root}/tasks.db") as store:
        runner = LocalRunner(store=store, root=DataRoot(root))
        tasks = TaskService(store, runner, Registry.local(), new_seed=lambda: "seed")
        service = PipelineService(store, tasks)
        service.create(DOCUMENT)
        table = (root / "raw/shop.csv").rename(root / "raw/away.csv")
        failed = run(service, "credit")
        assert [step.status for step in failed.steps] == ["failed", "skipped", "skipped", "skipped"]
        assert failed.steps[0].message.startswith("127.0.0.1:8082: clients[2].client_config.raw_data_path")
        table.rename(root / "raw/shop.csv")
        service.resume("credit")
        done = run(service, "credit")
    assert [(step.task, step.message) for step in done.steps] == [
        (f"credit.{name}", "") for name in ("align", "bins", "train", "predict")
    ]
    assert done.status is PipelineStatus.FINISHED
    folder = root / "generated/pipelines"
    assert {path.name for path in folder.iterdir()} == {"credit.align", "credit.bins"}
    assert runner.results["credit.predict"]["model"] == "credit.train"
    assert runner.results["credit.predict"]["rows"] == 100
    (found,) = runner.results["credit.predict"]["evaluation"]["outputs"]
    assert found["metrics"]["auc"] > 0.7
    rows = (root / "generated/predictions/credit.predict/predictions.csv").read_text().splitlines()
    assert len(rows) == 101


def test_a_step_that_fails_while_it_runs(root: Path) -> None:
    document = json.loads(json.dumps(DOCUMENT))
    document["steps"][0]["task"]["clients"][0]["client_config"]["min_intersection"] = 501
    with Store(f"sqlite:///{root}/tasks.db") as store:
        runner = LocalRunner(store=store, root=DataRoot(root))
        tasks = TaskService(store, runner, Registry.local(), new_seed=lambda: "seed")
        service = PipelineService(store, tasks)
        service.create(document)
        failed = run(service, "credit")
    assert failed.status is PipelineStatus.FAILED
    assert "min_intersection" in failed.steps[0].message or DataError.__name__ in failed.steps[0].message


def test_the_table_of_outputs_is_that_of_the_code() -> None:
    part = TEXT.split("| kind of the step | output |")[1].split("\n\n")[0]
    told: dict[tuple[str, str], set[str]] = {}
    kinds: list[str] = []
    for row in part.splitlines()[2:]:
        cells = [re.findall(r"`(\w+)`", cell) for cell in row.split("|")[1:4]]
        kinds = cells[0] or kinds
        told |= {(kind, cells[1][0]): set(cells[2]) for kind in kinds}
    assert told == {
        (kind.value, name): {field for field, thing in TAKERS.items() if thing in things}
        for kind, outputs in OUTPUTS.items()
        for name, things in outputs.items()
    }
    for kind, outputs in OUTPUTS.items():
        assert outputs or f"`{kind}`" in TEXT


@pytest.mark.parametrize("word", [*PipelineStatus, *StepStatus, *PipelineOut.model_fields, *StepOut.model_fields])
def test_every_word_of_an_answer_is_on_the_page(word: str) -> None:
    own = word in {status.value for status in StepStatus} - {"waiting", "skipped", "failed"} - set(PipelineStatus)
    assert own or f"`{word}`" in TEXT


def test_bounds_and_names() -> None:
    assert f"| `steps` | 1 to {MAX_STEPS} |" in TEXT
    assert parse(DOCUMENT).name == "credit"
