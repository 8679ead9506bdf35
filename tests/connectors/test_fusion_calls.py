"""How many calls an order takes at Fusion, and that none is saved at the cost of a second effect."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from integration.connectors.contract import Document
from integration.connectors.fusion import kept
from integration.connectors.fusion.client import Client
from integration.errors import Hold, Retry
from integration.side_by_side import run
from tests.connectors.fusion_targets import Pod, Shop
from tests.connectors.odoo_targets import held
from tests.connectors.work import LossyWork, MemoryWork

POST, GET = "POST salesOrdersForOrderHub", "GET salesOrdersForOrderHub/…"
SITES, CONTACTS, ITEMS = "GET customerAccountSitesLOV", "GET contacts", "GET itemsV2"
NEW = [POST, GET]
"""The pod's answer to a POST shows no totals, so they are asked for."""
LOV = "customerAccountSitesLOV"


@pytest.fixture
def shop(running: Pod) -> Shop:
    shop = Shop(running)
    shop.connector.whoami()  # has a token from now on
    running.calls.clear()
    return shop


def of_account(shop: Shop, **changes: Any) -> Document:
    document = shop.two_lines(**changes)
    document["customer"]["account_number"] = "A-77"
    return document


def test_an_order_of_an_account_asks_for_nothing_that_is_known(shop: Shop) -> None:
    shop.send(of_account(shop))
    assert Counter(shop.pod.calls) == Counter([SITES, ITEMS, *NEW])
    shop.pod.calls.clear()
    shop.send(of_account(shop), shop.new_work())
    assert shop.pod.calls == NEW


def test_whose_e_mail_address_it_is_is_asked_for_each_order(shop: Shop) -> None:
    shop.send(shop.two_lines())
    assert Counter(shop.pod.calls) == Counter([CONTACTS, SITES, ITEMS, *NEW])
    shop.pod.calls.clear()
    shop.send(shop.two_lines(), shop.new_work())
    assert shop.pod.calls == [CONTACTS, *NEW]


def test_all_products_are_one_question(shop: Shop) -> None:
    lines = [shop.line(str(number), "1", "1", sku=f"SKU-{number % 2 + 1}") for number in range(120)]
    shop.connector.enrich("order", shop.order(*lines, total="120"), shop.work)
    assert shop.pod.calls.count(ITEMS) == 1
    shop.pod.calls.clear()
    unknown = [shop.line(str(number), "1", "1", sku=f"NO-{number} 'x', y") for number in range(60)]
    failure = held(lambda: shop.connector.enrich("order", shop.order(*unknown, total="60"), shop.work))
    assert failure.reason.count("NO-") == 60
    assert shop.pod.calls.count(ITEMS) == 2, "of at most 50 each"


def test_orders_that_come_together_ask_once(shop: Shop) -> None:
    documents = [of_account(shop) for _ in range(8)]
    posted = run([partial(shop.send, document, shop.new_work()) for document in documents])
    assert Counter(shop.pod.calls) == Counter([SITES, ITEMS, *NEW * 8])
    assert [each.theirs for each in posted] == [f"CLARITY:{document['key']}" for document in documents]


