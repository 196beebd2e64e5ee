"""Raw tables: what is read is what was written, and each wrong file gets its own sentence."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedray.data import csv_text
from fedray.data import table as table_module
from fedray.data.root import DataRoot
from fedray.data.table import RawTable, read_table, read_tables
from fedray.errors import DataError


@pytest.fixture
def root(tmp_path: Path) -> DataRoot:
    (tmp_path / "raw").mkdir()
    return DataRoot(tmp_path)


def read(root: DataRoot, content: bytes, columns: Sequence[str | int] | None = None) -> RawTable:
    (root.path / "raw" / "t.csv").write_bytes(content)
    return read_table(root, "t.csv", columns)


def read_parquet(root: DataRoot, table: pa.Table) -> RawTable:
    pq.write_table(table, root.path / "raw" / "t.parquet")
    return read_table(root, "t.parquet")


def cells(table: RawTable) -> dict[str, list[str]]:
    return {table.id_name: table.ids.to_pylist(), **table.features.to_pydict()}


def test_text_stays_as_written(root: DataRoot) -> None:
    table = read(root, b"id,x,y\n007,1.50,NA\n 7 , 1,\n")
    assert cells(table) == {"id": ["007", "7"], "x": ["1.50", " 1"], "y": ["NA", ""]}


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfid,x\n1,2\n",
        b"id,x\r\n1,2\r\n",
        b"id,x\r1,2\r",
        b"id,x\n1,2",
        b"id,x\n\n1,2\n\n\n",
        b"\nid,x\n1,2\n",
        b'"id","x"\n"1","2"\n',
    ],
    ids=["bom", "crlf", "cr", "no last newline", "blank lines", "blank first line", "quoted"],
)
def test_dialects(root: DataRoot, content: bytes) -> None:
    assert cells(read(root, content)) == {"id": ["1"], "x": ["2"]}


def test_quoted_cells(root: DataRoot) -> None:
    table = read(root, b'"a,""b",x\n"1,5","say ""hi""\nthere"\n')
    assert cells(table) == {'a,"b': ["1,5"], "x": ['say "hi"\nthere']}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "expected a header row"),
        (b"\xef\xbb\xbf", "expected a header row"),
        (b"id,x\n", "has a header row only"),
        (b"id,x", "has a header row only"),
        (b"id\n1\n", "got the id column only"),
        (b"id,x\nplanted,2,3\n", "row 2 has 3 cells, but the header has 2"),
        (b"id,x\n1,2\n\n3,4\nplanted\n5,6,7\n", "row 4 has 1 cell, but the header has 2"),
        (b'id,x\n1,2\n"planted,2\n', "row 3 has 1 cell,"),
        (b"id,x,x\n1,2,3\n", "columns 2 and 3 have the same name"),
        (b"id,,y\n1,2,3\n", "column 2 has no name"),
        (b" ,x\n1,2\n", "column 1 has no name"),
        (b"id,x,\n1,2,\n", "column 3 has no name"),
        (b"id,x\nplanted,\xff\n", "not UTF-8"),
        (b"id,\xff\n1,2\n", "not UTF-8"),
        ("id,x\n1,2\n".encode("utf-16"), "not UTF-8"),
        (b"id,x\nplanted,1\nplanted,2\n", "1 row with an id that an earlier row has, first at row 3"),
        (b"id,x\n1,1\n ,2\n,2\n", "2 rows with an empty id, first at row 3"),
        (b"PAR1 but no Parquet planted", "damaged"),
        (b'id,"x\n' + b"y" * 200_000, "header row"),
    ],
)
def test_bad_files(root: DataRoot, content: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read(root, content)
    assert caught.value.message.startswith("'t.csv'")
    assert "planted" not in caught.value.message


def test_no_cause_carries_cells(root: DataRoot) -> None:
    with pytest.raises(DataError) as caught:
        read(root, b"id,x\nplanted,2,3\n")
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_the_ending_of_the_name_does_not_matter(root: DataRoot) -> None:
    (root.path / "raw" / "t.csv.gz").write_bytes(b"id,x\n1,2\n")
    assert cells(read_table(root, "t.csv.gz")) == {"id": ["1"], "x": ["2"]}


def test_row_numbers_far_into_a_file(root: DataRoot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_text, "_BLOCK_BYTES", 64)
    content = b"id,x\n" + b"".join(b"%d,1\n" % k for k in range(2, 1000))
    assert len(read(root, content).ids) == 998
    with pytest.raises(DataError, match="row 1000 has 3 cells"):
        read(root, content + b"1000,1,2\n1001,1\n")


def test_a_file_that_fails_while_it_is_read(root: DataRoot, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError(5, "Input/output error", "/secret/path")

    monkeypatch.setattr(table_module, "read_csv_text", fails)
    with pytest.raises(DataError, match=r"cannot be read \(Input/output error\)") as caught:
        read(root, b"id,x\n1,2\n")
    assert "secret" not in caught.value.message


def test_too_big(root: DataRoot) -> None:
    (root.path / "raw" / "t.csv").write_bytes(b"id,x\n1,2\n")
    with pytest.raises(DataError, match="the file has 9 bytes; at most 8 can be read"):
        read_table(root, "t.csv", max_bytes=8)
    # A small file that unpacks to a large table.
    pq.write_table(pa.table({"id": ["a" * 50_000, "b"], "x": [1, 2]}), root.path / "raw" / "t.pq", compression="zstd")
    size = (root.path / "raw" / "t.pq").stat().st_size
    assert size < 10_000
    with pytest.raises(DataError, match=r"the table has [0-9]+ bytes; at most"):
        read_table(root, "t.pq", max_bytes=size)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [(None, ["a", "b", "c"]), (["c", "a"], ["c", "a"]), ([2, 0], ["c", "a"]), (["b", 0], ["b", "a"])],
)
def test_columns(root: DataRoot, columns: list[str | int] | None, expected: list[str]) -> None:
    table = read(root, b"id,a,b,c\n1,x,y,z\n", columns)
    assert table.features.column_names == expected
    row = {"a": ["x"], "b": ["y"], "c": ["z"]}
    assert table.features.to_pydict() == {name: row[name] for name in expected}


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ([], "got an empty list"),
        (["d"], "has no column 'd'; it has 'a', 'b'"),
        (["id"], "is the id column"),
        ([2], "2 is no position in 't.csv'; expected 0 to 1"),
        ([-1], "-1 is no position"),
        ([True], "True is no position"),
        (["a", "a"], "'a' chooses a column of 't.csv' a second time"),
        (["b", 1], "1 chooses a column"),
    ],
)
def test_bad_columns(root: DataRoot, columns: list[str | int], words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read(root, b"id,a,b\n1,2,3\n", columns)
    assert caught.value.message.startswith("columns: ")


def test_drop_may_leave_nothing(root: DataRoot) -> None:
    (root.path / "raw" / "t.csv").write_bytes(b"id,x\n1,2\n1,3\n")
    with pytest.raises(DataError, match="leaves no row"):
        read_table(root, "t.csv", duplicates="drop")


def test_parquet_types(root: DataRoot) -> None:
    table = pa.table(
        {
            "id": pa.array([10**15, -7], pa.int64()),
            "i": pa.array([1, None], pa.uint8()),
            "f": pa.array([0.1, 1e300], pa.float64()),
            "g": pa.array([0.1, -0.5], pa.float32()),
            "h": pa.array([0.5, None], pa.float16()),
            "b": [True, False],
            "d": pa.array([Decimal("1.50"), Decimal("-2.25")]),
            "t": pa.array(["é", None]),
            "c": pa.array(["u", "v"]).dictionary_encode(),
            "n": pa.nulls(2),
        }
    )
    assert cells(read_parquet(root, table)) == {
        "id": ["1000000000000000", "-7"],
        "i": ["1", ""],
        "f": ["0.1", "1e+300"],
        "g": ["0.1", "-0.5"],
        "h": ["0.5", ""],
        "b": ["1", "0"],
        "d": ["1.50", "-2.25"],
        "t": ["é", ""],
        "c": ["u", "v"],
        "n": ["", ""],
    }


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"id": [1.0], "x": [1]}, "must be text or integers, got double"),
        ({"id": [True], "x": [1]}, "must be text or integers, got bool"),
        ({"id": ["a", None, None], "x": [1, 2, 3]}, "2 rows without an id, first at row 2"),
        ({"id": ["a", "a"], "x": [1, 2]}, "first at row 2"),
        ({"id": ["a"], "x": [[1]]}, "column 'x' must be text, numbers or booleans, got list"),
        ({"id": ["a"]}, "the id column only"),
        ({"id": ["a"], "": [1]}, "column 2 has no name"),
        ({"id": pa.array([], pa.string()), "x": pa.array([], pa.int8())}, "no record"),
        ({}, "no column"),
    ],
)
def test_bad_parquet(root: DataRoot, table: dict[str, object], words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_parquet(root, pa.table(table))


def test_parquet_cut_short(root: DataRoot) -> None:
    pq.write_table(pa.table({"id": ["a"], "x": [1]}), root.path / "raw" / "t.csv")
    content = (root.path / "raw" / "t.csv").read_bytes()
    with pytest.raises(DataError, match="damaged"):
        read(root, content[:-20])


def test_parquet_of_many_row_groups(root: DataRoot) -> None:
    table = pa.table({"id": [str(k) for k in range(100)], "x": range(100)})
    pq.write_table(table, root.path / "raw" / "t.parquet", row_group_size=7)
    read_back = read_table(root, "t.parquet")
    assert read_back.ids.to_pylist() == [str(k) for k in range(100)]
    assert read_back.features.column(0).num_chunks == 1


@pytest.mark.parametrize("names", [("t.csv", "t.parquet"), ("t.parquet", "t.csv")])
@pytest.mark.parametrize("ids", [["c", "d"], [3, 4]])
def test_tables_of_both_kinds_are_put_together(root: DataRoot, names: tuple[str, str], ids: list[object]) -> None:
    (root.path / "raw" / "t.csv").write_bytes(b"id,x,y\na,1,u\nb,2.5,v\n")
    pq.write_table(pa.table({"id": ids, "x": [3, 4], "y": pa.array(["w", "z"])}), root.path / "raw" / "t.parquet")
    parts = {"t.csv": (["a", "b"], ["1", "2.5"], ["u", "v"]), "t.parquet": ([*map(str, ids)], ["3", "4"], ["w", "z"])}
    found = cells(read_tables(root, names))
    assert list(found.values()) == [parts[names[0]][k] + parts[names[1]][k] for k in range(3)]


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=20))
def test_any_cells_written_by_python(root: DataRoot, rows: list[tuple[str, str]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(["id", "x", "y"])
    writer.writerows((f"i{k}", *row) for k, row in enumerate(rows))
    table = read(root, text.getvalue().encode())
    assert list(zip(*table.features.to_pydict().values(), strict=True)) == rows
