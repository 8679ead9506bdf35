"""Pictures behind a URL: fetched from hosts that a setting names, and from no address of a private network.

Whoever edits a product in Clarity writes the URL, so it is treated as a stranger's: https only, at the host's own port,
a few redirects that are judged like the first URL, one deadline for all, a bounded size, and what comes has to begin
like a picture.  A name is judged by the addresses that the connection is made to, not by an earlier look-up.  An entry
with a port ("127.0.0.1:8090") is that place itself, be it private or http.  Where HTTPS_PROXY is set, the proxy looks
up names, and decides.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urljoin

from integration import side_by_side
from integration.addresses import Called, as_called
from integration.connectors.line import BROKEN, SecureLine, Unsent
from integration.connectors.route import PORTS, Route
from integration.errors import Hold, Retry

LARGEST = 3 * 1024 * 1024
SECONDS = 20.0
MOST_REDIRECTS = 3
REDIRECTS = {301, 302, 303, 307, 308}
LATER = {408, 425, 429}
BEGINNINGS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")
"""Of PNG, JPEG and GIF; WebP says so after its length.  No SVG: that is a document, which may hold scripts."""


class Private(Unsent):
    """The name leads to an address that is not public."""


class PublicLine(SecureLine):
    def admit(self, address: str) -> None:
        """Raises `Private` for an address that is not public, unless it is that of a proxy."""
        ip = ip_address(address.partition("%")[0])
        ip = getattr(ip, "ipv4_mapped", None) or ip
        if self._tunnel_host is None and (not ip.is_global or ip.is_multicast):
            raise Private("PrivateAddress")


class PublicRoute(Route):
    secure = PublicLine


def fetch(url: str, hosts: Collection[str], variable: str) -> bytes:
    """The picture; ``hosts`` are those that the setting ``variable`` names.

    Raises `Retry` where another try may bring it, and `Hold` where it will not.  No reason quotes the URL.
    """
    return side_by_side.aside(lambda: _fetch(url, hosts, variable, time.monotonic() + SECONDS))


def _fetch(url: str, hosts: Collection[str], variable: str, ends: float) -> bytes:
    for _ in range(MOST_REDIRECTS + 1):
        place = as_called(url)
        if place is None or "@" in url.partition("://")[2].partition("/")[0]:
            raise _refused("its URL is none that can be called", "Correct the URL of the picture in Clarity. {again}")
        route = _route(place, hosts, variable)
        try:
            answer = route.call("GET", place.path, {"Accept": "image/*"}, None, ends=ends, largest=LARGEST)
        except Private:
            raise _refused(
                f"{place.host} leads to an address of a private network",
                "Put the picture behind a public address; or name host and port, as in 10.0.0.5:8090, in "
                f"{variable} and run `fleet restart`. {{again}}",
            ) from None
        except (Unsent, *BROKEN) as error:
            raise Retry(f"no picture from {place.host}: {type(error).__name__}", code="picture_unreachable") from None
        status, headers, body = answer
        if status not in REDIRECTS or "location" not in headers:
            return _picture(status, body, place.host)
        url = urljoin(url, headers["location"])
    raise _refused(f"more than {MOST_REDIRECTS} redirects", "Use the URL to which the redirects lead. {again}")


def _route(place: Called, hosts: Collection[str], variable: str) -> Route:
    port = place.port or PORTS[place.scheme]
    host = f"[{place.host}]" if ":" in place.host else place.host
    origin = f"{place.scheme}://{host}:{port}"
    if f"{host}:{port}" in hosts:
        return Route(origin)
    if place.host not in hosts:
        raise _refused(
            f"{variable} does not name its host {place.host[:100]}",
            f"Add the host to {variable} and run `fleet restart`, if pictures are to be taken from there. {{again}}",
        )
    if place.scheme != "https" or port != PORTS["https"]:
        raise _refused(
            f"it is not behind https at {place.host[:100]}",
            f"Use https:// in Clarity; or name host and port, as in cdn.example:8443, in {variable}. {{again}}",
        )
    return PublicRoute(origin)


def _picture(status: int, body: bytes, host: str) -> bytes:
    if status >= 500 or status in LATER:
        raise Retry(f"no picture from {host}: it answers {status}", code="picture_unreachable")
    if status != 200:
        raise _refused(f"{host} answers {status}", "Correct the URL of the picture in Clarity. {again}")
    if len(body) > LARGEST:
        raise _refused(f"it is larger than {LARGEST >> 20} MiB", "Put a smaller one behind the URL. {again}")
    if not body.startswith(BEGINNINGS) and not (body[:4] == b"RIFF" and body[8:12] == b"WEBP"):
        raise _refused("it is no PNG, JPEG, GIF or WebP", "Put a picture of such a kind behind the URL. {again}")
    return body


def _refused(why: str, hint: str) -> Hold:
    return Hold(f"the picture of the product is not taken: {why}", hint=hint, code="picture_refused")


def places(setting: str) -> frozenset[str]:
    """The hosts of a setting: names or addresses between commas, each with its port or not."""
    return frozenset(part.strip().lower() for part in setting.split(",") if part.strip())
