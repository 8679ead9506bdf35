"""How many calls an order takes at Fusion, and that none is saved at the cost of a second effect."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from integration.connectors.contract import Document
from integration.connectors.fusion import kept
from integration.errors import Retry
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
