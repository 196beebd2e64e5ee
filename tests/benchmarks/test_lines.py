"""Lines become tables of a page and plots, the same ones each time."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from benchmarks.lines import Line, read, spread
from benchmarks.machine import THREADS, cores, limited_threads
from benchmarks.page import BLOCKS, fill, render
from benchmarks.plot import draw
from benchmarks.tables import TABLES
from fedray.errors import DataError
from tests.docs.blocks import ROOT

PAGE = ROOT / "docs/benchmarks.md"
FILES = sorted((ROOT / "docs/benchmarks").glob("*.jsonl"))


def committed() -> list[Line]:
    return list(read(FILES))


def test_every_table_has_committed_lines() -> None:
    assert {file.stem for file in FILES} == set(TABLES)
    for file in FILES:
        assert {line["bench"] for line in read([file])} == {file.stem}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_committed_lines_name_no_place_of_a_machine(file: Path) -> None:
    assert not re.search(r"/\w", file.read_text(encoding="utf-8"))


def test_the_page_holds_the_committed_lines() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert render(text, committed()) == text
    assert set(re.findall(r"^<!-- (?!end)([\w-]+) -->$", text, re.MULTILINE)) == set(BLOCKS)


def test_the_page_shows_every_plot_and_plots_are_drawn_the_same_twice(tmp_path: Path) -> None:
    drawn = draw(committed(), tmp_path / "one")
    again = draw(committed(), tmp_path / "two")
    assert [file.read_bytes() for file in drawn] == [file.read_bytes() for file in again]
    shown = set(re.findall(r"!\[[^]]+\]\(images/([\w-]+\.svg)\)", PAGE.read_text(encoding="utf-8")))
    assert shown == {file.name for file in drawn}
    assert shown == {file.name for file in (ROOT / "docs/images").glob("*.svg")}
    assert all(b"<svg" in file.read_bytes() for file in drawn)


def test_nothing_to_draw(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no line of sweep, ops, dealer or scaling"):
        draw([{"bench": "memory"}], tmp_path)


def test_a_page_is_filled_between_its_marks_only(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- memory -->\nold\n<!-- end -->\nbetween\n<!-- align -->\nkept\n<!-- end -->\nafter\n")
    fill(page, [{"bench": "memory", "processes": 3, "pss_mb": 1234.4}])
    wanted = "| processes | MiB (PSS) |\n| --- | --- |\n| 3 | 1234 |"
    kept = "between\n<!-- align -->\nkept\n<!-- end -->\nafter\n"
    assert page.read_text() == f"before\n<!-- memory -->\n{wanted}\n<!-- end -->\n{kept}"
    assert [file.name for file in tmp_path.iterdir()] == ["page.md"]


@pytest.mark.parametrize("text", ["no marks\n", "<!-- strange -->\n<!-- end -->\n"])
def test_a_page_without_known_marks(text: str) -> None:
    with pytest.raises(DataError, match="expected marks"):
        render(text, [])


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1}'])
def test_a_line_that_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(f'{{"bench": "ops"}}\n{text}\n')
    with pytest.raises(DataError, match=r"x\.jsonl, line 2: expected a JSON object with a field bench"):
        list(read([tmp_path / "x.jsonl"]))
    with pytest.raises(DataError, match=r"y\.jsonl: no such file"):
        list(read([tmp_path / "y.jsonl"]))


def test_spread() -> None:
    assert spread("s", [3.0, 1.0, 9.0]) == {"s": 3.0, "s_min": 1.0, "s_max": 9.0, "runs": 3}


def test_threads_are_limited_in_the_block_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(THREADS[0], "7")
    monkeypatch.delenv(THREADS[1], raising=False)
    with limited_threads(10 * cores()) as threads:
        assert threads == 1
        assert [os.environ[name] for name in THREADS] == ["1"] * len(THREADS)
    assert os.environ[THREADS[0]] == "7"
    assert THREADS[1] not in os.environ
    with limited_threads(1) as threads:
        assert threads == cores()
