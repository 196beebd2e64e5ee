"""What the server refuses outside of a laboratory: modes of a training that hide nothing."""

from __future__ import annotations

from fedray.errors import SpecError
from fedray.task.plan import TaskPlan

__all__ = ["check_insecure"]


def check_insecure(plan: TaskPlan, trust_mode: str, *, one_machine: bool) -> None:
    """Check where parity mode and public masks may be used.

    Parameters
    ----------
    plan
        The task.
    trust_mode
        Of the server.
    one_machine
        Whether it has no registry, so that all parties are on its own machine.

    Raises
    ------
    SpecError
        The server is in another trust mode than lab, or masks are public and not all parties are on one machine.
    """
    where = f"clients[{plan.main.index}].client_config"
    if plan.parity and trust_mode != "lab":
        raise SpecError(
            f"{where}.parity: expected false in trust mode {trust_mode}, got true; "
            "parity shows all features to the label client, so it is for trust mode lab only"
        )
    if plan.public_masks and trust_mode != "lab":
        raise SpecError(
            f"{where}.public_masks: expected false in trust mode {trust_mode}, got true; "
            "public masks hide nothing, so they are for trust mode lab only"
        )
    if plan.public_masks and not one_machine:
        raise SpecError(
            f"{where}.public_masks: expected false where fedray.toml names the parties, got true; public masks hide "
            "nothing, so they are for a server without a registry, whose parties are all on its own machine"
        )
