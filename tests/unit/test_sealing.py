"""What a party keeps is sealed with its key: bytes on the disk say nothing, and nothing opens at another place."""

from __future__ import annotations

import os
import re
import stat
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from fedray.data.party_key import DEFAULT_FILE, FILE_VARIABLE, KEY_VARIABLE, KeySetting, load_key
from fedray.data.root import DataRoot, sealed_folder_at
from fedray.data.sealing import PartyKey
from fedray.errors import DataError, PartyKeyError
from serve_api.cli.exit_codes import CliError
from serve_api.cli.main import build_cli
from tests.parties import words

KEY = PartyKey(bytes(range(32)))
HEX = bytes(range(32)).hex()
PLACE = "models/t/0-feature_client/shares.npz"


@given(content=st.binary(max_size=200))
@settings(deadline=None, max_examples=30)
def test_what_is_sealed_opens_at_its_place(content: bytes) -> None:
    assert KEY.open(PLACE, KEY.seal(PLACE, content)) == content


def test_a_long_file_opens_too() -> None:
    content = words(np.random.default_rng(0), 300_000).tobytes()
    assert KEY.open(PLACE, KEY.seal(PLACE, content)) == content


def test_nothing_of_the_content_is_in_the_sealed_bytes_and_no_two_are_alike() -> None:
    shares = words(np.random.default_rng(1), 400)
    one, other = (KEY.seal(PLACE, shares.tobytes()) for _ in range(2))
    assert one.startswith(b"fedray sealed 1 " + KEY.name.encode() + b"\n")
    for word in shares:
        assert word.tobytes() not in one
    head = len(one) - len(shares.tobytes()) - 16
    assert one[head:] != other[head:]


def test_every_flipped_byte_is_seen() -> None:
    sealed = KEY.seal(PLACE, b"some content")
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(DataError):
            KEY.open(PLACE, bytes(changed))
    for size in range(len(sealed)):
        with pytest.raises(DataError):
            KEY.open(PLACE, sealed[:size])
    with pytest.raises(DataError):
        KEY.open(PLACE, sealed + b"x")


@pytest.mark.parametrize(
    "place",
    ["models/u/0-feature_client/shares.npz", "models/t/1-feature_client/shares.npz", PLACE.replace("shares", "other")],
)
def test_a_file_opens_at_no_other_place(place: str) -> None:
    with pytest.raises(DataError, match=r"npz is damaged, was put there from another place"):
        KEY.open(place, KEY.seal(PLACE, b"content"))


def test_another_key_is_said() -> None:
    other = PartyKey(bytes(32))
    with pytest.raises(
        PartyKeyError, match=r"shares.npz was sealed with another key than the party's \([0-9a-f]{16}\)"
    ):
        other.open(PLACE, KEY.seal(PLACE, b"content"))


def test_another_version_and_no_seal_at_all() -> None:
    later = KEY.seal(PLACE, b"content").replace(b"sealed 1", b"sealed 2", 1)
    with pytest.raises(DataError, match="of another version"):
        KEY.open(PLACE, later)
    with pytest.raises(DataError, match="is not sealed with the party's key"):
        KEY.open(PLACE, b'{"format": 1}')


def test_files_of_two_tasks_cannot_change_places(tmp_path: Path) -> None:
    root = DataRoot(tmp_path)
    one, other = root.sealed_dir("models/a/0-label_client"), root.sealed_dir("models/b/0-label_client")
    one.write("shares.npz", b"one")
    other.write("shares.npz", b"other")
    (one.path / "shares.npz").replace(other.path / "shares.npz")
    with pytest.raises(DataError, match="from another place"):
        other.read("shares.npz")


def test_a_root_that_moves_with_its_key_opens(tmp_path: Path) -> None:
    DataRoot(tmp_path / "a").sealed_dir("models/t").write("f", b"content")
    (tmp_path / "a").rename(tmp_path / "b")
    assert DataRoot(tmp_path / "b").sealed_dir("models/t", create=False).read("f") == b"content"
    assert sealed_folder_at(tmp_path / "b/.fedray/models/t", KeySetting()).read("f") == b"content"


def test_a_folder_that_is_no_party_s_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"below .fedray of a party's data root"):
        sealed_folder_at(tmp_path, KeySetting())


