"""What every party does in a task, worked out from the specification alone.

The plan is public: the same specification, registry and seed give the same plan and digest at every site.
It also lists every value that may be opened in clear (``reveals``); nothing else may be.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter

from fedray.errors import SpecError
from fedray.task.config_bases import LongMain, MainConfig
from fedray.task.linear_configs import LinearMain
from fedray.task.predict_configs import ModelMain
from fedray.task.registry import PartyRef, Registry
from fedray.task.reveals import Reveal, reveals_of
from fedray.task.spec import ClientConfig, Config, Kind, Role, TaskSpec

__all__ = ["Member", "Reveal", "TaskPlan", "make_plan"]

_CONFIG: TypeAdapter[Config] = TypeAdapter(Config)
_DATA_ROLES = (Role.FEATURE_CLIENT, Role.LABEL_CLIENT)


@dataclass(frozen=True)
class Member:
    """One client of a task: its place, its role, its party, what it is told."""

    index: int
    role: Role
    party: PartyRef
    config: ClientConfig


@dataclass(frozen=True)
class TaskPlan:
    """A task as every party sees it.

    Attributes
    ----------
    task
        The name of the task.
    kind
        What it does.
    members
        In the order of ``clients``; a member's index is its place.
    reveals
        The values that may be opened in clear.
    seed
        Public common seed: batches are drawn from it, and under `public_masks` masks too, which then hide nothing;
        else never a mask or a key.
    """

    task: str
    kind: Kind
    members: tuple[Member, ...]
    reveals: tuple[Reveal, ...]
    seed: str

    @property
    def main(self) -> Member:
        """The main client."""
        return next(member for member in self.members if member.role is Role.MAIN_CLIENT)

    @property
    def dealer(self) -> Member | None:
        """The dealer of correlated randomness, if the task has one."""
        return next((m for m in self.members if m.role is Role.CRYPTO_PRODUCER), None)

    @property
    def transport(self) -> str:
        """How frames travel on a Ray cluster: ``ray`` or ``fast``."""
        config = self.main.config
        return config.transport if isinstance(config, MainConfig) else "ray"

    @property
    def parity(self) -> bool:
        """Whether all features are shown to the label client, which trains in clear beside."""
        return _parity(self.main.config)

    @property
    def public_masks(self) -> bool:
        """Whether masks come from the public seed: they hide nothing, but every run has the same."""
        return _public_masks(self.main.config)

    @property
    def p_values(self) -> bool:
        """Whether each party learns the z values of its own columns' coefficients."""
        return _p_values(self.main.config)

    @property
    def restart_every(self) -> int:
        """Steps after which keystreams of masks begin anew, where every run has the same; 0 if it does not matter."""
        return self.checkpoint_every if self.public_masks else 0

    @property
    def checkpoint_every(self) -> int:
        """Steps between two checkpoints; 0 where the task keeps none, as in parity mode, whose twin has none either."""
        config = self.main.config
        return config.checkpoint_every if isinstance(config, LongMain) and not self.parity else 0

    @property
    def resume_attempts(self) -> int:
        """How often the task goes on by itself when it was broken off; 0 if somebody has to say so."""
        config = self.main.config
        return config.resume_attempts if isinstance(config, LongMain) and config.resume == "auto" else 0

    @property
    def data(self) -> tuple[Member, ...]:
        """The members with data, feature and label, in order: the computing parties."""
        return tuple(member for member in self.members if member.role in _DATA_ROLES)

    @property
    def features(self) -> tuple[Member, ...]:
        """The feature clients, in order."""
        return tuple(member for member in self.members if member.role is Role.FEATURE_CLIENT)

    @property
    def label(self) -> Member | None:
        """The label client, if the task has one."""
        return next((m for m in self.members if m.role is Role.LABEL_CLIENT), None)

    @property
    def receiver(self) -> Member | None:
        """The client that gets the predictions, or the model, in a task that uses one."""
        config = self.main.config
        if not isinstance(config, ModelMain):
            return None
        return self.label if config.receiver is None else self.members[config.receiver]

    @property
    def answering(self) -> Member | None:
        """The client that answers requests while the task runs, in a task that does: the receiver."""
        return self.receiver if self.kind is Kind.SERVE else None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Display names by index, all different: the party, with its role where it plays several."""
        roles = Counter(member.party.name for member in self.members)
        return tuple(
            m.party.name if roles[m.party.name] == 1 else f"{m.party.name} ({m.role} {m.index})" for m in self.members
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 in hex of the canonical JSON without the data roots, which only their own site knows."""
        document = _as_dict(self)
        for member in document["members"]:
            del member["party"]["root"]
        return hashlib.sha256(_canonical(document).encode()).hexdigest()

    def without_roots(self) -> TaskPlan:
        """Return the same plan as any site may know it: where a party's data root lies is its own affair."""
        members = tuple(replace(member, party=replace(member.party, root=None)) for member in self.members)
        return replace(self, members=members)

    def to_json(self) -> str:
        """Return the plan as canonical JSON: sorted names, no blanks, ASCII."""
        return _canonical(_as_dict(self))

    @staticmethod
    def from_json(text: str) -> TaskPlan:
        """Return the plan that ``to_json`` wrote.

        Raises
        ------
        SpecError
            The text holds no plan.
        """
        try:
            return _from_dict(json.loads(text))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise SpecError("the plan: expected JSON as TaskPlan.to_json writes it, got something else") from None


