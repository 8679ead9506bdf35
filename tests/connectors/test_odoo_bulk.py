"""What several deliveries ask of Odoo at the same time is one call, and each gets its own answer.

For every Odoo, as in `test_odoo`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from integration.connectors.contract import Document, Posted
from integration.connectors.odoo import Odoo
from integration.connectors.odoo.bulk import MOST
from integration.connectors.odoo.effort import READ, WRITTEN
from integration.errors import Failure, Hold, Retry
from integration.side_by_side import run
from tests.connectors.odoo_targets import Shop, unique
from tests.connectors.work import MemoryWork

ORDERS, BAD = 200, 10
EACH = 4
ABSENT = 99_999_999


def hop(shop: Shop, documents: Sequence[Document], works: Sequence[MemoryWork] = ()) -> list[Posted | Failure]:
    """What a batch of deliveries comes to, each for itself."""

    def piece(document: Document, work: MemoryWork) -> Posted | Failure:
        try:
            return shop.send(document, work)
        except Failure as failure:
            return failure

    works = works or [shop.new_work() for _ in documents]
    return run([partial(piece, *each) for each in zip(documents, works, strict=True)])


def mixed(shop: Shop, number: int, known: Document) -> Document:
    """Orders as they come: new customers, known ones, guests, companies with addresses, with and without taxes."""
    document = shop.two_lines()
    if number % 5 == 1:
        document["partner"] = known["partner"]
    if number % 5 == 2:
        document["partner"] |= {"key": None}
    if number % 5 == 3:
        document["partner"]["fields"] |= {"name": f"ACME {document['key']}", "is_company": True}
        street = {"name": "Dock 4", "street": f"Main {number}", "city": "Springfield"}
        document["contact"] = {"fields": {"name": "Jim Buyer", "email": f"jim-{document['key']}@example.com"}}
        document["invoice_address"] = {"fields": street, "country": "US", "state": "California"}
        document["delivery_address"] = {"fields": {**street, "name": "Side"}, "country": "PL", "state": "Nowhere"}
    if number % 5 == 4:
        document["order"].pop("note")
        document["lines"][0]["taxes"] = [{"rate": shop.target.rate, "included": True}]
    return document


def spoiled(document: Document, how: int) -> tuple[Document, str]:
    """The order with something that Odoo, or we, do not take, and the code of the refusal."""
    line = document["lines"][0]
    match how % 5:
        case 0:
            return {**document, "amount_total": Decimal("99.99")}, "total_differs"
        case 1:
            return {**document, "lines": [{**line, "sku": f"NO-{unique()}"}]}, "unknown_sku"
        case 2:
            return {**document, "order": {**document["order"], "date_order": "the day before"}}, "load_refused"
        case 3:
            fields = {**document["partner"]["fields"], "name": None}
            return {**document, "partner": {**document["partner"], "fields": fields, "key": unique()}}, "load_refused"
    return {**document, "payment_term": f"Never {unique()}"}, "not_found_at_target"


def test_of_two_hundred_orders_ten_bad_ones_fail_for_their_own_reasons(shop: Shop) -> None:
    known = shop.two_lines()
    shop.send(known)
    documents = [mixed(shop, number, known) for number in range(ORDERS)]
    codes: dict[int, str] = {}
    for how, place in enumerate(range(7, ORDERS, ORDERS // BAD)):
        documents[place], codes[place] = spoiled(shop.two_lines(), how)
    outcomes: list[Posted | Failure] = []
    shop.target.sizes.clear()
    for start in range(0, ORDERS, MOST):
        outcomes += hop(shop, documents[start : start + MOST])
    calls = len(shop.target.sizes)
    failed = {place: each.code for place, each in enumerate(outcomes) if isinstance(each, Failure)}
    assert failed == codes
    assert max(shop.target.sizes) > EACH
    assert calls < 1.5 * ORDERS, f"{calls} calls"
    check_all(shop, [(each, document) for each, document in zip(outcomes, documents, strict=True)])


def check_all(shop: Shop, orders: list[tuple[Any, Document]]) -> None:
    """Each posted order is in Odoo once, with its own number, total, date, lines and customer."""
    posted = {int(each.theirs): (each, document) for each, document in orders if isinstance(each, Posted)}
    fields = ["name", "state", "amount_total", "date_order", "origin", "client_order_ref", "order_line", "partner_id"]
    rows = shop.target.owner("sale.order", "read", sorted(posted), fields=fields)
    names = shop.target.owner("sale.order", "get_external_id", sorted(posted))
    partners = shop.target.owner(
        "res.partner", "read", [row["partner_id"][0] for row in rows], fields=["email", "commercial_partner_id"]
    )
    emails = {row["id"]: row["email"] for row in partners}
    assert len(rows) == len(posted)
    for row in rows:
        each, document = posted[row["id"]]
        assert names[str(row["id"])] == f"__clarity__.order__{document['key']}"
        assert (row["name"], row["state"]) == (each.number, "sale")
        assert (row["amount_total"], row["date_order"]) == (Decimal("68.49"), "2026-01-02 03:04:05")
        assert (row["origin"], len(row["order_line"])) == (document["order"]["origin"], 2)
        person = document["contact"] or document["partner"]
        assert emails[row["partner_id"][0]] == person["fields"]["email"]
    origins = Counter(row["origin"] for row in rows)
    domain = [["origin", "in", sorted(origins)]]
    assert shop.target.owner("sale.order", "search_count", domain=domain) == len(posted), "none is doubled"


def test_a_batch_of_new_orders_takes_six_calls(shop: Shop) -> None:
    shop.send(shop.two_lines())
    documents = [shop.two_lines() for _ in range(MOST)]
    shop.target.sizes.clear()
    shop.target.shares.clear()
    outcomes = hop(shop, documents)
    # the look for the customers, load() of these, load() of the orders, totals, confirmation, dates
    assert shop.target.sizes == [MOST] * 6
    assert shop.target.shares == [READ, WRITTEN, WRITTEN, READ, WRITTEN, READ]
    check_all(shop, list(zip(outcomes, documents, strict=True)))


def test_one_bad_order_costs_the_others_no_call_of_their_own(shop: Shop) -> None:
    shop.send(shop.two_lines())
    documents = [shop.two_lines() for _ in range(EACH)]
    documents[2], code = spoiled(documents[2], 2)
    shop.target.sizes.clear()
    outcomes = hop(shop, documents)
    assert [each.code for each in outcomes if isinstance(each, Failure)] == [code]
    # Odoo names the bad one: it alone, then a look for it; the others with load(), read, confirm, date
    assert sorted(shop.target.sizes) == [1, 1, 3, 3, 3, 3, EACH, EACH, EACH]
    check_all(shop, list(zip(outcomes, documents, strict=True)))


def test_what_others_confirmed_meanwhile_is_found_and_the_rest_confirmed(shop: Shop) -> None:
    documents = [shop.two_lines() for _ in range(EACH)]
    works = [shop.new_work() for _ in documents]

    class Raced(MemoryWork):
        def perform(self, effect: str, request: Any, send: Any) -> Any:
            if effect == "order.confirm":
                shop.target.owner("sale.order", "action_confirm", request.body["ids"])
            return super().perform(effect, request, send)

    works[1] = Raced(shop.crossrefs)
    outcomes = hop(shop, documents, works)
    check_all(shop, list(zip(outcomes, documents, strict=True)))
    assert ("order.confirm", "found") in works[1].outcomes
    assert all(work.outcomes[-2:] == [("order.confirm", "ok"), ("order.date", "ok")] for work in works[2:])


def test_what_the_bulk_calls_rely_on(shop: Shop) -> None:
    """Each of these is what Odoo 19 does: ids in the order of the rows, and all or nothing."""
    client, name = shop.connector.site.client, unique()

    def load(model: str, fields: list[str], *rows: list[str]) -> Any:
        return client.send(client.request(model, "load", fields=fields, data=list(rows)))

    def partners(*names: str) -> list[int]:
        rows = [[f"__clarity__.{name}_{each}", each] for each in names]
        return list(load("res.partner", ["id", "name"], *rows)["ids"])

    old = partners("b", "d")
    mixed = partners("a", "b", "c", "d")
    assert [mixed[1], mixed[3]] == old
    again = partners("e", "e", "f")
    assert (again[0], len(set(again))) == (again[1], 2)

    posted = [int(shop.send(shop.two_lines(), shop.new_work()).theirs or 0) for _ in range(2)]
    refused = load(
        "sale.order", [".id", "date_order"], *([str(id), "2026-05-06 07:08:09"] for id in (posted[0], ABSENT))
    )
    assert refused["ids"] is False
    assert {message["rows"]["from"] for message in refused["messages"]} == {1}
    assert refused["messages"][0]["message"] == f"Unknown database identifier '{ABSENT}'"
    rows = client.call("sale.order", "read", [posted[1], ABSENT, posted[0]], fields=["date_order"])
    assert [(row["id"], row["date_order"]) for row in rows] == [(id, "2026-01-02 03:04:05") for id in reversed(posted)]

    draft = shop.target.create("sale.order", partner_id=old[0])
    for other in (posted[0], ABSENT):
        with pytest.raises(Hold):
            client.send(client.request("sale.order", "action_confirm", [draft, other]))
        assert shop.target.one("sale.order", draft, "state")["state"] == "draft"


class Losing:
    """A gate that loses the answer of one call, after it has taken effect."""

    def __init__(self, lost: int) -> None:
        self.calls = 0
        self._lost = lost

    @contextmanager
    def __call__(self, size: int = 1, **manner: Any) -> Iterator[None]:  # noqa: ARG002 - it lets all through
        self.calls += 1
        call = self.calls
        yield
        if call == self._lost:
            raise Retry("the connection broke", unknown_outcome=True, counts_for_breaker=True, code="connection_broken")


def test_a_lost_answer_of_any_call_is_one_effect_of_each_in_the_end(shop: Shop) -> None:
    needed = lose(shop, 0)
    assert needed > 6
    for lost in range(1, needed + 1):
        lose(shop, lost)


def lose(shop: Shop, lost: int) -> int:
    """Sends a batch of which one call's answer is lost, and sends it again; how many calls the first time took.

    Over JSON-RPC it may be one less or more: deliveries that begin at the same time log in each for itself.
    """
    gate = Losing(lost)
    shop.connector = Odoo(shop.target.system, gate)
    documents = [shop.two_lines() for _ in range(3)]
    works = [shop.new_work() for _ in documents]
    outcomes = hop(shop, documents, works)
    calls = gate.calls
    assert any(isinstance(each, Retry) for each in outcomes) == (0 < lost <= calls)
    outcomes = hop(shop, documents, works)
    check_all(shop, list(zip(outcomes, documents, strict=True)))
    emails = [document["partner"]["fields"]["email"] for document in documents]
    assert shop.target.owner("res.partner", "search_count", domain=[["email", "in", emails]]) == len(emails)
    return calls
