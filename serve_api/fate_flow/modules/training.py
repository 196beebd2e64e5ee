"""What trainings have in common: the same parameters, the rows they take, the steps behind them, what is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from fedray.task.text import show
from serve_api.fate_flow.coding import replayed, transformed
from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.faults import REFUSED, FateError
from serve_api.fate_flow.rules import seed_of, wrong
from serve_api.fate_flow.scoring import Task, score, scores, trained_and_validated, with_fitted
from serve_api.fate_flow.values import Rows
from serve_api.fate_flow.work import Work

__all__ = ["COMMON_MOOT", "COMMON_WARNED", "Model", "early_rounds", "steps_between_tests", "tested_on"]

_MOST_FOLDS: Final = 20
_MOST_ROUNDS: Final = 10_000
_NO_KEYS: Final = "nothing is encrypted with a public key: parties compute on shares"

COMMON_WARNED: Final[Mapping[str, str]] = {
    "encrypt_param": _NO_KEYS,
    "encrypted_mode_calculator_param": _NO_KEYS,
    "encrypted_model_calculator_param": _NO_KEYS,
    "floating_point_precision": "shares have a precision of their own",
    "metrics": "a test tells AUC, or errors of a regression",
}
"""Parameters that do nothing in any training here, and why."""

COMMON_MOOT: Final = (
    "use_first_metric_only",
    "cv_param.n_splits",
    "cv_param.mode",
    "cv_param.role",
    "cv_param.shuffle",
    "cv_param.random_seed",
    "cv_param.output_fold_history",
    "cv_param.history_value_type",
)


def steps_between_tests(work: Work, values: Mapping[str, Any], steps: int) -> int:
    """Return after how many steps (passes or trees) a training is tested, which tells the guest the scores of its rows.

    FATE tells the loss of every step. Here that takes opening all scores to the guest, so only who asks for validation
    in between has it more often than in the end.
    """
    wanted = values["validation_freqs"]
    if wanted is None:
        work.warn("the loss is told after the last step; set validation_freqs to have it every so many steps")
        return steps
    if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 1:
        raise wrong(work.component, "validation_freqs", f"expected null or a number from 1, got {show(wanted)}")
    return min(wanted, steps)


def early_rounds(work: Work, values: Mapping[str, Any], validation: Rows | None) -> int | None:
    """Return after how many validations without a better one a training ends; None where it makes all its steps.

    Raises
    ------
    FateError
        There is nothing to validate with, or no word of how often.
    """
    rounds = values["early_stopping_rounds"]
    if rounds is None:
        return None
    if not isinstance(rounds, int) or isinstance(rounds, bool) or not 1 <= rounds <= _MOST_ROUNDS:
        words = f"expected null or a number from 1 to {_MOST_ROUNDS}, got {show(rounds)}"
        raise wrong(work.component, "early_stopping_rounds", words)
    if validation is None:
        raise wrong(work.component, "early_stopping_rounds", "expected null: there is no validate_data to stop by")
    if values["validation_freqs"] is None:
        raise wrong(work.component, "validation_freqs", "expected a number with early_stopping_rounds, got null")
    return rounds


def tested_on(work: Work, rows: Rows, validation: Rows) -> Rows:
    """Add the step that puts together rows to be trained on, and rows that the training is tested on."""
    validation = replayed(work, validation, "validation")
    if [part.party for part in validation.parts] != [part.party for part in rows.parts] or not validation.labelled:
        words = "input.data.validate_data: expected rows of the same parties, with the guest's label"
        raise FateError(REFUSED, f"component {work.component.name}: {words}")
    return transformed(work, rows, {}, "validated", tested=validation)


@dataclass(frozen=True)
class Model:
    """A component that trains a model, or predicts with a fitted one.

    Attributes
    ----------
    work
        The component at work.
    kind
        Under which its outcome is told.
    task, threshold
        What its predictions are.
    """

    work: Work
    kind: str
    task: Task
    threshold: float

    def predicted(self) -> CompiledComponent | None:
        """Compile the predictions with a fitted model; None where there is none, and one is to be trained."""
        fitted = self.work.model()
        if fitted is None:
            return None
        scores(self.work, with_fitted(self.work, fitted), self.task, self.threshold)
        return self.work.done(kind=self.kind, model=None)

    def rows(self, *, weighted: bool = False, labelled: bool = True) -> tuple[Rows, Rows | None]:
        """Return the rows to be trained on, and those to be validated with if there are any.

        Parameters
        ----------
        weighted
            Whether the rows may have class weights.
        labelled
            Whether they need the guest's label.

        Raises
        ------
        FateError
            They lack the guest's columns or label, or are of no use to a training.
        """
        work = self.work
        rows = work.aligned("train_data", "data")
        validation = work.aligned("validate_data", "eval_data", "test_data", needed=False)
        fits = rows is not None and rows.guest is not None and (rows.guest.label is not None or not labelled)
        if rows is None or not fits or rows.replay or (rows.class_weight is not None and not weighted):
            what = "label" if labelled else "columns, and without class weights"
            raise FateError(
                REFUSED, f"component {work.component.name}: input.data: expected train_data with the guest's {what}"
            )
        return rows, validation

    def trained(
        self,
        sets: tuple[Rows, Rows | None],
        clients: Sequence[dict[str, Any]],
        values: Mapping[str, Any],
        batches: int = 1,
        on: str = "",
        **facts: object,
    ) -> CompiledComponent:
        """Compile the training of these clients, and the predictions of its rows.

        Parameters
        ----------
        sets
            As `rows` gave them.
        values
            The component's parameters.
        batches
            Steps of the training that count as one of FATE's.
        on
            What the clients read, if it is another step's than that of the rows.
        facts
            More JSON values from which the model is told.
        """
        work, (rows, validation) = self.work, sets
        step = work.step("", clients, [on or rows.step])
        told = {**_facts(work, rows, step, values), **facts}
        kept = {"step": step, "parties": told["parties"], **({} if rows.labelled else {"labelled": False})}
        model = work.model_of(work.keep(**kept), **kept)
        scores(work, trained_and_validated(work, model, rows, validation), self.task, self.threshold)
        return work.done(kind=self.kind, model=told, batches=batches)

    def cross_validated(
        self, rows: Rows, values: Mapping[str, Any], clients: Callable[[Rows], Sequence[dict[str, Any]]]
    ) -> CompiledComponent:
        """Compile a cross-validation: of each fold a training on the other rows, and both parts compared with labels.

        As FATE's it gives metrics, and neither a model nor rows.

        Parameters
        ----------
        clients
            Gives the clients of a fold's training.

        Raises
        ------
        FateError
            A parameter of the cross-validation is not supported.
        """
        work, told, sets = self.work, values["cv_param"], []
        splits = told["n_splits"]
        if not isinstance(splits, int) or isinstance(splits, bool) or not 2 <= splits <= _MOST_FOLDS:
            words = f"expected a number from 2 to {_MOST_FOLDS}, got {show(splits)}"
            raise wrong(work.component, "cv_param.n_splits", words)
        if told["mode"] != "hetero" or not told["shuffle"]:
            raise wrong(work.component, "cv_param", "expected mode hetero and shuffle true: parts are drawn")
        work.warn("cv_param: a cross-validation gives metrics by fold, and neither a model nor a history of rows")
        seed = seed_of(told["random_seed"])
        for fold in range(splits):
            name = f"fold_{fold}"
            ends = {"start": fold / splits, "stop": (fold + 1) / splits}
            main = {"rows": {**ends, "seed": seed, "held_out": True}}
            found = transformed(work, rows, {}, name, main)
            found = replace(found, most=max(1, rows.most - rows.most // splits))
            step = work.step(f"{name}-fit", clients(found), [found.step])
            made = {**_facts(work, found, step, values), "job": work.project.job_id}
            for kind in ("train", "validate"):
                scored = score(work, made, found, kind, name)
                sets.append({"name": f"{kind}_{name}", "kind": kind, "step": scored.step})
        return work.done(kind="cross_validation", sets=sets, metrics=None)


def _facts(work: Work, rows: Rows, step: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return JSON values from which a model is told: whose columns it has, and how it was trained."""
    return {
        "step": step,
        "alias": work.component.model_outputs[0] if work.component.model_outputs else "model",
        "parties": [{"role": part.party.role, "party_id": part.party.party_id} for part in rows.parts],
        "columns": [list(part.columns) for part in rows.parts],
        "parameters": dict(values),
    }
