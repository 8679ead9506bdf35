"""``fleet send``: sends an event to the receiver, signed as Clarity signs it."""

from __future__ import annotations

import json
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import click
import requests

from integration import preflight
from integration.errors import Failure, Misconfigured
from integration.settings import Settings
from integration.signature import sign
from integration.systems import variable
from integration.terminal.listing import show_rows
from integration.terminal.option_types import SystemName
from integration.terminal.render import json_option, say


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--type", "type_", default="order.created", show_default=True, help="The event type of a bare object.")
@click.option("--id", "id_", help="The webhook-id; a new one by default.  The same id twice is a duplicate.")
@click.option("--source", type=SystemName(), help="The system whose event it is; Clarity by default.")
@json_option
def send(file: str, type_: str, id_: str | None, source: str | None, as_json: bool) -> None:
    """Send an order or a whole event from FILE (- for standard input) to the receiver, signed.

    \b
    Examples:
      fleet send order.json
      fleet send --type order.cancelled order.json
      cat event.json | fleet send -
    """
    raw = sys.stdin.read() if file == "-" else Path(file).read_text()
    answer = deliver(preflight.load(), envelope(raw, type_, id_), source)
    if as_json:
        show_rows([{"status": answer.status_code, **answer.json()}])
    else:
        say(f"{answer.status_code} {answer.text.strip()}")
    if answer.status_code >= 400:
        raise Failure("the receiver refused the event", hint="Its answer says why.")


def envelope(raw: str, type: str, id: str | None) -> tuple[str, bytes]:
    """The webhook's id and body: a document with ``type`` and ``data`` is sent as it is, any other is wrapped."""
    try:
        document: Any = json.loads(raw)
    except ValueError as error:
        raise Failure(f"the file is not JSON: {error}") from error
    if isinstance(document, dict) and {"type", "data"} <= document.keys():
        return id or str(document.get("id") or _new_id()), raw.encode()
    id = id or _new_id()
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return id, json.dumps({"id": id, "type": type, "timestamp": now, "data": document}).encode()


def deliver(settings: Settings, event: tuple[str, bytes], source: str | None = None) -> requests.Response:
    """Posts a webhook to the receiver, signed as the ``source`` signs: by default the first system that does."""
    source = source or next(iter(settings.webhook_secrets))
    if source not in settings.webhook_secrets:
        signing = ", ".join(settings.webhook_secrets)
        raise Failure(f"{source} sends no webhooks", hint=f"Systems that do: {signing}.")
    if not settings.webhook_secrets[source]:
        secrets = variable(source, "webhook_secrets")
        raise Misconfigured(f"{secrets} is not set", hint="Set it, or start a fleet with `./fleet up`.")
    id, body = event
    timestamp = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(settings.webhook_secrets[source][0], id, timestamp, body),
    }
    url = f"http://{settings.binds['receiver']}/webhooks/{source}"
    try:
        return requests.post(url, data=body, headers=headers, timeout=10)
    except requests.ConnectionError as error:
        raise Failure(f"no receiver answers at {url}", hint="Start the fleet with `./fleet up`.") from error


def _new_id() -> str:
    return f"evt_{uuid.uuid4().hex}"
