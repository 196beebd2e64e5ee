"""FATE's modules that put tables together, add columns, compare tables, and the guest's model of its own."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from serve_api.fate_flow.compiled import CompiledJob
from serve_api.fate_flow.faults import FateError
from serve_api.fate_flow.predicting import predict_dsl
from tests.fate_jobs import ARBITER, GUEST, HOST, Json, World, applied, breast, conf_2, dsl_2, evaluated, small, trainer

LR: Json = {"max_iter": 2, "learning_rate": 0.3, "optimizer": "sgd"}
READER: Json = {"module": "Reader", "output": {"data": ["data"]}}


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    small(made)
    return made


def second(world: World) -> None:
    """Upload tables ``guest_2`` and ``host_2``: the last 30 rows of the first ones, moved, and 30 more."""
    for name in ("guest", "host"):
        path = world.root.path / f"raw/fate/{name}.csv"
        with path.open(newline="") as handle:
            header, *rows = list(csv.reader(handle))
        chosen = rows[-30:] + [[f"s{row[0]}", *row[1:]] for row in rows[:30]]
        labels = 2 if name == "guest" else 1
        columns = {
            column: [row[k] if k < labels else float(row[k]) + 1.0 for row in chosen]
            for k, column in enumerate(header)
            if k
        }
        world.add(f"{name}_2", columns, [row[0] for row in chosen])


def two_readers(conf: Json) -> Json:
    """Return a configuration with a second reader and transform of the second tables."""
    for role, table in (("guest", "guest_2"), ("host", "host_2")):
        told = conf["component_parameters"]["role"][role]["0"]
        told["reader_1"] = {"table": {"name": table, "namespace": "ns"}}
        told["data_transform_1"] = told["data_transform_0"]
    return conf


def two_tables(*more: tuple[str, Json], united: str = "") -> Json:
    """Return a DSL with two tables, each with its own intersection."""
    both: list[tuple[str, Json]] = [
        ("reader_1", READER),
        ("data_transform_1", applied("DataTransform", "reader_1.data")),
        ("intersection_1", applied("Intersection", "data_transform_1.data")),
    ]
    return dsl_2(*both, *more)


def union(*data: str) -> Json:
    return {"module": "Union", "input": {"data": {"data": list(data)}}, "output": {"data": ["data"]}}


def ids(world: World, compiled: CompiledJob, name: str) -> list[str]:
    return [str(row[0]) for row in world.outcome(compiled, name).data[HOST][0].rows()]


def test_aligned_tables_are_put_together(world: World) -> None:
    """The second table is scaled by the model of the first."""
    second(world)
    scale_1 = applied("FeatureScale", "intersection_1.data")
    scale_1["input"]["model"] = ["scale_0.model"]
    dsl = two_tables(
        ("scale_0", applied("FeatureScale", "intersection_0.data")),
        ("scale_1", scale_1),
        ("union_0", union("scale_0.data", "scale_1.data")),
        ("hetero_lr_0", trainer("HeteroLR", "union_0.data")),
    )
    compiled = world.compile(dsl, two_readers(conf_2(hetero_lr_0=LR)))
    world.run(compiled)
    parts = [ids(world, compiled, name) for name in ("intersection_0", "intersection_1")]
    wanted = [*parts[0], *(one for one in parts[1] if one not in parts[0])]
    assert ids(world, compiled, "union_0") == wanted
    assert set(parts[0]) & set(parts[1])
    found = world.outcome(compiled, "union_0")
    assert found.metrics[GUEST]["train"]["union"].data == [
        ["scale_0.data", len(parts[0])],
        ["scale_1.data", len(parts[1])],
        ["Total", len(wanted)],
    ]
    assert found.summary[HOST]["Total"] == len(wanted)
    rows = list(world.outcome(compiled, "hetero_lr_0").data[GUEST][0].rows())
    assert [row[0] for row in rows] == wanted
    tables = [
        np.array([row[1:] for row in outcome.rows()])
        for outcome in (
            world.outcome(compiled, name).data[HOST][0] for name in ("intersection_0", "intersection_1", "union_0")
        )
    ]
    scaled = (np.vstack(tables[:2]) - tables[0].mean(axis=0)) / tables[0].std(axis=0)
    places = [[*parts[0], *parts[1]].index(one) for one in wanted]
    np.testing.assert_allclose(tables[2], scaled[places], atol=1e-9)


def test_tables_as_they_were_uploaded_are_put_together_and_aligned(world: World) -> None:
    second(world)
    dsl = dsl_2(
        ("reader_1", READER),
        ("union_0", union("reader_0.data", "reader_1.data")),
    )
    dsl["components"]["data_transform_0"]["input"]["data"]["data"] = ["union_0.data"]
    compiled = world.compile(dsl, two_readers(conf_2()))
    world.run(compiled)
    assert compiled.component("union_0").steps == ()
    found = world.outcome(compiled, "union_0")
    assert found.summary[HOST] == {"reader_0.data": 80, "reader_1.data": 60, "Total": 110}
    assert found.data[HOST][0].total == 110
    assert found.summary[GUEST] == {"reader_0.data": 72, "reader_1.data": 60, "Total": 102}
    together = ids(world, compiled, "intersection_0")
    assert len(together) == len(set(together)) == 102
    assert world.outcome(compiled, "intersection_0").summary[HOST]["intersect_num"] == 102


def test_a_table_that_goes_through_the_model_of_the_first_is_put_below_it(world: World) -> None:
    second(world)
    again = applied("DataTransform", "reader_1.data")
    again["input"]["model"] = ["data_transform_0.model"]
    dsl = dsl_2(
        ("reader_1", READER),
        ("data_transform_1", again),
        ("union_0", union("data_transform_0.data", "data_transform_1.data")),
    )
    dsl["components"]["intersection_0"]["input"]["data"]["data"] = ["union_0.data"]
    conf = two_readers(conf_2())
    for role in ("guest", "host"):
        told = conf["component_parameters"]["role"][role]["0"]["data_transform_0"]
        told |= {"missing_fill": True, "missing_fill_method": "mean"}
    compiled = world.compile(dsl, conf)
    world.run(compiled)
    assert len(ids(world, compiled, "intersection_0")) == 102
    assert [one["name"] for one in compiled.pipeline["steps"]] == ["intersection_0", "intersection_0-fill"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("first", "other", "words"),
    [
        ("reader_0.data", "intersection_0.data", "input.data: expected tables with the same header, in the same order"),
        (
            "data_transform_0.data",
            "reader_0.data",
            "input.data: expected tables with the same header, in the same order",
        ),
        ("intersection_0.data", "sample_0.data", "input.data: expected tables that the same components have been"),
        ("intersection_0.data", "hetero_lr_0.data", "input.data: expected tables, and hetero_lr_0.data is predictions"),
    ],
)
def test_tables_that_do_not_go_together(world: World, first: str, other: str, words: str) -> None:
    dsl = dsl_2(
        ("sample_0", applied("SampleWeight", "intersection_0.data")),
        ("hetero_lr_0", trainer("HeteroLR", "intersection_0.data")),
        ("union_0", union(first, other)),
    )
    with pytest.raises(FateError, match=words):
        world.compile(dsl, conf_2(sample_0={"class_weight": "balanced"}))
    dsl["components"]["union_0"] = union(first)
    with pytest.raises(FateError, match="expected at least two tables, got 1"):
        world.compile(dsl, conf_2())
    dsl["components"]["union_0"] = union(first, first)
    with pytest.raises(FateError, match="parameter keep_duplicate: true is not supported here"):
        world.compile(dsl, conf_2(union_0={"keep_duplicate": True}))


@pytest.mark.parametrize("before", [True, False], ids=["before the alignment", "after it"])
def test_columns_are_added_and_again_in_predictions(world: World, before: bool) -> None:
    source = "reader_0.data" if before else "intersection_0.data"
    dsl = dsl_2(
        ("column_expand_0", applied("ColumnExpand", source)),
        ("scale_0", applied("FeatureScale", "intersection_0.data" if before else "column_expand_0.data")),
        ("hetero_lr_0", trainer("HeteroLR", "scale_0.data")),
    )
    if before:
        dsl["components"]["data_transform_0"]["input"]["data"]["data"] = ["column_expand_0.data"]
    expand = {"append_header": ["a", "b"], "fill_value": [0.5, -2]}
    conf = conf_2(column_expand_0=expand, hetero_lr_0=LR)
    for role in ("guest", "host"):
        told = conf["component_parameters"]["role"][role]["0"]["data_transform_0"]
        told |= {"missing_fill": True, "missing_fill_method": "mean"}
    trained = world.compile(dsl, conf)
    world.run(trained)
    table = world.outcome(trained, "column_expand_0").data[GUEST][0]
    assert table.header[-2:] == ("a", "b")
    assert {tuple(row[-2:]) for row in table.rows()} == {(0.5, -2.0)}
    assert world.outcome(trained, "column_expand_0").model[GUEST]["data"]["header"][-2:] == ["a", "b"]
    assert "a" in world.outcome(trained, "scale_0").data[GUEST][0].header
    assert "a" not in world.outcome(trained, "scale_0").data[HOST][0].header
    rows = list(world.outcome(trained, "hetero_lr_0").data[GUEST][0].rows())

    conf["job_parameters"]["common"] |= {"job_type": "predict", "model_id": "m", "model_version": "1"}
    again = {"components": {"reader_0": READER, **predict_dsl(trained.job)["components"]}}
    predicting = world.compile(again, conf, "2", trained)
    world.run(predicting)
    scores = [row[3] for row in world.outcome(predicting, "hetero_lr_0").data[GUEST][0].rows()]
    assert scores == pytest.approx([row[3] for row in rows], abs=1e-4)


def test_how_far_columns_have_moved(world: World) -> None:
    second(world)
    psi: Json = {
        "module": "PSI",
        "input": {"data": {"train_data": ["intersection_0.data"], "validate_data": ["intersection_1.data"]}},
        "output": {"model": ["model"]},
    }
    same = {**psi, "input": {"data": {key: ["intersection_0.data"] for key in ("train_data", "validate_data")}}}
    dsl = two_tables(("psi_0", psi), ("psi_1", same))
    common = {"psi_0": {"max_bin_num": 4}}
    compiled = world.compile(dsl, two_readers(conf_2(**common)))
    world.run(compiled)
    found = world.outcome(compiled, "psi_0")
    tables = [
        np.array([row[1:] for row in world.outcome(compiled, name).data[HOST][0].rows()])
        for name in ("intersection_0", "intersection_1")
    ]
    for k, name in enumerate(("x0", "x1", "x2")):
        before, now = np.sort(tables[0][:, k]), tables[1][:, k]
        cuts = before[np.ceil(np.arange(1, 4) * len(before) / 4).astype(int) - 1]
        p, q = (np.bincount(np.searchsorted(cuts, x), minlength=4) / len(x) for x in (before, now))
        q = np.maximum(q, 0.5 / len(now))
        assert found.summary[HOST]["psi_scores"][name] == pytest.approx(float(((q - p) * np.log(q / p)).sum()))
    told = found.model[HOST]["data"]
    assert told["totalScore"] == found.summary[HOST]["psi_scores"]
    (first, *_) = told["featurePsi"]
    assert first["interval"][0].startswith("(-inf, ")
    assert sum(first["expectPerc"]) == pytest.approx(1.0)
    assert set(found.summary[GUEST]["psi_scores"]) == {"x0", "x1"}
    assert set(world.outcome(compiled, "psi_1").summary[HOST]["psi_scores"].values()) == {0.0}


def test_the_guest_alone(world: World) -> None:
    x, y = breast(world)
    baseline = trainer("LocalBaseline", "intersection_0.data")
    baseline["input"]["data"]["validate_data"] = ["intersection_0.data"]
    dsl = dsl_2(("baseline_0", baseline), ("evaluation_0", evaluated("baseline_0.data")))
    compiled = world.compile(dsl, conf_2("breast_guest", "breast_host", baseline_0={"model_opts": {"max_iter": 5000}}))
    world.run(compiled)
    plain = LogisticRegression(max_iter=5000).fit(x[:, :10], y)
    chances = plain.predict_proba(x[:, :10])[:, 1]
    found = world.outcome(compiled, "baseline_0")
    (table,) = found.data[GUEST]
    rows = list(table.rows())
    assert [row[3] for row in rows if row[5] == "train"] == pytest.approx(chances, abs=1e-12)
    assert [row[1] for row in rows[: len(y)]] == y.tolist()
    assert [row[3] for row in rows if row[5] == "validate"] == [row[3] for row in rows if row[5] == "train"]
    assert list(found.summary[GUEST]["coef"].values()) == pytest.approx(plain.coef_[0])
    assert found.summary[GUEST]["is_converged"]
    assert set(found.model) == {GUEST}
    told = world.outcome(compiled, "evaluation_0").metrics[GUEST]
    for kind in ("train", "validate"):
        assert dict(told[kind]["baseline_0"].data)["auc"] == round(roc_auc_score(y, chances), 6)


@pytest.mark.parametrize(("module", "steps"), [("HeteroLR", "max_iter"), ("HeteroSecureBoost", "num_trees")])
def test_a_validation_ends_a_training(world: World, module: str, steps: str) -> None:
    """The rows to validate with have labels that are turned round, so the first model is the best."""
    for name in ("guest", "host"):
        path = world.root.path / f"raw/fate/{name}.csv"
        with path.open(newline="") as handle:
            header, *rows = list(csv.reader(handle))
        turned = [
            [
                row[0],
                *(
                    str(1 - int(cell)) if column == "y" else cell
                    for column, cell in zip(header[1:], row[1:], strict=True)
                ),
            ]
            for row in rows
        ]
        world.add(
            f"{name}_2",
            {column: [row[k] for row in turned] for k, column in enumerate(header) if k},
            [row[0] for row in turned],
        )
    scale_1 = applied("FeatureScale", "intersection_1.data")
    scale_1["input"]["model"] = ["scale_0.model"]
    train = trainer(module, "scale_0.data")
    train["input"]["data"]["validate_data"] = ["scale_1.data"]
    dsl = two_tables(
        ("scale_0", applied("FeatureScale", "intersection_0.data")), ("scale_1", scale_1), ("model_0", train)
    )
    told = {steps: 8, "learning_rate": 0.3, "validation_freqs": 1, "early_stopping_rounds": 2}
    compiled = world.compile(dsl, two_readers(conf_2(model_0=told)))
    world.run(compiled)
    found = world.outcome(compiled, "model_0")
    summary = found.summary[GUEST]
    losses = (found.metrics.get(GUEST) or found.metrics[ARBITER])["train"]
    assert (summary["best_iteration"], summary["is_converged"]) == (0, True)
    assert [pair[0] for pair in losses["loss"].data] == [0, 1, 2]
    assert found.model[HOST]["data"]["bestIteration"] == 0
    if module == "HeteroSecureBoost":
        assert found.model[GUEST]["data"]["treeNum"] == 1
        assert losses["iteration_0"].data[0][0] == "auc"
        assert losses["iteration_0"].data[0][1] < 0.5
    rows = list(found.data[GUEST][0].rows())
    assert {row[5] for row in rows} == {"train", "validate"}
    assert len(rows) == 144


def test_columns_are_left_out_by_their_values_and_again_in_predictions(world: World) -> None:
    rng = np.random.default_rng(3)
    columns = {"even": [1.0] * 80, "some": rng.normal(size=80).round(3).tolist(), "few": [0.0] * 75 + [1.0] * 5}
    world.add("host", columns, [f"r{k:03d}" for k in range(80)])
    select = applied("HeteroFeatureSelection", "intersection_0.data")
    dsl = dsl_2(("selection_0", select), ("hetero_lr_0", trainer("HeteroLR", "selection_0.data")))
    filters = {
        "filter_methods": ["unique_value", "percentage_value"],
        "percentage_value_param": {"upper_pct": 0.9},
    }
    conf = conf_2(selection_0=filters, hetero_lr_0=LR)
    trained = world.compile(dsl, conf)
    world.run(trained)
    left = {party: told["left"] for party, told in world.outcome(trained, "selection_0").summary.items()}
    assert left == {HOST: ["some"], GUEST: ["x0", "x1"]}
    rows = list(world.outcome(trained, "hetero_lr_0").data[GUEST][0].rows())
    conf["job_parameters"]["common"] |= {"job_type": "predict", "model_id": "m", "model_version": "1"}
    predicting = world.compile(
        {"components": {"reader_0": READER, **predict_dsl(trained.job)["components"]}}, conf, "2", trained
    )
    world.run(predicting)
    scores = [row[3] for row in world.outcome(predicting, "hetero_lr_0").data[GUEST][0].rows()]
    assert scores == pytest.approx([row[3] for row in rows], abs=1e-4)


@pytest.mark.parametrize(
    ("module", "labels", "told"),
    [
        ("HeteroLR", "binary", {"max_iter": 5, "learning_rate": 0.5, "optimizer": "nesterov_momentum_sgd"}),
        ("HeteroLinR", "numbers", {"max_iter": 5, "learning_rate": 0.1}),
        ("HeteroSecureBoost", "binary", {"num_trees": 2, "bin_num": 8}),
    ],
)
def test_a_cross_validation_tells_metrics_by_fold(world: World, module: str, labels: str, told: Json) -> None:
    small(world, rows=120, labels=labels)
    cv = {"need_cv": True, "n_splits": 3, "random_seed": 4}
    dsl = dsl_2(("model_0", trainer(module, "intersection_0.data")))
    compiled = world.compile(dsl, conf_2(model_0={**told, "cv_param": cv}))
    world.run(compiled)
    found = world.outcome(compiled, "model_0")
    assert not found.data
    assert not found.model
    spaces = found.metrics[GUEST]
    for kind in ("train", "validate"):
        names = [name for name, metric in spaces[kind].items() if metric.meta["metric_type"] == "EVALUATION_SUMMARY"]
        assert names == [f"{kind}_fold_{fold}" for fold in range(3)]
        numbers = [dict(spaces[kind][name].data) for name in names]
        scores = [one["auc" if labels == "binary" else "r2_score"] for one in numbers]
        assert min(scores) > (0.7 if labels == "binary" else 0.3)
        assert len(set(scores)) > 1
    assert found.summary[GUEST]["validate_fold_0"]["validate"] == dict(spaces["validate"]["validate_fold_0"].data)
