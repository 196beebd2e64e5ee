"""The audit log: a chain that several processes lengthen and nobody shortens unseen."""

from __future__ import annotations

import json
import multiprocessing
import resource
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedray.errors import DataError, SpecError
from serve_api.doors.audit import AuditLog
from serve_api.doors.chain import START, Head, linked, text_of, verify


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "audit.jsonl"


def filled(file: Path, count: int = 6) -> AuditLog:
    log = AuditLog(file)
    for number in range(1, count + 1):
        assert log.append(who="alice", what=f"act {number}", outcome="done") == number
    return log


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines()


def rewrite(file: Path, new: list[str]) -> None:
    file.write_text("".join(f"{line}\n" for line in new))


def rehashed(line: str, **changes: object) -> str:
    """Return a line changed by somebody who knows how digests are made."""
    entry = {key: value for key, value in json.loads(line).items() if key not in {"seq", "before", "hash"}}
    seq, before = json.loads(line)["seq"], json.loads(line)["before"]
    return text_of(linked({**entry, **changes}, Head(seq - 1, before)))


def test_whole(file: Path) -> None:
    log = filled(file)
    verdict = log.verify()
    assert verdict.findings == ()
    assert verdict.head == log.head()
    assert verdict.head.seq == 6
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.with_suffix(".head").stat().st_mode & 0o777 == 0o600
    assert [entry["what"] for entry in log.entries(after=2, limit=2)] == ["act 3", "act 4"]
    assert log.entries()[0]["time"].endswith("Z")


def test_none_yet(file: Path) -> None:
    assert AuditLog(file).verify().head == START
    assert AuditLog(file).verify().findings == ()
    assert AuditLog(file).entries() == []


def test_goes_on_after_a_restart_and_with_another_writer(file: Path) -> None:
    first = filled(file, 2)
    second = AuditLog(file)
    assert second.append(what="other") == 3
    assert first.append(what="again") == 4
    assert first.verify().findings == ()


def _write(path: Path, count: int) -> None:
    log = AuditLog(path)
    for _ in range(count):
        log.append(what="x" * 200)


