"""A server that sends what a test writes byte by byte, over TCP or TLS."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from threading import Event, Thread
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from integration.connectors.contract import Request
from integration.connectors.http import Http, Reply

OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = OK + b"Content-Length: 2\r\n\r\n{}"
Script = Callable[[socket.socket, Event], None]


class Server:
    """Listens on a port, and answers each connection by the script until it is closed.  ``taken`` counts them."""

    def __init__(self, script: Script, context: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._context = context
        self._over = Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.taken = 0
        self.port = self._listener.getsockname()[1]
        Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection = self._listener.accept()[0]
                self.taken += 1
                Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
            self._script(connection, self._over)

    def close(self) -> None:
        self._over.set()
        self._listener.close()


@contextmanager
def server(script: Script, context: ssl.SSLContext | None = None) -> Iterator[Server]:
    serving = Server(script, context)
    try:
        yield serving
    finally:
        serving.close()


class Asked:
    """Answers each request with the next of the answers, the last again and again; an empty one closes.

    ``requests`` are head and body of each, ``closes`` are the answers after which the connection is closed.
    """

    def __init__(self, *answers: bytes, pause: float = 0.0, closes: bool = False) -> None:
        self.answers = list(answers)
        self.requests: list[tuple[str, bytes]] = []
        self.closed = Event()
        self._pause = pause
        self._closes = closes

    def __call__(self, connection: socket.socket, over: Event) -> None:
        while request := self._read(connection):
            self.requests.append(request)
            over.wait(self._pause)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            connection.sendall(answer)
            if not answer or self._closes:
                break
        connection.close()
        self.closed.set()

    def _read(self, connection: socket.socket) -> tuple[str, bytes] | None:
        got = b""
        while b"\r\n\r\n" not in got:
            piece = connection.recv(65536)
            if not piece:
                return None
            got += piece
        head, _, body = got.partition(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            while line.startswith(b"content-length:") and len(body) < int(line[15:]):
                body += connection.recv(65536)
        return head.decode("latin-1"), body


def http(target: Server, scheme: str = "http", path: str = "", **options: Any) -> Http:
    return Http(f"{scheme}://127.0.0.1:{target.port}{path}", timeout=5, gate=nullcontext, **options)


def post(client: Http, path: str = "/orders", **headers: str) -> Reply:
    return client.send(Request("POST", path, {"a": 1}, headers))


def certificate() -> bytes:
    """A key and a certificate of its own for 127.0.0.1, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "target")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return private + made.public_bytes(serialization.Encoding.PEM)
