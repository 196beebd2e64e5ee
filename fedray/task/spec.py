"""A createTask document becomes a checked, frozen ``TaskSpec``, or one ``SpecError`` that says what to change.

Everything that can be known without a party's files is checked here, once; nobody checks it again.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from fedray.errors import SpecError
from fedray.task.alignment_configs import AlignmentData, AlignmentMain
from fedray.task.complaints import join_complaints, name_complaints
from fedray.task.config_bases import MAX_CLIENTS, ClientConfig, Kind, Role
from fedray.task.configs import CLIENT_TYPES, Config, DataConfig
from fedray.task.dealer_configs import DealerConfig
from fedray.task.fields import EXPECTED, address, title, whole
from fedray.task.linear_configs import LinearFeature, LinearLabel, LinearMain
from fedray.task.network_configs import NetFeature, NetLabel, NetMain
from fedray.task.predict_configs import PredictFeature, PredictLabel, PredictMain
from fedray.task.rules import broken_rules
from fedray.task.text import check_json, load_json, show

__all__ = [
    "AlignmentData",
    "AlignmentMain",
    "ClientConfig",
    "ClientSpec",
    "Config",
    "DataConfig",
    "DealerConfig",
    "Kind",
    "LinearFeature",
    "LinearLabel",
    "LinearMain",
    "NetFeature",
    "NetLabel",
    "NetMain",
    "PredictFeature",
    "PredictLabel",
    "PredictMain",
    "Role",
    "TaskSpec",
    "parse",
    "parse_text",
]

_ROLES = {role.value: role for role in Role} | {"triplet_producer": Role.CRYPTO_PRODUCER}


def _role(value: object) -> Role:
    if isinstance(value, str) and value in _ROLES:
        return _ROLES[value]
    wanted = f"one of {', '.join(Role)} (also written triplet_producer for crypto_producer)"
    raise PydanticCustomError(EXPECTED, "{wanted}", {"wanted": wanted})


class ClientSpec(BaseModel):
    """One client of a task; its place in ``clients`` is its id.

    Attributes
    ----------
    role
        What it is in the task.
    addr, http_port
        Which party plays it.
    client_config
        What it is told.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Annotated[Role, BeforeValidator(_role)]
    addr: Annotated[str, address()]
    http_port: Annotated[int, whole(1, 65535)]
    client_config: Config


class TaskSpec(BaseModel):
    """A task as it was asked for, with the defaults filled in.

    Attributes
    ----------
    task_name
        At most 128 printable characters.
    clients
        In the order of the document.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    task_name: Annotated[str, title()]
    clients: Annotated[tuple[ClientSpec, ...], Field(min_length=1, max_length=MAX_CLIENTS)]

    @property
    def kind(self) -> Kind:
        """What the task does: the kind of its main client."""
        main = next(client for client in self.clients if client.role is Role.MAIN_CLIENT)
        (kind,) = CLIENT_TYPES[main.client_config.client_type].kinds
        return kind


def parse(document: object) -> TaskSpec:
    """Return the specification that a createTask document holds.

    Parameters
    ----------
    document
        The values of the JSON body.

    Raises
    ------
    SpecError
        Names up to five fields, what was expected of each and what came.
    """
    check_json(document)
    if not isinstance(document, dict):
        raise SpecError(f"the body: expected an object with task_name and clients, got {show(document)}")
    try:
        spec = TaskSpec.model_validate(document)
    except ValidationError as exc:
        known = {"": TaskSpec.model_fields, "clients": ClientSpec.model_fields}
        raise SpecError(name_complaints(exc, known)) from None
    clients = [(client.role, client.client_config) for client in spec.clients]
    places = [(client.addr, client.http_port) for client in spec.clients]
    broken = broken_rules(clients, places)
    if broken:
        raise SpecError(join_complaints(broken))
    return spec


def parse_text(text: str | bytes) -> TaskSpec:
    """Return the specification that the text of a createTask body holds.

    Parameters
    ----------
    text
        JSON of at most 1 MiB; ``#`` comments and trailing commas are allowed, as in the documented examples.

    Raises
    ------
    SpecError
        As ``parse``, or for text that is no JSON.
    """
    return parse(load_json(text))
