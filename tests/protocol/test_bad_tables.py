"""Every bad table fails its task with a sentence that holds no value; all parties in threads, as a driver runs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fedray.data.root import DataRoot
from fedray.errors import DataError
from fedray.parties.run import run_local
from fedray.task.plan import make_plan
from fedray.task.record import Event
from fedray.task.registry import Registry
from fedray.task.spec import parse
from tests.bad_tables import GOOD, LEAK, RAW_TABLES, TRAIN_TABLES, assert_clear, write_split
from tests.e2e.documents import alignment, training

OTHERS = {"credit_default_data2": "ID,b\nB-1,2\nA-1,5\n", "credit_default_label": "ID,Y\nA-1,1\nB-1,0\n"}


def run(document: dict[str, Any], root: Path) -> tuple[DataError, list[Event]]:
    """Run a task that fails; return its error and its events."""
    events: list[Event] = []
    with pytest.raises(DataError) as failed:
        run_local(make_plan(parse(document), Registry.local(), "seed"), DataRoot(root), emit=events.append)
    return failed.value, events


@pytest.mark.parametrize("name", RAW_TABLES)
def test_a_bad_raw_table_fails_its_task(tmp_path: Path, name: str) -> None:
    text, expected = RAW_TABLES[name]
    (tmp_path / "raw" / "data").mkdir(parents=True)
    for file, other in OTHERS.items():
        (tmp_path / "raw" / "data" / f"{file}.csv").write_text(
            other.replace("A-1,", "B-2,") if "common" in name else other
        )
    (tmp_path / "raw" / "data" / "credit_default_data1.csv").write_bytes(text.encode("latin-1"))
    error, events = run(alignment("bad", "data"), tmp_path)
    assert_clear(error.message, expected)
    assert error.party in ("127.0.0.1:8084", "127.0.0.1:8377")
    assert LEAK not in str(events)


@pytest.mark.parametrize("name", TRAIN_TABLES)
def test_a_bad_data_set_fails_its_task(tmp_path: Path, name: str) -> None:
    features, labels, expected = TRAIN_TABLES[name]
    for path, text in (("f1", features), ("f2", GOOD), ("l", labels)):
        write_split(tmp_path / "generated" / path, text)
    error, events = run(training("bad", max_iter=3, test_per_batches=3), tmp_path)
    assert_clear(error.message, expected)
    assert LEAK not in str(events)
