"""Which web pages may speak to the server.

A browser sends a page's requests to any address, this machine's own included, and says in `Origin`
where the page is from. Pages of other sites are refused unless `http-origins` lists them. Where no
password protects the data, requests that come over loopback must also be addressed to this machine by
a name that nobody else can give it, else a page could reach it by a name of its own (DNS rebinding).
"""

import ipaddress
from collections.abc import Callable

from nearkeep.wire.http import Request
from nearkeep.wire.rest import ALLOWED


class Origins:
    """The origins that are allowed, as the setting says at the moment."""

    def __init__(self, listed: Callable[[], bytes]) -> None:
        self._listed = listed

    def allow(self, origin: bytes, host: bytes) -> bool:
        """Whether a page of this origin may speak to the server that it calls `host`."""
        if origin.partition(b"://")[2].lower() == host.lower() and host:
            return True
        return self._lists(origin)

    def _lists(self, origin: bytes) -> bool:
        listed = self._listed().split()
        return origin in listed or b"*" in listed

    def headers(self, request: Request) -> list[tuple[bytes, bytes]]:
        """What tells a browser that the page may read the response."""
        origin = request.header(b"origin")
        if not origin or not self._lists(origin):
            return []
        return [
            (b"Access-Control-Allow-Origin", origin),
            (b"Access-Control-Expose-Headers", b"ETag, Upstash-Sync-Token"),
            (b"Vary", b"Origin"),
        ]

    def preflight(self, request: Request) -> list[tuple[bytes, bytes]]:
        """What tells a browser that it may send the request that it asks about."""
        asked = request.header(b"access-control-request-headers")
        headers = [(b"Allow", ALLOWED), (b"Access-Control-Allow-Methods", ALLOWED)]
        if asked:
            headers.append((b"Access-Control-Allow-Headers", asked))
        return [*headers, (b"Access-Control-Max-Age", b"600")]


def refused_site(request: Request) -> str:
    """Why a request without a token could be another site's doing; empty if it could not."""
    if request.header(b"sec-fetch-site") in (b"cross-site", b"same-site"):
        return "ERR another site's page asks, and no password is set"
    name = _host_name(request.header(b"host"))
    if not name or name == "localhost" or name.endswith(".localhost"):
        return ""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return f"ERR without a password the server is called localhost, not {name}"
    return ""


def _host_name(host: bytes) -> str:
    """The name or address in a Host header, without the port."""
    text = host.decode("latin-1").lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]
