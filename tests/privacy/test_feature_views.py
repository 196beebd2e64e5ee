"""What each party sees of a binning and of correlations. These are checks against mistakes, not proofs."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedray.channel import Frame
from tests.feature_tasks import FeatureTask, made_up
from tests.uniform import assert_words_uniform, sent

JSON = {"shapes", "names", "done"}
MAIN, DEALER, ONE, TWO, LABEL = range(5)
KINDS: dict[str, dict[str, Any]] = {
    "binning": {"max_bin": 6},
    "correlations of two": {"correlation": "parties"},
    "correlations of all": {"correlation": "all"},
}
OPENED = {
    "binning": {"reveal.bin_counts"},
    "correlations of two": {"reveal.correlation"},
    "correlations of all": {"reveal.correlation_matrix"},
}
MASKED = {
    "binning": {"private.bins0", "histogram", "msb", "join", "deal"},
    "correlations of two": {"private.columns", "correlate"},
    "correlations of all": {"private.columns", "correlate"},
}
"""What is masked and large enough to be looked at."""


def task_of(root: Path, kind: str) -> FeatureTask:
    name = "binning" if kind == "binning" else "statistics"
    return made_up(root, name, own=1, main=KINDS[kind])


def outline(view: list[tuple[int, Frame]]) -> dict[int, list[tuple[str, object]]]:
    """Return by sender what came, without values; the length of numbers as text is no shape."""
    made: dict[int, list[tuple[str, object]]] = defaultdict(list)
    for frm, frame in view:
        shapes = None if frame.label in JSON else [(array.dtype.str, array.shape) for array in frame.arrays]
        made[frm].append((frame.label, shapes))
    return made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("changed", [ONE, TWO, LABEL])
def test_another_secret_changes_no_label_sender_or_shape(tmp_path: Path, kind: str, changed: int) -> None:
    outlines = []
    for name in ("a", "b"):
        task = task_of(tmp_path / name, kind)
        if name == "b":
            table = [*task.features, task.label][changed - 2]
            rng = np.random.default_rng(9)
            # other numbers of values too: a column of three of them has as many slots as any other
            table[:] = rng.permutation(table) if changed == LABEL else rng.integers(0, 3, table.shape)
            task.__post_init__()
        task.succeed()
        outlines.append([outline(view) for view in task.views])
    assert outlines[0] == outlines[1]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_masked_looks_uniform(tmp_path: Path, kind: str) -> None:
    """Every byte, by receiver and label: a chi-square far beyond chance fails; the summands of what is opened too."""
    task = task_of(tmp_path, kind)
    task.succeed()
    tried = assert_words_uniform(sent(task.views, JSON))
    assert MASKED[kind] <= tried


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_the_plan_lists_is_opened_and_helpers_hear_no_share(tmp_path: Path, kind: str) -> None:
    task = task_of(tmp_path, kind)
    outcomes = task.succeed()
    opened = {entry["tag"] for outcome in outcomes.values() for entry in outcome.reveals}
    assert opened <= {reveal.tag for reveal in task.plan().reveals}
    assert {frame.label for _, frame in task.views[MAIN]} == {"shapes", "done"}
    assert {frame.label for _, frame in task.views[DEALER]} <= {"shapes", "deal.credit"}
    said = {frame.label for view in task.views for _, frame in view if frame.label.startswith("reveal.")}
    assert said == OPENED[kind]


def test_the_label_party_learns_nothing_of_bins_and_an_owner_nothing_but_its_own(tmp_path: Path) -> None:
    task = task_of(tmp_path, "binning")
    outcomes = task.succeed()
    assert not any(frame.label == "reveal.bin_counts" for _, frame in task.views[LABEL])
    learned = {tuple(e["to"]): e["shapes"] for o in outcomes.values() for e in o.reveals if e["tag"] == "bin_counts"}
    assert learned == {(ONE,): [[15, 3]], (TWO,): [[15, 2]]}
    for index, width in ((ONE, 3), (TWO, 2)):
        shapes = [frame.arrays[0].shape for _, frame in task.views[index] if frame.label == "reveal.bin_counts"]
        assert shapes == [(15, width)] * 2


def test_planted_values_and_labels_are_in_no_frame(tmp_path: Path) -> None:
    task = task_of(tmp_path, "binning")
    task.features[0][::5, 0] = 123.4375
    task.__post_init__()
    task.succeed()
    y = task.label[: task.n_train, 0].astype(np.uint64)
    planted = [b"123.4375", np.float64(123.4375).tobytes(), y.tobytes(), y.astype(np.uint8).tobytes()]
    said = b"".join(array.tobytes() for view in task.views for _, frame in view for array in frame.arrays)
    assert len(said) > 10_000
    assert not any(value in said for value in planted)
