"""Data sets made out of others, and sealed documents."""

from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
import pytest

from fedray.data.derived import Coded, Source, write_derived
from fedray.data.documents import load_document, save_document
from fedray.data.load import load_split
from fedray.data.root import DataRoot
from fedray.errors import DataError

CODES = {"train": np.array([0, 1, 1]), "test": np.array([1])}
COLUMNS = [Coded("a_woe", CODES, [0.1, -1.5]), Coded("y", CODES, [0.0, 1.0])]


def test_rows_without_a_manifest_get_names_and_no_fingerprint(tmp_path: Path) -> None:
    source, folder = tmp_path / "d", tmp_path / "w"
    for one in (source, folder):
        one.mkdir()
    write_derived(folder, Source(source, (3, 1)), "t", "run", COLUMNS)
    split = load_split(folder)
    assert split.train.tolist() == [[0.1, 0.0], [-1.5, 1.0], [-1.5, 1.0]]
    assert split.test.tolist() == [[-1.5, 1.0]]
    assert (split.columns, split.fingerprint) == (("a_woe", "y"), "")
    assert (folder / "train.csv").read_text() == "0.1,0\n-1.5,1\n-1.5,1\n"
    assert {path.name for path in folder.iterdir()} == {"train.csv", "test.csv", "dataset.json"}


def test_a_later_run_replaces_the_set_and_the_same_run_does_not(tmp_path: Path) -> None:
    source, folder = tmp_path / "d", tmp_path / "w"
    for one in (source, folder):
        one.mkdir()
    write_derived(folder, Source(source, (3, 1)), "t", "run", COLUMNS)
    write_derived(folder, Source(source, (3, 1)), "t", "later", COLUMNS[1:])
    assert load_split(folder).columns == ("y",)
    with pytest.raises(DataError, match="another party of this task has written to this folder"):
        write_derived(folder, Source(source, (3, 1)), "t", "later", COLUMNS)


def test_the_source_is_never_overwritten(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="out_data_path: expected another folder than data_path"):
        write_derived(tmp_path, Source(tmp_path / ".", (3, 1)), "t", "run", COLUMNS)


def test_a_document_is_read_back_and_its_owner_s_alone(tmp_path: Path) -> None:
    folder = DataRoot(tmp_path).sealed_dir("d")
    save_document(folder, "transform.json", {"a": (1, 2.5), "b": {"c": None}})
    assert stat.S_IMODE((folder.path / "transform.json").stat().st_mode) == 0o600
    assert load_document(folder, "transform.json") == {"format": 2, "a": [1, 2.5], "b": {"c": None}}
    save_document(folder, "transform.json", {"a": 2})
    assert load_document(folder, "transform.json")["a"] == 2


@pytest.mark.parametrize("text", [b"no JSON", b"[]"])
def test_documents_that_are_none_are_refused(tmp_path: Path, text: bytes) -> None:
    folder = DataRoot(tmp_path).sealed_dir("d")
    folder.write("transform.json", text)
    with pytest.raises(DataError, match=r"transform.json cannot be read"):
        load_document(folder, "transform.json")


def test_documents_of_another_format_and_none_at_all(tmp_path: Path) -> None:
    folder = DataRoot(tmp_path).sealed_dir("d")
    with pytest.raises(DataError, match=r"there is no transform.json"):
        load_document(folder, "transform.json")
    save_document(folder, "transform.json", {"format": 9})
    with pytest.raises(DataError, match="from another version of fedray"):
        load_document(folder, "transform.json")
