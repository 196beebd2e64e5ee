"""Writing an aligned data set: all of it or none of it."""

from __future__ import annotations

import csv
import fcntl
import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedray.data import split
from fedray.data.journal import finish_writing
from fedray.data.load import load_split
from fedray.data.manifest import Manifest, read_manifest
from fedray.data.split import write_split
from fedray.data.table import RawTable
from fedray.errors import DataError

ALL = {"t_aligned.csv", "train.csv", "test.csv", "dataset.json"}


def table_of(n: int, value: str = "1") -> RawTable:
    features = pa.table({"x": [f"{value}.{k}" for k in range(n)], "y": [value] * n})
    return RawTable("id", pa.array([f"i{k}" for k in range(n)], pa.large_string()), features)


def write(folder: Path, n: int, value: str = "1", fingerprint: str = "f") -> None:
    write_split(folder, "t.csv", table_of(n, value), np.arange(n)[::-1], f"task{value}", fingerprint)


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as handle:
        return list(csv.reader(handle))


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(("n", "n_test"), [(1, 0), (4, 0), (5, 1), (9, 1), (10, 2), (11, 2)])
def test_sizes_and_order(tmp_path: Path, n: int, n_test: int) -> None:
    write(tmp_path, n)
    header, *aligned = rows(tmp_path / "t_aligned.csv")
    assert header == ["id", "x", "y"]
    assert aligned == [[f"i{k}", f"1.{k}", "1"] for k in reversed(range(n))]
    assert rows(tmp_path / "train.csv") == [row[1:] for row in aligned[: n - n_test]]
    assert rows(tmp_path / "test.csv") == [row[1:] for row in aligned[n - n_test :]]
    assert files(tmp_path) == ALL
    manifest = read_manifest(tmp_path)
    assert manifest == Manifest("task1", n - n_test, n_test, ("x", "y"), "f", "t_aligned.csv")


def test_plain_cells_are_not_quoted(tmp_path: Path) -> None:
    write(tmp_path, 5)
    assert (tmp_path / "test.csv").read_bytes() == b"1.0,1\n"
    assert b'"' not in (tmp_path / "t_aligned.csv").read_bytes()


def test_rows_may_be_a_part_in_any_order(tmp_path: Path) -> None:
    write_split(tmp_path, "a.b.csv", table_of(10), np.array([7, 2, 5]), "t", "f")
    assert [row[0] for row in rows(tmp_path / "a.b_aligned.csv")[1:]] == ["i7", "i2", "i5"]


CELL = st.text(st.sampled_from(list("ab,\"\r\n' é\t")), max_size=5)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(CELL, min_size=2, max_size=2), min_size=1, max_size=12), CELL, st.integers(1, 2))
def test_any_cells_come_back(tmp_path: Path, cells: list[list[str]], name: str, width: int) -> None:
    columns = {f"{name}{c}": [row[c] for row in cells] for c in range(width)}
    ids = [f'i,"{k}\n' for k in range(len(cells))]
    folder = tmp_path / os.urandom(8).hex()
    folder.mkdir()
    table = RawTable('the "id"', pa.array(ids, pa.large_string()), pa.table(columns))
    write_split(folder, "t.csv", table, np.arange(len(cells)), "t", "f")
    assert rows(folder / "t_aligned.csv") == [
        ['the "id"', *columns],
        *([i, *row[:width]] for i, row in zip(ids, cells, strict=True)),
    ]
    both = rows(folder / "train.csv") + rows(folder / "test.csv")
    assert both == [row[:width] for row in cells]


def test_many_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split, "_BLOCK_ROWS", 3)
    told: list[tuple[int, int]] = []
    table = table_of(23)
    write_split(tmp_path, "t.csv", table, np.arange(23), "t", "f", lambda done, total: told.append((done, total)))
    assert [row[0] for row in rows(tmp_path / "t_aligned.csv")[1:]] == [f"i{k}" for k in range(23)]
    assert told[-1] == (23, 23)
    assert [done for done, _ in told] == [3, 6, 9, 12, 15, 18, 19, 22, 23]


class Crash(BaseException):
    """A process that dies: no handler of errors sees it."""


