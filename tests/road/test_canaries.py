"""What is personal or secret goes into the vault and nowhere else, whatever goes wrong on the way."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from integration.cli import main
from integration.cli.send import deliver
from tests.road.world import World

CANARIES = {
    "customer name": "Quennabel Vostrikova",
    "company": "Brumvex Zalophane Ltd",
    "e-mail": "quennabel@zalophane.example",
    "phone": "+48 601 736 284",
    "contact": "Hespera Klunditz",
    "street": "Nargelweg Vierzehn",
    "city": "Ottweilbruck",
    "recipient": "Tamsin Orfelyx",
    "second phone": "+48 602 919 353",
    "second e-mail": "tamsin.orfelyx@zalophane.example",
    "second street": "Plattvogel Steig",
    "note": "please ring for Grandma Wilhelmtrude",
    "gift message": "Happy birthday dear Ulfrikke",
    "tax id": "PL7018452333",
    "unknown buyer": "Ferdinanda Quastenbruck",
    "card holder": "Xaverine Holdermund",
    "custom attribute": "Mirabellina Tuschkasten",
    "custom key": "Oswaldine Schluesselbart",
    "key given twice": "Walburgine_Doppelmann",
    "loyalty number": "7734201988",
}
SECRETS = re.compile(r"KEY|SECRET|TOKEN$|PASSWORD|BASIC_AUTH|DATABASE_URL|REDIS_URL")


class Trap:
    """What must be found nowhere, and everything that was found."""

    def __init__(self, canaries: dict[str, str]) -> None:
        self.found: list[str] = []
        self._needles = {name: self._words(value) for name, value in canaries.items()}

    def look(self, place: str, text: str) -> None:
        """Looks for canaries as they are, in any case, and in what base64 hides."""
        hidden = [_decoded(run) for run in re.findall(r"[A-Za-z0-9+/]{24,}={0,2}", text)]
        haystack = " ".join([text, *hidden]).lower()
        for name, words in self._needles.items():
            for word in words:
                if word in haystack:
                    at = haystack.index(word)
                    self.found.append(f"{name} in {place}: …{haystack[max(0, at - 120) : at + 60]}…")

    @staticmethod
    def _words(value: str) -> list[str]:
        """The value, without blanks too, and its words where they are rare enough to present for it."""
        words = [] if "@" in value else re.findall(r"[A-Z][a-z]{6,}", value)
        return sorted({word.lower() for word in (value, value.replace(" ", ""), *words)})


def _decoded(run: str) -> str:
    try:
        return base64.b64decode(run + "=" * (-len(run) % 4)).decode("utf-8", "ignore")
    except ValueError:
        return ""


class Tap(threading.Thread):
    """Everything that any process says to Valkey: Celery's messages too, which nobody leaves lying there."""

    def __init__(self, world: World) -> None:
        super().__init__(daemon=True)
        self.said: list[str] = []
        self._ended = threading.Event()
        self._world = world

    def run(self) -> None:
        with self._world.redis.monitor() as monitor:
            for command in monitor.listen():
                self.said.append(str(command["command"]))
                if self._ended.is_set():
                    return

    def end(self) -> list[str]:
        self._ended.set()
        self._world.redis.ping()
        self.join(10)
        return self.said


@pytest.fixture
def tap(road: World) -> Iterator[Tap]:
    tap = Tap(road)
    tap.start()
    yield tap
    tap.end()


def personal(order: dict[str, Any]) -> dict[str, Any]:
    """The order, of somebody who does not exist."""
    address = {"countryCode": "PL", "region": None, "line2": None}
    return {
        **{name: value for name, value in order.items() if name not in ("id", "number", "version", "status")},
        "customer": {
            "id": "c-canary",
            "type": "company",
            "name": CANARIES["customer name"],
            "company": CANARIES["company"],
            "email": CANARIES["e-mail"],
            "phone": CANARIES["phone"],
            "taxId": CANARIES["tax id"],
        },
        "billingAddress": {
            **address,
            "name": CANARIES["contact"],
            "company": CANARIES["company"],
            "line1": CANARIES["street"],
            "city": CANARIES["city"],
            "postalCode": "90-926",
            "phone": CANARIES["phone"],
            "email": CANARIES["e-mail"],
        },
        "shippingAddress": {
            **address,
            "name": CANARIES["recipient"],
            "company": None,
            "line1": CANARIES["second street"],
            "city": CANARIES["city"],
            "postalCode": "90-127",
            "phone": CANARIES["second phone"],
            "email": CANARIES["second e-mail"],
        },
        "notes": CANARIES["note"],
        "customAttributes": {
            "giftMessage": CANARIES["gift message"],
            "key": CANARIES["custom attribute"],
            CANARIES["custom key"]: "yes",
        },
        "buyer": {"fullName": CANARIES["unknown buyer"], "loyalty": int(CANARIES["loyalty number"])},
        "payments": [{**each, "cardHolder": CANARIES["card holder"]} for each in order["payments"]],
    }


