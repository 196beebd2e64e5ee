"""The MainServer from a config file of Ray Serve: `serve deploy deploy/serve.yaml`, on a cluster that runs.

Serve reads the file, builds the application somewhere on the cluster, and keeps its replicas on the head, where the
data root and the database's file are. Deploying a changed file replaces one replica after the other; tasks belong to
the supervisor, which stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from ray import serve

from actors.supervision import get_or_create
from fedray.errors import SpecError
from serve_api.deploy import DEPLOYMENT, MainServer, ServerSettings, prepare
from serve_api.doors.settings import DEFAULT_RATE, DoorSettings, state_files
from serve_api.doors.tokens import Tokens

__all__ = ["ServerArguments", "main_server"]

ON_THE_HEAD = {"node:__internal_head__": 0.001}
"""What only a cluster's head offers."""


class ServerArguments(BaseModel):
    """The `args` of the application in the config file; paths are those of the head."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    root: Annotated[Path, Field(description="Data root: `raw` below it is read, `generated` written.")]
    registry: Annotated[Path | None, Field(description="fedray.toml.")] = None
    db: Annotated[str, Field(description="URL of the database; by default a file below the root.")] = ""
    max_tasks: Annotated[int, Field(ge=1, le=1000, description="Tasks that may run on a node at a time.")] = 4
    rate: Annotated[float, Field(ge=0, le=1e6, description="Requests a second for each caller; 0 without limit.")] = (
        DEFAULT_RATE
    )
    allow_host: Annotated[tuple[str, ...], Field(description="Names of this server, where no token is needed.")] = ()
    insecure: Annotated[bool, Field(description="Serve without tokens whoever reaches the address.")] = False

    def settings(self) -> ServerSettings:
        """Return what a server is started with.

        Raises
        ------
        SpecError
            There are no tokens, and `insecure` does not say that none are needed.
        """
        root = self.root.resolve()
        tokens, audit = state_files(root)
        locked = bool(Tokens(tokens).all())
        if not locked and not self.insecure:
            raise SpecError(
                f"args.insecure: there are no tokens, and whoever reaches the address could come in; make one (fedray "
                f"token new --root {root} --role admin --name NAME), or write insecure: true for a server on loopback"
            )
        doors = DoorSettings(tokens, audit, locked, ("127.0.0.1", *self.allow_host), self.rate)
        return ServerSettings(root, registry=self.registry, database=self.db, doors=doors)


class ConfiguredServer(MainServer):
    """One replica; it makes the root and the supervisor ready, where nobody else has done so."""

    def __init__(self, arguments: ServerArguments) -> None:
        settings = arguments.settings()
        prepare(settings)
        get_or_create(settings.database_url, str(settings.root), arguments.max_tasks)
        super().__init__(settings.resolved())


def main_server(arguments: Mapping[str, Any]) -> serve.Application:
    """Build the application from the `args` of the config file, of which this is the `import_path`."""
    parsed = ServerArguments.model_validate(arguments)
    deployment = serve.deployment(**DEPLOYMENT, ray_actor_options={"num_cpus": 0, "resources": ON_THE_HEAD})
    return deployment(serve.ingress()(ConfiguredServer)).bind(parsed)
