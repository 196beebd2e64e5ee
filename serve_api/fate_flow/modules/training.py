"""What trainings have in common: the same parameters, the rows they take, the steps behind them, what is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fedray.task.text import show
from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.faults import REFUSED, FateError
from serve_api.fate_flow.rules import wrong
from serve_api.fate_flow.scoring import Task, scores, trained_and_validated, with_fitted
from serve_api.fate_flow.values import Rows
from serve_api.fate_flow.work import Work

__all__ = ["COMMON_MOOT", "COMMON_WARNED", "Model", "steps_between_tests"]

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
        facts
            More JSON values from which the model is told.
        """
        work, (rows, validation) = self.work, sets
        step = work.step("", clients, [rows.step])
        told = {**_facts(work, rows, step, values), **facts}
        kept = {"step": step, "parties": told["parties"], **({} if rows.labelled else {"labelled": False})}
        model = work.model_of(work.keep(**kept), **kept)
        scores(work, trained_and_validated(work, model, rows, validation), self.task, self.threshold)
        return work.done(kind=self.kind, model=told, batches=batches)


def _facts(work: Work, rows: Rows, step: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return JSON values from which a model is told: whose columns it has, and how it was trained."""
    return {
        "step": step,
        "alias": work.component.model_outputs[0] if work.component.model_outputs else "model",
        "parties": [{"role": part.party.role, "party_id": part.party.party_id} for part in rows.parts],
        "columns": [list(part.columns) for part in rows.parts],
        "parameters": dict(values),
    }