def sent_wrong(order: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The same order, with what is personal where nobody expects it, and what is expected wrong."""
    yield {"customer": CANARIES["customer name"]}
    yield {"customer": {**order["customer"], "email": CANARIES["e-mail"].replace("@", " at ")}}
    yield {"customer": None}
    yield {"billingAddress": [CANARIES["street"], CANARIES["city"]]}
    yield {"shippingAddress": {**order["shippingAddress"], "phone": [CANARIES["second phone"]]}}
    yield {"total": "1.00"}
    yield {"lines": [{**order["lines"][0], "sku": "SKU-NOBODY-HAS"}]}


def personal_customer() -> dict[str, Any]:
    """A customer of its own, of somebody who does not exist."""
    address = {
        "countryCode": "PL",
        "line1": CANARIES["street"],
        "city": CANARIES["city"],
        "name": CANARIES["recipient"],
    }
    person = {"id": "p-1", "name": CANARIES["contact"], "email": CANARIES["second e-mail"]}
    return {
        "type": "company",
        "name": CANARIES["customer name"],
        "company": CANARIES["company"],
        "email": CANARIES["e-mail"],
        "phone": CANARIES["phone"],
        "taxId": CANARIES["tax id"],
        "accountNumber": "A-31",
        "addresses": [{"id": "a-1", "kind": "billing", **address}],
        "contacts": [{**person, "phone": CANARIES["second phone"], "jobTitle": CANARIES["unknown buyer"]}],
        "customAttributes": {CANARIES["custom key"]: CANARIES["custom attribute"]},
    }


def wrong_customers() -> Iterator[dict[str, Any]]:
    """The same customer, wrong, and one that only looks like it."""
    yield from (
        {name: CANARIES["customer name"]} for name in ("type", "paymentTerms", "currency", "email", "creditLimit")
    )
    yield {"addresses": [{"id": "a-1", "kind": CANARIES["city"]}]}
    yield {"addresses": [{"id": "a-1", "kind": "billing", "countryCode": CANARIES["city"]}]}
    yield {"contacts": CANARIES["contact"]}
    yield {"type": "person", "taxId": None}


def let_customers_go_wrong(road: World) -> None:
    """Registers customers, right and wrong, and changes one at both ends."""
    road.fault("odoo", "refused_quoting", path="res.partner", times=2)
    made = [road.control("POST", "customers", personal_customer() | wrong) for wrong in ({}, {}, *wrong_customers())]
    road.until(lambda: all(road.deliveries(each["id"]) for each in made), 30)
    road.finished(*(each["id"] for each in made), seconds=60)
    road.clear_faults()
    road.control("POST", f"customers/{made[0]['id']}/merge", {"others": [made[1]["id"]]})
    road.control("PATCH", f"customers/{made[0]['id']}", {"name": CANARIES["card holder"]})
    road.control("PATCH", "fusion/accounts/A-31", {"TaxRegistrationNumber": CANARIES["tax id"]})
    road.poll_all()
    road.finished(*(each["id"] for each in made), seconds=60)


REFUSALS = [("odoo", "res.partner"), ("odoo", "sale.order/load"), ("fusion", "salesOrders"), ("clarity", "/status")]


def go_wrong(road: World, order: dict[str, Any]) -> None:
    """Sends the order again and again, and lets it go wrong in every way there is."""
    for target, path in REFUSALS:
        road.fault(target, "refused_quoting", path=path, times=2)
        road.finished(road.place(order), seconds=60)
        road.clear_faults()
    for target in ("odoo", "fusion", "clarity"):
        for kind in ("500_quoting", "truncated_json", "timeout_after_commit", "html"):
            road.fault(target, kind, times=1, ms=50)
        road.finished(road.place(order), seconds=60)
        road.clear_faults()
    road.fault("webhooks", "duplicate")
    ids = [road.place({**order, **wrong}) for wrong in sent_wrong(order)]
    road.clear_faults()
    for id in ids:
        road.until(lambda id=id: bool(road.deliveries(id)), 20)  # type: ignore[misc]
    road.finished(*ids, seconds=60)


def knock_wrong(road: World, order: dict[str, Any]) -> None:
    """What the receiver refuses, or takes and nobody wants."""
    event = {"id": "evt-canary", "type": "customer.updated", "timestamp": "2026-11-20T10:15:30Z", "data": order}
    assert road.send({**event, "id": "evt-canary-1"}).status_code == 202
    assert road.send({**event, "id": "evt-canary-1", "data": {}}).status_code == 409
    assert road.send({"id": "evt-canary-2", "said": CANARIES["note"], "data": order}).status_code == 400
    twice = CANARIES["key given twice"]
    raw = f'{{"type": "order.created", "data": {{"id": "1", "{twice}": 1, "{twice}": 2}}}}'.encode()
    assert deliver(road.settings, ("evt-canary-3", raw)).status_code == 400
    url = f"http://{road.settings.binds['receiver']}/webhooks/clarity"
    forged = {"webhook-id": "x", "webhook-timestamp": "1", "webhook-signature": "v1,eA=="}
    assert requests.post(url, json=event, headers=forged, timeout=10).status_code == 401


def test_what_is_personal_or_secret_is_found_nowhere(road: World, tap: Tap) -> None:
    road.fault("webhooks", "drop")
    (template,) = road.generate(1, "b2b_po+shared")
    order = personal(road.order(template))
    road.clear_faults()
    right = road.place(order)
    road.finished(right, seconds=60)
    road.exactly_once([right])
    go_wrong(road, order)
    knock_wrong(road, order)
    let_customers_go_wrong(road)
    road.age([right], odoo=1, fusion=1)
    road.until(lambda: bool(road.shipments(right)), 30, lambda: road.all(right))

    secrets = {name: value for name, value in road.fleet.environment.items() if SECRETS.search(name) and len(value) > 7}
    trap = Trap(CANARIES | secrets)
    for place, text in _places(road, tap):
        trap.look(place, text)
    assert not trap.found, "\n".join(trap.found)


def _places(road: World, tap: Tap) -> Iterator[tuple[str, str]]:
    """Everything that may be read without the fleet's keys."""
    for log in sorted((road.fleet.home / "log").iterdir()):
        yield f"log/{log.name}", log.read_text(errors="replace")
    yield "Valkey, said", "\n".join(tap.end())
    yield from _valkey(road)
    yield from _database(road)
    yield from _commands(road)
    operations, flower = road.settings.binds["ops"], road.settings.binds["flower"]
    yield "/metrics", requests.get(f"http://{operations}/metrics", timeout=10).text
    user, _, password = road.fleet.environment["FLOWER_BASIC_AUTH"].partition(":")
    tasks = requests.get(f"http://{flower}/api/tasks?limit=10000", auth=(user, password), timeout=10)
    assert '"transform"' in tasks.text
    yield "Flower", tasks.text


def _valkey(road: World) -> Iterator[tuple[str, str]]:
    for key in road.redis.scan_iter():
        reads = {
            b"string": road.redis.get,
            b"list": lambda key: road.redis.lrange(key, 0, -1),
            b"hash": road.redis.hgetall,
            b"set": road.redis.smembers,
            b"zset": lambda key: road.redis.zrange(key, 0, -1),
            b"none": lambda _: "",  # it has ended since it was listed
        }
        yield f"Valkey, {key}", f"{key} {reads[road.redis.type(key)](key)}"


def _database(road: World) -> Iterator[tuple[str, str]]:
    """Every column of every table, those of sealed bytes too."""
    with road.database.transaction() as tx:
        for column in tx.rows(
            """select table_name as "table", column_name as name, data_type = 'bytea' as sealed
               from information_schema.columns where table_schema = 'public'"""
        ):
            shown = f"encode({column['name']}, 'escape')" if column["sealed"] else f"{column['name']}::text"
            text = tx.value(f"select string_agg({shown}, ' ') from {column['table']}")
            yield f"{column['table']}.{column['name']}", text or ""


def _commands(road: World) -> Iterator[tuple[str, str]]:
    runner = CliRunner(env={**road.fleet.environment, "COLUMNS": "9999"})
    every = [("messages", "ls"), ("held", "ls"), ("dead", "ls"), ("orders", "ls"), ("customers", "ls")]
    for command in [*every, ("messages", "ls", "--body"), ("orders", "ls", "--body"), ("ledger",)]:
        said = runner.invoke(main, [*command, "--json"])
        assert said.exit_code == 0, said.output
        yield " ".join(command), said.output
        rows = json.loads(said.output)["rows"] if command in every else []
        for row in rows:
            name = str(row["id"] if "id" in row else row["object"])
            yield f"{command[0]} show", runner.invoke(main, [command[0], "show", name]).output


def test_the_trap_finds_what_is_there(tmp_path: Path) -> None:
    hidden = base64.b64encode(b'{"args": ["tamsin orfelyx"]}').decode()
    trap = Trap(CANARIES)
    trap.look("a log", '{"event": "Odoo says: Quennabel VOSTRIKOVA lives there"}')
    trap.look("a nudge", f'{{"body": "{hidden}"}}')
    trap.look("nothing", '{"event": "delivery", "delivery": 4711}')
    assert {found.split(":")[0] for found in trap.found} == {
        "customer name in a log",
        "recipient in a nudge",
    }
