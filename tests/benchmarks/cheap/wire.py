"""HTTP/1.1 as the fleet's clients and `requests` write it: one call after the other on a connection that stays open.

No framework: a call costs 0.1 to 0.2 ms of one core, so that what calls it is measured, and not this.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, NamedTuple

REASONS = {200: b"OK", 201: b"Created", 400: b"Bad Request", 404: b"Not Found"}


class Call(NamedTuple):
    """One request; ``path`` is without the query."""

    method: str
    path: str
    query: str
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


class Answer(NamedTuple):
    """What is answered, and after how many seconds."""

    status: int
    document: Any
    after: float = 0.0


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, answer: Callable[[Call], Answer]) -> None:
        self._answer = answer
        self._buffer = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, received: bytes) -> None:
        self._buffer += received
        while call := self._take():
            answer = self._answer(call)
            content = json.dumps(answer.document, separators=(",", ":")).encode()
            head = b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            written = head % (answer.status, REASONS[answer.status], len(content)) + content
            if answer.after:
                asyncio.get_running_loop().call_later(answer.after, self._transport.write, written)
            else:
                self._transport.write(written)

    def _take(self) -> Call | None:
        """The next whole request, if it has arrived."""
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return None
        _, found, length = head.lower().partition(b"\r\ncontent-length:")
        size = int(length.partition(b"\r\n")[0]) if found else 0
        if len(rest) < size:
            return None
        self._buffer = rest[size:]
        method, address, _ = head.partition(b"\r\n")[0].decode().split(" ")
        path, _, query = address.partition("?")
        return Call(method, path, query, rest[:size])