def test_the_default_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    keys = []
    threads = [threading.Thread(target=lambda: keys.append(DataRoot(tmp_path).party_key(create=True))) for _ in "12345"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({key.name for key in keys}) == 1
    assert len(keys) == 5
    assert [path.name for path in (tmp_path / ".fedray").iterdir()] == [DEFAULT_FILE]
    assert stat.S_IMODE((tmp_path / ".fedray" / DEFAULT_FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / ".fedray").stat().st_mode) == 0o700


def test_nothing_is_opened_with_a_new_key_where_the_old_one_is_lost(tmp_path: Path) -> None:
    folder = DataRoot(tmp_path).sealed_dir("models/t")
    folder.write("f", b"content")
    (tmp_path / ".fedray" / DEFAULT_FILE).unlink()
    with pytest.raises(PartyKeyError, match=r".fedray/party.key: the party's key cannot be read \(No such file"):
        folder.read("f")
    assert not (tmp_path / ".fedray" / DEFAULT_FILE).exists()


def test_the_owner_opens_a_file_on_the_command_line(tmp_path: Path) -> None:
    folder = DataRoot(tmp_path).sealed_dir("statistics/t/0-feature_client")
    folder.write("statistics.json", b"{}\xff")
    file, out = str(folder.path / "statistics.json"), tmp_path / "out"
    assert CliRunner().invoke(build_cli(), ["unseal", file]).stdout_bytes == b"{}\xff"
    assert CliRunner().invoke(build_cli(), ["unseal", file, "--out", str(out)]).exit_code == 0
    assert out.read_bytes() == b"{}\xff"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("file", "more", "said"),
    [
        (".fedray/d/none", (), "FILE: .*: No such file"),
        ("none", (), "expected a folder below .fedray"),
        (".fedray/none/f", (), "no such folder"),
        (".fedray/d/plain", (), "plain is not sealed"),
        (".fedray/d/f", ("--out", "/"), "--out: /: File exists"),
    ],
)
def test_what_cannot_be_opened_is_said(tmp_path: Path, file: str, more: tuple[str, ...], said: str) -> None:
    folder = DataRoot(tmp_path).sealed_dir("d")
    folder.write("f", b"content")
    (folder.path / "plain").write_bytes(b"content")
    error = CliRunner().invoke(build_cli(), ["unseal", str(tmp_path / file), *more]).exception
    assert isinstance(error, CliError)
    assert re.search(said, error.message)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "key"
    file.write_text(HEX)
    file.chmod(mode)
    with pytest.raises(PartyKeyError, match=f"{FILE_VARIABLE}: expected a file that belongs .* chmod 600 it"):
        load_key(KeySetting(str(file)), tmp_path, create=True)
    DataRoot(tmp_path).party_key(create=True)
    (tmp_path / ".fedray" / DEFAULT_FILE).chmod(mode)
    with pytest.raises(PartyKeyError, match="chmod 600 it"):
        DataRoot(tmp_path).sealed_dir("d").write("f", b"")


def test_a_named_key_is_used_and_never_made(tmp_path: Path) -> None:
    file = tmp_path / "elsewhere"
    root = DataRoot(tmp_path / "root", KeySetting(str(file)))
    with pytest.raises(PartyKeyError, match=f"{FILE_VARIABLE}: the party's key cannot be read"):
        root.sealed_dir("d").write("f", b"content")
    file.write_text(f"{HEX}\n")
    file.chmod(0o400)
    root.sealed_dir("d").write("f", b"content")
    assert not (tmp_path / "root" / ".fedray" / DEFAULT_FILE).exists()
    given = DataRoot(tmp_path / "root", KeySetting.from_environment({KEY_VARIABLE: HEX}))
    assert given.sealed_dir("d").read("f") == b"content"
    assert HEX not in repr(given)


WRONG = ["", "00", HEX + "00", "zz" * 32, "\xff" * 64]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_key_is_refused_without_being_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "key"
    file.write_bytes(text.encode("latin-1"))
    file.chmod(0o600)
    with pytest.raises(PartyKeyError, match="expected 64 hexadecimal digits") as caught:
        load_key(KeySetting(str(file)), tmp_path, create=False)
    assert not text or text not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_both_ways_to_name_a_key_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PartyKeyError, match="expected one of"):
        load_key(KeySetting("file", HEX), tmp_path, create=True)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "key", 0o600)
    with pytest.raises(PartyKeyError, match="expected an ordinary file"):
        load_key(KeySetting(str(tmp_path / "key")), tmp_path, create=False)
