"""Reading train.csv and test.csv: finite numbers or a sentence that names file, row and column."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedray.data.arrow_numbers import as_floats
from fedray.data.load import load_split
from fedray.errors import DataError


def put(folder: Path, train: bytes, test: bytes = b"1,2\n") -> Path:
    (folder / "train.csv").write_bytes(train)
    (folder / "test.csv").write_bytes(test)
    return folder


def manifest(folder: Path, n_train: int, n_test: int, columns: list[str]) -> None:
    content = {"task": "t", "n_train": n_train, "n_test": n_test, "columns": columns, "fingerprint": "f"}
    (folder / "dataset.json").write_text(json.dumps(content))


def test_without_a_manifest(tmp_path: Path) -> None:
    data = load_split(put(tmp_path, b"1,2\n3.5,-4e2\n", b"5,6\n"))
    assert data.train.tolist() == [[1, 2], [3.5, -400]]
    assert data.test.tolist() == [[5, 6]]
    assert data.train.dtype == data.test.dtype == np.float64
    assert data.train.flags.c_contiguous
    assert data.columns == ("c0", "c1")
    assert data.fingerprint == ""


def test_with_a_manifest(tmp_path: Path) -> None:
    manifest(tmp_path, 2, 1, ["age", "income"])
    data = load_split(put(tmp_path, b"1,2\n3,4\n"))
    assert data.columns == ("age", "income")
    assert data.fingerprint == "f"


@pytest.mark.parametrize("content", [b"7", b"7\n", b'"7"\n', b" 7 \n", b"+7\n", b"7.\n", b"0.7e1\n", b"7\r\n"])
def test_ways_to_write_a_number(tmp_path: Path, content: bytes) -> None:
    assert load_split(put(tmp_path, content, b"1\n")).train.tolist() == [[7.0]]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", r"train\.csv is empty"),
        (b"1,\n", r"row 1, column 'c1': the cell is empty"),
        (b"1,2\n ,2\n", r"row 2, column 'c0': the cell is empty"),
        (b"1,2\n3,nan\n", r"row 2, column 'c1': the value is missing \(NaN\)"),
        (b"1,2\n3,NA\n", r"row 2, column 'c1': the value is missing \(NaN\)"),
        (b"1,2\n-inf,4\n", r"row 2, column 'c0': the value is infinite"),
        (b"1,2\n3,1e999\n", r"row 2, column 'c1': the value is too large"),
        (b"1,2\n3,planted\n", r"row 2, column 'c1': the cell is text"),
        (b"x,y\n1,2\n", r"row 1, column 'c0': the cell is text"),
        (b"1,2\n0x10,4\n", r"row 2, column 'c0': the cell is text"),
        (b"1,2\n1_0,4\n", r"row 2, column 'c0': the cell is text"),
        ("1,2\n٣,4\n".encode(), r"row 2, column 'c0': the cell is text"),
        (b"1,2\n3\n", r"row 2 has 1 cell; the file has 2 columns"),
        (b"1,2\n3,4,5\n", r"row 2 has 3 cells"),
        (b"1,2\n\n3,4\n", r"row 2 is a blank line"),
        (b"\n1,2\n", r"blank line"),
        (b"1,2\n3,\xff\n", r"UTF-8"),
        (b"\xff\xfe1,2\n", r"UTF-8"),
        (b"1,2,3\n", r"train\.csv has 3 columns and test\.csv 2"),
    ],
)
def test_bad_content(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        load_split(put(tmp_path, content))
    assert "planted" not in caught.value.message
    assert caught.value.message.startswith("train.csv")


def test_the_test_file_is_checked_too(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^test\.csv: row 1, column 'c1': the value is missing"):
        load_split(put(tmp_path, b"1,2\n", b"1,nan\n"))


def test_columns_are_named_by_the_manifest(tmp_path: Path) -> None:
    manifest(tmp_path, 1, 1, ["age", "income"])
    with pytest.raises(DataError, match="column 'income'"):
        load_split(put(tmp_path, b"1,x\n"))


@pytest.mark.parametrize("missing", ["train.csv", "test.csv"])
def test_missing_files(tmp_path: Path, missing: str) -> None:
    put(tmp_path, b"1,2\n")
    (tmp_path / missing).unlink()
    with pytest.raises(DataError, match=f"the folder has no {missing}"):
        load_split(tmp_path)


def test_what_is_no_ordinary_file_of_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "out.csv").write_bytes(b"1,2\n")
    put(folder, b"1,2\n")
    (folder / "train.csv").unlink()
    (folder / "train.csv").symlink_to(tmp_path / "out.csv")
    with pytest.raises(DataError, match=r"train\.csv must be an ordinary file"):
        load_split(folder)
    (folder / "train.csv").unlink()
    (folder / "train.csv").mkdir()
    with pytest.raises(DataError, match=r"train\.csv must be an ordinary file"):
        load_split(folder)


def test_files_that_do_not_fit_the_manifest(tmp_path: Path) -> None:
    put(tmp_path, b"1,2\n3,4\n")
    manifest(tmp_path, 1, 1, ["x", "y"])
    with pytest.raises(DataError, match=r"have 2 and 1 rows, but dataset\.json says 1 and 1"):
        load_split(tmp_path)
    manifest(tmp_path, 2, 1, ["x"])
    with pytest.raises(DataError, match=r"train\.csv has 2 columns, but dataset\.json names 1"):
        load_split(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3), min_size=1))
def test_floats_come_back_to_the_last_bit(tmp_path: Path, rows: list[list[float]]) -> None:
    content = "".join(",".join(map(repr, row)) + "\n" for row in rows).encode()
    data = load_split(put(tmp_path, content, content))
    assert data.train.tolist() == rows


def test_numbers_of_an_arrow_column() -> None:
    parts = [[1.5, None, 3.0] * 7, [], [None, None], [4.0]]
    column = pa.chunked_array([pa.array(part, pa.float64()) for part in parts])
    for start in range(len(column) + 1):
        part = column.slice(start)
        np.testing.assert_array_equal(as_floats(part), part.to_numpy())
