"""The main client of a task whose parties change their own columns."""

from __future__ import annotations

from fedray.errors import RemoteProtocolError
from fedray.parties.binning_agreement import agree, coded_main
from fedray.parties.context import PartyContext, PartyOutcome
from fedray.task.transform_configs import TransformLabel

__all__ = ["run_main"]

_COUNTS = ("columns", "filled", "unseen")


def run_main(ctx: PartyContext) -> PartyOutcome:
    """Play the main client: learn the shapes, see everybody end, collect what was counted."""
    agreed, main = agree(ctx, None), coded_main(ctx)
    counted: list[dict[str, object]] = []
    found: dict[str, object] = {}
    with ctx.channel.phase("write"):
        for member in ctx.plan.data:
            name, told = ctx.plan.names[member.index], ctx.channel.recv_json(member.index, "done")
            evaluates = isinstance(member.config, TransformLabel) and member.config.evaluate
            if evaluates and isinstance(told, dict) and isinstance(told.get("evaluation"), dict):
                found["evaluation"] = told.pop("evaluation")
            counted.append({"party": name, **_told(name, told)})
    again = {} if main.transform is None else {"transform": main.transform}
    return PartyOutcome({**again, "rows": sum(agreed.rows), "counts": counted, **found})


def _told(name: str, told: object) -> dict[str, object]:
    """Return what a party says that it has counted."""
    if (
        not isinstance(told, dict)
        or set(told) != set(_COUNTS)
        or not all(type(value) is int and 0 <= value < 2**63 for value in told.values())
    ):
        raise RemoteProtocolError(
            f"{name}: expected how many columns it wrote, gaps it filled and cells it did not know"
        )
    return {word: told[word] for word in _COUNTS}
