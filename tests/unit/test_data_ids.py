"""Ids: one normal form each, and no duplicates."""

from __future__ import annotations

import itertools
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedray.data.ids import MAX_ID_BYTES, DuplicatePolicy, normalise, rows_to_keep, text_bytes, text_offsets
from fedray.errors import DataError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SPACY = st.text(st.sampled_from(list("a\u0308 \t\x1c\x85\xa0\u2000\u3000é\ufeff")), max_size=8)


def large(ids: list[str]) -> pa.LargeStringArray:
    return pa.array(ids, pa.large_string())


@given(st.lists(TEXT | SPACY, max_size=20))
def test_normal_form_is_that_of_python(ids: list[str]) -> None:
    assert normalise(large(ids)).to_pylist() == [unicodedata.normalize("NFC", i).strip() for i in ids]


@given(SPACY, SPACY)
def test_normal_form_depends_on_the_id_alone(a: str, b: str) -> None:
    assert normalise(large([a, b]))[0].as_py() == normalise(large([a]))[0].as_py()


def test_numbers_stay_text() -> None:
    ids = ["007", "7", "7.0", "1e3", "+7", "0x7"]
    assert normalise(large(ids)).to_pylist() == ids


@given(st.lists(TEXT, max_size=20), st.integers(0, 5), st.integers(0, 10))
def test_bytes_and_offsets_of_a_slice(ids: list[str], start: int, length: int) -> None:
    part = large(ids).slice(start, length)
    wanted = [i.encode() for i in ids[start : start + length]]
    offsets = text_offsets(part) - text_offsets(part)[0]
    data = text_bytes(part).tobytes()
    assert data == b"".join(wanted)
    assert [data[a:b] for a, b in itertools.pairwise(offsets)] == wanted


@given(st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=30))
def test_policies_against_counting(ids: list[str]) -> None:
    first = rows_to_keep(large(ids), "first", "f", 2)
    drop = rows_to_keep(large(ids), "drop", "f", 2)
    if len(set(ids)) == len(ids):
        assert first is None
        assert drop is None
        assert rows_to_keep(large(ids), "error", "f", 2) is None
        return
    assert first is not None
    assert drop is not None
    assert first.tolist() == [k for k, i in enumerate(ids) if i not in ids[:k]]
    assert drop.tolist() == [k for k, i in enumerate(ids) if ids.count(i) == 1]
    copies = [k for k, i in enumerate(ids) if i in ids[:k]]
    count = f"{len(copies)} row{'' if len(copies) == 1 else 's'} with an id that an earlier row has"
    with pytest.raises(DataError, match=rf"^f: {count}, first at row {copies[0] + 2};"):
        rows_to_keep(large(ids), "error", "f", 2)


@pytest.mark.parametrize("policy", ["error", "first", "drop"])
def test_empty_ids_are_an_error_under_every_policy(policy: DuplicatePolicy) -> None:
    with pytest.raises(DataError, match=r"2 rows with an empty id, first at row 3;"):
        rows_to_keep(large(["planted", "", "b", ""]), policy, "f", 2)


def test_long_ids() -> None:
    assert rows_to_keep(large(["x" * MAX_ID_BYTES]), "error", "f", 2) is None
    with pytest.raises(DataError, match=r"1 row with an id of more than 1024 bytes, first at row 3") as caught:
        rows_to_keep(large(["a", "é" * 513]), "error", "f", 2)
    assert "é" not in caught.value.message


def test_many_rows() -> None:
    ids = np.arange(200_000).astype(str).tolist()
    assert rows_to_keep(large(ids), "error", "f", 2) is None
    kept = rows_to_keep(large([*ids, "17"]), "drop", "f", 2)
    assert kept is not None
    assert 17 not in kept
    assert len(kept) == 199_999
