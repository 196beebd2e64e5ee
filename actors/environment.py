"""The environment of a Ray of our own. Ray reads it when it is imported, so this module must be used before."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Mapping

__all__ = ["prepare"]

SETTINGS: Mapping[str, str] = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # every port of Ray binds 127.0.0.1
    "RAY_AUTH_MODE": "token",  # other users of this machine cannot run code in it
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_SCHEDULER_EVENTS": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_worker_niceness": "0",  # Ray would run the server at nice 15, as it does all workers
    "FEDRAY_PARTY_NICENESS": "10",  # the server answers while parties keep all processors busy
    "RAY_enable_metrics_collection": "0",
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "1",
    "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "serve_api.front:middlewares",  # it answers what clients poll
}


LONGEST_TEMPORARY = 40
"""Characters of a temporary folder's path below which the paths of Ray's sockets, 107 at most, still fit."""


def prepare() -> None:
    """Set what is not set yet, with a token that only this process and its children know."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    if len(tempfile.gettempdir()) > LONGEST_TEMPORARY:
        os.environ.setdefault("RAY_TMPDIR", "/tmp")  # noqa: S108 - Ray makes a folder of its own below it
    if os.environ["RAY_AUTH_MODE"] == "token" and "RAY_AUTH_TOKEN_PATH" not in os.environ:
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