def make_plan(spec: TaskSpec, registry: Registry, seed: str) -> TaskPlan:
    """Return the plan of a task.

    Parameters
    ----------
    spec
        The checked specification.
    registry
        The parties.
    seed
        Public common seed; a seed in the main client's configuration goes before it.

    Raises
    ------
    SpecError
        A client names an (addr, http_port) at which the registry knows no party.
    """
    members = tuple(
        Member(index, client.role, _resolve(registry, index, client.addr, client.http_port), client.client_config)
        for index, client in enumerate(spec.clients)
    )
    main = next(member.config for member in members if member.role is Role.MAIN_CLIENT)
    fixed = main.common_seed if isinstance(main, MainConfig) else None
    common = seed if fixed is None else f"seed {fixed}"
    reveals = reveals_of(spec.kind, parity=_parity(main), public_masks=_public_masks(main), p_values=_p_values(main))
    return TaskPlan(spec.task_name, spec.kind, members, reveals, common)


def _resolve(registry: Registry, index: int, addr: str, http_port: int) -> PartyRef:
    try:
        return registry.resolve(addr, http_port)
    except SpecError as exc:
        raise SpecError(f"clients[{index}]: {exc.message}") from None


def _parity(main: ClientConfig) -> bool:
    return isinstance(main, LongMain) and main.parity


def _public_masks(main: ClientConfig) -> bool:
    return isinstance(main, LongMain) and main.public_masks


def _p_values(main: ClientConfig) -> bool:
    return isinstance(main, LinearMain) and main.p_values


def _as_dict(plan: TaskPlan) -> dict[str, Any]:
    members = [
        {
            "index": member.index,
            "role": member.role.value,
            "party": asdict(member.party),
            "config": member.config.model_dump(mode="json"),
        }
        for member in plan.members
    ]
    return {
        "task": plan.task,
        "kind": plan.kind.value,
        "members": members,
        "reveals": [asdict(reveal) for reveal in plan.reveals],
        "seed": plan.seed,
    }


def _from_dict(data: Any) -> TaskPlan:
    members = tuple(
        Member(
            index=member["index"],
            role=Role(member["role"]),
            party=PartyRef(**member["party"]),
            config=_CONFIG.validate_python(member["config"]),
        )
        for member in data["members"]
    )
    reveals = tuple(Reveal(**reveal) for reveal in data["reveals"])
    return TaskPlan(data["task"], Kind(data["kind"]), members, reveals, data["seed"])


def _canonical(document: dict[str, Any]) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
