"""One connection to a target, and the deadline that holds for a call as a whole.

The timeouts of sockets, requests and urllib3 hold for a single read, so a server that sends a byte now and then is
waited for without end.  Here every connect, write and read of a call gets what is left of the call's time: addresses
of a name, TLS, a proxy's tunnel, the request, interim answers (100 Continue), status line, headers, chunk sizes, body
and trailers.  The one thing that is not bounded is the resolver of this machine.

urllib3 connects (TLS, tunnels), and the standard library's ``http.client`` reads answers.
"""

from __future__ import annotations

import gzip
import http.client
import io
import socket
import time
import zlib
from collections.abc import Mapping
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

CONNECT_SECONDS = 10.0
"""The longest that one address is waited for."""
PIECE = 65536
FINAL = 200
"""The first status that is not an interim answer's (RFC 9110 15.2)."""

BROKEN = (OSError, EOFError, ValueError, zlib.error, http.client.HTTPException)
"""What a call may raise that has been sent: nothing, too little or nothing readable came back."""

Answered = tuple[int, Mapping[str, str], bytes]
"""Status, headers by name in lower case, and body of a whole answer."""


class Unsent(Exception):
    """Nothing was sent.  It says the name of an error only: texts of libraries have addresses and whole URLs."""


class Line:
    """What the connections below have in common; each is used by one thread at a time."""

    sock: Any
    host: str
    port: int
    _dns_host: str
    socket_options: Any
    connect: Any
    close: Any
    is_connected: bool
    """False once the other side has closed it, or has sent what nobody asked for."""
    ends = 0.0
    """When the call that is under way has to be over, by `time.monotonic`; 0 when there is none."""
    lasting = False
    """Whether another call may be made on it: the last answer is all that came, and nobody wants to close."""
    idle_since = 0.0
    _incoming: _Incoming

    def open(self, ends: float) -> None:
        """Connects; raises `Unsent`."""
        self.ends = ends
        try:
            self.connect()
        except (OSError, HTTPError, http.client.HTTPException, ValueError) as error:  # the last: a name that is none
            self.close()
            # http.client raises a bare OSError when a proxy refuses a tunnel.
            raise Unsent("ProxyError" if type(error) is OSError else type(error).__name__) from error
        self._incoming = _Incoming(_TimedReads(self))  # what a proxy sent before must not be read as an answer

    def ask(self, method: str, request: bytes, ends: float, largest: int) -> Answered:
        """Sends a whole request, and returns its answer; of a body that is larger, ``largest`` + 1 bytes.

        Raises one of `BROKEN` when there is no whole answer, `TimeoutError` after ``ends``.
        """
        self.ends = ends
        self.lasting = False
        refused = self._sent(request)
        answer = self._final(method)
        body = answer.read(largest + 1)
        if answer.length and len(body) <= largest:
            raise http.client.IncompleteRead(body, answer.length)
        self.ends = 0.0
        whole = answer.isclosed() and not self._incoming.peek()
        self.lasting = whole and not refused and not answer.will_close
        headers = _lower(answer)
        if len(body) <= largest and headers.get("content-encoding", "").lower() in {"gzip", "x-gzip"}:
            body = gzip.GzipFile(fileobj=io.BytesIO(body)).read(largest + 1)
        return answer.status, headers, body

    def _sent(self, request: bytes) -> bool:
        """Sends it; whether the other side wants no more of it, and may have answered all the same."""
        try:
            self.send(request)
        except (BrokenPipeError, ConnectionResetError):
            return True
        return False

    def _final(self, method: str) -> http.client.HTTPResponse:
        while True:
            answer = http.client.HTTPResponse(self._incoming, method=method)  # type: ignore[arg-type]
            answer.begin()
            if answer.status >= FINAL:
                return answer

    def left(self) -> float:
        """Seconds that are left of the call; `TimeoutError` when none are."""
        left = self.ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the call's time is over")
        return left

    def send(self, data: Any) -> None:
        """Writes bytes; `socket.sendall` over TLS would give each of its writes the whole time anew."""
        rest = memoryview(data)
        while rest:
            self.sock.settimeout(self.left())
            rest = rest[self.sock.send(rest[:PIECE]) :]

    def _of_tunnel(self, _: Any, **named: Any) -> http.client.HTTPResponse:
        """A proxy's answer to a tunnel, as http.client asks for it."""
        return http.client.HTTPResponse(_Incoming(_TimedReads(self)), **named)  # type: ignore[arg-type]

    response_class: Any = _of_tunnel

    def admit(self, address: str) -> None:
        """Raises `Unsent` for an address that no connection may be made to: here for none."""

    def _new_conn(self) -> socket.socket:
        """A connection to the first of the name's addresses that takes one; urllib3 asks for it."""
        failed: Exception | None = None
        try:
            for *_, address in socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM):
                self.admit(str(address[0]))
                try:
                    place = str(address[0]), int(address[1])
                    sock = create_connection(place, min(CONNECT_SECONDS, self.left()), None, self.socket_options)
                    sock.settimeout(self.left())
                    return sock
                except OSError as error:
                    failed = error
        except (socket.gaierror, UnicodeError) as error:
            raise NameResolutionError(self.host, self, error) from error  # type: ignore[arg-type]
        if isinstance(failed, TimeoutError):
            raise ConnectTimeoutError(self, "no connection in time") from failed
        raise NewConnectionError(self, "no address takes a connection") from failed  # type: ignore[arg-type]


class PlainLine(Line, HTTPConnection):
    pass


class SecureLine(Line, HTTPSConnection):
    pass


class _TimedReads(io.RawIOBase):
    """Reads of a line, each with what is left of the call's time."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if not self._line.ends:
            return None  # between calls: nothing but what has come already
        sock = self._line.sock
        sock.settimeout(self._line.left())
        return int(sock.recv_into(buffer))


class _Incoming(io.BufferedReader):
    """What comes in over a line, in place of the file that http.client makes of a socket and closes each time."""

    def makefile(self, *_: Any) -> _Incoming:
        return self

    def close(self) -> None:
        pass


def _lower(answer: http.client.HTTPResponse) -> Mapping[str, str]:
    """The headers, names in lower case; those of one name are joined (RFC 9110 5.3), and folded ones unfolded."""
    headers: dict[str, str] = {}
    for name, text in answer.headers.items():
        key = name.lower()
        value = " ".join(text.split()) if "\n" in text else text
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers
