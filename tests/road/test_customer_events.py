"""Customers on the road, both ways: Clarity's events make one contact, and what an ERP owns comes back once."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from click.testing import CliRunner

from integration.cli import main
from integration.store import views
from tests.connectors.odoo_targets import polish_vat
from tests.road.test_customers import PARTS, customers_of, odoo
from tests.road.world import FINISHED, World

EVENT = {"timestamp": "2026-11-20T10:15:30.123Z", "apiVersion": "2026-11-01", "tenant": "demo"}


def registered(road: World, **fields: Any) -> dict[str, Any]:
    """A customer who has just registered at Clarity; its event is on its way."""
    key = uuid.uuid4().hex[:8]
    given = {"type": "person", "name": f"Jane {key}", "email": f"{key}@example.test", "creditHold": False, **fields}
    made: dict[str, Any] = road.control("POST", "customers", given)
    return made


def deliveries(road: World, id: str) -> list[dict[str, Any]]:
    """The deliveries of a customer, oldest first."""
    with road.database.transaction() as tx:
        return tx.rows(f"{views.DELIVERY} where m.object_id = %s and d.entity = 'customer' order by d.id", id)


def at_rest(road: World, id: str, count: int = 1, seconds: float = 30.0) -> list[dict[str, Any]]:
    """The customer's deliveries once there are so many at least and all have ended."""

    def ended() -> bool:
        rows = deliveries(road, id)
        return len(rows) >= count and all(row["state"] in FINISHED for row in rows)

    road.until(ended, seconds, lambda: states(road, id))
    return deliveries(road, id)


def states(road: World, id: str) -> list[tuple[str, ...]]:
    return [(row["target"], row["state"], row["reason"] or "") for row in deliveries(road, id)]


def contact(road: World, id: str) -> int:
    """The contact in Odoo that is the customer, as the fleet knows it."""
    return int(known(road, "odoo", id)[0])


def known(road: World, system: str, id: str) -> list[str]:
    with road.database.transaction() as tx:
        rows = tx.rows(
            """select their_id from crossrefs c join installations i on i.id = c.installation
               where i.kind = %s and c.entity = 'customer' and c.our_id = %s and their_id is not null""",
            system,
            id,
        )
    return [row["their_id"] for row in rows]


def messages(road: World) -> int:
    with road.database.transaction() as tx:
        return int(tx.value("select count(*) from messages"))


def eventually(road: World, probe: Callable[[], Any], wanted: Any, seconds: float = 30.0) -> None:
    """Waits until the probe finds what is wanted; a record or a field that is not there yet may still come."""

    def found() -> Any:
        with suppress(LookupError):
            return probe()

    road.until(lambda: found() == wanted, seconds, lambda: f"{found()!r} is not {wanted!r}")


def fleet(road: World, *command: str) -> str:
    """What a command of `fleet` says."""
    said = CliRunner(env={**road.fleet.environment, "COLUMNS": "9999"}).invoke(main, command)
    assert said.exit_code == 0, said.output
    return said.output


def is_still(road: World) -> None:
    """Waits until nothing is open, and then holds that two more polls accept nothing."""

    def nothing_open() -> bool:
        with road.database.transaction() as tx:
            return not tx.value("select exists (select from deliveries where open)")

    road.until(nothing_open, 60, lambda: "something stays open")
    road.poll_all()
    road.until(nothing_open, 60, lambda: "something stays open")
    before = messages(road)
    road.poll_all()
    time.sleep(1)
    road.poll_all()
    assert messages(road) == before, "an idle fleet accepts nothing"


def first_orders(road: World, customer: dict[str, Any], count: int) -> list[str]:
    """As many orders of a customer, placed at once."""
    (template,) = road.generate()
    made = road.order(template)
    order = {**{part: made[part] for part in PARTS}, "customer": customer}
    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(lambda _: road.place(order), range(count)))


@pytest.mark.parametrize(("type", "system"), [("person", "odoo"), ("company", "fusion")])
def test_first_orders_and_a_late_event_make_one_customer(road: World, type: str, system: str) -> None:
    key = uuid.uuid4().hex[:8]
    account = {"accountNumber": "A-7"} if type == "company" else {}
    customer = {"id": f"c-{key}", "type": type, "name": f"Jane {key}", "email": f"{key}@example.test", **account}
    road.fault(system, "latency", ms=100, times=40)
    ids = first_orders(road, customer, 10)
    whole = road.shop("GET", f"customers/{customer['id']}")
    answer = road.send({**EVENT, "id": f"evt_{key}", "type": "customer.created", "data": whole})
    assert answer.status_code == 202
    road.finished(*ids, seconds=120)
    assert {row["state"] for row in at_rest(road, customer["id"], seconds=60)} <= {"done", "skipped"}
    road.exactly_once(ids)
    if system == "odoo":
        assert set(customers_of(road, ids)) == {contact(road, customer["id"])}
        found = odoo(
            road, "res.partner", "search", domain=[["email", "=", customer["email"]], ["type", "=", "contact"]]
        )
        assert found == [contact(road, customer["id"])], "one contact"
    else:
        assert known(road, "fusion", customer["id"]) == ["A-7"]


