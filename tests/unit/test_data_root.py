"""No path that a request names leaves its folder."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedray.data.root import DataRoot
from fedray.data.wording import shorten
from fedray.errors import DataError


@pytest.fixture
def root(tmp_path: Path) -> DataRoot:
    party = tmp_path / "party"
    (party / "raw" / "sub").mkdir(parents=True)
    (party / "raw" / "t.csv").write_text("id,x\n1,2\n")
    (party / "raw" / "sub" / "u.csv").write_text("id,x\n1,2\n")
    (tmp_path / "outside.csv").write_text("id,x\n1,2\n")
    return DataRoot(party)


@pytest.mark.parametrize("relative", ["t.csv", "sub/u.csv", "./t.csv", "sub//u.csv"])
def test_files_inside(root: DataRoot, relative: str) -> None:
    assert root.raw_file(relative).read_text() == "id,x\n1,2\n"
    root.check_raw(relative)


@pytest.mark.parametrize(
    ("relative", "words"),
    [
        ("", "relative to the party's data root"),
        (".", "relative to the party's data root"),
        ("/etc/passwd", "absolute"),
        ("//etc/passwd", "absolute"),
        ("../outside.csv", "'..' is not allowed"),
        ("sub/../t.csv", "'..' is not allowed"),
        ("..", "'..' is not allowed"),
        ("a\0b", "printable"),
        ("a\nb", "printable"),
        ("missing.csv", "no such file"),
        ("t.csv/below", "no such file"),
        ("sub", "expected an ordinary file, got a folder"),
        ("x" * 300, "cannot be looked at"),
        ("x/" * 3000, "too long"),
    ],
)
def test_bad_raw_paths(root: DataRoot, relative: str, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        root.raw_file(relative)
    assert caught.value.message.startswith("raw_data_path")
    assert str(root.path) not in caught.value.message
    with pytest.raises(DataError, match=words):
        root.check_raw(relative)


def test_links(root: DataRoot, tmp_path: Path) -> None:
    raw = root.path / "raw"
    (raw / "in.csv").symlink_to("sub/u.csv")
    (raw / "insub").symlink_to("sub")
    (raw / "out.csv").symlink_to(tmp_path / "outside.csv")
    (raw / "outdir").symlink_to(tmp_path)
    (raw / "chain.csv").symlink_to("out.csv")
    (raw / "circle").symlink_to("circle")
    (raw / "dangling").symlink_to("nowhere")
    assert root.raw_file("in.csv") == (raw / "sub" / "u.csv").resolve()
    assert root.raw_file("insub/u.csv") == (raw / "sub" / "u.csv").resolve()
    for relative, words in [
        ("out.csv", "leads out"),
        ("outdir/outside.csv", "leads out"),
        ("outdir/nothing.csv", "leads out"),
        ("chain.csv", "leads out"),
        ("circle", "circle"),
        ("dangling", "no such file"),
    ]:
        with pytest.raises(DataError, match=words):
            root.raw_file(relative)


def test_the_base_folder_may_be_no_link_out(tmp_path: Path) -> None:
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "t.csv").write_text("x")
    (tmp_path / "party").mkdir()
    (tmp_path / "party" / "raw").symlink_to(tmp_path / "else")
    with pytest.raises(DataError, match="leads out"):
        DataRoot(tmp_path / "party").raw_file("t.csv")


def test_the_root_itself_may_be_a_link(root: DataRoot, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(root.path)
    assert DataRoot(tmp_path / "alias").raw_file("t.csv") == root.raw_file("t.csv")


def test_a_sibling_with_the_same_beginning_is_outside(root: DataRoot) -> None:
    (root.path / "raw2").mkdir()
    (root.path / "raw2" / "t.csv").write_text("x")
    (root.path / "raw" / "link").symlink_to("../raw2/t.csv")
    with pytest.raises(DataError, match="leads out"):
        root.raw_file("link")


def test_what_is_no_ordinary_file(root: DataRoot, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = root.path / "raw"
    os.mkfifo(raw / "pipe")
    monkeypatch.chdir(raw)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind("sock")
    with pytest.raises(DataError, match="named pipe"):
        root.raw_file("pipe")
    with pytest.raises(DataError, match="a socket"):
        root.raw_file("sock")


def test_a_device(root: DataRoot, monkeypatch: pytest.MonkeyPatch) -> None:
    device = Path(os.devnull).stat()
    monkeypatch.setattr(Path, "stat", lambda _: device)
    with pytest.raises(DataError, match="a device"):
        root.raw_file("t.csv")


def test_unreadable(root: DataRoot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(DataError, match="may not be read"):
        root.raw_file("t.csv")


def test_generated_dir(root: DataRoot, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data_path 'a/b': no such folder"):
        root.generated_dir("a/b", field="data_path")
    made = root.generated_dir("a/b", create=True)
    assert made == (root.path / "generated" / "a" / "b").resolve()
    assert {stat.S_IMODE(p.stat().st_mode) for p in (made, made.parent, made.parent.parent)} == {0o700}
    assert root.generated_dir("a/b") == made
    (made / "file").write_text("")
    (made / "out").symlink_to(tmp_path)
    for relative, words in [("a/b/file", "got a file"), ("a/b/out/x", "leads out"), ("../x", "not allowed")]:
        with pytest.raises(DataError, match=words):
            root.generated_dir(relative, create=True)
    assert not (tmp_path / "x").exists()
    with pytest.raises(DataError, match="cannot be made"):
        root.generated_dir("a/b/file/c", create=True)


def test_state_dir(root: DataRoot) -> None:
    assert root.state_dir("models/m1") == (root.path / ".fedray" / "models" / "m1").resolve()
    with pytest.raises(DataError, match="state folder"):
        root.state_dir("../raw")


def test_messages_are_short(root: DataRoot) -> None:
    with pytest.raises(DataError) as caught:
        root.raw_file("long/" * 100)
    assert len(caught.value.message) < 200
    assert shorten("a" * 80) == repr("a" * 80)
    assert len(shorten("a" * 81)) == 82


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.lists(st.sampled_from(["..", ".", "", "raw", "t.csv", "sub", "~", "\x00", "up"]), max_size=6).map("/".join))
def test_nothing_outside_is_ever_returned(root: DataRoot, relative: str) -> None:
    link = root.path / "raw" / "up"
    if not link.is_symlink():
        link.symlink_to("..")
    try:
        path = root.raw_file(relative)
    except DataError:
        return
    assert path.is_relative_to((root.path / "raw").resolve())
