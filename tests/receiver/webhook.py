"""Webhooks signed by the `standardwebhooks` package, as a foreign shop would sign them."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from standardwebhooks.webhooks import Webhook

from integration.store.database import Database

SECRET = "whsec_dGhlLXNlY3JldC1vZi10aGUtdGVzdC1zaG9wLTAwMDE="
HINT_TOKEN = "hint-token-of-the-test"
_numbers = itertools.count(1)


def event(type: str = "order.created", **data: Any) -> dict[str, Any]:
    """An event about a new order."""
    number = next(_numbers)
    order = {"id": f"o-{number}", "number": f"WEB-{number}", "version": 1, **data}
    return {"id": f"evt_{number}", "type": type, "timestamp": "2026-11-20T10:15:30Z", "data": order}


@dataclass
class Receiver:
    """A running receiver and what is behind it; ``operations`` is its URL for operators."""

    url: str
    operations: str
    database: Database
    environment: Mapping[str, str]
    log: Path
    pid: int

    def post(
        self,
        content: Any,
        *,
        id: str | None = None,
        secret: str = SECRET,
        at: float | None = None,
        path: str = "/webhooks/clarity",
        timeout: float = 10,
        **headers: str | bytes,
    ) -> requests.Response:
        """Posts a document or raw bytes; a header given as "" is left out."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        id = id or (content.get("id") if isinstance(content, dict) else None) or f"evt_raw_{next(_numbers)}"
        signed_at = datetime.fromtimestamp(at or time.time(), UTC)
        signature = (
            Webhook(secret).sign(id, signed_at, body.decode("utf-8", "surrogateescape")) if _text(body) else "v1,AAAA"
        )
        given: dict[str, str | bytes] = {
            "Content-Type": "application/json",
            "webhook-id": id,
            "webhook-timestamp": str(int(signed_at.timestamp())),
            "webhook-signature": signature,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        sent = {name: value for name, value in given.items() if value}
        return requests.post(self.url + path, data=body, headers=sent, timeout=timeout)

    def value(self, sql: str, *values: Any) -> Any:
        with self.database.transaction() as tx:
            return tx.value(sql, *values)


def _text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
