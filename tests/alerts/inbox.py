"""The channel: a real HTTP server that keeps what it is sent, or refuses it."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET_PATH = "s3cr3t-path-of-the-hook"


class Hook:
    """A webhook at ``port``; ``notices`` are those it took, each ``{title, message, type}``."""

    def __init__(self) -> None:
        self.notices: list[dict[str, Any]] = []
        self.calls = 0
        self.status = 200
        self.seconds = 0.0
        hook = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hook.calls += 1
                time.sleep(hook.seconds)
                if hook.status == 200:
                    hook.notices.append(body)
                self.send_response(hook.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        """Its URL for Apprise, with a secret in it."""
        return f"json://user:pa55word@127.0.0.1:{self.port}/{SECRET_PATH}"

    @property
    def titles(self) -> list[str]:
        return [notice["title"] for notice in self.notices]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
