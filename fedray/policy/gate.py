"""Where a party's policy is asked: when a task is created or started, and by its own actor before it says a word."""

from __future__ import annotations

from fedray.data.root import DataRoot
from fedray.errors import DataError, PolicyError
from fedray.policy.approvals import is_approved
from fedray.policy.document import Policy, read_policy
from fedray.policy.rules import check_columns, check_no_policy, check_plan
from fedray.task.plan import Member, TaskPlan
from fedray.task.standing import Standing

__all__ = ["admit", "look"]


def look(plan: TaskPlan, member: Member, root: DataRoot, *, ready: bool) -> Standing:
    """Return how the party of a member stands to a task; local, at the party's own node.

    Parameters
    ----------
    ready
        Whether the task is about to run, so that all its tables have to be there.

    Raises
    ------
    PolicyError
        The policy does not allow the task, or cannot be used.
    DataError
        A table cannot be looked at.
    """
    return _stands(member, _checked(plan, member, root, ready))


def admit(plan: TaskPlan, member: Member, root: DataRoot) -> tuple[Policy | None, Standing]:
    """Return a member's policy for a task that begins now, and how it stands; raises as `look`.

    Raises
    ------
    PolicyError
        Also if the data owner has to approve the task, and has not approved this very plan.
    """
    policy = _checked(plan, member, root, ready=True)
    if policy is not None and policy.manual and not is_approved(plan, member, root):
        raise PolicyError(
            "the party's policy, rule approvals, asks for the approval of its data owner, who has not approved this "
            f"plan; see 'fedray approve {plan.task} --party {member.party.name}'",
            member.party.name,
        )
    return policy, _stands(member, policy)


def _checked(plan: TaskPlan, member: Member, root: DataRoot, ready: bool) -> Policy | None:
    try:
        policy = read_policy(root.path)
    except PolicyError as error:
        raise error.at(member.party.name, "") from None
    if policy is None:
        check_no_policy(plan, member)
        return None
    check_plan(policy, plan, member)
    if policy.allow is not None or policy.deny:
        from fedray.policy.columns import columns_used  # Arrow, which a party without data has no use for

        try:
            for field, names in columns_used(member.config, root, ready=ready):
                check_columns(policy, f"clients[{member.index}].client_config.{field}", names, member.party.name)
        except DataError as error:
            raise DataError(f"clients[{member.index}].client_config.{error.message}", member.party.name) from None
    return policy


def _stands(member: Member, policy: Policy | None) -> Standing:
    name = member.party.name
    return Standing(name) if policy is None else Standing(name, policy.digest, policy.manual, policy.approval_hours)
