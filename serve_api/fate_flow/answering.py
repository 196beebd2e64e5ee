"""How a route of this API runs: whatever goes wrong becomes a code and a text."""

from __future__ import annotations

from collections.abc import Callable

from fastapi.responses import Response

from fedray.errors import FedrayError, SpecError
from serve_api.doors.guard import Visit
from serve_api.fate_flow.envelope import object_of, reply, retcode_of
from serve_api.fate_flow.faults import REFUSED, FateError

__all__ = ["NO_STREAM", "answered"]

NO_STREAM = 210
"""Code and HTTP status of a reply in whose place a file was asked for: 1.6's, which clients of 1.4 take as well."""


def answered(
    body: bytes, visit: Visit, run: Callable[[dict[str, object]], Response], *, stream: bool = False
) -> Response:
    """Answer a request with what `run` makes of the object in its body.

    Parameters
    ----------
    stream
        Whether a file is asked for: then a problem has an HTTP status too.
    """
    try:
        fields = object_of(body)
    except SpecError as error:
        visit.problem = "SpecError"
        return reply(REFUSED, error.message, status=400)
    try:
        job = fields.get("job_id")
        if isinstance(job, str):
            visit.about(job)
        return run(fields)
    except FateError as error:
        visit.problem = "FateError"
        return reply(NO_STREAM, error.retmsg, status=NO_STREAM) if stream else reply(error.retcode, error.retmsg)
    except FedrayError as error:
        visit.problem = type(error).__name__
        return reply(NO_STREAM, str(error), status=NO_STREAM) if stream else reply(retcode_of(error), str(error))
