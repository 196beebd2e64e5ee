"""Rows to predict: parts, ids, and the file of predictions."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from fedray.data import new_rows
from fedray.data.derived import Coded, Source, write_derived
from fedray.data.manifest import read_manifest
from fedray.data.new_rows import Ids, load_ids, load_rows, write_predictions
from fedray.data.split import write_split
from fedray.data.table import RawTable
from fedray.errors import DataError


def aligned(folder: Path, n: int) -> None:
    features = pa.table({"x": [f"1.{k}" for k in range(n)], "y": ["2"] * n})
    table = RawTable("customer", pa.array([f'i"{k}' for k in range(n)], pa.large_string()), features)
    write_split(folder, "raw.csv", table, np.arange(n), "task", "f")


@pytest.mark.parametrize("n", [1, 4, 11])
def test_parts_and_ids_go_together(tmp_path: Path, n: int) -> None:
    aligned(tmp_path, n)
    whole, ids = load_rows(tmp_path, "all"), load_ids(tmp_path, "all")
    assert whole.columns == ("x", "y")
    assert whole.fingerprint == "f"
    np.testing.assert_array_equal(whole.values[:, 0], [float(f"1.{k}") for k in range(n)])
    assert ids == Ids("customer", tuple(f'i"{k}' for k in range(n)))
    n_test = n // 5
    if n_test:
        np.testing.assert_array_equal(load_rows(tmp_path, "test").values, whole.values[n - n_test :])
        part = load_ids(tmp_path, "test")
        assert part is not None
        assert part.values == ids.values[n - n_test :]
    else:
        with pytest.raises(DataError, match=r"no rows in test\.csv"):
            load_rows(tmp_path, "test")
    np.testing.assert_array_equal(load_rows(tmp_path, "train").values, whole.values[: n - n_test])


def test_rows_that_are_repeated_count_once(tmp_path: Path) -> None:
    table = RawTable("id", pa.array([f"i{k}" for k in range(7)], pa.large_string()), pa.table({"x": ["1"] * 7}))
    write_split(tmp_path, "t.csv", table, np.arange(7), "a", "f", repeats=True)
    for part in ("all", "train", "test"):
        ids = load_ids(tmp_path, part)
        assert ids is not None
        assert ids.values == tuple(f"i{k}" for k in range(7))
        assert len(load_rows(tmp_path, part).values) == 7
    derived = tmp_path / "derived"
    derived.mkdir()
    codes = np.arange(7) % 2
    write_derived(
        derived, Source(tmp_path, (7, 7)), "b", "run", [Coded("x", {"train": codes, "test": codes}, [1.0, 2.0])]
    )
    again = load_ids(derived, "all")
    assert again is not None
    assert again.values == tuple(f"i{k}" for k in range(7))


def test_a_folder_that_a_user_filled(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("1,2\n3,4\n")
    assert load_rows(tmp_path, "all").columns == ("c0", "c1")
    assert load_ids(tmp_path, "all") is None
    (tmp_path / "test.csv").write_text("5\n")
    with pytest.raises(
        DataError, match=r"train\.csv 2 columns and test\.csv 1 column: both must have the same columns"
    ):
        load_rows(tmp_path, "all")


def test_rows_that_were_added_by_hand(tmp_path: Path) -> None:
    aligned(tmp_path, 11)
    with (tmp_path / "train.csv").open("a") as handle:
        handle.write("1,2\n")
    with pytest.raises(DataError, match=r"train\.csv has 10 rows, but dataset\.json says 9"):
        load_rows(tmp_path, "all")


def test_a_set_of_an_older_version_has_no_ids(tmp_path: Path) -> None:
    aligned(tmp_path, 5)
    facts = json.loads((tmp_path / "dataset.json").read_text())
    del facts["aligned"]
    (tmp_path / "dataset.json").write_text(json.dumps(facts))
    assert load_ids(tmp_path, "all") is None


@pytest.mark.parametrize("name", ["../secret.csv", "/etc/passwd", "", None, 3])
def test_the_file_with_ids_is_one_of_the_folder(tmp_path: Path, name: object) -> None:
    aligned(tmp_path, 5)
    facts = json.loads((tmp_path / "dataset.json").read_text())
    (tmp_path / "dataset.json").write_text(json.dumps({**facts, "aligned": name}))
    manifest = read_manifest(tmp_path)
    assert manifest is not None
    assert manifest.aligned == ""


@pytest.mark.parametrize("spoil", ["short", "long", "gone"])
def test_ids_that_are_not_those_of_the_rows(tmp_path: Path, spoil: str) -> None:
    aligned(tmp_path, 5)
    path = tmp_path / "raw_aligned.csv"
    lines = path.read_text().splitlines()
    if spoil == "gone":
        path.unlink()
    else:
        path.write_text("\n".join(lines[:-1] if spoil == "short" else [*lines, lines[-1]]))
    with pytest.raises(DataError, match="does not have the ids of all rows; run the alignment again"):
        load_ids(tmp_path, "all")


def read(path: Path) -> list[list[str]]:
    with path.open(newline="") as handle:
        return list(csv.reader(handle))


def test_predictions_are_read_back_to_the_last_bit(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(50, 2)) ** 9
    ids = Ids("a,b", tuple(f'"{k},\n' for k in range(50)))
    write_predictions(tmp_path, ids, values)
    header, *rows = read(tmp_path / "predictions.csv")
    assert header == ["a,b", "prediction_1", "prediction_2"]
    assert [row[0] for row in rows] == list(ids.values)
    np.testing.assert_array_equal(np.array([[float(cell) for cell in row[1:]] for row in rows]), values)
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.csv"]
    assert stat.S_IMODE((tmp_path / "predictions.csv").stat().st_mode) == 0o600


def test_rows_without_ids_are_numbered(tmp_path: Path) -> None:
    write_predictions(tmp_path, None, np.array([[0.5], [0.25]]))
    assert read(tmp_path / "predictions.csv") == [["row", "prediction"], ["1", "0.5"], ["2", "0.25"]]


def test_a_writer_that_dies_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_predictions(tmp_path, None, np.array([[0.5]]))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(new_rows.os, "fsync", full)
    with pytest.raises(DataError, match=r"predictions\.csv cannot be written \(No space left on device\)"):
        write_predictions(tmp_path, None, np.array([[0.75]]))
    assert read(tmp_path / "predictions.csv")[1] == ["1", "0.5"]
