"""What a pipeline has come to, as a table of how its steps stand."""

from __future__ import annotations

from itertools import product

import pytest

from fedray.pipeline.document import parse
from fedray.pipeline.plan import StepStatus, outcome, ready, states
from fedray.task.pipelines import Glance, Kept, PipelineStatus, StoredPipeline
from fedray.task.record import Status
from tests.pipelines import aligned, binned, step, trained

SPEC = parse({"name": "p", "steps": [step("align", aligned()), step("bins", binned()), step("train", trained())]})
W, C, Q, R, F, X, N, S = StepStatus


def stored(status: PipelineStatus = PipelineStatus.RUNNING, **steps: Kept) -> StoredPipeline:
    return StoredPipeline(1, "p", "", status, steps, 0, 0.0, None)


def glances(**statuses: Status) -> dict[str, Glance]:
    names = {step: f"p.{step.replace('_2', '~2')}" for step in statuses}
    return {names[step]: Glance(names[step], status, None, None, None, None) for step, status in statuses.items()}


@pytest.mark.parametrize(
    ("standing", "wanted"),
    [
        ((W, W, W), None),
        ((F, F, W), None),
        ((F, F, F), PipelineStatus.FINISHED),
        ((F, X, W), PipelineStatus.FAILED),
        ((F, X, F), PipelineStatus.FAILED),
        ((F, X, N), PipelineStatus.FAILED),
        ((F, N, W), PipelineStatus.CANCELLED),
        *(((F, one, other), None) for one, other in product((C, Q, R), (X, N, F, W))),
    ],
)
def test_what_it_has_come_to(standing: tuple[StepStatus, ...], wanted: PipelineStatus | None) -> None:
    assert outcome(standing) == wanted


@pytest.mark.parametrize(
    ("align", "bins", "train", "begins"),
    [
        (W, W, W, ["align"]),
        *((one, W, W, []) for one in (C, Q, R, X, N)),
        (F, W, W, ["bins", "train"]),
        (F, R, W, ["train"]),
        (F, F, W, ["train"]),
        (F, X, W, []),
        (F, N, W, []),
        (F, F, F, []),
    ],
)
def test_what_may_begin(align: StepStatus, bins: StepStatus, train: StepStatus, begins: list[str]) -> None:
    found = ready(SPEC, {"align": align, "bins": bins, "train": train})
    assert [one.name for one in found] == begins


def test_there_is_always_something_to_do_or_an_end() -> None:
    """No pipeline waits for ever: whatever its steps came to, one is at work, one may begin, or it has ended."""
    for standing in product((W, C, Q, R, F, X, N), repeat=3):
        known = dict(zip(("align", "bins", "train"), standing, strict=True))
        begun = [name for name, status in known.items() if status is not W]
        if any(
            not SPEC.steps[place].needs <= {n for n in known if known[n] is F}
            for place in range(3)
            if SPEC.steps[place].name in begun
        ):
            continue  # a step never begins before its needs have finished
        at_work = any(status in (C, Q, R) for status in standing)
        assert at_work or ready(SPEC, known) or outcome(standing) is not None, known


@pytest.mark.parametrize("status", Status)
def test_a_step_stands_as_its_task_does(status: Status) -> None:
    made = stored(align=Kept(made=True))
    assert states(SPEC, made, glances(align=status)) == {"align": status.value, "bins": W, "train": W}


def test_a_task_of_that_name_that_was_not_made_by_the_pipeline_is_not_its_step() -> None:
    assert states(SPEC, stored(), glances(align=Status.FINISHED))["align"] is W


def test_the_try_that_counts() -> None:
    known = glances(align=Status.FAILED, align_2=Status.RUNNING)
    assert states(SPEC, stored(align=Kept(2, made=True)), known)["align"] is R
    assert states(SPEC, stored(align=Kept(3)), known)["align"] is W


def test_what_was_refused_has_failed_and_the_rest_of_one_that_has_ended_is_skipped() -> None:
    refused = stored(PipelineStatus.FAILED, align=Kept(made=True, error={"type": "PolicyError", "message": "no"}))
    assert [*states(SPEC, refused, {}).values()] == [X, S, S]
    assert [*states(SPEC, refused, glances(align=Status.CREATED)).values()] == [X, S, S]
