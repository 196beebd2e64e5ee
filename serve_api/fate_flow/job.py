"""A FATE job as it was asked for: its parties, its components with their effective parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Component", "FateJob", "PartyId", "Reference"]


@dataclass(frozen=True, order=True)
class PartyId:
    """A role and the id of the party that plays it, as text."""

    role: str
    party_id: str

    def __str__(self) -> str:
        return f"{self.role} {self.party_id}"


@dataclass(frozen=True)
class Reference:
    """An input of a component.

    Attributes
    ----------
    source
        The component it comes from; ``args`` for a table of the configuration, ``pipeline`` for a model of the
        training.
    name
        The name of the output there; of ``pipeline`` the component and the output, with a dot between.
    """

    source: str
    name: str

    def __str__(self) -> str:
        return f"{self.source}.{self.name}"


@dataclass(frozen=True)
class Component:
    """A component of the DSL.

    Attributes
    ----------
    name, module
        As in the DSL.
    need_run
        Whether it does anything, or hands on its input.
    need_deploy
        Whether a DSL for predictions has it.
    data
        Inputs of data by key: ``data``, ``train_data``, ``eval_data``, ``validate_data``, ``test_data``.
    model, isometric_model
        Inputs of models: of the same kind, of other kinds.
    data_outputs, model_outputs
        Names of its outputs.
    parameters
        By party, all of them, with FATE's defaults.
    parties
        Those that take part.
    """

    name: str
    module: str
    need_run: bool
    need_deploy: bool
    data: Mapping[str, tuple[Reference, ...]]
    model: tuple[Reference, ...]
    isometric_model: tuple[Reference, ...]
    data_outputs: tuple[str, ...]
    model_outputs: tuple[str, ...]
    parameters: Mapping[PartyId, Mapping[str, Any]]
    parties: tuple[PartyId, ...]

    def inputs(self) -> tuple[Reference, ...]:
        """Return all inputs, those of data first."""
        return (*(ref for refs in self.data.values() for ref in refs), *self.model, *self.isometric_model)


@dataclass(frozen=True)
class FateJob:
    """A job.

    Attributes
    ----------
    dsl_version
        1 or 2.
    initiator
        Who submitted it.
    roles
        Ids of the parties by role.
    job_type
        ``train`` or ``predict``.
    model_id, model_version
        Of a prediction, the model that it uses; else "".
    components
        In an order in which each comes after those whose outputs it takes.
    tables
        DSL 1: by role and key, the tables (namespace and name) of its parties.
    dsl, conf
        As they were sent.
    """

    dsl_version: int
    initiator: PartyId
    roles: Mapping[str, tuple[str, ...]]
    job_type: str
    model_id: str
    model_version: str
    components: tuple[Component, ...]
    dsl: Mapping[str, Any]
    conf: Mapping[str, Any]
    tables: Mapping[str, Mapping[str, tuple[tuple[str, str], ...]]] = field(default_factory=dict)

    @property
    def parties(self) -> tuple[PartyId, ...]:
        """All parties: guests, hosts, arbiters."""
        return tuple(PartyId(role, one) for role, ids in self.roles.items() for one in ids)

    def component(self, name: str) -> Component:
        """Return the component of a name; raises ``KeyError``."""
        for component in self.components:
            if component.name == name:
                return component
        raise KeyError(name)
