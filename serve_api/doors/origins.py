"""Which requests come from a web page that somebody has open in a browser on this machine.

A server on the loopback without tokens trusts whoever can reach it, and a browser carries requests of any page
there. Two ways are closed: a name of the page's own that is made to point here (the ``Host`` then says that name), and
requests across sites (the browser itself marks them). A program that is no browser sends none of these marks.
"""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers

__all__ = ["LOOPBACK_NAMES", "from_another_page", "is_address", "known_host"]

LOOPBACK_NAMES: Final = frozenset({"localhost"})
_OWN: Final = frozenset({"same-origin", "none"})


def known_host(host: str, names: frozenset[str]) -> bool:
    """Return whether a ``Host`` header names this server: one of its names, or any IP address.

    An address is no danger: only a name can be made to point elsewhere after the page has loaded. A request
    without the header comes from no browser.
    """
    name = _hostname(host)
    return not host or is_address(name) or name in names


def from_another_page(headers: Headers) -> bool:
    """Return whether a browser sends this request for a page that this server has not made.

    ``Sec-Fetch-Site`` decides where it is sent: pages cannot change it. Else the origin, or the page that referred,
    must be the host that is asked.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in _OWN
    host = headers.get("host", "").casefold()
    marks = (headers[name] for name in ("origin", "referer") if name in headers)
    return any(_netloc(mark) != host for mark in marks)


def is_address(name: str) -> bool:
    """Return whether a name is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _hostname(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _netloc(url: str) -> str:
    try:
        return urlsplit(url).netloc.casefold()
    except ValueError:
        return ""
