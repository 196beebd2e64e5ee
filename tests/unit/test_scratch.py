"""Blocks of numbers that need not fit into memory."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest

from fedray.data.root import DataRoot
from fedray.data.scratch import Scratch, ScratchBlocks
from fedray.errors import DataError
from tests.parties import words

SHAPES = [(3, 40), (3, 40), (2, 7), (5, 40)]


def filled(memory_bytes: int | None, folder: Path) -> tuple[ScratchBlocks, list[np.ndarray]]:
    root = DataRoot(folder)
    blocks = Scratch(memory_bytes, lambda: root.state_dir("scratch")).blocks()
    made = [words(np.random.default_rng(k), *shape) for k, shape in enumerate(SHAPES)]
    for key, block in enumerate(made):
        blocks.put(key, block)
    return blocks, made


@pytest.mark.parametrize(("memory_bytes", "file_bytes"), [(None, 0), (10_000, 0), (2000, 1712), (0, 3632)])
def test_blocks_come_back_from_memory_and_from_the_file(
    tmp_path: Path, memory_bytes: int | None, file_bytes: int
) -> None:
    blocks, made = filled(memory_bytes, tmp_path)
    for key in (2, 0, 3, 1, 1):
        assert (blocks[key] == made[key]).all()
    assert blocks.file_bytes == file_bytes
    assert (tmp_path / ".fedray" / "scratch").exists() == (file_bytes > 0)


def test_the_file_has_no_name_and_is_the_owners_alone(tmp_path: Path) -> None:
    blocks, _ = filled(0, tmp_path)
    folder = tmp_path / ".fedray" / "scratch"
    assert list(folder.iterdir()) == []
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert blocks._file is not None
    told = os.fstat(blocks._file.fileno())
    assert stat.S_IMODE(told.st_mode) == 0o600
    assert told.st_nlink == 0


def test_the_file_holds_nothing_of_a_block_and_a_changed_one_is_said(tmp_path: Path) -> None:
    blocks, made = filled(0, tmp_path)
    assert blocks._file is not None
    there = os.pread(blocks._file.fileno(), 1 << 20, 0)
    assert len(there) == blocks.file_bytes
    assert not any(word.tobytes() in there for block in made for word in block.reshape(-1))
    os.pwrite(blocks._file.fileno(), bytes([there[7] ^ 1]), 7)
    with pytest.raises(DataError, match="cannot be read"):
        blocks[0]
    assert (blocks[1] == made[1]).all()


def test_a_block_of_many_pieces(tmp_path: Path) -> None:
    block = words(np.random.default_rng(0), 3, 50_000)
    blocks = Scratch(0, lambda: tmp_path).blocks()
    blocks.put("a", block)
    blocks.put("b", block[::-1])
    assert (blocks["a"] == block).all()
    assert (blocks["b"] == block[::-1]).all()


def test_a_disk_that_is_full_is_said(tmp_path: Path) -> None:
    def full() -> Path:
        raise OSError(28, "No space left on device")

    blocks = Scratch(0, full).blocks()
    with pytest.raises(DataError, match=r"cannot be written \(No space left on device\); make room on the disk"):
        blocks.put(0, np.zeros(3, np.uint64))


def test_a_file_that_was_cut_is_said(tmp_path: Path) -> None:
    blocks, _ = filled(0, tmp_path)
    assert blocks._file is not None
    os.ftruncate(blocks._file.fileno(), 100)
    with pytest.raises(DataError, match="cannot be read"):
        blocks[3]
