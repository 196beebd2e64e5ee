"""PSI: how far the distribution of each column has moved between two tables; each party for its own."""

from __future__ import annotations

from typing import Final

from fedray.task.text import show
from serve_api.fate_flow.coding import replayed
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
    before = _taken(work, "train", "train_data")
    now = _taken(work, "validate", "validate_data", "eval_data", "test_data")
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


def _taken(work: Work, what: str, *keys: str) -> Rows:
    """Return rows as the components before have left them."""
    rows = work.aligned(*keys)
    if rows is None:
        raise FateError(REFUSED, f"component {work.component.name}: input.data: expected {keys[0]}, got none")
    return replayed(work, rows, what)
