"""PSI: how far the distribution of each column has moved between two tables; each party for its own."""

from __future__ import annotations

from typing import Final

from fedray.task.text import show
from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.faults import REFUSED, FateError
from serve_api.fate_flow.modules.statistics import kept_parts
from serve_api.fate_flow.rules import Rules, wrong
from serve_api.fate_flow.values import Rows
from serve_api.fate_flow.work import Work

__all__ = ["stability"]

_RULES: Final = Rules(used=("max_bin_num", "need_run"), warned={"binning_error": "quantiles are exact"})
_MOST_BINS: Final = 100


def stability(work: Work) -> CompiledComponent:
    """Compile a PSI: statistics of the later rows, with the earlier ones as reference."""
    bins = work.parameters(_RULES)["max_bin_num"]
    if not isinstance(bins, int) or isinstance(bins, bool) or not 2 <= bins <= _MOST_BINS:
        raise wrong(work.component, "max_bin_num", f"expected a number from 2 to {_MOST_BINS}, got {show(bins)}")
    before = _as_they_are(work, work.aligned("train_data"), "train_data")
    now = _as_they_are(work, work.aligned("validate_data", "eval_data", "test_data"), "validate_data")
    told = [[(part.party, part.columns, part.label is not None) for part in rows.parts] for rows in (before, now)]
    if told[0] != told[1]:
        raise FateError(
            REFUSED, f"component {work.component.name}: input.data: expected two tables of the same columns and parties"
        )
    clients = [work.main("statistics", correlation="none", stability_bins=bins), work.dealer()]
    for earlier, later in zip(before.parts, now.parts, strict=True):
        paths = {"data_path": later.path, "reference_path": earlier.path}
        clients.append(work.data_client(later.party, "statistics", labelled=now.labelled, **paths))
    step = work.step("", clients, [before.step, now.step])
    work.keep()
    return work.done(kind="stability", step=step, parts=kept_parts(work, now, step))


def _as_they_are(work: Work, rows: Rows | None, key: str) -> Rows:
    """Return rows that no fitted model would have to change first."""
    if rows is None or any(work.project.transform(name) is not None for name in rows.replay):
        words = f"input.data.{key}: expected rows that are there, not those of a fitted model"
        raise FateError(REFUSED, f"component {work.component.name}: {words}")
    return rows
