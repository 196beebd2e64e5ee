"""Task documents: the documented examples are read, whatever is wrong is named, and nothing else ever happens."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fedray.errors import SpecError
from fedray.task.spec import (
    AlignmentData,
    AlignmentMain,
    DealerConfig,
    Kind,
    NetFeature,
    NetLabel,
    NetMain,
    Role,
    TaskSpec,
    parse,
    parse_text,
)

EXAMPLE = """
{
    "task_name": "test-datagen",  # Task的名称
    # 要用到的节点的列表
    "clients": [
        {
            "role": "main_client",  # one of 4 roles, "quoted" here
            "addr": "127.0.0.1",
            "http_port": 8377,
            "client_config": {
                "client_type": "alignment_main",
                "computation_port": 8378,  # the trailing comma is the documentation's
            }
        },
        {
            "role": "feature_client",
            "addr": "127.0.0.1",
            "http_port": 8084,
            "client_config": {
                "client_type": "alignment_data",
                "computation_port": 8085,
                "raw_data_path": "Splitted_Indexed_Data/credit_default_data1.csv",
                "out_data_path": "test-f1#, ]"
            }
        },
        {
            "role": "label_client",
            "addr": "127.0.0.1",
            "http_port": 8884,
            "client_config": {
                "computation_port": 8885,
                "client_type": "alignment_client",
                "raw_data_path": "Splitted_Indexed_Data/credit_default_label.csv",
                "out_data_path": "test-l",
            },
        },
    ]
}
"""


def client(role: str, port: int, client_type: str, **more: object) -> dict[str, Any]:
    config = {"client_type": client_type, "computation_port": port + 1, **more}
    return {"role": role, "addr": "127.0.0.1", "http_port": port, "client_config": config}


def alignment() -> dict[str, Any]:
    return {
        "task_name": "align",
        "clients": [
            client("main_client", 8000, "alignment_main"),
            client("feature_client", 8010, "alignment_data", raw_data_path="a.csv", out_data_path="a"),
            client("label_client", 8020, "alignment_data", raw_data_path="b.csv", out_data_path="b"),
        ],
    }


def network() -> dict[str, Any]:
    return {
        "task_name": "net",
        "clients": [
            client("main_client", 8000, "shared_nn_main", in_dim=1, out_dim=1, layers=[]),
            client("crypto_producer", 8002, "triplet_producer", listen_clients=[2, 3, 4]),
            client("feature_client", 8010, "shared_nn_feature", data_path="a"),
            client("feature_client", 8020, "shared_nn_feature", data_path="b"),
            client("label_client", 8030, "shared_nn_label", data_path="l", loss="mse", metric="auc_ks"),
        ],
    }


def changed(document: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """The document with one place set, e.g. ``clients.0.role``; ``...`` deletes the place."""
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place: Any = document
    for part in way:
        place = place[part]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return document


def complaint(document: object) -> str:
    with pytest.raises(SpecError) as caught:
        parse(document)
    return caught.value.message


def test_documented_example() -> None:
    spec = parse_text(EXAMPLE)
    assert (spec.task_name, spec.kind) == ("test-datagen", Kind.ALIGNMENT)
    assert [c.role for c in spec.clients] == [Role.MAIN_CLIENT, Role.FEATURE_CLIENT, Role.LABEL_CLIENT]
    assert spec.clients[0].client_config == AlignmentMain(client_type="alignment_main", computation_port=8378)
    feature, label = (c.client_config for c in spec.clients[1:])
    assert isinstance(feature, AlignmentData)
    assert feature.raw_data_path == "Splitted_Indexed_Data/credit_default_data1.csv"
    assert feature.out_data_path == "test-f1#, ]"
    assert (feature.columns, feature.duplicates) == (None, "error")
    assert label.client_type == "alignment_data"
    assert parse_text(EXAMPLE.encode()) == spec
    assert parse_text(b"\xef\xbb\xbf" + EXAMPLE.encode()) == spec


def test_network_with_defaults() -> None:
    spec = parse(network())
    main, dealer, feature, _, label = (c.client_config for c in spec.clients)
    assert spec.kind is Kind.SHARED_NN
    assert main == NetMain(client_type="shared_nn_main", computation_port=8001, in_dim=1)
    assert isinstance(main, NetMain)
    assert (main.batch_size, main.test_batch_size, main.test_per_batches) == (64, 10000, 1001)
    assert (main.learning_rate, main.max_iter, main.seed, main.bias) == (0.1, 10010, None, True)
    assert isinstance(dealer, DealerConfig)
    assert dealer.listen_clients == (2, 3, 4)
    assert isinstance(feature, NetFeature)
    assert feature.scale == "standard"
    assert isinstance(label, NetLabel)
    assert (label.loss, label.metric, label.scale) == ("mse", "auc_ks", "standard")


def test_aliases() -> None:
    document = changed(network(), "clients.1.role", "triplet_producer")
    assert parse(document) == parse(network())


@pytest.mark.parametrize(("in_dim", "layers", "last"), [(1, [], 1), (7, [], 7), (32, [16, 3], 3)])
def test_out_dim_is_the_last_width(in_dim: int, layers: list[int], last: int) -> None:
    document = network()
    config = document["clients"][0]["client_config"]
    config |= {"in_dim": in_dim, "layers": layers, "out_dim": last}
    given = parse(document).clients[0].client_config
    del config["out_dim"]
    left_out = parse(document).clients[0].client_config
    assert given == left_out
    assert isinstance(given, NetMain)
    assert given.out_dim == given.last_width == last


def test_one_party_may_play_several_roles() -> None:
    document = changed(network(), "clients.1.http_port", 8000)
    assert parse(changed(document, "clients.0.http_port", 8010)).kind is Kind.SHARED_NN


def test_columns_by_name_and_place() -> None:
    config = parse(changed(alignment(), "clients.1.client_config.columns", ["LIMIT", 3, "3"])).clients[1].client_config
    assert isinstance(config, AlignmentData)
    assert config.columns == ("LIMIT", 3, "3")


@pytest.mark.parametrize("name", ["a", "信贷 1", "a.b-c_d", "...", "x" * 128, "🙂"])
def test_good_names(name: str) -> None:
    assert parse(changed(alignment(), "task_name", name)).task_name == name


def test_frozen() -> None:
    spec = parse(alignment())
    with pytest.raises(ValidationError):
        spec.task_name = "other"


def test_kept_as_json() -> None:
    for document in (alignment(), network()):
        spec = parse(document)
        assert parse_text(spec.model_dump_json()) == spec


BAD_NETWORKS = [
    ("task_name", ..., ": a required field is missing"),
    ("task_name", "", "without / and \\, not . or .., no blank at either end, got \"\""),
    ("task_name", "a/b", 'got "a/b"'),
    ("task_name", "a\\b", ": expected a name"),
    ("task_name", "..", 'got ".."'),
    ("task_name", " a", 'got " a"'),
    ("task_name", "a\x00b", 'got "a\\u0000b"'),
    ("task_name", "a\ud800", ": expected a name"),
    ("task_name", "x" * 129, 'got "' + "x" * 76 + "..."),
    ("task_name", 7, "got 7"),
    ("task_name", None, "got null"),
    ("clients", ..., ": a required field is missing"),
    ("clients", [], ": expected a list of at least 1, got 0"),
    ("clients", {}, ": expected a list, got an object"),
    ("clients", "x", ': expected a list, got "x"'),
    ("clients.0", [], ": expected an object, got a list"),
    ("clients.0", None, ": expected an object, got null"),
    ("clients.0.role", ..., ": a required field is missing"),
    ("clients.0.role", "boss", 'label_client (also written triplet_producer for crypto_producer), got "boss"'),
    ("clients.0.role", 3, "got 3"),
    ("clients.0.addr", "", ": expected a host name or IP address"),
    ("clients.0.addr", "a b", 'got "a b"'),
    ("clients.0.addr", 1, ": expected a host name"),
    ("clients.0.http_port", 0, ": expected an integer from 1 to 65535, got 0"),
    ("clients.0.http_port", 65536, ": expected an integer from 1 to 65535, got 65536"),
    ("clients.0.http_port", "8000", ': expected an integer from 1 to 65535, got "8000"'),
    ("clients.0.http_port", True, ": expected an integer from 1 to 65535, got true"),
    ("clients.0.http_port", 80.0, ": expected an integer from 1 to 65535, got 80.0"),
    ("clients.0.client_config", ..., ": a required field is missing"),
    ("clients.0.client_config", 5, ": expected an object, got 5"),
    ("clients.0.client_config.client_type", ..., ": a required field is missing"),
    ("clients.0.client_config.client_type", "shared_nn_mian", 'got "shared_nn_mian"; did you mean shared_nn_main?'),
    ("clients.0.client_config.client_type", ["x"], "type of client, got a list; known are alignment_main"),
    ("clients.0.client_config.computation_port", ..., ": a required field is missing"),
    ("clients.0.client_config.computation_port", 70000, ": expected an integer from 1 to 65535, got 70000"),
    ("clients.0.client_config.batch_size", "abc", ': expected an integer from 1 to 100000, got "abc"'),
    ("clients.0.client_config.batch_size", 0, ": expected an integer from 1 to 100000, got 0"),
    ("clients.0.client_config.test_batch_size", 100001, ": expected an integer from 1 to 100000, got 100001"),
    ("clients.0.client_config.test_per_batches", 1.5, ": expected an integer from 1 to 100000000, got 1.5"),
    ("clients.0.client_config.max_iter", -1, ": expected an integer from 1 to 100000000, got -1"),
    ("clients.0.client_config.max_iter", 10**5000, "from 1 to 100000000, got an integer of 16610 bits"),
    ("clients.0.client_config.learning_rate", 0, ": expected a number greater than 0 and at most 100, got 0"),
    ("clients.0.client_config.learning_rate", 100.5, "at most 100, got 100.5"),
    ("clients.0.client_config.learning_rate", "0.1", 'at most 100, got "0.1"'),
    ("clients.0.client_config.learning_rate", True, "at most 100, got true"),
    ("clients.0.client_config.learning_rate", 10**400, "at most 100, got an integer of 1329 bits"),
    ("clients.0.client_config.learning_rate", float("nan"), "the body: expected finite numbers, got NaN"),
    ("clients.0.client_config.in_dim", ..., ": a required field is missing"),
    ("clients.0.client_config.in_dim", 0, ": expected an integer from 1 to 4096, got 0"),
    ("clients.0.client_config.out_dim", 2, ": expected 1 (in_dim, as layers is empty), got 2; make both equal"),
    ("clients.0.client_config.layers", [8, 4], "config.out_dim: expected 4 (the last of layers), got 1"),
    ("clients.0.client_config.layers", [8, 0], "config.layers[1]: expected an integer from 1 to 4096, got 0"),
    ("clients.0.client_config.layers", [1] * 17, ": expected a list of at most 16, got 17"),
    ("clients.0.client_config.layers", 8, ": expected a list, got 8"),
    ("clients.0.client_config.seed", -1, ": expected null or an integer from 0 to 9223372036854775807, got -1"),
    ("clients.0.client_config.seed", False, ": expected null or an integer"),
    ("clients.0.client_config.bias", 1, ": expected true or false, got 1"),
    ("clients.0.client_config.batchsize", 5, ": unknown field, did you mean batch_size?"),
    ("clients.0.adr", "x", ": unknown field, did you mean addr?"),
    ("taskname", "x", ": unknown field, did you mean task_name?"),
    ("bad key\n", "x", '"bad key\\n": unknown field, known are task_name, clients'),
    ("clients.2.client_config.data_path", "/etc", 'with /, without .. and \\, got "/etc"'),
    ("clients.2.client_config.data_path", "a/../b", 'got "a/../b"'),
    ("clients.2.client_config.data_path", "", "data_path: expected a relative path"),
    ("clients.2.client_config.data_path", ".", "data_path: expected a relative path"),
    ("clients.2.client_config.data_path", "a\\b", "data_path: expected a relative path"),
    ("clients.2.client_config.data_path", "a\x00", "data_path: expected a relative path"),
    ("clients.2.client_config.data_path", "x" * 1025, "data_path: expected a relative path"),
    ("clients.2.client_config.scale", "robust", 'scale: expected one of standard, none, got "robust"'),
    ("clients.4.client_config.loss", "hinge", ': expected one of mse, bce, got "hinge"'),
    ("clients.4.client_config.metric", "f1", 'expected one of auc, auc_ks, metrics_pack1, got "f1"'),
    ("clients.4.client_config.metric", [], "metrics_pack1, got a list"),
    ("clients.0.role", "feature_client", "clients: expected exactly one main_client, got 0"),
    ("clients.3.role", "main_client", "clients: expected exactly one main_client, got 2"),
    ("clients.3.role", "label_client", "clients: expected at most one label_client, got 2"),
    ("clients.3.role", "crypto_producer", "clients: expected at most one crypto_producer, got 2"),
    ("clients.3.role", "triplet_producer", "type for a crypto_producer (triplet_producer), got shared_nn_f"),
    ("clients.4", ..., "clients: a task of kind shared_nn needs one label_client, got 0"),
    ("clients.1", ..., "clients: a task of kind shared_nn needs one crypto_producer, got 0"),
    ("clients.1.client_config.listen_clients", [2, 3], "expected the clients with data, [2, 3, 4], each once, got [2,"),
    ("clients.1.client_config.listen_clients", [2, 3, 4, 4], "got [2, 3, 4, 4]"),
    ("clients.1.client_config.listen_clients", ["2"], "listen_clients[0]: expected an integer from 0 to 63"),
]  # fmt: skip


def expected_text(path: str, text: str) -> str:
    """The tables leave out the place in front of a colon where it is the one that was changed."""
    return re.sub(r"\.(\d+)", r"[\1]", path) + text if text.startswith(":") else text


@pytest.mark.parametrize(("path", "value", "text"), BAD_NETWORKS, ids=range(len(BAD_NETWORKS)))
def test_bad_network(path: str, value: object, text: str) -> None:
    found = complaint(changed(network(), path, value))
    assert expected_text(path, text) in found
    found.encode()
    assert found.isprintable()


BAD_ALIGNMENTS = [
    ("clients.0.client_config.min_intersection", 0, ": expected an integer from 1 to 1000000000, got 0"),
    ("clients.1.client_config.raw_data_path", ..., ": a required field is missing"),
    ("clients.1.client_config.raw_data_path", "../x.csv", "raw_data_path: expected a relative path"),
    ("clients.1.client_config.columns", [], "columns: expected a list of at least 1, got 0"),
    ("clients.1.client_config.columns", [True], "columns[0]: expected the name of a column"),
    ("clients.1.client_config.columns", [-1], "columns[0]: expected the name of a column"),
    ("clients.1.client_config.columns", ["a", 1, "a"], 'columns: expected each column once, got "a" twice'),
    ("clients.1.client_config.duplicates", "last", 'duplicates: expected one of error, first, drop, got "last"'),
    ("clients.1.client_config.client_type", "shared_nn_feature", "_path: unknown field, did you mean data_path?"),
    ("clients.1.role", "label_client", "clients: expected at most one label_client, got 2"),
    ("clients.2", ..., "clients: a task of kind alignment needs at least 2 clients with data, got 1"),
    ("clients.1", ..., "clients: expected at least one feature_client, got 0"),
    ("clients.1.client_config.client_type", "alignment_main", "unknown field"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "text"), BAD_ALIGNMENTS, ids=range(len(BAD_ALIGNMENTS)))
def test_bad_alignment(path: str, value: object, text: str) -> None:
    assert expected_text(path, text) in complaint(changed(alignment(), path, value))


def test_clients_of_two_kinds() -> None:
    stranger = client("feature_client", 1, "shared_nn_feature", data_path="a")
    expected = "clients[1].client_config.client_type: expected alignment_data, got shared_nn_feature"
    assert expected == complaint(changed(alignment(), "clients.1", stranger))


def test_alignment_takes_no_dealer() -> None:
    document = alignment()
    document["clients"].append(client("crypto_producer", 9000, "triplet_producer"))
    expected = "expected no crypto_producer in a task of kind alignment, got triplet_producer"
    assert expected in complaint(document)


@pytest.mark.parametrize(("path", "same"), [("a", True), ("./a/", True), ("A", False)])
def test_two_writers_of_one_folder(path: str, same: bool) -> None:
    document = alignment()
    document["clients"][2]["http_port"] = 8010
    document["clients"][2]["client_config"]["out_data_path"] = path
    if same:
        text = "clients[2].client_config.out_data_path: expected a folder of its own, got that of clients[1]"
        assert text in complaint(document)
    else:
        parse(document)


def test_five_problems_at_most() -> None:
    document = network()
    for name in ("batch_size", "test_batch_size", "max_iter", "learning_rate", "in_dim", "seed", "bias"):
        document["clients"][0]["client_config"][name] = "x"
    found = complaint(document)
    assert found.count("expected") == 5
    assert found.endswith("; and 2 more")


BAD_TEXTS: list[tuple[str | bytes, str]] = [
    ("", "the body: expected JSON, got something else at line 1, column 1"),
    ("{", "the body: expected JSON"),
    ("{\n  # c\n  'a': 1}", "at line 3, column 3"),
    ('{"a": 1} x', "at line 1, column 10"),
    ('{"a": 1,, }', "the body: expected JSON"),
    ('{"a": "# no comment}', "the body: expected JSON"),
    ("[]", "the body: expected an object with task_name and clients, got a list"),
    ("null", "the body: expected an object with task_name and clients, got null"),
    ('"text"', 'got "text"'),
    ('{"a": 1, "a": 2}', 'the body: expected each field once, got "a" twice in one object'),
    ('{"b": {"a": 1, "a": 2},}', 'got "a" twice'),
    ('{"a": NaN}', "the body: expected finite numbers, got NaN"),
    ('{"a": -Infinity,}', "got -Infinity"),
    ('{"a": 1e999}', "the body: expected finite numbers"),
    ('{"a": ' + "9" * 5000 + "}", "the body: expected integers of at most 4300 digits"),
    (b'{"a": "\xff"}', "the body: expected UTF-8 text, got another byte at position 7"),
    ("[" * 100_000, "the body: expected at most 16 levels"),
    ("[" * 20 + "]" * 20, "the body: expected at most 16 levels"),
    ("[" + "0," * 150_000 + "0]", "the body: expected at most 100000 values"),
    (" " * (1 << 20) + "{}", "the body: expected at most 1048576 bytes, got 1048578"),
]


@pytest.mark.parametrize(("text", "expected"), BAD_TEXTS, ids=range(len(BAD_TEXTS)))
def test_bad_text(text: str | bytes, expected: str) -> None:
    with pytest.raises(SpecError, match=re.escape(expected)):
        parse_text(text)


@pytest.mark.parametrize("value", [{1: 2}, {"a": {2}}, {"a": object()}, {"a": b"x"}, b"{}", {"a": 1 + 2j}])
def test_no_json_values(value: object) -> None:
    assert complaint(value).startswith("the body: expected")


def test_endless_document() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert "at most 16 levels" in complaint({"clients": loop})
    wide: object = 0
    for _ in range(12):
        wide = [wide] * 10
    assert "at most 100000 values" in complaint(wide)


def test_much_text_is_read_fast() -> None:
    for piece in ('"', "#", ",", "\\", '"\\', ", ", "#\n", '",', "{,"):
        with pytest.raises(SpecError):
            parse_text(piece * (500_000 // len(piece)))


WORDS = ["task_name", "clients", "role", "addr", "http_port", "client_config", "client_type", "computation_port"]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None), max_size=20)
    | st.sampled_from([*WORDS, *Role, "alignment_main", "shared_nn_main", "triplet_producer", "secure_xgboost_main"])
)
KEYS = st.sampled_from(WORDS) | st.text(max_size=5)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5))


def check(document: object) -> None:
    """Either a specification that survives JSON, or one line that can be sent."""
    try:
        spec = parse(document)
    except SpecError as exc:
        assert exc.message
        exc.message.encode()
        assert exc.message.isprintable()
        assert len(exc.message) < 3000
    else:
        assert isinstance(spec, TaskSpec)
        assert parse(json.loads(spec.model_dump_json())) == spec


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_garbage(document: object) -> None:
    check(document)


def places(value: object, way: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    inside: list[tuple[object, object]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    return [found for key, item in inside for found in [(*way, key), *places(item, (*way, key))]]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([alignment(), network()]), st.data())
def test_a_good_document_with_garbage_in_it(document: dict[str, Any], data: st.DataObject) -> None:
    broken = copy.deepcopy(document)
    *way, last = data.draw(st.sampled_from(places(broken)))
    place: Any = broken
    for part in way:
        place = place[part]
    if isinstance(place, dict) and data.draw(st.booleans()):
        place[data.draw(KEYS)] = data.draw(JSON)
    else:
        place[last] = data.draw(JSON)
    check(broken)


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from('{}[]",:#\\\n 01ae'), max_size=60) | st.binary(max_size=60))
def test_garbage_text(text: str | bytes) -> None:
    with pytest.raises(SpecError):
        parse_text(text)


@settings(max_examples=200, deadline=None)
@given(JSON.filter(lambda value: value == value))
def test_strict_json_is_never_taken_for_the_dialect(document: object) -> None:
    try:
        text = json.dumps({"task_name": document}, allow_nan=False)
    except ValueError:
        return
    with pytest.raises(SpecError) as by_text:
        parse_text(text)
    with pytest.raises(SpecError) as by_value:
        parse({"task_name": document})
    assert by_text.value.message == by_value.value.message
