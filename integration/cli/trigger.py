"""`fleet trigger`: makes the sandbox's Clarity send an event, or its ERPs ship, bill or change something."""

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
from integration.message import external_id
from integration.operations.objects import kind_of
from integration.settings import Settings, runtime_file
from integration.store import objects
from integration.systems import KINDS
from integration.terminal.listing import show_rows
from integration.terminal.nearest import nearest
from integration.terminal.option_types import SystemName
from integration.terminal.render import json_option, say
from integration.terminal.session import open_database

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


def _many(count: int) -> dict[str, Any]:
    return {"count": count, "seed": secrets.randbelow(1_000_000)}


def _customer(_count: int) -> dict[str, Any]:
    key = secrets.token_hex(4)
    return {"type": "person", "name": f"Jane {key}", "email": f"{key}@example.test", "creditHold": False}


def _another_name(_count: int) -> dict[str, Any]:
    return {"name": f"Jane {secrets.token_hex(4)}"}


def _another_price(_count: int) -> dict[str, Any]:
    return {"price": f"{1 + secrets.randbelow(9_900) / 100:.2f}"}


EVENTS = {
    "order.created": Event("POST", "orders/generate", _many, answers_many=True),
    "order.cancelled": Event("POST", "orders/{id}/cancel", lambda _count: None),
    "customer.created": Event("POST", "customers", _customer),
    "customer.updated": Event("PATCH", "customers/{id}", _another_name),
    "product.created": Event("POST", "products/generate", _many, answers_many=True),
    "product.updated": Event("PATCH", "products/{id}", _another_price),
    "product.deleted": Event("DELETE", "products/{id}", lambda _count: None),
}
SHIPPED, BILLED = "shipment.changed", "invoice.changed"


def _credit_limit() -> dict[str, Any]:
    return {"credit_limit": secrets.randbelow(1_000_000)}


def _vat_number() -> dict[str, Any]:
    """A German one: eight digits and that of ISO 7064, MOD 11,10."""
    digits = [secrets.randbelow(9) + 1 for _ in range(8)]
    product = 10
    for digit in digits:
        product = ((digit + product) % 10 or 10) * 2 % 11
    return {"TaxRegistrationNumber": "DE" + "".join(map(str, [*digits, (11 - product) % 10]))}


def _customs_number() -> dict[str, Any]:
    return {"hs_code": f"{secrets.randbelow(9000) + 1000}.{secrets.randbelow(90) + 10}"}


CHANGED: dict[str, dict[str, tuple[str, Callable[[], dict[str, Any]]]]] = {
    "customer": {"odoo": ("contacts", _credit_limit), "fusion": ("accounts", _vat_number)},
    "product": {"odoo": ("products", _customs_number)},
}
"""By entity and kind of ERP: how the sandbox calls its records, and what of one is changed that is read there."""
AT_ERPS = (SHIPPED, BILLED, *(f"{entity}.changed" for entity in CHANGED))
"""What is done at an ERP with an order, a customer or a product, and a poll then finds there."""
MOST_STEPS = 6
"""From a new order to its invoice, at the slower of the ERPs."""


