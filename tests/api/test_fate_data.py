"""FATE-Flow: tables uploaded, told of, downloaded, deleted."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from fedray.errors import DataError
from serve_api.doors.roles import Role, right_to
from serve_api.fate_flow import loading
from serve_api.fate_flow.loading import Source, load
from tests.api.conftest import World
from tests.api.fate import Fate

TABLE = "id,y,x0\na,1,0.5\nb,0,1.5\nc,1,2.5\n"


@pytest.fixture
def fate(world: World, tmp_path: Path) -> Fate:
    return Fate(world, tmp_path)


def info(fate: Fate, name: str = "guest") -> dict[str, object]:
    told = fate.post("table/table_info", {"namespace": "exp", "table_name": name})
    assert told["retcode"] == 0
    found: dict[str, object] = told["data"]
    return found


def content(fate: Fate, name: str = "guest") -> str:
    entry = fate.desk.tables.find("exp", name)
    assert entry is not None
    return (fate.root / "raw" / entry.file).read_text()


def test_an_upload_is_a_job_and_a_table(fate: Fate) -> None:
    told = fate.table(TABLE)
    assert re.fullmatch(r"\d{20}\d+", told["jobId"])
    assert told["data"]["table_name"] == "guest"
    assert told["data"]["board_url"].endswith(f"job_id={told['jobId']}&role=local&party_id=0")
    row = fate.ended(told["jobId"])
    assert (row["f_role"], row["f_party_id"], row["f_progress"], row["f_tag"]) == ("local", "0", 100, "job_end")
    assert {"f_dsl", "f_runtime_conf"} <= set(row)
    assert info(fate) == {
        "table_name": "guest",
        "namespace": "exp",
        "exist": 1,
        "count": 3,
        "partition": 4,
        "schema": {"header": "y,x0", "sid": "id"},
    }
    about = {"job_id": told["jobId"], "role": "local", "party_id": 0, "component_name": "upload_0"}
    metric = {"data": [["count", 3]], "meta": {"name": "upload", "metric_type": "UPLOAD"}}
    assert fate.post("tracking/component/metric/all", about)["data"] == {"upload": {"data_access": metric}}
    assert fate.post("tracking/component/metrics", about)["data"] == {"upload": ["data_access"]}
    (task,) = fate.post("job/task/query", {"job_id": told["jobId"]})["data"]
    assert (task["f_component_name"], task["f_status"]) == ("upload_0", "success")
    assert fate.post("tracking/component/parameters", about)["data"]["UploadParam"]["name"] == "guest"
    assert not list((fate.root / ".fedray/fate-incoming").iterdir())


def test_one_metric(fate: Fate) -> None:
    about = {"job_id": fate.table(TABLE)["jobId"], "component_name": "upload_0", "metric_namespace": "upload"}
    meta = {"name": "upload", "metric_type": "UPLOAD"}
    wanted = {"retcode": 0, "retmsg": "success", "data": [["count", 3]], "meta": meta}
    for spelling in ("metric_name", "meric_name"):  # the second as FATE's document has it
        assert fate.post("tracking/component/metric_data", {**about, spelling: "data_access"}) == wanted


def test_the_query_string_of_fate_1_4(fate: Fate) -> None:
    pairs = {"file": "examples/data/x.csv", "head": "1", "partition": "10", "work_mode": "0", "namespace": "exp"}
    query = urlencode({**pairs, "table_name": "guest", "function": "upload", "config": "a b"})
    reply = fate.http.post(f"/v1/data/upload?{query}", files={"file": ("x.csv", TABLE.encode())})
    assert reply.json()["retcode"] == 0
    assert fate.ended(reply.json()["jobId"])["f_status"] == "success"
    assert info(fate)["partition"] == 10


def test_a_file_of_the_server_is_read_only_where_the_operator_allows_it(fate: Fate, tmp_path: Path) -> None:
    conf = {"head": 1, "partition": 1, "work_mode": 0, "namespace": "exp", "table_name": "t", "use_local_data": 0}
    secret = tmp_path / "secret.csv"
    secret.write_text(TABLE)
    refused = fate.post("data/upload", {**conf, "file": str(secret)})
    assert refused["retcode"] == 100
    assert "--fate-folder" in refused["retmsg"]
    (tmp_path / "exchange").mkdir()
    (tmp_path / "exchange/link.csv").symlink_to(secret)
    assert fate.post("data/upload", {**conf, "file": "link.csv"})["retcode"] == 100
    (tmp_path / "exchange/t.csv").write_text(TABLE)
    for path in ("t.csv", str(tmp_path / "exchange/t.csv")):
        told = fate.post("data/upload", {**conf, "file": path, "drop": 1})
        assert fate.ended(told["jobId"])["f_status"] == "success"
    assert (tmp_path / "exchange/t.csv").read_text() == TABLE
    assert fate.post("data/upload", {**conf, "file": "none.csv"})["retcode"] == 100


@pytest.mark.parametrize("missing", ["namespace", "table_name", "file", "head", "partition", "work_mode"])
def test_a_missing_argument_is_named(fate: Fate, missing: str) -> None:
    told = fate.upload(TABLE, **{missing: None})
    assert told == {"retcode": 100, "retmsg": f"the following arguments are required: {missing} "}


@pytest.mark.parametrize(
    ("field", "value"),
    [("head", 2), ("partition", 0), ("partition", "many"), ("work_mode", 1), ("id_delimiter", ";;"), ("drop", 3)],
)
def test_a_wrong_argument_is_named(fate: Fate, field: str, value: object) -> None:
    told = fate.upload(TABLE, **{field: value})
    assert told["retcode"] == 100
    assert told["retmsg"].startswith(field)
    assert not list((fate.root / ".fedray").glob("fate-incoming/*"))


def test_drop_says_what_becomes_of_a_table_that_is_there(fate: Fate) -> None:
    fate.table(TABLE)
    refused = fate.upload(TABLE)
    assert refused == {"retcode": 100, "retmsg": "The data table already exists, table data count:3."}
    fate.table("id,y,x0\nc,0,9\nd,1,8\n", drop=0)
    assert content(fate) == "id,y,x0\na,1,0.5\nb,0,1.5\nc,0,9\nd,1,8\n"
    told = fate.upload("id,z\na,1\n", drop=0)
    assert fate.ended(told["jobId"])["f_status"] == "failed"
    assert info(fate)["count"] == 4
    fate.table("id,z\nq,1\n", drop=1)
    assert content(fate) == "id,z\nq,1\n"
    assert len(list((fate.root / "raw/fate").iterdir())) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("id,y\na,1\nb,2,3\n", "line 3: expected 2 cells"),
        ("id,y\n", "at least one row"),
        ("", "got no line"),
        ("id\na\n", "line 1"),
        ("id,y,y\na,1,2\n", "line 1"),
        (b"id,y\na,\xff\n", "line 2: expected UTF-8"),
    ],
)
def test_a_bad_file_fails_the_job_and_the_log_says_where(fate: Fate, text: str | bytes, told: str) -> None:
    job = fate.upload(text)["jobId"]
    assert fate.ended(job)["f_status"] == "failed"
    assert info(fate)["exist"] == 0
    assert told in str(fate.desk.states.of(fate.desk.book.get(job)).tasks[0].message)  # type: ignore[arg-type]
    assert not (fate.root / "raw/fate").exists() or not list((fate.root / "raw/fate").iterdir())


def test_rows_as_fate_reads_them(fate: Fate) -> None:
    fate.table("\ufeffid\ty\r\na\t1\r\n\r\na\t2\r\nb\t3", name="tabs")
    assert content(fate, "tabs") == "id,y\na,2\nb,3\n"
    fate.table("a;1;x,y\nb;2;z\n", name="plain", head=0, id_delimiter=";")
    assert content(fate, "plain") == 'id,x0,x1\na,1,"x,y"\nb,2,z\n'


def test_a_body_that_is_no_form_or_too_large(world: World, tmp_path: Path) -> None:
    small = Fate(world, tmp_path, most_bytes=400)
    assert "at most 400 bytes" in small.upload("id,y\n" + "a,1\n" * 100)["retmsg"]
    query = "namespace=n&table_name=t&file=f&head=1&partition=1&work_mode=0"
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    for body in (b"", b"--b", b"--b\r\nX: y\r\n\r\nno end", b"--b--", b"junk"):
        reply = small.http.post(f"/v1/data/upload?{query}", content=body, headers=kind)
        assert (reply.status_code, reply.json()["retcode"]) == (200, 100)
    plain = small.http.post(f"/v1/data/upload?{query}", content=b"", headers={"Content-Type": "multipart/form-data"})
    assert plain.json()["retcode"] == 100
    assert not list((tmp_path / ".fedray").glob("fate-incoming/*"))


def test_history(fate: Fate) -> None:
    assert fate.post("data/upload/history", {})["data"] == []
    first, second = fate.table(TABLE)["jobId"], fate.table(TABLE, "host")["jobId"]
    told = fate.post("data/upload/history", {"limit": 10})["data"]
    assert [list(one) for one in told] == [[second], [first]]
    assert told[1][first] == {
        "upload_info": {
            "table_name": "guest",
            "namespace": "exp",
            "partition": 4,
            "upload_count": 3,
            "actual_count": 3,
        },
        "notes": "",
        "meta": {"header": "y,x0", "sid": "id"},
        "schema": {"header": "y,x0", "sid": "id"},
    }
    assert len(fate.post("data/upload/history", {"limit": 1})["data"]) == 1
    assert [*fate.post("data/upload/history", {"job_id": first})["data"][0]] == [first]


def test_a_download_writes_below_the_folder_that_the_operator_has_opened(fate: Fate, tmp_path: Path) -> None:
    fate.table(TABLE)
    conf = {"work_mode": 0, "namespace": "exp", "table_name": "guest", "delimiter": ";"}
    outside = fate.post("data/download", {**conf, "output_path": str(tmp_path / "out.csv")})
    assert (outside["retcode"], (tmp_path / "out.csv").exists()) == (100, False)
    target = tmp_path / "exchange/deep/out.csv"
    told = fate.post("data/download", {**conf, "output_path": str(target)})
    assert fate.ended(told["jobId"])["f_status"] == "success"
    assert target.read_text() == "a;1;0.5\nb;0;1.5\nc;1;2.5\n"
    about = {"job_id": told["jobId"], "component_name": "download_0"}
    metric = fate.post("tracking/component/metric/all", about)["data"]["download"]["data_access"]
    assert metric == {"data": [["count", 3]], "meta": {"name": "download", "metric_type": "DOWNLOAD"}}
    missing = fate.post("data/download", {**conf, "table_name": "none", "output_path": str(target)})
    assert missing["retcode"] == 100
    assert "output_path" in fate.post("data/download", conf)["retmsg"]


def test_a_table_is_deleted(fate: Fate) -> None:
    fate.table(TABLE)
    named = {"namespace": "exp", "table_name": "guest"}
    assert fate.post("table/delete", named) == {"retcode": 0, "retmsg": "success", "data": named | {}}
    assert not list((fate.root / "raw/fate").iterdir())
    assert fate.post("table/delete", named)["retcode"] == 101
    assert info(fate) == {**named, "exist": 0, "count": 0, "partition": None, "schema": {}}
    assert fate.post("table/delete", {"job_id": "1"})["retcode"] == 101
    assert fate.post("table/table_info", {"namespace": "exp"})["retcode"] == 100


def test_chores_of_a_process_that_ended_have_failed(fate: Fate, world: World) -> None:
    job = fate.upload(TABLE)["jobId"]
    fate.ended(job)
    fate.desk.book.change(job, chore={**(fate.desk.book.get(job).chore or {}), "status": "running"})  # type: ignore[union-attr]
    again = Fate(world, fate.root)
    assert again.ended(job)["f_status"] == "failed"


def test_what_an_upload_has_left_when_its_process_ended_is_removed(fate: Fate, world: World) -> None:
    job = fate.table(TABLE)["jobId"]
    fate.table(TABLE, "other")
    fate.post("table/delete", {"namespace": "exp", "table_name": "guest"})
    fate.desk.book.change(job, chore={**(fate.desk.book.get(job).chore or {}), "status": "running"})  # type: ignore[union-attr]
    left = [fate.root / f"raw/fate/{name}" for name in (f"{job}.csv", f"{job}.new", "mine.csv")]
    for path in left:
        path.write_text("a")
    Fate(world, fate.root)
    assert [path.exists() for path in left] == [False, False, True]
    assert content(fate, "other") == TABLE


def test_uploads_of_one_name_take_turns(fate: Fate, monkeypatch: pytest.MonkeyPatch) -> None:
    met = threading.Barrier(2)

    def slow(*args: Any) -> Any:
        try:  # both at once, unless they take turns
            met.wait(0.2)
        except threading.BrokenBarrierError:
            met.reset()
        return load(*args)

    monkeypatch.setattr("serve_api.fate_flow.data.load", slow)
    adding = [fate.upload(f"id,y,x0\n{row},1,2\n", drop=0)["jobId"] for row in "ab"]
    assert [fate.ended(job)["f_status"] for job in adding] == ["success", "success"]
    assert info(fate)["count"] == 2


def test_of_two_uploads_that_want_a_new_table_one_gets_it(fate: Fate, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()

    def held(*args: Any) -> Any:
        go.wait(10)
        return load(*args)

    monkeypatch.setattr("serve_api.fate_flow.data.load", held)
    jobs = [fate.upload(f"id,y\n{row},1\n", drop=2)["jobId"] for row in "ab"]
    go.set()
    assert sorted(fate.ended(job)["f_status"] for job in jobs) == ["failed", "success"]
    assert info(fate)["count"] == 1


def test_a_download_is_for_its_owner_alone(fate: Fate) -> None:
    fate.table(TABLE)
    folder = fate.root / "exchange"
    folder.mkdir()
    conf = {"work_mode": 0, "namespace": "exp", "table_name": "guest", "output_path": "out.csv"}
    assert fate.ended(fate.post("data/download", conf)["jobId"])["f_status"] == "success"
    assert [(path.name, path.stat().st_mode & 0o777) for path in folder.iterdir()] == [("out.csv", 0o600)]


def test_lines_cells_and_rows_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source(tmp_path / "in.csv", head=True)

    def told(text: str, most_rows: int = 10) -> str:
        source.path.write_text(text)
        with pytest.raises(DataError) as caught:
            load(source, tmp_path / "out.csv", None, lambda _: None, most_rows)
        return str(caught.value)

    assert "expected at most 2 rows" in told("id,y\na,1\nb,1\nc,1\n", 2)
    assert "line 2: expected cells of at most" in told('id,y\na,"' + "1" * 200_000 + '"\n')
    monkeypatch.setattr(loading, "_LONGEST", 1000)
    assert "line 2: expected at most 1000 bytes" in told("id,y\na," + "1" * 1000)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


@pytest.mark.parametrize(
    "route",
    [
        ("POST", "/v1/tracking/component/metric/all"),  # a reader's metric has the first rows of its table
        ("POST", "/v1/tracking/component/metric_data"),
        ("POST", "/v1/tracking/component/output/model"),  # statistics have the least and the most of a column
        ("POST", "/v1/tracking/component/summary/download"),
        ("POST", "/v1/model/transfer"),
        ("GET", "/v1/model/export"),
        ("POST", "/v1/tracking/component/output/data"),
        ("GET", "/v1/tracking/component/output/data/download"),
    ],
)
def test_what_tells_values_is_not_for_whoever_reads_and_is_in_the_audit_log(route: tuple[str, str]) -> None:
    right = right_to(*route)
    assert right.roles == frozenset({Role.SUBMITTER, Role.ADMIN})
    assert right.changes


def test_an_upload_that_is_stopped_makes_no_table(fate: Fate, monkeypatch: pytest.MonkeyPatch) -> None:
    here, go = threading.Event(), threading.Event()

    def held(*args: Any) -> Any:
        made = load(*args)
        here.set()
        go.wait(10)
        return made

    monkeypatch.setattr("serve_api.fate_flow.data.load", held)
    job = fate.upload(TABLE)["jobId"]
    assert here.wait(10)
    assert fate.post("job/stop", {"job_id": job})["retcode"] == 0
    monkeypatch.undo()
    go.set()
    fate.table(TABLE)  # which takes its turn
    assert fate.ended(job)["f_status"] == "canceled"
    assert [path.name for path in (fate.root / "raw/fate").iterdir()] != [f"{job}.csv"]
    assert len(list((fate.root / "raw/fate").iterdir())) == 1


def test_what_stands_between_cells_can_be_printed(fate: Fate) -> None:
    fate.table(TABLE)
    conf = {"work_mode": 0, "namespace": "exp", "table_name": "guest", "output_path": "out.csv"}
    for odd in ("\n", "\0", "\r", 3, ""):
        assert "id_delimiter" in fate.upload(TABLE, "other", id_delimiter=odd)["retmsg"]
        assert "delimiter" in fate.post("data/download", {**conf, "delimiter": odd})["retmsg"]
    fate.table("id\ty\na\t1\n", "tabs", id_delimiter="\t")
    assert content(fate, "tabs") == "id,y\na,1\n"
