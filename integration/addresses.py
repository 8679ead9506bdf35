"""Addresses of other systems, checked as the client that calls them parses them (requests, on urllib3's RFC 3986).

Two parsers that read one text differently are how ``http://10.0.0.1\\@127.0.0.1/`` passes for loopback.  So what only
some parsers take is refused, and what is left is judged by the URL that the client makes of it.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import requests
from urllib3.util import parse_url

from integration.errors import Misconfigured

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
# fmt: off
HTTP_CHANNELS = frozenset({
    "apprise", "bark", "emby", "enigma2", "evolution", "flowtriq", "fluxer", "form", "goalert", "gorush", "gotify",
    "hassio", "http", "humhub", "jellyfin", "json", "kodi", "lametric", "mastodon", "matrix", "misskey", "mmost",
    "ncloud", "nctalk", "notica", "notifico", "ntfy", "onebot", "opsimate", "parsep", "pinglet", "pjet", "psafer",
    "pushdeer", "rocket", "session", "signal", "smseagle", "synology", "toot", "trigv", "xbmc", "xml",
})
# fmt: on
"""Schemes of Apprise that are plain HTTP to the URL's host; with an s behind them they are HTTPS."""
LOGIN = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)@")
ODD = re.compile(r"[^!-~]|\\")
"""What no URL has (RFC 3986): blanks, control characters, backslashes, anything beyond ASCII."""


def check_address(variable: str, url: str) -> None:
    """Raises `Misconfigured`, without quoting the URL, unless it is https, or http to this machine."""
    final = as_called(url)
    if final is None:
        raise Misconfigured(
            f"{variable} is not an http(s) URL",
            hint=f"Set {variable}, for example https://erp.example: a host in ASCII, without blanks or backslashes.",
        )
    if final.scheme == "http" and final.host not in LOOPBACK:
        raise Misconfigured(
            f"{variable} is http:// to another machine",
            hint=f"Use https:// in {variable}; http:// is for loopback only.",
        )


def check_channel(variable: str, url: str) -> None:
    """Raises `Misconfigured`, without quoting the URL, for an Apprise URL that is plain HTTP to another machine."""
    scheme, _, rest = url.partition("://")
    if scheme.lower() not in HTTP_CHANNELS:
        return
    final = as_called(f"http://{rest}")
    if final is None or final.host not in LOOPBACK:
        raise Misconfigured(
            f"{variable} holds a {scheme.lower()}:// URL, which is http:// to another machine",
            hint=f"Write {scheme.lower()}s:// in {variable}; http:// is for loopback only.",
        )


def without_login(url: str) -> tuple[str, str]:
    """The URL without ``user:password@``, and that as plain text: ``user:password``, empty where there is none.

    >>> without_login("https://jane:s%20cret@erp.example/odoo")
    ('https://erp.example/odoo', 'jane:s cret')
    """
    found = LOGIN.match(url)
    if found is None:
        return url, ""
    return found[1] + url[found.end() :], unquote(found[2])


class Called(NamedTuple):
    """What the client makes of a URL: whom it connects to, and what it asks there; ``port`` is None for the usual."""

    scheme: str
    host: str
    port: int | None
    path: str


def as_called(url: str) -> Called | None:
    """What the client connects to; None for what is no http(s) URL, or not the same to every parser."""
    if ODD.search(url):
        return None
    request = requests.PreparedRequest()
    try:
        request.prepare_url(url, None)
        called, split = parse_url(str(request.url)), urlsplit(str(request.url))
        host, other = (called.host or "").strip("[]"), split.hostname or ""
        same = host.lower() == other.lower() and called.port == split.port
    except ValueError:  # requests' own errors for URLs, and urllib3's, are some, too
        return None
    if called.scheme not in {"http", "https"} or not host or not same:
        return None
    return Called(called.scheme, host.lower(), called.port, called.request_uri)
