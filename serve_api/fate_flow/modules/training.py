"""What trainings have in common: parameters that mean the same in all of them, and what is told of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fedray.task.text import show
from serve_api.fate_flow.rules import wrong
from serve_api.fate_flow.values import Rows
from serve_api.fate_flow.work import Work

__all__ = ["COMMON_MOOT", "COMMON_WARNED", "model_facts", "steps_between_tests"]

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


def model_facts(work: Work, rows: Rows, step: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return JSON values from which a model is told: whose columns it has, and how it was trained."""
    return {
        "step": step,
        "alias": work.component.model_outputs[0] if work.component.model_outputs else "model",
        "parties": [{"role": part.party.role, "party_id": part.party.party_id} for part in rows.parts],
        "columns": [list(part.columns) for part in rows.parts],
        "parameters": dict(values),
    }
