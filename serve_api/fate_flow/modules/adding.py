"""SecureAddExample: FATE's own check of an installation."""

from __future__ import annotations

from typing import Final

from fedray.task.text import show
from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.faults import REFUSED, FateError
from serve_api.fate_flow.rules import Rules, wrong
from serve_api.fate_flow.work import Work

__all__ = ["secure_add"]

_RULES: Final = Rules(
    used=("data_num",), warned={"seed": "every number is 1", "partition": "numbers are not partitioned"}
)


def secure_add(work: Work) -> CompiledComponent:
    """Compile a SecureAddExample."""
    count = work.parameters(_RULES)["data_num"]
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= 10**6:
        raise wrong(work.component, "data_num", f"expected a number from 1 to 1000000, got {show(count)}")
    parties = sorted((one for one in work.job.parties if one.role in ("guest", "host")), reverse=True)
    if {party.role for party in parties} != {"guest", "host"}:
        raise FateError(REFUSED, f"component {work.component.name}: expected a guest and a host")
    clients = [work.main("sum", count=count), *(work.data_client(party, "sum") for party in parties)]
    step = work.step("", clients)
    told = [{"role": party.role, "party_id": party.party_id} for party in parties]
    return work.done(kind="secure_add", step=step, parts=told)