def _known(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    return [each for each in (*EVENTS, *AT_ERPS) if each.startswith(begun)]


@click.command()
@click.argument("event", shell_complete=_known)
@click.option(
    "--id", "id_", help="The object that it is about, by its id in Clarity; an order at an ERP, by any number."
)
@click.option(
    "--number", type=click.IntRange(1, MOST), default=1, show_default=True, help="How many orders or products."
)
@click.option("--system", type=SystemName(), help="The Clarity that sends it, or the ERP where it happens.")
@json_option
def trigger(event: str, id_: str | None, number: int, system: str | None, as_json: bool) -> None:
    """Make the sandbox's Clarity send EVENT, about an object that it invents or the one of --id.

    EVENT is order.created, order.cancelled, customer.created, customer.updated, product.created, product.updated or
    product.deleted; or, of the order of --id at the ERP of --system, shipment.changed or invoice.changed, which the
    next poll finds; both follow by themselves, too.  Of the customer of --id there it is customer.changed: Odoo has
    another credit limit, or Fusion another VAT number; of the product product.changed: Odoo has another customs number.
    Refused where any system is a real one: what is sent is invented.

    \b
    Examples:
      fleet trigger order.created
      fleet trigger order.created --number 20
      fleet trigger order.cancelled --id 6f0c
      fleet trigger product.updated --id p-1
      fleet trigger shipment.changed --system odoo --id S00012
      fleet trigger invoice.changed --system fusion --id WEB-1001
      fleet trigger customer.changed --system odoo --id c-77
      fleet trigger product.changed --system odoo --id p-1
    """
    here = _at_an_erp if event in AT_ERPS else _at_clarity
    rows = here(event, id_, number, system)
    if as_json:
        show_rows(rows)
        return
    for each in rows:
        named = each.get("number") or each.get("sku")
        say(" ".join(filter(None, (event, str(each["id"]), named, *each.get("made", ())))))


def _at_an_erp(event: str, id: str | None, number: int, system: str | None) -> list[dict[str, Any]]:
    if not (system and id) or number > 1:
        raise click.UsageError(f"{event} needs --system and --id, and takes no --number")
    return [_done_at(_environment(), system, event, id)]


def _at_clarity(event: str, id: str | None, number: int, system: str | None) -> list[dict[str, Any]]:
    found = EVENTS.get(event)
    if found is None:
        raise click.UsageError(f"the sandbox sends no {event!r}; {nearest(event, (*EVENTS, *AT_ERPS))}")
    if found.needs_object != bool(id):
        raise click.UsageError(f"{event} {'needs' if found.needs_object else 'takes no'} --id")
    if number > 1 and not found.answers_many:
        raise click.UsageError(f"{event} takes no --number")
    answer = _sent(_environment(), system or "clarity", found, id or "", number)
    return answer if found.answers_many else [answer]


def _environment() -> Mapping[str, str]:
    """That of the running fleet, all of whose systems the sandbox plays."""
    settings = Settings.load()
    if not runs(settings.home) or not runtime_file(settings.home).exists():
        raise Failure(f"no fleet runs in {settings.home}", hint="Start one with `./fleet up`.")
    environment: dict[str, str] = json.loads(runtime_file(settings.home).read_text())
    refuse_real(environment)
    return environment


def _sent(environment: Mapping[str, str], system: str, event: Event, id: str, count: int) -> Any:
    kinds = Settings.load(environment).kinds
    if not KINDS[kinds[system]].signs:
        raise Failure(f"{system} sends no events", hint="Name a Clarity; what changes at an ERP is polled.")
    place = "" if system in KINDS else f"systems/{system}/"
    path = event.path.format(id=quote(id, safe=""))
    answer = _call(environment, event.method, f"{place}{path}", event.body(count))
    if answer is None:
        raise Failure(f"the sandbox's {system} has no {id}", hint="`fleet messages ls` shows the ids.")
    return answer


def _done_at(environment: Mapping[str, str], system: str, event: str, id: str) -> dict[str, Any]:
    """Has something done at an ERP; ``{id, made}``: what was made or changed there."""
    kind = Settings.load(environment).kinds[system]
    if KINDS[kind].role != "erp":
        raise Failure(f"{system} ships and bills nothing", hint="Name an ERP with --system.")
    entity = event.removesuffix(".changed")
    if entity in CHANGED:
        return _changed(environment, system, kind, entity, id)
    return _carried_on(environment, system, kind, event, id)


def _changed(environment: Mapping[str, str], system: str, kind: str, entity: str, id: str) -> dict[str, Any]:
    """Changes of a customer or product at an ERP what is read there."""
    if kind in CHANGED[entity] and (theirs := _their_id(system, entity, id)):
        what, values = CHANGED[entity][kind]
        fields = values()
        if _call(environment, "PATCH", f"{_place(system)}/{what}/{quote(theirs)}", fields):
            return {"id": id, "made": [f"{name}={value}" for name, value in fields.items()]}
    raise Failure(f"{id} is no {entity} that {system} has", hint=f"`fleet {entity}s show ID` says where it is.")


def _their_id(system: str, entity: str, id: str) -> str | None:
    """An ERP's own id of a customer or product of Clarity."""
    with open_database() as database, database.transaction() as tx:
        there = objects.there(tx, kind_of(entity), [id])
    return next((row["theirs"] for row in there if row["system"] == system), None)


def _place(system: str) -> str:
    """Where the sandbox plays it."""
    return system if system in KINDS else f"systems/{system}"


def _carried_on(environment: Mapping[str, str], system: str, kind: str, event: str, id: str) -> dict[str, Any]:
    """Moves an order on at an ERP until something is shipped or billed that was not."""
    orders = _call(environment, "GET", "ledger", None)[system]["orders"]
    row = next((each for each in orders if _is_named(each, id)), None)
    if row is None:
        raise Failure(f"the sandbox's {system} has no order {id}", hint="`fleet orders show ID` says where it is.")
    key = row["id"] if kind == "odoo" else row["key"]
    before = _made(kind, event, row)
    for _ in range(MOST_STEPS):
        moved = _call(environment, "POST", f"{_place(system)}/advance", {"orders": [key], "steps": 1})
        if not moved:
            break
        if made := sorted(_made(kind, event, moved[0]) - before):
            return {"id": id, "made": made}
    raise Failure(f"nothing of {id} is left to {'ship' if event == SHIPPED else 'bill'} at {system}")


def _is_named(order: Mapping[str, Any], id: str) -> bool:
    """Whether an order at an ERP of the sandbox has this number there or at Clarity, or is that of this id."""
    numbers = ("name", "client_order_ref", "origin", "number", "source_number", "source_id")
    ours = f".{external_id('order', id)}"
    return id in {order.get(each) for each in numbers} or str(order.get("external_id")).endswith(ours)


def _made(kind: str, event: str, order: Mapping[str, Any]) -> set[str]:
    """The numbers of what was shipped or billed of an order."""
    if kind == "odoo":
        parts = order["pickings" if event == SHIPPED else "invoices"]
        return {each["name"] for each in parts if each["state"] in {"done", "posted"}}
    return {each for line in order["lines"] for each in line["tracking" if event == SHIPPED else "invoices"]}


def _call(environment: Mapping[str, str], method: str, path: str, body: Any) -> Any:
    """A route of the sandbox; None for what is not there."""
    answer = requests.request(
        method,
        f"{environment['FLEET_SANDBOX_URL']}/_sandbox/{path}",
        json=body,
        headers={"X-Sandbox-Token": environment["FLEET_SANDBOX_TOKEN"]},
        timeout=30,
    )
    if answer.status_code == 404:
        return None
    if not answer.ok:
        raise Failure(f"the sandbox refused it: {answer.status_code} {answer.text[:300]}")
    return answer.json()
