"""`fleet trigger`: makes the sandbox's Clarity send an event."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import click
import requests

from integration.cli.demo import refuse_real
from integration.errors import Failure
from integration.local.fleet import runs
from integration.settings import Settings, runtime_file
from integration.systems import KINDS
from integration.terminal.listing import show_rows
from integration.terminal.nearest import nearest
from integration.terminal.option_types import SystemName
from integration.terminal.render import json_option, say

MOST = 1000


@dataclass(frozen=True)
class Event:
    """How the sandbox is made to send an event: a call, whose path may name the object that it is about."""

    method: str
    path: str
    body: Callable[[int], Any]
    answers_many: bool = False

    @property
    def needs_object(self) -> bool:
        return "{id}" in self.path


def _orders(count: int) -> dict[str, Any]:
    return {"count": count, "seed": secrets.randbelow(1_000_000)}


def _customer(_count: int) -> dict[str, Any]:
    key = secrets.token_hex(4)
    return {"type": "person", "name": f"Jane {key}", "email": f"{key}@example.test", "creditHold": False}


def _another_name(_count: int) -> dict[str, Any]:
    return {"name": f"Jane {secrets.token_hex(4)}"}


EVENTS = {
    "order.created": Event("POST", "orders/generate", _orders, answers_many=True),
    "order.cancelled": Event("POST", "orders/{id}/cancel", lambda _count: None),
    "customer.created": Event("POST", "customers", _customer),
    "customer.updated": Event("PATCH", "customers/{id}", _another_name),
}


@click.command()
@click.argument("event", shell_complete=lambda _ctx, _param, begun: [each for each in EVENTS if each.startswith(begun)])
@click.option("--id", "id_", help="The object that it is about, by its id in Clarity.")
@click.option("--number", type=click.IntRange(1, MOST), default=1, show_default=True, help="How many orders.")
@click.option("--system", type=SystemName(), default="clarity", show_default=True, help="The Clarity that sends it.")
@json_option
def trigger(event: str, id_: str | None, number: int, system: str, as_json: bool) -> None:
    """Make the sandbox's Clarity send EVENT, about an object that it invents or the one of --id.

    EVENT is order.created, order.cancelled, customer.created or customer.updated. Shipments and invoices follow by
    themselves. Refused where any system is a real one: what is sent is invented.

    \b
    Examples:
      fleet trigger order.created
      fleet trigger order.created --number 20
      fleet trigger order.cancelled --id 6f0c
    """
    found = EVENTS.get(event)
    if found is None:
        raise click.UsageError(f"the sandbox sends no {event!r}; {nearest(event, EVENTS)}")
    if found.needs_object != bool(id_):
        raise click.UsageError(f"{event} {'needs' if found.needs_object else 'takes no'} --id")
    if number > 1 and not found.answers_many:
        raise click.UsageError(f"{event} takes no --number")
    answer = _call(_environment(), system, found, id_ or "", number)
    made = answer if found.answers_many else [answer]
    if as_json:
        show_rows(made)
        return
    for each in made:
        say(" ".join(filter(None, (event, str(each["id"]), each.get("number")))))


def _environment() -> Mapping[str, str]:
    """That of the running fleet, all of whose systems the sandbox plays."""
    settings = Settings.load()
    if not runs(settings.home) or not runtime_file(settings.home).exists():
        raise Failure(f"no fleet runs in {settings.home}", hint="Start one with `./fleet up`.")
    environment: dict[str, str] = json.loads(runtime_file(settings.home).read_text())
    refuse_real(environment)
    return environment


def _call(environment: Mapping[str, str], system: str, event: Event, id: str, count: int) -> Any:
    kinds = Settings.load(environment).kinds
    if not KINDS[kinds[system]].signs:
        raise Failure(f"{system} sends no events", hint="Name a Clarity; what changes at an ERP is polled.")
    place = "" if system in KINDS else f"systems/{system}/"
    answer = requests.request(
        event.method,
        f"{environment['FLEET_SANDBOX_URL']}/_sandbox/{place}{event.path.format(id=quote(id, safe=''))}",
        json=event.body(count),
        headers={"X-Sandbox-Token": environment["FLEET_SANDBOX_TOKEN"]},
        timeout=30,
    )
    if answer.status_code == 404:
        raise Failure(f"the sandbox's {system} has no {id}", hint="`fleet messages ls` shows the ids.")
    if not answer.ok:
        raise Failure(f"the sandbox refused it: {answer.status_code} {answer.text[:300]}")
    return answer.json()
