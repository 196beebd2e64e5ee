"""A party's part of a model on disk: whole or not there, sealed, its own only, readable by its owner only."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import numpy as np
import pytest

from fedray.data import sealed_folder
from fedray.data.model_files import FORMAT, load_model, save_model
from fedray.data.root import DataRoot
from fedray.data.sealed_folder import SealedFolder
from fedray.errors import DataError

SHARES = {"first_0": np.array([[1, 2**64 - 1]], dtype=np.uint64), "first_bias": np.zeros(1, dtype=np.uint64)}


@pytest.fixture
def folder(tmp_path: Path) -> SealedFolder:
    return DataRoot(tmp_path).sealed_dir("models/t/0-feature_client")


def test_round_trip(folder: SealedFolder) -> None:
    save_model(folder, {"task": "t", "scaling": {"mean": [0.1]}}, SHARES)
    facts, arrays = load_model(folder)
    assert facts["task"] == "t"
    assert facts["scaling"] == {"mean": [0.1]}
    assert facts["format"] == FORMAT
    assert list(arrays) == list(SHARES)
    for name, array in SHARES.items():
        assert arrays[name].dtype == np.uint64
        np.testing.assert_array_equal(arrays[name], array)


def test_files_are_the_owners_and_nothing_is_left_beside(folder: SealedFolder) -> None:
    save_model(folder, {}, SHARES)
    assert sorted(path.name for path in folder.path.iterdir()) == ["manifest.json", "shares.npz"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.path.iterdir()} == {0o600}


def test_a_later_model_replaces_an_earlier_one(folder: SealedFolder) -> None:
    save_model(folder, {"task": "one"}, SHARES)
    save_model(folder, {"task": "two"}, {"w": SHARES["first_0"]})
    facts, arrays = load_model(folder)
    assert (facts["task"], list(arrays)) == ("two", ["w"])


@pytest.mark.parametrize("dies_at", ["shares.npz", "manifest.json"])
def test_a_writer_that_dies_leaves_no_mixture(
    folder: SealedFolder, monkeypatch: pytest.MonkeyPatch, dies_at: str
) -> None:
    save_model(folder, {"task": "one"}, SHARES)
    replace = sealed_folder.replace_file

    def dying(path: Path, data: bytes) -> None:
        if path.name == dies_at:
            raise OSError("no space")
        replace(path, data)

    monkeypatch.setattr(sealed_folder, "replace_file", dying)
    with pytest.raises(OSError, match="no space"):
        save_model(folder, {"task": "two"}, {"w": SHARES["first_0"]})
    if dies_at == "shares.npz":
        assert load_model(folder)[0]["task"] == "one"
    else:
        with pytest.raises(DataError, match="do not belong to its manifest"):
            load_model(folder)


@pytest.mark.parametrize("missing", ["shares.npz", "manifest.json"])
def test_a_missing_file(folder: SealedFolder, missing: str) -> None:
    save_model(folder, {}, SHARES)
    (folder.path / missing).unlink()
    with pytest.raises(DataError, match="no complete model; train it again"):
        load_model(folder)
    with pytest.raises(DataError):
        load_model(folder.below("nowhere"))


@pytest.mark.parametrize("text", ["{", "[]", "null", '"text"', "\xff", '{"format": 1}', '{"format": 3}'])
def test_a_manifest_that_is_none(folder: SealedFolder, text: str) -> None:
    save_model(folder, {}, SHARES)
    folder.write("manifest.json", text.encode("latin-1"))
    with pytest.raises(DataError):
        load_model(folder)


@pytest.mark.parametrize("name", ["shares.npz", "manifest.json"])
def test_a_changed_file_is_refused(folder: SealedFolder, name: str) -> None:
    save_model(folder, {}, SHARES)
    data = bytearray((folder.path / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder.path / name).write_bytes(bytes(data))
    with pytest.raises(DataError, match=f"{name} is damaged"):
        load_model(folder)


@pytest.mark.parametrize("other", [1, FORMAT + 1])
def test_another_format_is_refused(folder: SealedFolder, other: int) -> None:
    save_model(folder, {}, SHARES)
    facts = json.loads(folder.read("manifest.json"))
    folder.write("manifest.json", json.dumps({**facts, "format": other}).encode())
    with pytest.raises(DataError, match="another version"):
        load_model(folder)


def test_a_model_of_before_files_were_sealed_is_refused(folder: SealedFolder) -> None:
    save_model(folder, {}, SHARES)
    for name in ("manifest.json", "shares.npz"):
        (folder.path / name).write_bytes(folder.read(name))
    with pytest.raises(DataError, match=r"manifest.json is not sealed with the party's key: .* run the task"):
        load_model(folder)


def test_objects_are_never_written(folder: SealedFolder) -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        save_model(folder, {}, {"w": np.array([object()])})
    assert not list(folder.path.iterdir())
