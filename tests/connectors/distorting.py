"""A proxy before a target that turns one of its answers into right JSON of a wrong shape."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

ODD: list[Any] = [None, [], {}, "", "odd", 0, -1, 1.5, True, False, [[]], [None], ["odd"], [{}], {"odd": []}, 10**22]
GONE = object()
Place = tuple[str | int, ...]
Distort = Callable[[Any], Any]


class Proxy:
    """``distorts`` is (number of the answer, its distortion); ``answers`` are those of JSON that went through."""

    def __init__(self, target: str) -> None:
        self.distorts: tuple[int, Distort] | None = None
        self.answers: list[tuple[str, Any]] = []
        host = urlsplit(target).netloc
        proxy = self

        class Answering(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                there = http.client.HTTPConnection(host, timeout=30)
                there.request(self.command, self.path, body or None, dict(self.headers.items()))
                answer = there.getresponse()
                content = proxy.passed(f"{self.command} {self.path.partition('?')[0]}", answer.status, answer.read())
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in {"content-length", "connection", "transfer-encoding"}:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                self.wfile.flush()
                there.close()

            do_GET = do_PATCH = do_DELETE = do_POST

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def passed(self, call: str, status: int, content: bytes) -> bytes:
        if not 200 <= status < 300 or not content or content.startswith(b"<"):
            return content
        answer = json.loads(content)
        self.answers.append((call, answer))
        if self.distorts is None or self.distorts[0] != len(self.answers) - 1:
            return content
        return json.dumps(self.distorts[1](answer)).encode()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def proxy(target: str) -> Iterator[Proxy]:
    made = Proxy(target)
    try:
        yield made
    finally:
        made.close()


def places(answer: Any, place: Place = ()) -> Iterator[Place]:
    """Every place in a document, of lists the first element and the last; the whole of it first."""
    yield place
    if isinstance(answer, dict):
        for name, value in answer.items():
            yield from places(value, (*place, name))
    elif isinstance(answer, list) and answer:
        for index in sorted({0, len(answer) - 1}):
            yield from places(answer[index], (*place, index))


def put_all(distorted: list[tuple[Place, Any]]) -> Distort:
    """All of them at once; what is within another goes with it."""

    def distort(answer: Any) -> Any:
        copy = json.loads(json.dumps(answer))
        for place, odd in sorted(distorted, key=lambda each: len(each[0]), reverse=True):
            within = copy
            for step in place[:-1]:
                within = within[step]
            if odd is GONE:
                del within[place[-1]]
            else:
                within[place[-1]] = odd
        return copy

    return distort


def put(place: Place, value: Any) -> Distort:
    """Replaces the value at a place, or removes it (`GONE`)."""

    return put_all([(place, value)]) if place else lambda _: value
