"""Alignment, every party in a thread, against Python sets."""

from __future__ import annotations

import csv
import json
import time
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fedray.channel.channel import Channel
from fedray.channel.codec import Frame
from fedray.channel.memory import connect
from fedray.data.root import DataRoot
from fedray.errors import DataError, FedrayError, RemoteProtocolError, TaskAborted
from fedray.parties import alignment
from fedray.parties.context import PartyContext, PartyOutcome
from fedray.psi.tokens import size_class
from fedray.task.plan import TaskPlan, make_plan
from fedray.task.record import Event, EventKind
from fedray.task.registry import Registry
from fedray.task.spec import parse

END_S = 20.0

Table = Mapping[str, Sequence[str]]
Run = Callable[[PartyContext], PartyOutcome]


def wait_for_the_end(ctx: PartyContext) -> PartyOutcome:
    """Say nothing more, and do not complain of what others say, until one of them ends the task."""
    ctx.channel.flush()
    deadline = time.monotonic() + END_S
    while time.monotonic() < deadline:
        ctx.channel.check()
        time.sleep(0.01)
    return PartyOutcome()


class Trial:
    """One alignment: the main client is party 0, the data clients follow."""

    def __init__(self, root: Path, tables: Sequence[Table | bytes], main: Mapping[str, object] | None = None) -> None:
        self.roots = [DataRoot(root / f"p{k}") for k in range(len(tables) + 1)]
        self.configs: list[dict[str, object]] = [
            {"client_type": "alignment_data", "raw_data_path": "t.csv", "out_data_path": "out"} for _ in tables
        ]
        self.main = main or {}
        self.frames: list[tuple[int, int, Frame]] = []
        self.events: list[Event] = []
        self.channels: list[Channel] = []
        for party, table in zip(self.roots[1:], tables, strict=True):
            raw = party.path / "raw" / "t.csv"
            raw.parent.mkdir(parents=True)
            raw.write_bytes(table if isinstance(table, bytes) else csv_bytes(table))

    def plan(self) -> TaskPlan:
        roles = ["main_client", *["feature_client"] * (len(self.configs) - 1), "label_client"]
        configs = [{"client_type": "alignment_main", **self.main}, *self.configs]
        clients = [
            {
                "role": role,
                "addr": "127.0.0.1",
                "http_port": 8000 + k,
                "client_config": {"computation_port": 9000 + k, **config},
            }
            for k, (role, config) in enumerate(zip(roles, configs, strict=True))
        ]
        return make_plan(parse({"task_name": "align", "clients": clients}), Registry(None), "seed")

    def run(self, replace: Mapping[int, Run] | None = None) -> list[PartyOutcome | FedrayError]:
        plan = self.plan()
        runs: list[Run] = [alignment.run_main, *[alignment.run_data] * len(self.configs)]
        for k, other in (replace or {}).items():
            runs[k] = other
        self.channels = connect(
            plan.names,
            plan.digest,
            [reveal.tag for reveal in plan.reveals],
            observers=[self._observer(k) for k in range(len(plan.members))],
        )

        def party(k: int) -> PartyOutcome | FedrayError:
            ctx = PartyContext(plan, k, self.channels[k], self.roots[k], self.events.append)
            ctx.channel.open()
            try:
                return runs[k](ctx)
            except FedrayError as error:
                if not isinstance(error, TaskAborted):
                    ctx.channel.abort(error)
                return error

        with ThreadPoolExecutor(len(runs)) as pool:
            return list(pool.map(party, range(len(runs))))

    def _observer(self, me: int) -> Callable[[int, Frame], None]:
        return lambda frm, frame: self.frames.append((me, frm, frame))

    def out(self, k: int, name: str) -> list[list[str]]:
        with (self.roots[k].path / "generated" / "out" / name).open(newline="", encoding="utf-8") as handle:
            return list(csv.reader(handle))


def csv_bytes(table: Table) -> bytes:
    lines = [",".join(table), *(",".join(row) for row in zip(*table.values(), strict=True))]
    return ("\n".join(lines) + "\n").encode()