def write_and_crash(folder: Path, at: int, n: int, value: str, fingerprint: str) -> None:
    """Write, and die before file number `at` is moved; the first is the journal."""
    calls = 0
    replace = Path.replace

    def dies(self: Path, target: Path) -> Path:
        nonlocal calls
        if calls == at:
            raise Crash
        calls += 1
        return replace(self, target)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Crash):
        patch.setattr(Path, "replace", dies)
        write(folder, n, value, fingerprint)


@pytest.mark.parametrize("at", range(5))
def test_a_crash_leaves_the_old_or_the_new_set(tmp_path: Path, at: int) -> None:
    write(tmp_path, 10, "1", "old")
    write_and_crash(tmp_path, at, 20, "2", "new")
    data = load_split(tmp_path)
    # Call 0 is that of the journal: with it the new set counts.
    value, n, fingerprint = ("1", 10, "old") if at == 0 else ("2", 20, "new")
    assert data.fingerprint == fingerprint
    assert set(data.train[:, 1]) | set(data.test[:, 1]) == {float(value)}
    assert (len(data.train), len(data.test)) == (n - n // 5, n // 5)
    assert len(rows(tmp_path / "t_aligned.csv")) == n + 1
    assert files(tmp_path) == ALL


def test_a_writer_finishes_what_another_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, 10, "1", "old")
    write_and_crash(tmp_path, 2, 20, "2", "new")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(split, "_write_tables", full)
    with pytest.raises(DataError):
        write(tmp_path, 30, "3", "newer")
    data = load_split(tmp_path)
    assert data.fingerprint == "new"
    assert set(data.train[:, 1]) == {2.0}
    assert files(tmp_path) == ALL


def test_leftovers_of_a_killed_writer_go(tmp_path: Path) -> None:
    (tmp_path / ".dataset-killed").mkdir()
    (tmp_path / ".dataset-killed" / "train.csv").write_text("secret")
    write(tmp_path, 10)
    assert files(tmp_path) == ALL


def test_what_else_is_in_the_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    write(tmp_path, 10)
    assert files(tmp_path) == ALL | {"notes.txt"}


def test_finish_writing_twice_at_once(tmp_path: Path) -> None:
    staging = tmp_path / ".dataset-x"
    staging.mkdir()
    (staging / "b").write_text("b")
    (tmp_path / ".dataset.journal").write_text(json.dumps([".dataset-x", "a", "b"]))
    finish_writing(tmp_path)
    finish_writing(tmp_path)
    assert files(tmp_path) == {"b"}


@pytest.mark.parametrize(
    "text",
    ["{", "{}", "[]", "[1]", '["../x", "a"]', '[".dataset-x", "/etc/passwd"]', '[""]', '[".."]', '["own", "a"]'],
)
def test_a_damaged_journal(tmp_path: Path, text: str) -> None:
    (tmp_path / ".dataset.journal").write_text(text)
    with pytest.raises(DataError, match=r"\.dataset\.journal: the file is damaged"):
        finish_writing(tmp_path)


def test_two_writers_at_once(tmp_path: Path) -> None:
    handle = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(DataError, match="another party or task is writing there"):
            write(tmp_path, 10)
    finally:
        os.close(handle)
    assert files(tmp_path) == set()
    write(tmp_path, 10)


def test_the_same_alignment_does_not_overwrite_itself(tmp_path: Path) -> None:
    write(tmp_path, 10, "1", "same")
    with pytest.raises(DataError, match="another party of this task"):
        write(tmp_path, 10, "2", "same")
    assert load_split(tmp_path).train[0, 1] == 1.0
    write(tmp_path, 10, "2", "other")
    assert load_split(tmp_path).train[0, 1] == 2.0


def test_no_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "/secret/path")

    monkeypatch.setattr(split, "_write_tables", full)
    with pytest.raises(DataError, match="No space left on device; check space") as caught:
        write(tmp_path, 10)
    assert "secret" not in caught.value.message
    assert files(tmp_path) == set()


def test_a_damaged_manifest_is_named_and_can_be_replaced(tmp_path: Path) -> None:
    for text in ("{", "[]", "{}", '{"task": "t", "n_train": "x"}'):
        (tmp_path / "dataset.json").write_text(text)
        with pytest.raises(DataError, match=r"dataset\.json: the file is damaged"):
            read_manifest(tmp_path)
    write(tmp_path, 10)
    assert read_manifest(tmp_path) is not None
