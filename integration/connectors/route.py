"""How a target is reached: proxy and certificates as the environment says, and the connections that are open.

HTTPS_PROXY, HTTP_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE are read as requests reads them, once.
"""

from __future__ import annotations

import re
import ssl
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import requests
import urllib3
from urllib3.util import make_headers, parse_url
from urllib3.util.ssl_ import create_urllib3_context

from integration.connectors.line import Answered, Line, PlainLine, SecureLine, Unsent

LONGEST_IDLE = 60.0
"""Seconds after which a connection is not used again: what lies between closes it by then, and not always says so."""
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE = re.compile(r"[\t -~\x80-\xff]*")
"""What a header's name and value are made of (RFC 9110 5.5, 5.6.2)."""
PORTS = {"http": 80, "https": 443}
_SEND = requests.adapters.HTTPAdapter.send


class Route:
    """The way to one URL's host.  Threads may share it: each call has a connection of its own, open ones are kept."""

    secure = SecureLine

    def __init__(self, url: str) -> None:
        """Raises `Unsent` for a URL or a proxy that cannot be used."""
        self._url = url
        self._idle: deque[Line] = deque()
        with requests.Session() as session:
            self._found: Any = session.merge_environment_settings(url, {}, stream=True, verify=None, cert=None)
        proxy = requests.utils.select_proxy(url, self._found["proxies"])
        try:
            self._to = parse_url(_quoted(url))
            self._proxy: Any = proxy and urllib3.ProxyManager(
                requests.utils.prepend_scheme_if_needed(proxy, "http"),  # type: ignore[no-untyped-call]
                proxy_ssl_context=self._trusted(),
            )
        except (ValueError, urllib3.exceptions.HTTPError) as error:
            raise Unsent(type(error).__name__) from error
        self._port = self._to.port or PORTS[str(self._to.scheme)]
        self._forwards = bool(proxy) and self._to.scheme == "http"
        self._headers = self._of_every_call()

    def call(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, *, ends: float, largest: int
    ) -> Answered:
        """Sends one request, once, and returns its answer; raises `Unsent`, and what `Line.ask` raises.

        ``ends`` is when it has to be over (`time.monotonic`); of a body that is larger, ``largest`` + 1 bytes come.
        """
        url = self._url + path
        if requests.adapters.HTTPAdapter.send is not _SEND:
            return self._replaced(method, url, headers, body)
        request = self._request(method, url, headers, body)
        line = self._take() or self._open(ends)
        try:
            answered = line.ask(method, request, ends, largest)
        except BaseException:
            line.close()
            raise
        self._put_back(line)
        return answered

    def _request(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
        length = {} if body is None and method == "GET" else {"Content-Length": str(len(body or b""))}
        lines = {"": f"{method} {_target(url, self._forwards)} HTTP/1.1"}
        for name, value in {**self._headers, **headers, **length}.items():
            if not TOKEN.fullmatch(name) or not VALUE.fullmatch(value):
                raise Unsent("InvalidHeader")
            lines[name.lower()] = f"{name}: {value}"
        return "\r\n".join([*lines.values(), "", ""]).encode("latin-1") + (body or b"")

    def _of_every_call(self) -> Mapping[str, str]:
        host = str(self._to.host)
        host = host if self._port == PORTS[str(self._to.scheme)] else f"{host}:{self._port}"
        login = self._login() if self._forwards else {}
        return {"Host": host, "User-Agent": "clarity-fleet", "Accept-Encoding": "gzip", **login}

    def _login(self) -> Mapping[str, str]:
        """For the proxy."""
        user, password = requests.utils.get_auth_from_url(self._proxy.proxy.url)
        return make_headers(proxy_basic_auth=f"{user}:{password}") if user else {}

    def _trusted(self) -> ssl.SSLContext:
        verify = self._found["verify"]
        return _trusting(requests.utils.DEFAULT_CA_BUNDLE_PATH if verify is True else str(verify))

    def _open(self, ends: float) -> Line:
        line = self._line()
        line.open(ends)
        return line

    def _line(self) -> Line:
        first = self._proxy.proxy if self._proxy else self._to
        place: tuple[str, int] = str(first.host).strip("[]"), first.port or self._port
        if self._to.scheme == "http" and first.scheme == "http":
            return PlainLine(*place)
        config = self._proxy.proxy_config if self._proxy else None
        line = self.secure(*place, ssl_context=self._trusted(), proxy_config=config)
        if self._proxy and not self._forwards:
            host = str(self._to.host).strip("[]")
            line.set_tunnel(host, self._port, headers=self._login(), scheme=str(first.scheme))
        return line

    def _take(self) -> Line | None:
        """The connection that was used last, if it is still open: one that was closed meanwhile is noticed here."""
        while True:
            try:
                line = self._idle.pop()
            except IndexError:
                return None
            if time.monotonic() - line.idle_since < LONGEST_IDLE and line.is_connected:
                return line
            line.close()

    def _put_back(self, line: Line) -> None:
        if not line.lasting:
            line.close()
            return
        line.idle_since = time.monotonic()
        self._idle.append(line)
        with suppress(IndexError):
            if line.idle_since - self._idle[0].idle_since > LONGEST_IDLE:
                self._idle.popleft().close()

    def _replaced(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answered:
        """The answer of what a test has put in place of requests' own sending (the package ``responses`` does)."""
        request = requests.PreparedRequest()
        request.method, request.url, request.body = method, _quoted(url), body
        request.headers = requests.structures.CaseInsensitiveDict({**self._headers, **headers})
        try:
            answer = requests.adapters.HTTPAdapter().send(request, **self._found)
            lower = {name.lower(): value for name, value in answer.headers.items()}
            return answer.status_code, lower, answer.content
        except requests.Timeout as error:
            raise TimeoutError from error


@lru_cache(8)
def _trusting(bundle: str) -> ssl.SSLContext:
    """A context for TLS that trusts the authorities of this file or folder.  It takes some 10 ms to read them."""
    context = create_urllib3_context()
    context.load_verify_locations(**{"capath" if Path(bundle).is_dir() else "cafile": bundle})
    return context


@lru_cache(256)
def _quoted(url: str) -> str:
    request = requests.PreparedRequest()
    request.prepare_url(url, None)
    return str(request.url)


@lru_cache(256)
def _target(url: str, whole: bool) -> str:
    """What a request asks for: path and query, or the whole URL for a proxy that forwards (RFC 9112 3.2)."""
    request = requests.PreparedRequest()
    request.url = _quoted(url)
    return str(requests.utils.urldefragauth(request.url) if whole else request.path_url)
