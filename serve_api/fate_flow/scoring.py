"""Predictions with a model: the step that makes them, for every module that has one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from serve_api.fate_flow.faults import REFUSED, FateError
from serve_api.fate_flow.values import Rows, Scored, Scores
from serve_api.fate_flow.work import Work

__all__ = ["SET_KEYS", "score", "scores", "trained_and_validated", "with_fitted"]

Json = dict[str, Any]
Task = Literal["classification", "regression", "clustering"]
SET_KEYS = ("data", "test_data", "eval_data", "validate_data", "train_data")


def score(work: Work, model: Mapping[str, Any], rows: Rows, kind: str, fold: str = "") -> Scored:
    """Add a step that predicts rows, for the guest; it also compares them with labels if an evaluation asks for that.

    Parameters
    ----------
    kind
        ``train``, ``validate`` or ``predict``.
    fold
        Name of the fold that they are, which is compared in any case: its rows to validate with are those for testing.

    Raises
    ------
    FateError
        The rows are of other parties than the model.
    """
    parties = [(one["role"], one["party_id"]) for one in model["parties"]]
    if parties != [(part.party.role, part.party.party_id) for part in rows.parts]:
        raise FateError(
            REFUSED, f"component {work.component.name}: input.data: expected rows of the parties that the model is of"
        )
    transforms = [task for name in rows.replay if (task := work.project.transform(name)) is not None]
    folder = work.folder(rows.parts[-1].party, f"{fold}-{kind}" if fold else kind)
    source = work.project.source(model, model["step"], "model")
    labelled = bool(model.get("labelled", True))
    receiver = None if labelled else 1 + len(rows.parts)  # the guest, who is the last; a label client is it anyway
    part_of = "test" if fold and kind == "validate" else "train"
    clients = [work.main("predict", model=source, part=part_of, receiver=receiver), work.dealer()]
    for part in rows.parts:
        told: Json = {"data_path": part.path, "transforms": transforms}
        if part.party.role == "guest":
            told["out_data_path"] = folder
            if part.label is not None and (fold or work.project.evaluated(work.component)):
                told["labels_path"] = part.path
        clients.append(work.data_client(part.party, "predict", labelled=labelled, **told))
    name = f"{fold}-{kind}" if fold else "validate" if kind == "validate" else "predict"
    step = work.step(name, clients, [rows.step])
    return Scored(kind, step, rows, folder)


def with_fitted(work: Work, model: Mapping[str, Any]) -> Sequence[Scored]:
    """Add the step of a component that uses a fitted model.

    Raises
    ------
    FateError
        It has rows to be trained on as well.
    """
    if work.job.job_type == "train" and "train_data" in work.component.data:
        raise FateError(
            REFUSED, f"component {work.component.name}: a training that begins with a model is not supported"
        )
    rows = work.aligned(*SET_KEYS)
    work.keep_again()
    return () if rows is None else (score(work, model, rows, "predict"),)


def trained_and_validated(
    work: Work, model: Mapping[str, Any], rows: Rows, validation: Rows | None
) -> Sequence[Scored]:
    """Add the steps that predict the rows of a training, and other rows if there are any."""
    found = [score(work, model, rows, "train")]
    if validation is not None:
        found.append(score(work, model, validation, "validate"))
    return found


def scores(work: Work, sets: Sequence[Scored], task: Task, threshold: float = 0.5) -> Scores:
    """Put predictions out; return them."""
    made = Scores(work.component.name, task, threshold, tuple(sets))
    work.put(made)
    return made
