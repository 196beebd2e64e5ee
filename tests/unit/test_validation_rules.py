"""Which rows are left out, Go's shuffle, and scores as PaddleDTX prints them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score

from fedray.errors import DataError
from fedray.export.paddledtx import evaluation_text
from fedray.ml.validation import Rule, RuleName, averages, binary_scores, held_out, regression_scores, trained_with
from fedray.prg.go_random import GoRandom, shuffled, text_seed


def test_the_words_of_a_seed_are_those_of_go() -> None:
    """The first numbers of `rand.Int63` with seed 1, which every Go program without a seed printed before 1.20."""
    source = GoRandom(1)
    wanted = [5577006791947779410, 8674665223082153551, 6129484611666145821, 4037200794235010051]
    assert [source.word() % 2**63 for _ in wanted] == wanted


@given(st.integers(-(2**63), 2**63 - 1))
def test_seeds_count_by_their_remainder(seed: int) -> None:
    assert GoRandom(seed).word() == GoRandom(seed % (2**31 - 1)).word()


def test_a_shuffle_is_an_order_and_its_seed_tells_it() -> None:
    found = shuffled(np.arange(200), text_seed("a task"))
    assert sorted(found.tolist()) == list(range(200))
    assert np.array_equal(found, shuffled(np.arange(200), text_seed("a task")))
    assert not np.array_equal(found, shuffled(np.arange(200), text_seed("another")))
    assert text_seed("") == int.from_bytes(bytes.fromhex("d41d8cd98f00b204"), "big", signed=True)


def rule(name: RuleName, percent: int = 30, folds: int = 5, *, shuffle: bool = False) -> Rule:
    return Rule(name, percent, folds, shuffle=shuffle, seed="s")


@given(st.integers(10, 60), st.sampled_from(["split", "folds", "leave_one_out"]), st.booleans())
def test_rows_are_left_out_once(rows: int, name: RuleName, shuffle: bool) -> None:
    parts = held_out(rule(name, shuffle=shuffle), rows)
    assert len(parts) == rule(name).trainings(rows)
    together = np.concatenate(parts).tolist()
    assert len(set(together)) == len(together) == (rows * 30 // 100 if name == "split" else rows)
    for out in parts:
        assert sorted([*trained_with(rows, out).tolist(), *out.tolist()]) == list(range(rows))


def test_folds_and_orders() -> None:
    assert [part.tolist() for part in held_out(rule("folds"), 12)] == [[0, 1, 2], [3, 4, 5], [6, 7], [8, 9], [10, 11]]
    assert [int(part[0]) for part in held_out(rule("leave_one_out"), 12)] == [0, 9, 10, 11, 1, 2, 3, 4, 5, 6, 7, 8]
    assert trained_with(12, np.array([0, 11])).tolist() == [9, 10, 1, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize(("made", "rows"), [(rule("split", 1), 99), (rule("folds"), 4), (rule("leave_one_out"), 1)])
def test_too_few_rows(made: Rule, rows: int) -> None:
    with pytest.raises(DataError, match=f"{rows} training rows are too few for the rule {made.name}"):
        held_out(made, rows)


def test_scores_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(5)
    labels, found = rng.integers(0, 2, 90).astype(float), rng.random(90).round(2)
    scores, said = binary_scores(labels, found), found > 0.5
    assert scores["accuracy"] == np.mean(said == labels)
    assert scores["auc"] == pytest.approx(roc_auc_score(labels, found), abs=1e-12)
    for name, score in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
        assert scores[name] == pytest.approx(score(labels, said), abs=1e-12)
    assert scores["roc"][0] == [0.0, 0.0, found.max() + 1.0]
    assert scores["roc"][-1] == [1.0, 1.0, found.min()]
    assert len(scores["roc"]) == 91


def test_scores_of_one_class() -> None:
    none = binary_scores(np.zeros(2), np.array([0.25, 0.75]))
    assert none == {"accuracy": 0.5, "auc": 0.75, "roc": [[0, 0, 1.75], [0.5, 1, 0.75], [1, 1, 0.25]]}
    every = binary_scores(np.ones(2), np.array([0.25, 0.5]))
    assert (every["accuracy"], every["precision"], every["recall"], every["f1"], every["auc"]) == (0, 0, 0, 0, 0.25)
    assert averages([none, every]) == {"accuracy": 0.25, "precision": 0, "recall": 0, "f1": 0, "auc": 0.5}


def test_scores_are_printed_as_the_original_prints_them() -> None:
    """Both texts are its own: see the vectors eval-reg, with the sample's deviation, and eval-bin."""
    found = [regression_scores(np.zeros(1), np.array([one])) for one in (4.5, 5.25)]
    text = '{"Payload":{"RegressionCaseMetricScores":{"RMSEs":{"0":4.5,"1":5.25},"meanRMSE":4.875,"stdDevRMSE":0.375}}}'
    assert evaluation_text(found, {"rmse": 4.875, "rmse_deviation": 0.375}) == text
    fold = {"accuracy": 1.0, "precision": 0.0, "f1": 0.5, "auc": 0.5, "roc": [[0.0, 0.0, 1.9]]}
    text = '{"Payload":{"BinaryClassCaseMetricScores":{"caseType":1,"avgAccuracy":1,"avgAUC":0.5,"metricsPerFold":'
    text += '{"0":{"accuracy":1,"F1Score":0.5,"AUC":0.5,"ROC":[{"p":[0,0,1.9]}]}}}}}'
    assert evaluation_text([fold], {"accuracy": 1.0, "precision": 0.0, "auc": 0.5}) == text
    many = evaluation_text(found * 6, averages(found * 6))
    assert list(json.loads(many)["Payload"]["RegressionCaseMetricScores"]["RMSEs"])[:4] == ["0", "1", "10", "11"]