def made_up_tables(parties: int, rng: np.random.Generator) -> list[dict[str, list[str]]]:
    tables = []
    for k in range(parties):
        ids = [str(v) if v % 3 else f"{v:07d}" for v in rng.permutation(300)[:240]]
        tables.append({"id": ids, **{f"x{k}_{c}": [f"{i}.{k}{c}" for i in ids] for c in range(k + 1)}})
    return tables


@pytest.mark.parametrize(("part", "n_test"), [(0, 0), (0.3, 3), (0.29, 2), (0.9, 9)])
def test_a_task_says_how_many_rows_are_for_testing(tmp_path: Path, part: float, n_test: int) -> None:
    table = {"id": [str(k) for k in range(10)], "x": [str(k) for k in range(10)]}
    trial = Trial(tmp_path, [table, table], {"test_size": part})
    assert trial.run()[0] == PartyOutcome({"n_train": 10 - n_test, "n_test": n_test})
    for k in (1, 2):
        assert [len(trial.out(k, name)) for name in ("train.csv", "test.csv")] == [10 - n_test, n_test]


@pytest.mark.parametrize("parties", [2, 3, 5])
def test_result_equals_sets(tmp_path: Path, parties: int) -> None:
    tables = made_up_tables(parties, np.random.default_rng(parties))
    trial = Trial(tmp_path, tables)
    outcomes = trial.run()
    common = set(tables[0]["id"]).intersection(*(table["id"] for table in tables))
    n = len(common)
    sizes = {"n_train": n - n // 5, "n_test": n // 5}
    assert n > 20
    assert outcomes == [PartyOutcome(dict(sizes))] * (parties + 1)
    orders = set()
    for k, table in enumerate(tables, start=1):
        header, *rows = trial.out(k, "t_aligned.csv")
        raw = {row[0]: list(row) for row in zip(*table.values(), strict=True)}
        assert header == list(table)
        assert rows == [raw[row[0]] for row in rows]
        assert {row[0] for row in rows} == common
        assert trial.out(k, "train.csv") == [row[1:] for row in rows[: sizes["n_train"]]]
        assert trial.out(k, "test.csv") == [row[1:] for row in rows[sizes["n_train"] :]]
        orders.add(tuple(row[0] for row in rows))
    assert orders == {tuple(sorted(common, key=str.encode))}
    assert [event.data for event in trial.events if event.kind == EventKind.DATASET] == [sizes]


def test_random_order_differs_from_task_to_task(tmp_path: Path) -> None:
    tables = made_up_tables(2, np.random.default_rng(0))
    orders = []
    for name in "ab":
        trial = Trial(tmp_path / name, tables, {"order": "random"})
        trial.run()
        orders.append([row[0] for row in trial.out(1, "t_aligned.csv")])
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])


def test_fingerprint_is_common_and_fresh(tmp_path: Path) -> None:
    seen = []
    for name in "ab":
        trial = Trial(tmp_path / name, made_up_tables(3, np.random.default_rng(0)))
        trial.run()
        texts = [(root.path / "generated/out/dataset.json").read_text() for root in trial.roots[1:]]
        prints = {json.loads(text)["fingerprint"] for text in texts}
        assert len(prints) == 1
        seen.append(prints.pop())
    assert seen[0] != seen[1]


def test_ids_of_any_script(tmp_path: Path) -> None:
    composed = unicodedata.normalize("NFC", "Zoë")
    a = [composed, "007", "Ωmega", "客户一", "🦊", "a b", "only-a"]
    b = [unicodedata.normalize("NFD", "Zoë"), "7", "  Ωmega ", "客户一\u3000", "🦊", "a  b", "only-b"]
    trial = Trial(tmp_path, [{"id": a, "x": list("1234567")}, {"kunde": b, "y": list("1234567")}])
    trial.run()
    rows = [dict(trial.out(k, "t_aligned.csv")[1:]) for k in (1, 2)]
    assert rows[0] == {composed: "1", "Ωmega": "3", "客户一": "4", "🦊": "5"}
    assert rows[1] == rows[0]


