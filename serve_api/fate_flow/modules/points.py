"""Scorecard: predicted probabilities as points, at the guest who has them."""

from __future__ import annotations

from typing import Final

from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.faults import REFUSED, FateError
from serve_api.fate_flow.rules import Rules, number_of, wrong
from serve_api.fate_flow.values import Scores
from serve_api.fate_flow.work import Work

__all__ = ["scorecard"]

_CARD: Final = ("offset", "factor", "factor_base", "upper_limit_ratio", "lower_limit_value")
_RULES: Final = Rules(own=(*_CARD, "need_run"))


def scorecard(work: Work) -> CompiledComponent:
    """Compile a Scorecard: nothing more runs."""
    values = work.parameters(_RULES)
    taken = work.taken("data", "train_data", "test_data")
    if not isinstance(taken, Scores) or taken.task != "classification":
        raise FateError(
            REFUSED, f"component {work.component.name}: input.data: expected predictions of a classification"
        )
    card = {name: number_of(work.component, values, name) for name in _CARD}
    if card["factor_base"] <= 1:
        raise wrong(work.component, "factor_base", "expected a number above 1")
    for one in taken.sets:
        work.need(one.step)
    name = work.component.data_outputs[0] if work.component.data_outputs else "data"
    return work.done(kind="scorecard", card=card, scores={"name": name, **taken.told()})
