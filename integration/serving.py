"""How the receiver is served: gunicorn's processes, in each of them waitress, which reads whole requests.

A request takes a thread when it has arrived as a whole, so that connections which send half of one hold none.  What
HTTP cannot read, and what does not arrive in time, goes to the application, too, marked with `REFUSED`: it counts and
answers them like every other refusal.
"""

from __future__ import annotations

import io
import logging
import os
import resource
import socket
import time
from typing import Any

from gunicorn.workers.base import Worker as GunicornWorker
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher, WSGITask
from waitress.utilities import BadRequest, Error

from integration.settings import Settings

REFUSED = "fleet.refused"
"""In the WSGI environment: the status with which HTTP itself refuses this request."""
FRAMING = 64 * 1024
"""Bytes beyond the limit that chunks may take; the application counts those of the body."""
LONGEST_HEADERS = 32 * 1024
LONGEST_LINE = 4 * 1024
IN_MEMORY = 64 * 1024
"""Bytes of a body beyond which it is kept in a file until it is whole."""
PACKET = 16 * 1024
"""Bytes of an answer that are gathered before some are sent."""
FILES = 4096
ROOM = 128 * 1024 * 1024
"""Bytes of unfinished bodies that one process keeps."""
CROWDED = 1.0
"""Seconds that a request, or a connection without one, has when connections or room run out."""
LINGER = 5.0
"""Seconds for which the rest of a refused body is read and dropped, so that its sender reads the answer."""
OPERATORS_THREADS = 4


class TooSlow(Error):  # type: ignore[misc]
    """The request did not arrive in time (RFC 9110, 15.5.9)."""

    code = 408
    reason = "Request Timeout"


class Request(HTTPRequestParser):  # type: ignore[misc]
    """A request as far as it has come: what is refused before its first line was read has these values."""

    command = "GET"
    path = request_uri = "/"
    query = fragment = proxy_scheme = proxy_netloc = ""
    url_scheme = "http"
    completed = False

    def parse_header(self, header_plus: bytes) -> None:
        """Refuses two lengths of one body: a proxy that believes the other one sees other requests (RFC 9112, 6.3)."""
        super().parse_header(header_plus)
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            raise ParsingError("both Transfer-Encoding and Content-Length")

    def received(self, data: bytes) -> int:
        """Takes more of the request; the size line of a chunk, or a trailer, that does not end is refused."""
        taken: int = super().received(data)
        if self.chunked and not self.completed:
            body = self.body_rcv
            if len(body.control_line) + len(body.trailer) > LONGEST_LINE:
                self.error = BadRequest("")
                self.completed = True
        return taken


class Answer(WSGITask):  # type: ignore[misc]
    """What the application answers; headers and body leave in one packet."""

    def finish(self) -> None:
        super().finish()
        self.channel.flush()


class Refusal(Answer):
    """Lets the application answer a request that HTTP refuses; the connection ends with the answer."""

    def execute(self) -> None:
        self.set_close_on_finish()
        super().execute()

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ[REFUSED] = self.request.error.code
        environ["wsgi.input"] = io.BytesIO()
        return environ


class Connection(HTTPChannel):  # type: ignore[misc]
    """One connection.  ``began`` is when the request that is not whole yet sent its first byte."""

    parser_class = Request
    task_class = Answer
    error_task_class = Refusal
    request: Any = None
    began = 0.0
    lingers_until = 0.0
    unsent = b""
    refused = False

    def received(self, data: bytes) -> bool:
        if self.lingers_until:
            return False
        before = self.request
        taken: bool = super().received(data)
        if self.request is not before:
            self.began = time.monotonic()
        return taken

    def expire(self, now: float, patience: float, *, crowded: bool) -> None:
        """Refuses a request that has not arrived as a whole after ``patience`` seconds; ends idle ones in a crowd."""
        if self.lingers_until:
            self.will_close = now > self.lingers_until
            return
        with self.requests_lock:
            if self.requests:
                return
            if self.request is None:
                self.will_close = self.will_close or crowded and time.time() - self.last_activity > patience
                return
            if now - self.began < patience:
                return
            late, self.request = self.request, None
            late.error = TooSlow("")
            self.requests.append(late)
        self.server.add_task(self)

    def service(self) -> None:
        self.refused = bool(self.requests[0].error)
        super().service()

    def write_soon(self, data: bytes) -> int:
        self.unsent += data
        if len(self.unsent) >= PACKET:
            self.flush()
        return len(data)

    def flush(self) -> None:
        """Sends what was written of an answer."""
        unsent, self.unsent = self.unsent, b""
        super().write_soon(unsent)

    def handle_close(self) -> None:
        """A refused sender may still be sending: closing at once would reset the connection under the answer."""
        if not (self.refused and self.will_close and self.connected) or self.lingers_until:
            super().handle_close()
            return
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:  # the sender has gone
            super().handle_close()
            return
        self.lingers_until = time.monotonic() + LINGER
        self.will_close = False


