"""The server as the command line sees it: requests in, JSON or one plain error out."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote, urlsplit

from serve_api.cli.exit_codes import CliError, ExitCode

if TYPE_CHECKING:
    import ssl

    import httpx

__all__ = ["DEFAULT_URL", "Server", "model_path", "pipeline_path", "task_path"]

DEFAULT_URL: Final = "http://127.0.0.1:8380"
_TIMEOUT_S: Final = 60.0  # createTask waits for a look at every party's files
_CONNECT_TIMEOUT_S: Final = 5.0

Json = dict[str, Any]


def task_path(name: str, part: str = "") -> str:
    """Return the path of a task, or of a part of it such as ``record``.

    Raises
    ------
    CliError
        A name that no task can have.
    """
    return f"/tasks/{_quoted(name)}" + (f"/{part}" if part else "")


def model_path(name: str, tag: str | None = None) -> str:
    """Return the path of a model, or of a tag of it; raises as `task_path`."""
    return f"/models/{_quoted(name)}" + ("" if tag is None else f"/tags/{_quoted(tag, 'TAG: expected a tag')}")


def pipeline_path(name: str, part: str = "") -> str:
    """Return the path of a pipeline, or of a part of it; raises as `task_path`."""
    return f"/pipelines/{_quoted(name, 'NAME: expected the name of a pipeline')}" + (f"/{part}" if part else "")


def _quoted(name: str, expected: str = "NAME: expected the name of a task") -> str:
    if not name or "/" in name or name in {".", ".."}:
        raise CliError(f"{expected}, which is not empty and has no '/'.", ExitCode.USAGE)
    return quote(name, safe="")


class Server:
    """One fedray server, by its native API.

    Parameters
    ----------
    url
        Such as ``http://127.0.0.1:8380``.
    token
        Sent with every request, or "".
    ca_file
        Certificates of those who may have signed the server's; None takes those of the system.

    Raises
    ------
    CliError
        USAGE when `url` is none, the file holds no certificates, or the token would travel in clear;
        every request: UNREACHABLE when nothing that speaks this API answers, REFUSED with the server's own
        sentence when it refuses.
    """

    def __init__(self, url: str, *, token: str = "", ca_file: Path | None = None) -> None:
        import httpx

        self.url = _checked(url)
        timeout = httpx.Timeout(_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S)
        # A proxy of the environment cannot reach this machine's own loopback.
        self._client = httpx.Client(
            timeout=timeout,
            trust_env=not _is_loopback(self.url),
            verify=True if ca_file is None else _trusting(ca_file),
            headers=_authorization(self.url, token),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str, params: Mapping[str, object] | None = None) -> Json:
        """Return the answer to a GET; parameters that are None are left out."""
        return self._request("GET", path, b"", params or {})

    def post(self, path: str, body: bytes = b"", params: Mapping[str, object] | None = None) -> Json:
        """Return the answer to a POST of JSON."""
        return self._request("POST", path, body, params or {})

    def put(self, path: str) -> Json:
        """Return the answer to a PUT without a body."""
        return self._request("PUT", path, b"", {})

    def delete(self, path: str) -> Json:
        """Return the answer to a DELETE."""
        return self._request("DELETE", path, b"", {})

    def _request(self, method: str, path: str, body: bytes, params: Mapping[str, object]) -> Json:
        import httpx

        given = {key: str(value) for key, value in params.items() if value is not None}
        headers = {"Content-Type": "application/json"} if body else {}
        url = f"{self.url}/api/v1{path}"
        try:
            response = self._client.request(method, url, content=body, params=given, headers=headers)
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise CliError(_unreachable(self.url, error), ExitCode.UNREACHABLE) from error
        return self._content(response)

    def _content(self, response: httpx.Response) -> Json:
        try:
            content = response.json()
        except ValueError:
            content = None
        if isinstance(content, dict) and response.is_success:
            return content
        error = content.get("error") if isinstance(content, dict) else None
        if not isinstance(error, dict):
            message = (
                f"{self.url} answers HTTP {response.status_code}, but not as a fedray server does; check --server."
            )
            raise CliError(message, ExitCode.UNREACHABLE)
        where = ", ".join(str(error[key]) for key in ("party", "phase") if error.get(key))
        message = str(error.get("message", "The server gave no reason."))
        raise CliError(f"{where}: {message}" if where else message, ExitCode.REFUSED)


def _trusting(ca_file: Path) -> ssl.SSLContext:
    import ssl

    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError):
        raise CliError(
            "--ca-file: expected a file with certificates in PEM, it cannot be read", ExitCode.USAGE
        ) from None


def _authorization(url: str, token: str) -> dict[str, str]:
    if not token:
        return {}
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise CliError("the token: expected one line of letters, digits, _ and -, got another text", ExitCode.USAGE)
    if urlsplit(url).scheme != "https" and not _is_loopback(url):
        raise CliError(
            "--server: expected a URL that begins with https://, since a token is sent, which anybody on the way can "
            "read on http://",
            ExitCode.USAGE,
        )
    return {"Authorization": f"Bearer {token}"}


def _unreachable(url: str, error: Exception) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return (
            f"The certificate of the server at {url} is of nobody known here, or for another name; name those who "
            "signed it with --ca-file."
        )
    return (
        f"No answer from the server at {url} ({type(error).__name__}). "
        "Start one with 'fedray serve', or name another with --server or FEDRAY_SERVER."
    )


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        valid = valid and not parts.query and not parts.fragment and url.isprintable() and " " not in url
    except ValueError:
        valid = False
    if not valid:
        raise CliError(f"--server: expected a URL such as {DEFAULT_URL}, got another text.", ExitCode.USAGE)
    return url.rstrip("/")


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
