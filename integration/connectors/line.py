"""The connections of one thread to one target, and the deadline that holds for a call as a whole.

The timeouts of requests and urllib3 hold for a single read, so a server that sends a byte now and then is waited for
without end.  Here every connect, write and read of a call gets what is left of the call's time: addresses of a name,
TLS, the request, interim answers (100 Continue), status line, headers, chunk sizes, body and trailers.  The one thing
that is not bounded is the resolver of this machine.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import requests
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

CONNECT_SECONDS = 10.0
"""The longest that one address is waited for."""
PIECE = 65536

_call = threading.local()
"""``ends``: when the call that this thread makes has to be over, by `time.monotonic`."""


class Line:
    """Pooled connections of one thread, without what a session adds: cookies, redirects, credentials from a netrc file.

    Proxies and certificates of the environment are looked up once.
    """

    def __init__(self, url: str) -> None:
        with requests.Session() as session:
            self._found: Any = session.merge_environment_settings(url, {}, stream=True, verify=None, cert=None)
            self._headers: Any = dict(session.headers)
        self._adapter = requests.adapters.HTTPAdapter()
        self._adapter.poolmanager.pool_classes_by_scheme = POOLS
        for proxy in filter(None, self._found["proxies"].values()):
            url = requests.utils.prepend_scheme_if_needed(proxy, "http")  # type: ignore[no-untyped-call]
            if not url.startswith("socks"):  # urllib3 has connections of its own for these
                self._adapter.proxy_manager_for(url).pool_classes_by_scheme = POOLS

    def send(
        self, method: str, url: str, body: bytes | None, *, headers: Mapping[str, str], deadline: float
    ) -> requests.Response:
        """Sends one request; the answer's body is still to be read, before the deadline (`time.monotonic`), too."""
        _call.ends = deadline
        request = requests.PreparedRequest()
        request.method, request.url, request.body = method, _quoted(url), body
        request.headers = requests.structures.CaseInsensitiveDict({**self._headers, **headers})
        request.prepare_content_length(body)
        return self._adapter.send(request, timeout=(CONNECT_SECONDS, _left()), **self._found)


@lru_cache(256)
def _quoted(url: str) -> str:
    request = requests.PreparedRequest()
    request.prepare_url(url, None)
    return str(request.url)


def _left() -> float:
    """Seconds that are left of the call; `TimeoutError` when none are."""
    left = float(_call.ends - time.monotonic())
    if left <= 0:
        raise TimeoutError("the call's time is over")
    return left


class _TimedReads(io.RawIOBase):
    """Reads of a socket, each with what is left of the call's time."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._sock = sock
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self.fp = io.BufferedReader(_TimedReads(sock, self.fp.detach()))


class _Timed:
    """What the connections below have in common."""

    sock: Any
    host: str
    port: int
    _dns_host: str
    socket_options: Any
    auto_open: int
    connect: Any
    response_class: Any = _Answer

    def _new_conn(self) -> socket.socket:
        """A connection to the first of the name's addresses that takes one."""
        failed: Exception | None = None
        try:
            for *_, address in socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM):
                try:
                    place = str(address[0]), int(address[1])
                    sock = create_connection(place, min(CONNECT_SECONDS, _left()), None, self.socket_options)
                    sock.settimeout(_left())
                    return sock
                except OSError as error:
                    failed = error
        except (socket.gaierror, UnicodeError) as error:
            raise NameResolutionError(self.host, self, error) from error  # type: ignore[arg-type]
        if isinstance(failed, TimeoutError):
            raise ConnectTimeoutError(self, "no connection in time") from failed
        raise NewConnectionError(self, "no address takes a connection") from failed  # type: ignore[arg-type]

    def send(self, data: Any) -> None:
        """Writes bytes; `socket.sendall` over TLS would give each of its writes the whole time anew."""
        if self.sock is None and self.auto_open:
            self.connect()
        rest = memoryview(data)
        while rest:
            self.sock.settimeout(_left())
            rest = rest[self.sock.send(rest[:PIECE]) :]


class _Plain(_Timed, HTTPConnection):
    pass


class _Secure(_Timed, HTTPSConnection):
    pass


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Secure


POOLS = {"http": _PlainPool, "https": _SecurePool}