def test_a_correction_in_clarity_reaches_odoo(road: World) -> None:
    id = registered(road, type="company", accountNumber="A-12", paymentTerms="NET30")["id"]
    at_rest(road, id)
    read = lambda *fields: odoo(road, "res.partner", "read", ids=[contact(road, id)], fields=list(fields))[0]  # noqa: E731
    assert (read("ref")["ref"], read("property_payment_term_id")["property_payment_term_id"][1]) == ("A-12", "30 Days")
    vat = polish_vat()
    road.control("PATCH", f"customers/{id}", {"name": "Corrected", "company": "Corrected Ltd", "taxId": vat})
    eventually(road, lambda: (read("name")["name"], read("vat")["vat"]), ("Corrected Ltd", vat))


def test_what_odoo_owns_reaches_clarity_once_and_its_echo_ends(road: World) -> None:
    id = registered(road, paymentTerms="NET15")["id"]
    at_rest(road, id)
    is_still(road)
    (term,) = odoo(road, "account.payment.term", "search", domain=[["name", "=", "30 Days"]], limit=1)
    values = {"property_payment_term_id": term, "trust": "bad", "ref": "R-1", "vat": polish_vat()}
    odoo(road, "res.partner", "write", ids=[contact(road, id)], vals=values)
    before = road.shop("GET", f"customers/{id}")["version"]
    road.poll_all()
    shown = lambda: road.shop("GET", f"customers/{id}")  # noqa: E731
    eventually(road, lambda: (shown()["paymentTerms"], shown()["creditHold"]), ("NET30", True))
    is_still(road)
    found = shown()
    assert (found["version"], found["accountNumber"], found["taxId"]) == (before + 1, "R-1", values["vat"])
    assert {row["state"] for row in deliveries(road, id)} <= {"done", "skipped"}, states(road, id)
    odoo(road, "res.partner", "write", ids=[contact(road, id)], vals={"comment": "nothing that is carried"})
    road.poll_all()
    is_still(road)
    assert shown()["version"] == before + 1


def test_a_new_vat_number_in_fusion_reaches_clarity(road: World) -> None:
    id = registered(road, type="company", accountNumber="A-21")["id"]
    at_rest(road, id, 2)
    road.control("PATCH", "fusion/accounts/A-21", {"TaxRegistrationNumber": "DE123456788"})
    road.poll_all()
    eventually(road, lambda: road.shop("GET", f"customers/{id}")["taxId"], "DE123456788")


def test_contacts_of_odoo_that_are_no_customers_are_not_taken_in(road: World) -> None:
    is_still(road)
    before = messages(road)
    odoo(road, "res.partner", "create", vals_list=[{"name": "A supplier", "vat": polish_vat()}])
    road.poll_all()
    assert messages(road) == before


def test_a_look_alike_is_held_with_the_candidates(road: World) -> None:
    email = f"{uuid.uuid4().hex[:8]}@example.test"
    (alike,) = odoo(road, "res.partner", "create", vals_list=[{"name": "ACME", "email": email, "is_company": True}])
    id = registered(road, email=email)["id"]
    (row,) = [row for row in at_rest(road, id) if row["target"].startswith("odoo")]
    assert (row["state"], row["code"]) == ("held", "look_alike")
    shown = fleet(road, "held", "show", str(row["id"]), "--json")
    assert [choice["id"] for choice in json.loads(shown)["candidates"]] == [str(alike), "new"]
    assert email not in fleet(road, "held", "show", str(row["id"])), "all of a customer is personal"
    fleet(road, "held", "approve", str(row["id"]), "--choose", "new")
    road.until(lambda: states(road, id)[-1][1] == "done", 30, lambda: states(road, id))
    assert contact(road, id) != alike


def test_customers_merged_in_clarity_and_in_odoo_are_followed(road: World) -> None:
    stays, goes = registered(road), registered(road)
    for each in (stays, goes):
        at_rest(road, each["id"])
    ids = [contact(road, each["id"]) for each in (stays, goes)]
    road.control("POST", f"customers/{stays['id']}/merge", {"others": [goes["id"]]})
    eventually(road, lambda: contact(road, goes["id"]), ids[0])
    odoo(road, "res.partner", "write", ids=ids, vals={"email": stays["email"]})
    (other,) = odoo(road, "res.partner", "create", vals_list=[{"name": "Kept", "email": stays["email"]}])
    values = {"partner_ids": [[6, 0, [ids[0], other]]], "dst_partner_id": other, "state": "selection"}
    wizard = odoo(road, "base.partner.merge.automatic.wizard", "create", vals_list=[values])
    odoo(road, "base.partner.merge.automatic.wizard", "action_merge", ids=wizard)
    road.control("PATCH", f"customers/{stays['id']}", {"name": "After the merge"})
    eventually(road, lambda: contact(road, stays["id"]), other)
    read = {"ids": [other], "fields": ["name"]}
    eventually(road, lambda: odoo(road, "res.partner", "read", **read)[0]["name"], "After the merge")
