"""The rules of a policy: each yields what a task does that the party does not allow. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fedray.errors import PolicyError
from fedray.policy.document import Policy, matches
from fedray.task.alignment_configs import AlignmentMain
from fedray.task.config_bases import Kind
from fedray.task.plan import Member, TaskPlan
from fedray.task.text import show

__all__ = ["check_columns", "check_no_policy", "check_plan", "refusal"]

Broken = Iterator[tuple[str, str]]
"""A rule's name and what the task does against it."""


def refusal(rule: str, what: str, party: str) -> PolicyError:
    """Return the error for a task that breaks a rule; the rule's value is the party's own affair."""
    return PolicyError(f"the party's policy, rule {rule}, does not allow {what}; talk to its data owner", party)


def check_plan(policy: Policy, plan: TaskPlan, member: Member) -> None:
    """Raise a ``PolicyError`` for the first rule that a task breaks at one of its members."""
    for rule, what in _broken(policy, plan, member):
        raise refusal(rule, what, member.party.name)


def check_columns(policy: Policy, field: str, names: Sequence[str] | None, party: str) -> None:
    """Raise a ``PolicyError`` for the first column that tasks may not use.

    Parameters
    ----------
    field
        The field of the document that says which table it is.
    names
        Of the columns; None where the table has none, so that no rule can tell.
    """
    if policy.allow is None and not policy.deny:
        return
    if names is None:
        rule = "columns.deny" if policy.deny else "columns.allow"
        raise refusal(rule, f"{field} to be a table whose columns have no names", party)
    for name in names:
        if matches(name, policy.deny):
            raise refusal("columns.deny", f"the column {show(name)} of {field}", party)
        if policy.allow is not None and not matches(name, policy.allow):
            raise refusal("columns.allow", f"the column {show(name)} of {field}", party)


def _broken(policy: Policy, plan: TaskPlan, member: Member) -> Broken:
    if policy.kinds is not None and plan.kind not in policy.kinds:
        yield "kinds", f"a task of kind {plan.kind}"
    if policy.roles is not None and member.role not in policy.roles:
        yield "roles", f"the role {member.role}"
    if policy.counterparties is not None:
        yield from _strangers(policy.counterparties, plan, member)
    if not policy.export:
        yield from _opens(plan, member)
    if plan.parity and not policy.parity:
        yield "parity", "parity mode"
    if plan.public_masks and not policy.parity:
        yield "parity", "public masks, which show what parity mode shows, and to everybody"
    config = plan.main.config
    if isinstance(config, AlignmentMain) and config.min_intersection < policy.min_intersection:
        yield "min_intersection", f"so small a clients[{plan.main.index}].client_config.min_intersection"


def check_no_policy(plan: TaskPlan, member: Member) -> None:
    """Raise a ``PolicyError`` for what a party without a policy does not allow: opening a model."""
    for rule, what in _opens(plan, member):
        raise refusal(rule, what, member.party.name)


def _opens(plan: TaskPlan, member: Member) -> Broken:
    if plan.kind is Kind.EXPORT and member in plan.data:
        yield "export", "opening a model with a part of it"


def _strangers(allowed: tuple[str, ...], plan: TaskPlan, member: Member) -> Broken:
    for other in plan.members:
        name = other.party.name
        if name != member.party.name and not matches(name, allowed):
            yield "counterparties", f"a task with {name}"
