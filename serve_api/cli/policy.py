"""`fedray policy`: a party's own policy, on its own machine; `show`, `approve`, `reject`: its data owner's word."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from serve_api.cli.client import task_path
from serve_api.cli.exit_codes import CliError, ExitCode
from serve_api.cli.options import JsonOption, NameArgument, ServerOption, connect
from serve_api.cli.screen import clean, print_json, print_table, when

__all__ = ["approve", "build", "reject", "show"]

PartyOption = Annotated[str, typer.Option("--party", metavar="NAME", help="The party for which you speak.")]


def build() -> typer.Typer:
    """Build the group of commands."""
    group = typer.Typer(help="Check and show a party's own policy, on its own machine.", no_args_is_help=True)
    group.command("check")(check)
    group.command("show")(show_policy)
    return group


def check(file: Annotated[Path, typer.Argument(metavar="FILE", help="policy.toml, before it goes to a root.")]) -> None:
    """Look whether a policy can be used; says which line and field is wrong."""
    _read(file)
    typer.echo("The policy can be used.")


def show_policy(
    root: Annotated[Path, typer.Argument(metavar="DIR", help="The party's data root.")], as_json: JsonOption = False
) -> None:
    """Show what the policy in a party's data root allows."""
    from fedray.policy.document import FILE

    path = root / FILE
    if not path.exists() and not path.is_symlink():
        if as_json:
            print_json({"policy": None})
        else:
            typer.echo(f"No policy: every task is allowed but exports of models. {FILE} in this folder would be it.")
        return
    rules = _read(path)
    if as_json:
        print_json({"policy": rules})
    else:
        print_table("", ("rule", "value"), [(rule, _shown(value)) for rule, value in rules.items()])


def show(context: typer.Context, name: NameArgument, as_json: JsonOption = False, server: ServerOption = None) -> None:
    """Show what a data owner approves: the plan of a task, what it reveals, and who has approved it."""
    with connect(context, server) as api:
        found = api.get(task_path(name, "approvals"))
    (print_json if as_json else _print_approvals)(found)


def approve(
    context: typer.Context,
    name: NameArgument,
    party: PartyOption,
    digest: Annotated[
        str | None, typer.Option("--digest", help="Of the plan that 'fedray show' showed; refused if it is another's.")
    ] = None,
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Approve a task for a party; the last approval starts it, if it was to start."""
    with connect(context, server) as api:
        found = api.post(task_path(name, "approve"), params={"party": party, "digest": digest})
    if as_json:
        print_json(found)
    else:
        typer.echo(f"Task {clean(name)}: approved for {clean(party)}; its status is {clean(found['status'])}.")


def reject(
    context: typer.Context,
    name: NameArgument,
    party: PartyOption,
    reason: Annotated[str, typer.Option("--reason", help="Why, in one line; all who read tasks see it.")],
    as_json: JsonOption = False,
    server: ServerOption = None,
) -> None:
    """Reject a task for a party; the task fails."""
    with connect(context, server) as api:
        found = api.post(task_path(name, "reject"), params={"party": party, "reason": reason})
    if as_json:
        print_json(found)
    else:
        typer.echo(f"Task {clean(name)}: rejected for {clean(party)}; its status is {clean(found['status'])}.")


def _read(path: Path) -> dict[str, Any]:
    from fedray.errors import PolicyError
    from fedray.policy.document import read_file

    try:
        policy = read_file(path)
    except FileNotFoundError:
        raise CliError(f"FILE: {clean(path)}: no such file.", ExitCode.USAGE) from None
    except PolicyError as error:
        raise CliError(f"FILE: {clean(error.message)}", ExitCode.USAGE) from None
    return policy.as_dict()


def _shown(value: object) -> object:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "not limited" if value is None else value


def _print_approvals(found: dict[str, Any]) -> None:
    plan = found["plan"]
    facts = [("task", found["task_name"]), ("kind", plan["kind"]), ("status", found["status"])]
    print_table("", ("field", "value"), [*facts, ("approvals", found["state"]), ("digest", found["digest"])])
    for member in plan["members"]:
        head = f"client {member['index']}: {member['role']} of {member['party']['name']}"
        print_table(head, ("field", "value"), [(key, _told(value)) for key, value in member["config"].items()])
    reveals = [(one["tag"], one["to"], one["what"], one["attack"] or "none known") for one in plan["reveals"]]
    print_table("what may be revealed", ("tag", "to", "what", "known attack"), reveals)
    rows = [
        (one["party"], one["decision"] or "waits", when(one["expires_at"]), one["who"], one["reason"])
        for one in found["approvals"]
    ]
    if rows:
        print_table("approvals", ("party", "said", "until", "who", "reason"), rows)


def _told(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list) else value