def test_csv_and_parquet_with_columns(tmp_path: Path) -> None:
    trial = Trial(tmp_path, [{"id": ["1", "2", "03"], "x": list("abc")}, b""])
    table = pa.table({"k": pa.array([2, 3, 1], pa.int32()), "u": [0.1, None, 1e20], "v": [True, False, None]})
    pq.write_table(table, trial.roots[2].path / "raw" / "t.csv")
    trial.configs[1]["columns"] = ["v", 0]
    trial.run()
    assert trial.out(2, "t_aligned.csv")[0] == ["k", "v", "u"]
    assert sorted(trial.out(2, "t_aligned.csv")[1:]) == [["1", "", "1e+20"], ["2", "1", "0.1"]]


@pytest.mark.parametrize(("policy", "expected"), [("first", {"b": "2", "a": "1"}), ("drop", {"b": "2"})])
def test_duplicates(tmp_path: Path, policy: str, expected: dict[str, str]) -> None:
    table = {"id": ["a", "b", " a"], "x": list("123")}
    trial = Trial(tmp_path, [table, {"id": ["a", "b"], "x": list("12")}])
    trial.configs[0]["duplicates"] = policy
    trial.run()
    assert dict(trial.out(1, "t_aligned.csv")[1:]) == expected


def test_a_bad_table_stops_everybody_before_any_message(tmp_path: Path) -> None:
    bad = {"id": ["planted", "b", "planted"], "x": list("123")}
    trial = Trial(tmp_path, [{"id": ["b"], "x": ["1"]}, bad, {"id": ["b"], "x": ["1"]}])
    outcomes = trial.run()
    assert isinstance(outcomes[2], DataError)
    assert all(isinstance(outcomes[k], TaskAborted) for k in (0, 1, 3))
    assert not [frame for _, frm, frame in trial.frames if frm == 2]
    for outcome in outcomes:
        assert isinstance(outcome, FedrayError)
        assert outcome.party == "127.0.0.1:8002"
        assert outcome.phase == "read"
        assert "1 row with an id that an earlier row has, first at row 4" in str(outcome)
        assert "planted" not in str(outcome)


@pytest.mark.parametrize(
    ("ids", "least", "words"),
    [(["x"], 1, "no id in common"), (["a", "x"], 2, "fewer ids in common than min_intersection = 2")],
)
def test_too_small_an_intersection(tmp_path: Path, ids: list[str], least: int, words: str) -> None:
    tables = [{"id": ["a", "b"], "x": list("12")}, {"id": ids, "y": ["1"] * len(ids)}]
    trial = Trial(tmp_path, tables, {"min_intersection": least})
    outcomes = trial.run()
    assert isinstance(outcomes[0], DataError)
    assert words in str(outcomes[0])
    assert all(isinstance(outcome, TaskAborted) for outcome in outcomes[1:])
    assert not list((trial.roots[1].path / "generated" / "out").iterdir())


def test_intersection_of_exactly_the_least_size(tmp_path: Path) -> None:
    tables = [{"id": ["a", "b"], "x": list("12")}, {"id": ["b", "a", "x"], "y": list("123")}]
    outcomes = Trial(tmp_path, tables, {"min_intersection": 2}).run()
    assert outcomes[0] == PartyOutcome({"n_train": 2, "n_test": 0})


