"""A party's policy: the file, the rules, the columns, the daily count and approvals, each at one party."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fedray.data.root import DataRoot
from fedray.errors import DataError, PolicyError
from fedray.policy.approvals import approve, is_approved
from fedray.policy.daily import Allowance
from fedray.policy.document import matches, read_file, read_policy
from fedray.policy.gate import admit, look
from fedray.task.plan import TaskPlan, make_plan
from fedray.task.registry import Registry
from fedray.task.spec import parse

DAY_S = 86_400.0


def written(root: Path, text: str) -> DataRoot:
    root.mkdir(parents=True, exist_ok=True)
    (root / "policy.toml").write_text(text, encoding="utf-8")
    return DataRoot(root)


def task(name: str = "t", **main: object) -> TaskPlan:
    """Return the plan of an alignment of a (feature) and b (label) with the help of m."""
    configs: list[tuple[str, str, dict[str, object]]] = [
        ("main_client", "m", {"client_type": "alignment_main", **main}),
        ("feature_client", "a", {"client_type": "alignment_data", "raw_data_path": "r.csv", "out_data_path": "d"}),
        ("label_client", "b", {"client_type": "alignment_data", "raw_data_path": "r.csv", "out_data_path": "d"}),
    ]
    clients = [
        {"role": role, "addr": addr, "http_port": 1, "client_config": {"computation_port": 9, **config}}
        for role, addr, config in configs
    ]
    return make_plan(parse({"task_name": name, "clients": clients}), Registry.local(), "seed")


def training(**fields: object) -> TaskPlan:
    configs: list[tuple[str, str, dict[str, object]]] = [
        ("main_client", "m", {"client_type": "shared_nn_main", "in_dim": 1, **fields}),
        ("crypto_producer", "m", {"client_type": "triplet_producer"}),
        ("feature_client", "a", {"client_type": "shared_nn_feature", "data_path": "d"}),
        ("label_client", "b", {"client_type": "shared_nn_label", "data_path": "d"}),
    ]
    clients = [
        {"role": role, "addr": addr, "http_port": 1, "client_config": {"computation_port": 9, **config}}
        for role, addr, config in configs
    ]
    return make_plan(parse({"task_name": "n", "clients": clients}), Registry.local(), "seed")


def refused(root: DataRoot, plan: TaskPlan, index: int = 1, *, ready: bool = False) -> str:
    with pytest.raises(PolicyError) as found:
        look(plan, plan.members[index], root, ready=ready)
    assert found.value.party == plan.members[index].party.name
    return found.value.message


def test_without_a_file_everything_is_allowed(tmp_path: Path) -> None:
    plan = task()
    assert read_policy(tmp_path) is None
    assert look(plan, plan.members[1], DataRoot(tmp_path / "none"), ready=True).policy == ""
    policy, standing = admit(plan, plan.members[1], DataRoot(tmp_path))
    assert policy is None
    assert not standing.manual


def test_an_empty_file_allows_what_no_file_allows_and_has_a_name(tmp_path: Path) -> None:
    policy = read_policy(written(tmp_path, "").path)
    assert policy is not None
    assert (policy.kinds, policy.allow, policy.deny, policy.parity, policy.export) == (None, None, (), True, False)
    assert (policy.min_intersection, policy.max_predictions_a_day, policy.manual) == (1, None, False)
    plan = task()
    assert look(plan, plan.members[1], DataRoot(tmp_path), ready=True).policy == policy.digest


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kinds = [", "expected TOML"),
        ("# first\nkind = []", "line 2: kind: unknown field, did you mean kinds?"),
        ('kinds = ["alignment"]\nroles = ["boss"]', "line 2: roles[0]: expected one of main_client, "),
        ('kinds = ["linear", "magic"]', "line 1: kinds[1]: expected one of alignment, "),
        ("min_intersection = 0", "line 1: min_intersection: expected an integer from 1 to 1000000000, got 0"),
        ("\n\nmax_predictions_a_day = true", "line 3: max_predictions_a_day: expected an integer"),
        ('approvals = "later"', 'line 1: approvals: expected one of auto, manual, got "later"'),
        ("approval_hours = inf", "line 1: approval_hours: expected a number greater than 0"),
        ('export = "yes"', "line 1: export: expected true or false"),
        ('[columns]\nallow = "age"', "line 2: columns.allow: expected a list"),
        ("[columns]\n\nforbid = []", "line 3: columns.forbid: unknown field, known are allow, deny"),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path: Path, text: str, says: str) -> None:
    written(tmp_path, text)
    with pytest.raises(PolicyError, match=r"^policy\.toml: ") as found:
        read_file(tmp_path / "policy.toml")
    assert says in found.value.message


def test_a_file_that_cannot_be_used_allows_nothing_and_tells_strangers_nothing(tmp_path: Path) -> None:
    said = refused(written(tmp_path, 'kinds = ["secret"]'), task())
    assert "fedray policy check" in said
    assert "secret" not in said


def test_what_is_no_ordinary_file_allows_nothing(tmp_path: Path) -> None:
    for name, make in {
        "pipe": lambda path: os.mkfifo(path),
        "folder": lambda path: path.mkdir(),
        "dangling": lambda path: path.symlink_to(tmp_path / "nothing"),
        "bytes": lambda path: path.write_bytes(b"\xff"),
        "huge": lambda path: path.write_bytes(b"#" * (1 << 21)),
    }.items():
        (tmp_path / name).mkdir()
        make(tmp_path / name / "policy.toml")
        refused(DataRoot(tmp_path / name), task())


def test_stars_stand_for_any_text_and_nothing_else_does() -> None:
    assert matches("income_2020", ("income_*",))
    assert matches("income_", ("income_*",))
    assert matches("a.b[1]", ("a.b[1]",))
    assert not matches("axb[1]", ("a.b[1]",))
    assert not matches("my_income_2", ("income_*",))
    assert matches("x_mid_y", ("*_mid_*",))
    assert not matches("Age", ("age",))
    assert not matches("age", ())


@pytest.mark.parametrize(
    ("rule", "text", "what"),
    [
        ("kinds", 'kinds = ["linear"]', "a task of kind alignment"),
        ("roles", 'roles = ["label_client"]', "the role feature_client"),
        ("counterparties", 'counterparties = ["b:*"]', "a task with m:1"),
        ("min_intersection", "min_intersection = 4711", "so small a clients[0].client_config.min_intersection"),
    ],
)
def test_a_rule_that_is_broken_is_named_and_its_value_is_not(tmp_path: Path, rule: str, text: str, what: str) -> None:
    said = refused(written(tmp_path, text), task(min_intersection=4710))
    assert said == f"the party's policy, rule {rule}, does not allow {what}; talk to its data owner"
    assert "4711" not in said


def test_rules_that_are_kept(tmp_path: Path) -> None:
    text = 'kinds = ["alignment"]\nroles = ["feature_client"]\ncounterparties = ["b:1", "m:*"]\nmin_intersection = 50'
    plan = task(min_intersection=50)
    assert look(plan, plan.members[1], written(tmp_path, text), ready=False).party == "a:1"


def test_parity_mode(tmp_path: Path) -> None:
    root = written(tmp_path, "parity = false")
    assert "rule parity, does not allow parity mode" in refused(root, training(parity=True), 2)
    assert "rule parity, does not allow public masks" in refused(root, training(public_masks=True), 2)
    plan = training()
    look(plan, plan.members[2], root, ready=False)


def raw(root: DataRoot, names: str) -> None:
    (root.path / "raw").mkdir(exist_ok=True)
    (root.path / "raw" / "r.csv").write_text(f"{names}\n1,2,3\n")


def test_columns_of_a_raw_table(tmp_path: Path) -> None:
    root = written(tmp_path, '[columns]\ndeny = ["sal*"]')
    raw(root, "id,age,salary")
    said = refused(root, task())
    assert 'rule columns.deny, does not allow the column "salary" of clients[1].client_config.raw_data_path' in said
    raw(root, "salary,age,height")  # the id is no column
    plan = task()
    look(plan, plan.members[1], root, ready=False)
    written(tmp_path, '[columns]\nallow = ["age"]')
    assert 'rule columns.allow, does not allow the column "height"' in refused(root, task())
    table = pa.table({"id": [1], "age": [2], "wealth": [3]})
    pq.write_table(table, root.path / "raw" / "r.csv")
    assert '"wealth"' in refused(root, task())


def told(plan: TaskPlan, index: int, **fields: object) -> TaskPlan:
    made = json.loads(plan.to_json())
    made["members"][index]["config"] |= fields
    return TaskPlan.from_json(json.dumps(made))


def chosen(*columns: object) -> TaskPlan:
    return told(task(), 1, columns=list(columns))


def test_columns_of_more_tables_count_as_well(tmp_path: Path) -> None:
    root = written(tmp_path, '[columns]\ndeny = ["salary"]')
    raw(root, "id,age,height")
    (root.path / "raw" / "s.csv").write_text("id,age,salary\n1,2,3\n")
    plan = told(task(), 1, more_raw_data_paths=["s.csv"])
    assert '"salary" of clients[1].client_config.more_raw_data_paths[0]' in refused(root, plan)


def test_only_columns_that_the_document_chooses_count(tmp_path: Path) -> None:
    root = written(tmp_path, '[columns]\nallow = ["age", "salary"]\ndeny = ["salary"]')
    raw(root, "id,age,salary")
    look(chosen("age"), chosen("age").members[1], root, ready=False)
    look(chosen(0), chosen(0).members[1], root, ready=False)
    assert "columns.deny" in refused(root, chosen(1))
    with pytest.raises(DataError, match=r"clients\[1\].client_config.columns: 'r.csv' has no column"):
        look(chosen("size"), chosen("size").members[1], root, ready=False)


def data_set(root: DataRoot, columns: list[str] | None) -> None:
    folder = root.path / "generated" / "d"
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"task": "a", "n_train": 1, "n_test": 0, "columns": columns, "fingerprint": "f"}
    (folder / "dataset.json").unlink(missing_ok=True)
    if columns is not None:
        (folder / "dataset.json").write_text(json.dumps(facts))


def test_columns_of_aligned_tables_count_when_the_task_starts(tmp_path: Path) -> None:
    root, plan = written(tmp_path, '[columns]\ndeny = ["salary"]'), training()
    look(plan, plan.members[2], root, ready=False)  # the alignment has yet to run
    data_set(root, ["age", "salary"])
    look(plan, plan.members[2], root, ready=False)
    assert '"salary" of clients[2].client_config.data_path' in refused(root, plan, 2, ready=True)
    data_set(root, ["age"])
    look(plan, plan.members[2], root, ready=True)


def test_columns_without_names_are_refused_by_any_rule_of_columns(tmp_path: Path) -> None:
    root, plan = written(tmp_path, '[columns]\nallow = ["*"]'), training()
    data_set(root, None)
    assert "a table whose columns have no names" in refused(root, plan, 2, ready=True)
    look(plan, plan.members[2], written(tmp_path, ""), ready=True)


def test_a_day_has_so_many_predictions_and_no_more(tmp_path: Path) -> None:
    now = [10 * DAY_S + 5.0]
    allowance = Allowance(DataRoot(tmp_path), "bank", 100, lambda: now[0])
    allowance.take(60)
    allowance.take(40)
    with pytest.raises(PolicyError, match="rule max_predictions_a_day, does not allow so many predictions today"):
        allowance.take(1)
    Allowance(DataRoot(tmp_path), "shop", 100, lambda: now[0]).take(100)  # of another party with this root
    now[0] += DAY_S
    with pytest.raises(PolicyError):
        allowance.take(101)
    allowance.take(100)  # what was refused is not counted
    file = tmp_path / ".fedray" / "policy" / "predictions.json"
    assert json.loads(file.read_text()) == {"day": "1970-01-12", "rows": {"bank": 100}}
    assert file.stat().st_mode & 0o777 == 0o600


def test_without_a_limit_nothing_is_counted(tmp_path: Path) -> None:
    Allowance(DataRoot(tmp_path), "bank", None).take(10**9)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_count_allows_nothing(tmp_path: Path) -> None:
    allowance = Allowance(DataRoot(tmp_path), "bank", 100)
    allowance.take(1)
    (tmp_path / ".fedray" / "policy" / "predictions.json").write_text("[]")
    with pytest.raises(PolicyError, match="is damaged"):
        allowance.take(1)


def test_tasks_that_count_at_once_never_get_more_than_the_limit(tmp_path: Path) -> None:
    taken: list[int] = []

    def take() -> None:
        for _ in range(10):
            try:
                Allowance(DataRoot(tmp_path), "bank", 25).take(1)
            except PolicyError:
                return
            taken.append(1)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 25


def test_a_task_that_needs_approval_begins_with_it_only(tmp_path: Path) -> None:
    root, plan = written(tmp_path, 'approvals = "manual"\napproval_hours = 2'), task()
    member = plan.members[1]
    standing = look(plan, member, root, ready=True)
    assert (standing.manual, standing.approval_hours) == (True, 2.0)
    with pytest.raises(PolicyError, match="rule approvals, asks for the approval of its data owner"):
        admit(plan, member, root)
    approve(plan, member, root, "dora", 5.0)
    assert admit(plan, member, root)[1].manual
    assert not is_approved(plan, plan.members[2], root)


def test_an_approval_is_of_one_plan(tmp_path: Path) -> None:
    root, plan = written(tmp_path, 'approvals = "manual"'), task()
    approve(plan, plan.members[1], root, "", 5.0)
    for other in (task(min_intersection=2), task("u"), chosen("age")):
        assert not is_approved(other, other.members[1], root)
    (folder,) = (tmp_path / ".fedray").iterdir()
    (file,) = folder.iterdir()
    forged: dict[str, Any] = {**json.loads(file.read_text()), "party": "x"}
    file.write_text(json.dumps(forged))
    assert not is_approved(plan, plan.members[1], root)
    file.write_text("")
    assert not is_approved(plan, plan.members[1], root)
