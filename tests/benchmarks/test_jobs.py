"""The job of the benchmark of jobs is one, and its tables are what it reads."""

from __future__ import annotations

from pathlib import Path

from benchmarks.jobs import job, write_tables
from serve_api.fate_flow.dsl import read_job


def test_the_job_is_one() -> None:
    read = read_job(*job(3))
    assert [one.module for one in read.components] == ["DataIO", "Intersection", "HeteroLR", "Evaluation"]
    (values,) = (values for party, values in read.components[2].parameters.items() if party.role == "guest")
    assert values["max_iter"] == 3


def test_tables(tmp_path: Path) -> None:
    paths = write_tables(tmp_path / "exchange")
    heads = {role: path.read_text().splitlines() for role, path in paths.items()}
    assert {role: (len(lines), len(lines[0].split(","))) for role, lines in heads.items()} == {
        "guest": (570, 12),
        "host": (570, 21),
    }
    ids = [{line.split(",")[0] for line in lines[1:]} for lines in heads.values()]
    assert ids[0] == ids[1]