def test_views(tmp_path: Path) -> None:
    """What each party receives: main tokens only, nobody an id, and main's view hides how many rows there are."""
    shapes = []
    for name, rows in (("a", 40), ("b", 900)):
        ids = [f"planted-id-{k:06d}" for k in range(rows)]
        filler = {"id": ids, "x": ["4.25"] * rows}
        trial = Trial(tmp_path / name, [filler, {"id": ids[:30], "y": ["1"] * 30}])
        trial.run()
        for _, _, frame in trial.frames:
            sent = b"".join(array.tobytes() for array in frame.arrays)
            assert b"planted" not in sent
            assert b"4.25" not in sent
        view = [(frm, frame.label, [a.shape for a in frame.arrays]) for me, frm, frame in trial.frames if me == 0]
        shapes.append(sorted(view))
        main_tokens = [frame.arrays[0] for me, _, frame in trial.frames if me == 0 and frame.label == "psi.tokens"]
        assert [array.shape for array in main_tokens] == [(size_class(rows), 2), (1024, 2)]
        assert {frame.label for me, _, frame in trial.frames if me == 0} == {"psi.tokens", "psi.done"}
        assert {label for me, frm, label in labels(trial) if me != 0 and frm != 0} == {"psi.contribution"}
        for event in trial.events:
            assert str(rows) not in json.dumps(event.data)
    assert shapes[0] == shapes[1]


def labels(trial: Trial) -> list[tuple[int, int, str]]:
    return [(me, frm, frame.label) for me, frm, frame in trial.frames]


def test_what_main_sees_looks_uniform(tmp_path: Path) -> None:
    trial = Trial(tmp_path, made_up_tables(2, np.random.default_rng(1)))
    trial.run()
    for _, _, frame in trial.frames:
        if frame.label == "psi.tokens":
            low = frame.arrays[0][:, 1]
            counts = np.bincount(low.view(np.uint8) if low.flags.c_contiguous else low.copy().view(np.uint8))
            expected = counts.sum() / 256
            # 255 degrees of freedom: 420 is beyond seven standard deviations.
            assert ((counts - expected) ** 2 / expected).sum() < 420


def test_reveals(tmp_path: Path) -> None:
    trial = Trial(tmp_path, made_up_tables(3, np.random.default_rng(1)))
    trial.run()
    seen = [{(entry["tag"], entry["count"]) for entry in channel.reveals.as_list()} for channel in trial.channels]
    assert seen == [{("size_class", 3), ("intersection_size", 1)}, *[{("intersection", 1)}] * 3]


def test_rounds_of_a_data_client(tmp_path: Path) -> None:
    trial = Trial(tmp_path, made_up_tables(3, np.random.default_rng(1)))
    trial.run()
    assert [channel.cost.total().rounds for channel in trial.channels[1:]] == [2, 2, 2]


@pytest.mark.parametrize(
    "tokens",
    [
        np.zeros((1024, 2), np.uint64),
        np.arange(2048, dtype=np.uint64)[::-1].reshape(1024, 2),
        np.arange(2046, dtype=np.uint64).reshape(1023, 2),
        np.arange(1024, dtype=np.uint64),
        np.zeros((1024, 2), np.int64),
        np.zeros((1024, 3), np.uint64),
    ],
    ids=["repeated", "descending", "no size class", "flat", "signed", "wide"],
)
def test_main_refuses_bad_tokens(tmp_path: Path, tokens: np.ndarray) -> None:
    def liar(ctx: PartyContext) -> PartyOutcome:
        alignment._exchange(ctx)
        ctx.channel.send(0, "psi.tokens", tokens)
        return wait_for_the_end(ctx)

    outcomes = Trial(tmp_path, made_up_tables(2, np.random.default_rng(1))).run({2: liar})
    assert isinstance(outcomes[0], RemoteProtocolError)
    assert "127.0.0.1:8002" in outcomes[0].message
    assert all(isinstance(outcome, TaskAborted) for outcome in outcomes[1:])


