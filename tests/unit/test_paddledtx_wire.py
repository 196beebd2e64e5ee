"""The wire of the PaddleDTX API: vectors made with the original code, layouts told apart by bytes, signatures, keys."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict

from fedray.errors import Conflict, DataError, NotFound, SpecError
from serve_api.paddledtx.faults import Code, Fault
from serve_api.paddledtx.go_json import as_go, canonical, go_text, shortest
from serve_api.paddledtx.keys import Keys, key_files
from serve_api.paddledtx.listing import Listing, layout_of, read_listing
from serve_api.paddledtx.results import payload
from serve_api.paddledtx.signing import new_private, public_of, sign, verify
from serve_api.paddledtx.wire.task_pb2 import FLTask, ListTaskRequest, SeedListTaskRequest

ELEVENS = b"\x11" * 32
PUBLIC = (
    "0217e617f0b6443928278f96999e69a23a4f2c152bdf6d6cdf66e5b80282d4ed"
    "194a7debcb97712d2dda3ca85aa8765a56f45fc758599652f2897c65306e5794"
)
TASK = "9b3ff4be-bfcd-4520-a23b-4aa6ea4d59f1"
SIGNED_BY_GO = (
    "ac7af8025cf756064eae228990df896f6c64c72c6970d1b69de7f2051260f73f"
    "b1a9aef052b5dbc999c19905fbe113294e6092977f534b98697b687c78a3f590"
)
KEY = "AhfmF/C2RDkoJ4+WmZ5pojpPLBUr321s32bluAKC1O0ZSn3ry5dxLS3aPKhaqHZaVvRfx1hZllLyiXxlMG5XlA=="
PUBLISHED = (
    '{"taskID":"id-1","name":"n\\u0026\\u003cé\\u003e","requester":"AQL/","dataSets":[{"owner":"bw==","executor":"ZQ==",'
    '"dataID":"a\\u0026b","psiLabel":"id","address":"127.0.0.1:1","isTagPart":true},{"dataID":"z"}],"algoParam":'
    '{"algo":1,"trainParams":{"label":"Label","labelName":"Iris-setosa","regParam":0.1,"alpha":0.1,"amplitude":0.0001,'
    '"accuracy":10,"batchSize":4},"evalParams":{"enable":true,"evalRule":1,"cv":{"folds":5}},"livalParams":'
    '{"randomSplit":{"percentLO":30}}},"publishTime":1700000000123456789}'
)
FLOATS = '{"taskID":"x","algoParam":{"trainParams":{"regParam":1e-7,"alpha":0.000001,"amplitude":1e+21}}}'

VECTORS = [
    (f'{{"pubKey":"{KEY}","taskID":"{TASK}"}}', "7646d79d2c306faad2aae3d2a8aa87aca39f48de99559fc794033d39ba23a374"),
    (PUBLISHED, "4e28ea8f6de3440073f4719df5e40f628b0752f989e5ab8b688f7b21648dc12d"),
    (FLOATS, "e47fe3eb0166b8f9f4f123d7b63122117510c971c12911a17be4b5e863143e46"),
    ('{"taskID":"x\\u0026","signature":null}', "68e44527849fd272f5f9642ae87beebf9522196c1214e283dd4913cb16a5bdc9"),
    (
        '{"pubkey":"AQ==","taskID":"x","rejectReason":"","currentTime":7,"signature":null}',
        "8d5134060bff2714787140a1a32310cb3f1ba481c8574be05a0f364e3a6ebe5d",
    ),
    (
        '{"executor":"AQ==","taskID":"x","currentTime":7,"signature":null,"errMessage":"","result":"r"}',
        "08b8c4febc3549ccf2c358ab1f6dfcabe9b8027eeb0f5e8e2431465c5a7723f4",
    ),
]


@pytest.mark.parametrize(("text", "digest"), VECTORS)
def test_what_is_signed(text: str, digest: str) -> None:
    assert hashlib.sha256(canonical(json.loads(text)).encode()).hexdigest() == digest


@pytest.mark.parametrize("text", [PUBLISHED, FLOATS])
def test_a_message_prints_as_go_prints_it(text: str) -> None:
    assert go_text(as_go(ParseDict(json.loads(text), FLTask()))) == text


def test_a_signature_of_the_original_code() -> None:
    assert public_of(ELEVENS).hex() == PUBLIC
    text = f"pubKey={KEY}&taskID={TASK}"
    assert verify(bytes.fromhex(PUBLIC), bytes.fromhex(SIGNED_BY_GO), "another text", text)
    assert not verify(bytes.fromhex(PUBLIC), bytes.fromhex(SIGNED_BY_GO), "another text")


def test_signatures_of_ours() -> None:
    private = new_private()
    public, signed = public_of(private), sign(private, "text")
    assert (len(public), len(signed)) == (64, 64)
    assert verify(public, signed, "text")
    assert not verify(public_of(new_private()), signed, "text")
    assert not verify(b"\x01" * 64, signed, "text")  # no point of the curve
    assert not verify(public, b"\x00" * 64, "text")
    assert not verify(b"", signed, "text")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *[(27.5, "27.5"), (1e-07, "1e-07"), (30.25, "30.25"), (0.0, "0"), (-3.0, "-3"), (1e-4, "0.0001")],
        *[(1e6, "1e+06"), (123456789.0, "1.23456789e+08"), (-1.5e-10, "-1.5e-10"), (999999.5, "999999.5")],
    ],
)
def test_values_of_predictions(value: float, text: str) -> None:
    assert shortest(value) == text


NOW = 1_700_000_000_000_000_000
FIRST, SECOND = b"\x01" * 64, b"\x02" * 64


@pytest.mark.parametrize(
    ("request_", "layout"),
    [
        (SeedListTaskRequest(pubKey=FIRST, status="Ready"), "seed"),
        (SeedListTaskRequest(pubKey=FIRST, status="Ready", timeStart=NOW, timeEnd=NOW, limit=3), "seed"),
        (SeedListTaskRequest(pubKey=FIRST, timeStart=NOW), "seed"),
        (SeedListTaskRequest(pubKey=FIRST, timeEnd=NOW), "seed"),
        (SeedListTaskRequest(pubKey=FIRST, limit=100), "seed"),
        (SeedListTaskRequest(pubKey=FIRST, limit=-1, timeEnd=NOW), "seed"),
        (SeedListTaskRequest(pubKey=FIRST), "seed"),
        (ListTaskRequest(pubKey=FIRST, ePubKey=SECOND), "master"),
        (ListTaskRequest(ePubKey=SECOND), "master"),
        (ListTaskRequest(ePubKey=SECOND, status="Ready", timeStart=NOW, timeEnd=NOW, limit=3), "master"),
        (ListTaskRequest(pubKey=FIRST, status="Ready"), "master"),
        (ListTaskRequest(pubKey=FIRST, timeStart=NOW, timeEnd=NOW), "master"),
        (ListTaskRequest(pubKey=FIRST, timeEnd=NOW), "master"),
        (ListTaskRequest(pubKey=FIRST, limit=3), "master"),
    ],
)
def test_layouts_are_told_apart(request_: Any, layout: str) -> None:
    data = request_.SerializeToString()
    assert layout_of(data) == layout
    found = read_listing(data, "auto")
    assert found == read_listing(data, "master" if layout == "master" else "seed")
    assert (found.status, found.start, found.end) == (request_.status, request_.timeStart, request_.timeEnd)
    assert found.limit == request_.limit


def test_both_keys_are_requester_and_executor() -> None:
    both = read_listing(ListTaskRequest(pubKey=FIRST, ePubKey=SECOND).SerializeToString(), "auto")
    assert both == Listing((FIRST, SECOND), FIRST, SECOND)
    assert read_listing(b"", "auto") == Listing(())


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\x40ab", b"\x80" * 11, b"\x0b", b"\x2d\x00", b"\x12\x01\xff"])
def test_what_is_no_listing_is_refused(data: bytes) -> None:
    with pytest.raises(Fault) as caught:
        read_listing(data, "auto")
    assert caught.value.code is Code.PARAMETER


def test_an_error_has_one_object_without_braces_in_it() -> None:
    text = Fault(Code.NOT_FOUND, 'a {b} "c"', "failed").text()
    assert text == 'failed: {"code":"10004","message":"a (b) \\"c\\""}'


class TestKeys:
    def test_they_are_kept_and_revoked(self, tmp_path: Path) -> None:
        keys = Keys(tmp_path)
        keys.add("ann", PUBLIC, ["bank"])
        again = Keys(tmp_path)
        found = again.find(bytes.fromhex(PUBLIC))
        assert found is not None
        assert (found.name, found.parties) == ("ann", ("bank",))
        assert again.of_party("bank").hex() == PUBLIC
        assert again.of_party("shop") == again.server == keys.server
        keys.revoke("ann")
        assert again.find(bytes.fromhex(PUBLIC)) is None
        assert again.of_party("bank") == again.server
        for path in key_files(tmp_path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_wrong_ones_are_refused(self, tmp_path: Path) -> None:
        keys = Keys(tmp_path)
        keys.add("ann", PUBLIC)
        for name, public, error in [
            ("ann", public_of(new_private()).hex(), Conflict),
            ("bob", PUBLIC, Conflict),
            ("bob", "01" * 64, SpecError),
            ("bob", "xyz", SpecError),
            ("../b", public_of(new_private()).hex(), SpecError),
        ]:
            with pytest.raises(error):
                keys.add(name, public)
        with pytest.raises(NotFound):
            keys.revoke("bob")

    def test_what_is_known_without_reading_holds_until_the_file_is_another(self, tmp_path: Path) -> None:
        keys, path = Keys(tmp_path), key_files(tmp_path)[0]
        assert keys.known() == ()
        keys.add("ann", PUBLIC)
        assert keys.known() is None
        assert keys.all() == keys.known()
        path.chmod(0o644)
        assert keys.known() is None
        path.unlink()
        assert keys.known() is None
        assert keys.all() == keys.known() == ()

    def test_an_entry_that_somebody_else_wrote_is_seen(self, tmp_path: Path) -> None:
        Keys(tmp_path).add("ann", PUBLIC, ["bank"])
        path = key_files(tmp_path)[0]
        path.write_text(path.read_text().replace("bank", "shop"))
        with pytest.raises(DataError, match="not signed by this server"):
            Keys(tmp_path).all()


def test_rows_of_a_result_are_sorted_by_the_bytes_of_their_ids() -> None:
    made = payload({"id": "ID", "rows": [["é", 1.0], ["b", 2.0], ["<z", 5e-7], ["10", 1e6], ["2", 4.0]]}, "")
    assert json.loads(made) == [["ID", "value"], ["10", "1e+06"], ["2", "4"], ["<z", "5e-07"], ["b", "2"], ["é", "1"]]