def test_several_processes_at_once(file: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write, args=(file, 40)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    verdict = AuditLog(file).verify()
    assert (verdict.head.seq, verdict.findings) == (160, ())


@pytest.mark.parametrize("place", [0, 2, 5])
def test_a_changed_line_is_named(file: Path, place: int) -> None:
    log, found = filled(file), lines(file)
    found[place] = found[place].replace("alice", "alicf")
    rewrite(file, found)
    (finding,) = log.verify().findings
    assert finding == f"line {place + 1} (entry {place + 1}) was changed: its digest is another"


@pytest.mark.parametrize("place", [0, 2, 4])
def test_a_changed_line_with_a_new_digest_is_named_by_the_next(file: Path, place: int) -> None:
    log, found = filled(file), lines(file)
    found[place] = rehashed(found[place], who="bob")
    rewrite(file, found)
    (finding,) = log.verify().findings
    assert (
        finding == f"line {place + 2} (entry {place + 2}) does not follow entry {place + 1}: one of the two was changed"
    )


def test_the_last_line_changed_with_a_new_digest(file: Path) -> None:
    log, found = filled(file), lines(file)
    rewrite(file, [*found[:-1], rehashed(found[-1], who="bob")])
    assert log.verify().findings == ("line 6 (entry 6) is not the entry that was noted: the log was written anew",)
    AuditLog(file).append(what="later")
    (finding,) = log.verify().findings
    assert finding.startswith("line 7 (entry 7) does not follow entry 6")


@pytest.mark.parametrize("place", [0, 3])
def test_a_removed_line_is_named(file: Path, place: int) -> None:
    log, found = filled(file), lines(file)
    del found[place]
    rewrite(file, found)
    (finding,) = log.verify().findings
    assert finding.startswith(
        f"line {place + 1} (entry {place + 2}) comes too early: entry {place + 1} should be before"
    )


@pytest.mark.parametrize("left", [0, 1, 4, 5])
@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("restarted", [False, True])
def test_lines_cut_off_at_the_end_are_named(file: Path, left: int, later: bool, restarted: bool) -> None:
    log = filled(file)
    rewrite(file, lines(file)[:left])
    if later:
        (AuditLog(file) if restarted else log).append(what="later")
        (finding,) = log.verify().findings
        missing = "entry 6" if left == 5 else f"entries {left + 1} to 6"
        assert f"(entry 7) comes too early: {missing} should be before it" in finding
    else:
        assert log.verify().findings == (f"the log ends with entry {left}: entries {left + 1} to 6 were removed",)


def test_reordered_lines_are_named(file: Path) -> None:
    log, found = filled(file), lines(file)
    found[2], found[3] = found[3], found[2]
    rewrite(file, found)
    findings = log.verify().findings
    assert findings[0].startswith("line 3 (entry 4) comes too early")
    assert findings[1].startswith("line 4 (entry 3) comes after entry 4: out of order")


def test_lines_that_are_none(file: Path) -> None:
    log, found = filled(file), lines(file)
    rewrite(file, [found[0], "{", "[]", "{}", found[1].replace(",", ", ", 1), *found[1:]])
    findings = log.verify().findings
    assert [finding.partition(" is no entry")[0] for finding in findings] == ["line 2", "line 3", "line 4", "line 5"]


def test_a_log_made_anew_is_found_by_a_noted_head(file: Path) -> None:
    noted = filled(file).head()
    file.unlink()
    file.with_suffix(".head").unlink()
    log = filled(file, 8)
    assert log.verify().findings == ()
    (finding,) = log.verify(Head.parse(str(noted))).findings
    assert finding == "line 6 (entry 6) is not the entry that was noted: the log was written anew"


@pytest.mark.parametrize("text", ["", "1", "x:y", "-1:" + "0" * 64, "1:" + "0" * 63])
def test_a_head_that_is_none(text: str) -> None:
    with pytest.raises(SpecError, match="--head"):
        Head.parse(text)


@given(st.data())
def test_no_single_change_goes_unseen(data: st.DataObject) -> None:
    last, entries = START, []
    for number in range(data.draw(st.integers(1, 8))):
        entry = linked({"what": f"act {number}", "who": "alice"}, last)
        last = Head(entry["seq"], entry["hash"])
        entries.append(entry)
    assert verify(entries, last).findings == ()
    kind = data.draw(st.sampled_from(["remove", "swap", "twice", "field", "cut"]))
    place = data.draw(st.integers(0, len(entries) - 1))
    changed = [dict(entry) for entry in entries]
    if kind == "remove":
        del changed[place]
    elif kind == "swap" and len(entries) > 1:
        other = data.draw(st.integers(0, len(entries) - 1).filter(lambda n: n != place))
        changed[place], changed[other] = changed[other], changed[place]
    elif kind == "twice":
        changed.insert(place, changed[place])
    elif kind == "cut":
        changed = changed[:place]
    else:
        key = data.draw(st.sampled_from(sorted(changed[place])))
        changed[place][key] = data.draw(st.integers(-5, 50).filter(lambda n: n != changed[place][key]))
    assert verify(changed, last).findings


def test_a_torn_line_goes_and_the_chain_goes_on(file: Path) -> None:
    log = filled(file, 3)
    with file.open("ab") as torn:
        torn.write(b'{"seq":4,"who"')
    assert "line 4 is no entry" in log.verify().findings[0]
    assert AuditLog(file).append(what="next") == 4
    assert log.verify().findings == ()


def test_a_head_that_lags_behind_a_killed_writer(file: Path) -> None:
    log = filled(file, 3)
    old = file.with_suffix(".head").read_bytes()
    log.append(what="last words")
    file.with_suffix(".head").write_bytes(old)
    assert AuditLog(file).verify().findings == ()
    assert AuditLog(file).append(what="next") == 5
    assert AuditLog(file).verify().findings == ()


def test_a_full_disk_leaves_nothing_of_a_line(file: Path) -> None:
    """A limit of the file's size stands for a full disk: the kernel writes a part and refuses the rest."""
    log = filled(file, 3)
    size = file.stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50, before[1]))
        with pytest.raises(DataError, match="cannot be written"):
            log.append(what="too much")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert file.stat().st_size == size
    assert log.append(what="room again") == 4
    assert log.verify().findings == ()


def test_a_folder_that_cannot_be_written() -> None:
    with pytest.raises(DataError, match="the audit log cannot be written"):
        AuditLog(Path("/proc/none/audit.jsonl")).append(what="x")


def test_a_broken_head(file: Path) -> None:
    log = filled(file, 1)
    file.with_suffix(".head").write_text("nonsense")
    with pytest.raises(DataError, match="expected the head"):
        log.verify()
    with pytest.raises(DataError, match="expected the head"):
        AuditLog(file).append(what="x")