@pytest.mark.parametrize(
    ("common", "words"),
    [
        (np.zeros((0, 2), np.uint64), "at least 2 common tokens"),
        (np.ones((1, 2), np.uint64), "at least 2 common tokens"),
        (np.arange(4, dtype=np.uint64).reshape(2, 2), "tokens that are all mine"),
    ],
    ids=["none", "too few", "made up"],
)
def test_data_clients_refuse_bad_common_tokens(tmp_path: Path, common: np.ndarray, words: str) -> None:
    def liar(ctx: PartyContext) -> PartyOutcome:
        for member in ctx.plan.data:
            ctx.channel.recv(member.index, "psi.tokens")
        for member in ctx.plan.data:
            ctx.channel.send(member.index, "psi.common", common)
        ctx.channel.recv_json(1, "psi.done")
        return PartyOutcome()

    trial = Trial(tmp_path, made_up_tables(2, np.random.default_rng(1)), {"min_intersection": 2})
    outcomes = trial.run({0: liar})
    assert {type(outcome) for outcome in outcomes[1:]} <= {RemoteProtocolError, TaskAborted}
    refusals = [outcome for outcome in outcomes[1:] if isinstance(outcome, RemoteProtocolError)]
    assert refusals
    assert all(words in error.message for error in refusals)
    assert not (trial.roots[1].path / "generated" / "out" / "train.csv").exists()


def test_short_contribution_is_refused(tmp_path: Path) -> None:
    def liar(ctx: PartyContext) -> PartyOutcome:
        ctx.channel.send(1, "psi.contribution", np.zeros(31, np.uint8))
        return wait_for_the_end(ctx)

    outcomes = Trial(tmp_path, made_up_tables(2, np.random.default_rng(1))).run({2: liar})
    assert isinstance(outcomes[1], RemoteProtocolError)
    assert "32 bytes" in outcomes[1].message


def test_two_parties_in_one_folder_are_refused(tmp_path: Path) -> None:
    trial = Trial(tmp_path, made_up_tables(2, np.random.default_rng(1)))
    trial.roots[2] = trial.roots[1]
    outcomes = trial.run()
    errors = [outcome for outcome in outcomes if isinstance(outcome, DataError)]
    assert len(errors) == 1
    assert "out_data_path" in errors[0].message
    assert isinstance(outcomes[0], TaskAborted)


def test_without_a_split_all_rows_train_and_test(tmp_path: Path) -> None:
    tables = [{"id": [f"r{k}" for k in range(7)], "x": [str(k) for k in range(7)]} for _ in range(2)]
    trial = Trial(tmp_path, tables, {"split": "none"})
    outcomes = trial.run()
    assert [outcome.result for outcome in outcomes if isinstance(outcome, PartyOutcome)] == [
        {"n_train": 7, "n_test": 7}
    ] * 3
    assert trial.out(1, "train.csv") == trial.out(1, "test.csv") == [[str(k)] for k in range(7)]
    assert [row[0] for row in trial.out(1, "t_aligned.csv")] == ["id", *tables[0]["id"]]


@pytest.mark.parametrize(("duplicates", "third"), [("first", "a3"), ("drop", None), ("error", "")])
def test_more_tables_come_below_the_first(tmp_path: Path, duplicates: str, third: str | None) -> None:
    """Party 1 has two files with id 3 in both; the other party has all ids in one."""
    mine = {"id": ["1", "2", "3"], "x": ["a1", "a2", "a3"]}
    every = {"id": [str(k) for k in range(1, 7)], "y": [str(k) for k in range(6)]}
    trial = Trial(tmp_path, [mine, every])
    more = {"id": ["3", "4", "5"], "x": ["b3", "b4", "b5"]}
    (trial.roots[1].path / "raw" / "u.csv").write_bytes(csv_bytes(more))
    trial.configs[0] |= {"more_raw_data_paths": ["u.csv"], "duplicates": duplicates}
    outcomes = trial.run()
    if duplicates == "error":
        assert "t.csv' and the tables below it: 1 row with an id that an earlier row has, first at row 4" in str(
            outcomes[1]
        )
        return
    wanted = {"1": "a1", "2": "a2", "3": third, "4": "b4", "5": "b5"}
    assert trial.out(1, "t_aligned.csv")[1:] == [[k, x] for k, x in wanted.items() if x is not None]
    (trial.roots[1].path / "raw" / "u.csv").write_bytes(csv_bytes({"id": ["9"], "z": ["b3"]}))
    assert "'u.csv': expected the columns of 't.csv', in its order" in str(trial.run()[1])