def test_what_is_kept_is_kept_for_ten_minutes_and_unknown_items_are_not(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.send(of_account(shop))
    monkeypatch.setattr(kept, "KEPT_SECONDS", 0.0)
    shop.pod.calls.clear()
    shop.send(of_account(shop), shop.new_work())
    assert Counter(shop.pod.calls) == Counter([SITES, ITEMS, *NEW])


def test_an_order_with_a_crossref_is_looked_up_first(shop: Shop) -> None:
    document = of_account(shop)
    shop.send(document)
    shop.pod.calls.clear()
    shop.work.new_round()
    shop.send(document)
    assert shop.pod.calls == [GET]


def test_after_a_try_of_unknown_outcome_the_order_is_looked_up_and_not_created(shop: Shop) -> None:
    document, work = of_account(shop), LossyWork("order.create", shop.crossrefs)
    with pytest.raises(Retry):
        shop.send(document, work)
    shop.pod.calls.clear()
    shop.send(document, work)
    assert POST not in shop.pod.calls
    assert work.outcomes[-1] == ("order.update", "found")
    assert shop.pod.order(document)["submissions"] == 1


def test_an_order_that_is_there_is_found_after_any_refusal(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever language the pod says that it exists."""
    document = of_account(shop)
    posted = shop.send(document)
    monkeypatch.setattr("integration.connectors.fusion.errors.EXISTS", re.compile("existiert bereits"))
    assert shop.send(document, MemoryWork()) == posted
    assert shop.pod.order(document)["submissions"] == 1


def test_a_site_that_is_not_there_any_more_is_looked_up_afresh(shop: Shop) -> None:
    shop.send(of_account(shop))
    records = shop.pod.fake._records
    [site] = [row for row in records.all(LOV) if row["AccountNumber"] == "A-77" and row["SiteUseCode"] == "BILL_TO"]
    moved = {**site, "SiteUseId": site["SiteUseId"] + 9_000_000}
    with records.transaction():
        records.remove(LOV, site["SiteUseId"])
        records.put(LOV, moved["SiteUseId"], moved)
    document = of_account(shop)
    shop.send(document, shop.new_work())
    order = shop.pod.order(document)
    assert (order["status"], order["submissions"]) == ("OPEN", 1)


def test_what_was_created_earlier_in_the_round_is_brought_up_to_date(shop: Shop) -> None:
    """The answer that was recorded then shows what it was, not what it is."""
    document = of_account(shop)
    posted = shop.send(document)
    shop.crossrefs.theirs.pop(("order", document["key"]))
    line = {**document["lines"][0], "quantity": 1, "total": document["lines"][0]["unit_price"]}
    fewer = {**document, "lines": [line, document["lines"][1]], "amount_total": Decimal("30.30")}
    assert shop.send(fewer) == posted
    assert [row["quantity"] for row in shop.pod.order(document)["lines"]] == [1, 1]


def test_an_item_that_was_unknown_is_asked_for_again(shop: Shop) -> None:
    document = shop.order(shop.line("1", "1", "1", sku="LATE-1"), total="1")
    document["customer"]["account_number"] = "A-77"
    assert held(lambda: shop.send(document)).code == "unknown_sku"
    assert held(lambda: shop.send(document)).code == "unknown_sku"
    assert shop.pod.calls.count(ITEMS) == 2


def test_the_people_of_orders_that_come_together_are_asked_for_in_one_query(shop: Shop) -> None:
    """In two, for a site is asked for by what the contact shows; and each gets its own account."""
    documents = [of_person(shop, person) for person in (1, 2, 3, 77)]
    run([partial(shop.send, document, shop.new_work()) for document in documents])
    assert Counter(shop.pod.calls) == Counter([CONTACTS, SITES, ITEMS, *NEW * 4])
    parties = [shop.connector.enrich("order", each, shop.new_work())["ids"]["party"] for each in documents]
    assert len(set(parties)) == 4
    shop.pod.calls.clear()
    together = run([partial(shop.connector.enrich, "order", each, shop.new_work()) for each in documents])
    assert [each["ids"]["party"] for each in together] == parties
    assert shop.pod.calls == [CONTACTS]


def of_person(shop: Shop, person: int) -> Document:
    document = shop.two_lines()
    document["customer"]["email"] = f"customer.{person}@de.example"
    return document


@pytest.mark.parametrize("lack", ["attribute", "list"])
def test_where_one_query_does_not_do_each_is_asked_for_alone(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, lack: str
) -> None:
    """A contact that does not show its address is nobody's by a guess; a pod may refuse a list of values."""
    documents = [of_person(shop, person) for person in (1, 2, 3)]
    alone = [shop.connector.enrich("order", each, shop.new_work())["ids"] for each in documents]
    shop.connector.site.directory.forget()
    shop.pod.calls.clear()
    answered = Client.items

    def items(client: Client, path: str, **params: str) -> Iterator[Document]:
        if lack == "list":
            params["q"] = params["q"].replace("EmailAddress in (", "NoSuchAttribute in (")
        for row in answered(client, path, **params):
            yield row if lack == "list" else {name: row[name] for name in row if name != "EmailAddress"}

    monkeypatch.setattr(Client, "items", items)
    together = run([partial(shop.connector.enrich, "order", each, shop.new_work()) for each in documents])
    assert [each["ids"] for each in together] == alone
    assert shop.pod.calls.count(CONTACTS) >= 4


def test_addresses_that_differ_in_their_writing_are_asked_for_apart(shop: Shop) -> None:
    documents = [of_person(shop, 1), of_person(shop, 2), of_person(shop, 1)]
    documents[2]["customer"]["email"] = "Customer.1@de.example"
    found = run([partial(shop.connector.enrich, "order", each, shop.new_work()) for each in documents])
    ids = [each["ids"] for each in found]
    assert ids[0] == ids[2] != ids[1]
    assert shop.pod.calls.count(CONTACTS) == 3, "both of one query, the other alone and then in lower case"


def test_one_without_an_account_is_held_alone(shop: Shop) -> None:
    documents = [of_person(shop, person) for person in (1, 999)]
    works = [partial(shop.connector.enrich, "order", each, shop.new_work()) for each in documents]
    posted = run([partial(code_of_hold, work) for work in works])
    assert posted == [None, "no_account"]


def code_of_hold(work: Any) -> str | None:
    try:
        work()
    except Hold as failure:
        return failure.code
    return None