class Server(TcpWSGIServer):  # type: ignore[misc]
    """One listener; ``deadline`` is how many seconds a request has to arrive as a whole."""

    channel_class = Connection
    deadline = 10.0
    woken = False

    def pull_trigger(self) -> None:
        """Wakes the loop, unless somebody has since it looked last."""
        if not self.woken:
            self.woken = True
            super().pull_trigger()

    def maintenance(self, now: float) -> None:
        """Is called each second: ends idle connections, and requests that do not arrive."""
        super().maintenance(now)
        connections = list(self.active_channels.values())
        kept = sum(each.request.body_bytes_received for each in connections if each.request)
        crowded = kept > ROOM or len(self._map) >= self.adj.connection_limit
        patience = min(CROWDED, self.deadline) if crowded else self.deadline
        for connection in connections:
            connection.expire(time.monotonic(), patience, crowded=crowded)


class Worker(GunicornWorker):  # type: ignore[misc]
    """Serves the application at the first ``--bind``, and its ``extensions["operations"]`` at the second.

    Each has threads of its own: operators are answered however busy the receiver is.  SIGTERM lets every request that
    has arrived be answered.
    """

    def run(self) -> None:
        settings = Settings.load()
        _allow_files()
        logging.getLogger("waitress.queue").setLevel("ERROR")  # it warns of each request that waits for a thread
        self._map: dict[int, Any] = {}
        applications = (self.wsgi, self.wsgi.extensions["operations"])
        threads = (self.cfg.threads, OPERATORS_THREADS)
        self._servers = [
            self._server(listener.sock, application, count, settings)
            for listener, application, count in zip(self.sockets, applications, threads, strict=True)
        ]
        self.log.info("Serving: %s", self)
        notified = 0.0
        while self.alive and self.ppid == os.getppid():
            if time.monotonic() - notified > 1:
                self.notify()
                notified = time.monotonic()
            self._look(1.0)
        self._drain()

    def handle_exit(self, sig: int, frame: Any) -> None:
        super().handle_exit(sig, frame)
        for server in getattr(self, "_servers", ()):
            server.pull_trigger()  # else it sleeps for up to a second

    def _server(self, listener: socket.socket, application: Any, threads: int, settings: Settings) -> Server:
        dispatcher = ThreadedTaskDispatcher()
        dispatcher.set_thread_count(threads)
        adjustments = Adjustments(
            sockets=[listener],
            threads=threads,
            max_request_body_size=settings.webhook_limit + settings.webhook_limit // 8 + FRAMING,
            max_request_header_size=LONGEST_HEADERS,
            inbuf_overflow=IN_MEMORY,
            connection_limit=self.cfg.worker_connections,
            channel_timeout=self.cfg.keepalive,
            cleanup_interval=1,
            log_socket_errors=False,
            ident=None,
            clear_untrusted_proxy_headers=False,  # nothing here reads them
        )
        where = (listener.family, listener.type, listener.proto, listener.getsockname())
        listener.setblocking(False)
        server = Server(
            application,
            self._map,
            _sock=listener,
            dispatcher=dispatcher,
            adj=adjustments,
            sockinfo=where,
            bind_socket=False,
        )
        server.deadline = settings.webhook_deadline
        return server

    def _drain(self) -> None:
        for server in self._servers:
            wasyncore.dispatcher.close(server)  # the listener only: threads still wake the loop
        deadline = time.monotonic() + self.cfg.graceful_timeout - 2
        while any(map(_busy, self._connections())) and time.monotonic() < deadline:
            self.notify()
            self._look(0.1)
        for server in self._servers:
            server.task_dispatcher.shutdown(timeout=1)

    def _look(self, seconds: float) -> None:
        """Reads and writes what can be, or waits so long for that."""
        for server in self._servers:
            server.woken = False  # before it asks: what was changed until now it sees, for the rest it is woken
        wasyncore.loop(timeout=seconds, use_poll=True, map=self._map, count=1)

    def _connections(self) -> list[Connection]:
        return [each for server in self._servers for each in list(server.active_channels.values())]


def _busy(connection: Connection) -> bool:
    return bool(connection.requests or connection.total_outbufs_len)


def _allow_files() -> None:
    """Room for the connections and the files of large bodies."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
