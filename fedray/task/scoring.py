"""The document of a task that predicts with the model of a training, made from the training's own document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from fedray.task.config_bases import Role

__all__ = ["Place", "scoring_document"]

Place = tuple[str, int]
"""Address and HTTP port of a client."""


def scoring_document(
    training: Mapping[str, Any],
    model: str,
    kind: Literal["predict", "serve"],
    main: Mapping[str, object],
    paths: Mapping[Place, str],
    label: Mapping[str, object],
) -> dict[str, Any]:
    """Return the document of a task whose clients are those of a training, in its order; it has no name yet.

    Parameters
    ----------
    training
        The document of the training, with its defaults filled in.
    model
        The model's name.
    main, label
        More fields of the main client and of the label client, which receives the predictions.
    paths
        Data sets of the clients with data; of those that are not here it is that of the training.
    """
    clients = []
    for client in training["clients"]:
        trained, role = client["client_config"], Role(client["role"])
        config: dict[str, Any] = {"computation_port": trained["computation_port"]}
        if role is Role.MAIN_CLIENT:
            config |= {"client_type": f"{kind}_main", "model": model, "transport": trained["transport"], **main}
        elif role is Role.CRYPTO_PRODUCER:
            config |= {"client_type": "triplet_producer"}
        else:
            name = "feature" if role is Role.FEATURE_CLIENT else "label"
            path = paths.get((client["addr"], client["http_port"]), trained["data_path"])
            more = label if role is Role.LABEL_CLIENT else {}
            config |= {"client_type": f"{kind}_{name}", "data_path": path, **more}
        clients.append({**client, "client_config": config})
    return {"clients": clients}
