"""A sandbox process to talk to, and a listener that its webhooks reach."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
from standardwebhooks import Webhook

from tests.ports import free_port

SECRET = "whsec_Y2xhcml0eS1zYW5kYm94LWRlbW8tc2VjcmV0LTAwMDE="


class Listener:
    """Records every webhook with its headers; answers with the next of `answers`, then 204."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        listener = self

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status, headers = listener.answers.pop(0) if listener.answers else (204, {})
                listener.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", free_port()), Answer)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/webhooks/clarity"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def events(self, id: str | None = None) -> list[dict[str, Any]]:
        """The bodies received so far whose signature is right, of one order if wanted."""
        found = []
        for headers, body in list(self.received):
            event = Webhook(SECRET).verify(body, headers)
            if id is None or event["data"].get("id") == id:
                found.append(event)
        return found

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Sandbox:
    """The process, started as its users start it."""

    def __init__(self, home: Path, webhook_url: str, token: str | None = None, **clarity: Any) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.api = f"{self.url}/clarity/api/v1"
        self._config = home / "sandbox.json"
        self.records = home / "data" / "clarity.sqlite3"
        shop = {"client_id": "fleet", "client_secret": "s3cret", "webhook_url": webhook_url, "webhook_secret": SECRET}
        config = {
            "bind": f"127.0.0.1:{port}",
            "data_dir": str(home / "data"),
            "clarity": {**shop, "retry_scale": 0.02, **clarity},
            "odoo": {"database": "shop", "username": "fleet", "api_key": "odoo-key"},
            "fusion": {"client_id": "fleet", "client_secret": "fusi0n-s3cret"},
        }
        self._config.write_text(json.dumps(config | ({"token": token} if token else {})))

    def start(self) -> None:
        command = [sys.executable, "-m", "integration.sandbox", "--config", str(self._config)]
        self._process = subprocess.Popen(command, start_new_session=True)
        self.headers = {"Authorization": f"Bearer {eventually(self.token)}"}

    def token(self) -> str:
        form = {"grant_type": "client_credentials"}
        answer = requests.post(f"{self.url}/clarity/oauth/token", form, auth=("fleet", "s3cret"), timeout=20)
        return str(answer.json()["access_token"])

    def kill(self) -> None:
        """kill -9 of the whole process group."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(20)

    def stop(self) -> float:
        """SIGTERM; the seconds it took, and the exit code must be 0."""
        started = time.monotonic()
        self._process.terminate()
        assert self._process.wait(10) == 0
        return time.monotonic() - started

    def get(self, path: str, **more: Any) -> requests.Response:
        return requests.get(
            f"{self.api}{path}", headers={**self.headers, **more.pop("headers", {})}, timeout=10, **more
        )

    def post(self, path: str, body: Any, key: str | None = None, **headers: str) -> requests.Response:
        given = {**self.headers, **({"Idempotency-Key": key} if key else {}), **headers}
        return requests.post(f"{self.api}{path}", json=body, headers=given, timeout=10)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, f"{self.url}/_sandbox{path}", json=body, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def order(self, traits: str = "plain", seed: int = 1) -> dict[str, Any]:
        """A new order with these traits, as the API shows it."""
        made = self.control("POST", "/orders/generate", {"count": 1, "seed": seed, "traits": [traits]})
        found: dict[str, Any] = self.get(f"/orders/{made[0]['id']}").json()
        return found

    def fault(self, target: str, kind: str, **more: Any) -> None:
        self.control("POST", "/faults", {"target": target, "kind": kind, "times": 1, **more})

    def quiet(self) -> bool:
        """Whether no webhook is under way or about to be."""
        waiting = self.get("/webhook-deliveries?status=pending&pageSize=200").json()["items"]
        return all(one["nextAttemptInSeconds"] > 0.5 for one in waiting)

    def ledger(self) -> Any:
        return self.control("GET", "/ledger")["clarity"]


def eventually(probe: Callable[[], Any], seconds: float = 10.0) -> Any:
    """The first true answer; connection errors mean not yet."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if answer := probe():
                return answer
        except requests.ConnectionError:
            pass
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")
