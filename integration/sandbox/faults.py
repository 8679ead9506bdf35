"""Faults on request: what real networks and servers do now and then, done on purpose.

A fault belongs to a target (``clarity``, ``odoo``, ``fusion``: their HTTP answers; ``webhooks``: what Clarity sends)
and fires for ``rate`` of its calls, until ``duration`` seconds have passed or it has fired ``times`` times.
"""

from __future__ import annotations

import errno
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import Any

from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Response
from werkzeug.wsgi import get_input_stream

from integration.sandbox import answers

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WSGI = Callable[[Environ, StartResponse], Iterable[bytes]]

HTTP_KINDS = (
    "latency",  # waits `ms`, then goes on
    "timeout_after_commit",  # takes effect, waits `ms`, resets the connection instead of answering
    "reset_before",  # resets the connection; nothing took effect
    "429",  # with Retry-After, `retry_after` seconds; 0: without
    "500",
    "500_quoting",  # with what was sent in it
    "refused_quoting",  # refused in the system's own words, which quote names, addresses and the like as they were sent
    "502_html",
    "503",  # with Retry-After, `retry_after` seconds
    "401_expire",  # the token that came with the request has just expired
    "html",  # a log-in page with status 200 instead of the answer; nothing took effect
    "truncated_json",  # takes effect, answers with the first half of the JSON
    "trickle",  # takes effect, the answer comes bit by bit and is whole after `ms`
    "repeated",  # takes effect twice, as behind a proxy that tries again by itself; the answer is the second one
)
WEBHOOK_KINDS = (
    "drop",  # never sent
    "duplicate",  # sent twice at the same time
    "reorder",  # sent `ms` later, so that later events overtake it
    "bad_signature",
    "stale_timestamp",  # signed an hour ago
    "two_signatures",  # as during a rotation: an unknown signature first, the right one second
)
AFTER_EFFECT = {"timeout_after_commit", "truncated_json", "trickle", "repeated"}
BITS = 20
"""Pieces of an answer that trickles in, if it is that long."""
LAG = "404_lag"
"""Clarity does not show yet what its webhook has reported."""
KINDS = {"clarity": (*HTTP_KINDS, LAG), "odoo": HTTP_KINDS, "fusion": HTTP_KINDS, "webhooks": WEBHOOK_KINDS}
TOKEN_CHECKED = {"clarity": "/api/", "fusion": "RestApi/"}
"""Where these systems ask for a token: not where they give one out."""


@dataclass
class Fault:
    """One fault in force.

    ``system`` is the added system it is about, empty for that named as its kind.  ``path`` limits it to requests whose
    method and path, "POST /odoo/json/2/…", contain it.
    """

    target: str
    kind: str
    rate: float = 1.0
    duration: float | None = None
    times: int | None = None
    path: str = ""
    ms: float = 1000.0
    retry_after: int = 1
    hits: int = 0
    system: str = ""

    def __post_init__(self) -> None:
        if self.target not in KINDS:
            raise ValueError(f"target is one of {', '.join(KINDS)}")
        if self.kind not in KINDS[self.target]:
            raise ValueError(f"kind at {self.target} is one of {', '.join(KINDS[self.target])}")
        if not 0 < self.rate <= 1:
            raise ValueError("rate is above 0 and at most 1")
        if self.kind == "401_expire":
            self.path = self.path or TOKEN_CHECKED.get(self.target, "")
        self._started = time.monotonic()

    def active(self) -> bool:
        """Whether it may still fire."""
        expired = self.duration is not None and time.monotonic() - self._started > self.duration
        used_up = self.times is not None and self.hits >= self.times
        return not expired and not used_up

    def wait(self) -> None:
        time.sleep(self.ms / 1000)


class Faults:
    """The faults in force; safe to use from every thread."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> int:
        """Ends all faults; how many there were."""
        with self._lock:
            count = len(self._faults)
            self._faults.clear()
            return count

    def list(self) -> list[dict[str, Any]]:
        with self._lock:
            return [{**asdict(fault), "active": fault.active()} for fault in self._faults]

    def draw(self, target: str, path: str = "", system: str = "") -> Fault | None:
        """The first fault that fires for this call, counted as a hit; a latency is waited for here."""
        fault = self._next(target, path, system)
        if fault is None or fault.kind != "latency":
            return fault
        fault.wait()
        return self._next(target, path, system, skip="latency")

    def _next(self, target: str, path: str, system: str, skip: str = "") -> Fault | None:
        with self._lock:
            for fault in self._faults:
                fits = (fault.target, fault.system) == (target, system) and fault.kind != skip and fault.path in path
                if fits and fault.active() and random.random() < fault.rate:  # noqa: S311
                    fault.hits += 1
                    return fault
        return None


class FaultInjection:
    """WSGI middleware: lets the faults of the mounted system (first part of the path) happen to a request.

    ``kinds`` has the kinds of the added systems by their names.
    """

    def __init__(self, app: WSGI, faults: Faults, kinds: Mapping[str, str]) -> None:
        self._app = app
        self._faults = faults
        self._kinds = kinds

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        name = path.split("/")[1]
        target, system = (self._kinds[name], name) if name in self._kinds else (name, "")
        fault = self._faults.draw(target, f"{environ['REQUEST_METHOD']} {path}", system)
        if fault is None:
            return self._app(environ, start_response)
        if fault.kind == "reset_before":
            _reset(environ)
        if fault.kind == "401_expire" and target in TOKEN_CHECKED:
            environ["sandbox.token_expired"] = True
            return self._app(environ, start_response)
        sent = get_input_stream(environ).read()
        if fault.kind in AFTER_EFFECT:
            return self._after_effect(fault, environ, sent)(environ, start_response)
        return answers.broken(target, fault.kind, fault.retry_after, sent)(environ, start_response)

    def _after_effect(self, fault: Fault, environ: Environ, sent: bytes) -> Response:
        for _ in range(2 if fault.kind == "repeated" else 1):
            again = {**environ, "wsgi.input": BytesIO(sent)}
            body, status, headers = run_wsgi_app(self._app, again, buffered=True)
        if fault.kind == "timeout_after_commit":
            fault.wait()
            _reset(environ)
        whole = b"".join(body)
        if fault.kind == "trickle":
            return Response(_bit_by_bit(whole, fault.ms / 1000), status, headers)
        if fault.kind == "truncated_json":
            headers.remove("Content-Length")
            whole = whole[: len(whole) // 2]
        return Response(whole, status, headers)


def _bit_by_bit(whole: bytes, seconds: float) -> Iterator[bytes]:
    size = len(whole) // BITS + 1
    bits = [whole[start : start + size] for start in range(0, len(whole), size)]
    for bit in bits:
        time.sleep(seconds / len(bits))
        yield bit


def _reset(environ: Environ) -> None:
    """Makes the server close this connection with a TCP reset."""
    no_linger = struct.pack("ii", 1, 0)
    environ["gunicorn.socket"].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
    raise ConnectionResetError(errno.ECONNRESET, "reset by an injected fault")
