"""A party's part of a model on disk: whole or not there, its own only, readable by its owner only."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import numpy as np
import pytest

from fedray.data import model_files
from fedray.data.model_files import FORMAT, load_model, save_model
from fedray.errors import DataError

SHARES = {"first_0": np.array([[1, 2**64 - 1]], dtype=np.uint64), "first_bias": np.zeros(1, dtype=np.uint64)}


def test_round_trip(tmp_path: Path) -> None:
    save_model(tmp_path, {"task": "t", "scaling": {"mean": [0.1]}}, SHARES)
    facts, arrays = load_model(tmp_path)
    assert facts["task"] == "t"
    assert facts["scaling"] == {"mean": [0.1]}
    assert facts["format"] == FORMAT
    assert list(arrays) == list(SHARES)
    for name, array in SHARES.items():
        assert arrays[name].dtype == np.uint64
        np.testing.assert_array_equal(arrays[name], array)


def test_files_are_the_owners_and_nothing_is_left_beside(tmp_path: Path) -> None:
    save_model(tmp_path, {}, SHARES)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.json", "shares.npz"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_a_later_model_replaces_an_earlier_one(tmp_path: Path) -> None:
    save_model(tmp_path, {"task": "one"}, SHARES)
    save_model(tmp_path, {"task": "two"}, {"w": SHARES["first_0"]})
    facts, arrays = load_model(tmp_path)
    assert (facts["task"], list(arrays)) == ("two", ["w"])


@pytest.mark.parametrize("dies_at", ["shares.npz", "manifest.json"])
def test_a_writer_that_dies_leaves_no_mixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: str) -> None:
    save_model(tmp_path, {"task": "one"}, SHARES)
    replace = model_files.replace_file

    def dying(path: Path, data: bytes) -> None:
        if path.name == dies_at:
            raise OSError("no space")
        replace(path, data)

    monkeypatch.setattr(model_files, "replace_file", dying)
    with pytest.raises(OSError, match="no space"):
        save_model(tmp_path, {"task": "two"}, {"w": SHARES["first_0"]})
    if dies_at == "shares.npz":
        assert load_model(tmp_path)[0]["task"] == "one"
    else:
        with pytest.raises(DataError, match="do not belong to its manifest"):
            load_model(tmp_path)


@pytest.mark.parametrize("missing", ["shares.npz", "manifest.json"])
def test_a_missing_file(tmp_path: Path, missing: str) -> None:
    save_model(tmp_path, {}, SHARES)
    (tmp_path / missing).unlink()
    with pytest.raises(DataError, match="no complete model; train it again"):
        load_model(tmp_path)
    with pytest.raises(DataError):
        load_model(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["{", "[]", "null", '"text"', "\xff", '{"format": 1}', '{"format": 2}'])
def test_a_manifest_that_is_none(tmp_path: Path, text: str) -> None:
    save_model(tmp_path, {}, SHARES)
    (tmp_path / "manifest.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError):
        load_model(tmp_path)


def test_changed_shares_are_refused(tmp_path: Path) -> None:
    save_model(tmp_path, {}, SHARES)
    data = bytearray((tmp_path / "shares.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "shares.npz").write_bytes(bytes(data))
    with pytest.raises(DataError, match="do not belong to its manifest"):
        load_model(tmp_path)


@pytest.mark.parametrize("field", ["task", "digest", "seal", "fedray"])
def test_a_changed_manifest_is_refused(tmp_path: Path, field: str) -> None:
    save_model(tmp_path, {"task": "one"}, SHARES)
    facts = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({**facts, field: "other"}))
    with pytest.raises(DataError, match="manifest is damaged"):
        load_model(tmp_path)


@pytest.mark.parametrize("other", [1, FORMAT + 1])
def test_another_format_is_refused(tmp_path: Path, other: int) -> None:
    save_model(tmp_path, {}, SHARES)
    facts = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({**facts, "format": other}))
    with pytest.raises(DataError, match="another version"):
        load_model(tmp_path)


def test_objects_are_never_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        save_model(tmp_path, {}, {"w": np.array([object()])})
    assert not list(tmp_path.iterdir())
