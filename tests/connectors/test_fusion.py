"""One contract for the Fusion connector, held against the sandbox's pod over HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest

from integration.connectors.contract import Posted
from integration.errors import Retry
from tests.connectors.fusion_targets import Pod, Shop
from tests.connectors.odoo_targets import held
from tests.connectors.work import LossyWork, MemoryWork

NOT_SUBMITTED = "The application didn't submit the sales order because it failed validation."


@pytest.fixture
def shop(running: Pod) -> Shop:
    running.calls.clear()
    return Shop(running)


# --- a new order


def test_a_new_order_is_submitted_with_its_amounts(shop: Shop) -> None:
    document = shop.two_lines()
    posted = shop.send(document)
    assert shop.work.outcomes == [("order.create", "ok")]
    order = shop.pod.order(document)
    assert posted == Posted(f"CLARITY:{document['key']}", order["number"])
    assert (order["status"], order["submissions"]) == ("OPEN", 1)
    assert (order["source_id"], order["source_number"]) == (document["key"], f"WEB-{document['key']}")
    assert [(line["id"], line["sku"], line["quantity"], line["amount"]) for line in order["lines"]] == [
        ("1", "SKU-1", 3, 31.2),
        ("2", "SKU-2", 1, 15),
    ]
    assert {name: Decimal(amount) for name, amount in order["totals"].items()} == {
        "list": Decimal("46.2"),
        "discount": 0,
        "net": Decimal("46.2"),
        "shipping": Decimal("4.9"),
        "tax": 0,
        "total": Decimal("51.1"),
    }


def test_the_attempt_keeps_fusions_trace_id(shop: Shop) -> None:
    shop.send(shop.two_lines())
    assert b'"x-oracle-dms-ecid":"' in (shop.work.tries[0].answer or b"")


def test_discounts_and_taxes_reach_fusion_to_the_cent(shop: Shop) -> None:
    taxed = {"taxes": [{"rate": "23", "amount": Decimal("4.14")}], "total": Decimal("22.14")}
    lines = [shop.line("1", "2", "12.30", **taxed), shop.line("2", "3", "3.33")]
    document = shop.order(
        *lines, total="34.13", tax_included=True, discount=Decimal("1.50"), charges=[shop.charge("3.50", "0.65")]
    )
    document["tax"] = Decimal("4.79")
    shop.send(document)
    totals = {name: Decimal(amount) for name, amount in shop.pod.order(document)["totals"].items()}
    assert totals == {
        "list": Decimal("29.99"),  # 20.00 of the first line's 24.60, and 9.99
        "discount": Decimal("3.50"),  # 2.00 on the line, 1.50 on the order
        "net": Decimal("26.49"),
        "shipping": Decimal("2.85"),
        "tax": Decimal("4.79"),
        "total": Decimal("34.13"),
    }


def test_flexfields_and_odd_ids_are_taken(shop: Shop) -> None:
    document = shop.two_lines(eff={"HeaderEffBWebStoreprivateVO": {"ContextCode": "WebStore", "storefront": "eu"}})
    document["key"] = "gid://shop/Order/" + document["key"]
    document["lines"][0]["key"] = "Zeile/1 ü"
    posted = shop.send(document)
    assert posted.theirs == "CLARITY:order__gid_3a_2f_2fshop_2fOrder_2f" + document["key"][-8:]
    shop.work.new_round()
    assert shop.send(document) == posted


def test_charges_that_miss_the_total_are_held_before_anything_is_sent(shop: Shop) -> None:
    document = shop.two_lines(amount_total=Decimal("51.11"))
    failure = held(lambda: shop.send(document))
    assert (failure.code, failure.reason) == (
        "total_differs",
        "the charges for Fusion come to 51.10 EUR, Clarity says 51.11 EUR",
    )
    assert shop.pod.posts() == 0


def test_a_total_that_a_person_lets_pass_is_sent(shop: Shop) -> None:
    document = shop.two_lines(amount_total=Decimal("51.11"))
    shop.work.accepted.add("total_differs")
    shop.send(document)
    assert Decimal(shop.pod.order(document)["totals"]["total"]) == Decimal("51.10")
    shop.work.new_round()
    shop.send(document)
    assert {outcome for _, outcome in shop.work.outcomes} == {"found"}


def test_an_order_is_shown_by_its_documents_names(shop: Shop) -> None:
    document, connector = shop.two_lines(), shop.pod.connector()
    assert connector.shown("order", document, shop.work) is None
    shop.send(document)
    shown = connector.shown("order", document, shop.work)
    assert shown
    assert shown["amount_total"] == document["amount_total"]
    assert shown["order"].items() <= document["order"].items()
    assert "SourceTransactionNumber" in shown["order"]
    assert [(line["sku"], line["quantity"]) for line in shown["lines"]] == [
        (line["sku"], line["quantity"]) for line in document["lines"]
    ]
    changed = {**document, "lines": [{**document["lines"][0], "quantity": Decimal(9)}]}
    other = connector.shown("order", changed, shop.work)
    assert other
    assert other["lines"][0]["quantity"] == 3
    assert other["lines"][1:] == [{"key": "2"}]


# --- the same order again


def test_posting_it_again_changes_nothing(shop: Shop) -> None:
    document = shop.two_lines()
    posted = shop.send(document)
    shop.work.new_round()
    assert shop.send(document) == posted
    assert set(shop.work.outcomes) == {("order.create", "found"), ("order.submit", "found"), ("order.update", "found")}
    assert (shop.pod.posts(), shop.pod.order(document)["revision"]) == (1, 1)


@pytest.mark.parametrize("effect", ["order.create", "order.update", "order.cancel"])
def test_an_answer_lost_after_the_effect_is_one_effect_in_the_end(shop: Shop, effect: str) -> None:
    document, work = shop.two_lines(), LossyWork(effect, shop.crossrefs)
    if effect != "order.create":
        shop.send(document)
        document = changed(document) if effect == "order.update" else {**document, "status": "cancelled"}
    with pytest.raises(Retry):
        shop.send(document, work)
    shop.send(document, work)
    assert dict(work.outcomes)[effect] == "found"
    assert (shop.pod.posts(), shop.pod.order(document)["refused_duplicates"]) == (1, 0)


def test_many_at_once_make_one_order(shop: Shop) -> None:
    document = shop.connector.enrich("order", shop.two_lines(), shop.work)

    def post(_: int) -> str:
        return shop.connector.post("order", document, MemoryWork()).theirs or ""  # as if each had lost all it knew

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(post, range(4))) == {f"CLARITY:{document['key']}"}
    assert shop.pod.order(document)["submissions"] == 1


# --- saved, but not submitted


def test_a_draft_is_held_with_fusions_words_and_the_next_run_submits_it(shop: Shop) -> None:
    document = shop.two_lines()
    shop.pod.fail_next("not_submitted")
    failure = held(lambda: shop.send(document))
    number = shop.pod.order(document)["number"]
    assert failure.code == "not_submitted"
    assert failure.reason == f"Fusion saved order {number} as a draft, but did not submit it: {NOT_SUBMITTED}"
    assert shop.work.outcomes == [("order.create", "failed")]

    shop.pod.fail_next("not_submitted", times=2)  # once for the second POST, which Fusion refuses anyhow
    assert held(lambda: shop.send(document)).code == "not_submitted"
    posted = shop.send(document)
    assert posted.number == number
    assert shop.work.outcomes[1:] == [
        ("order.create", "failed"),
        ("order.create", "found"),
        ("order.submit", "failed"),
        ("order.submit", "ok"),
    ]
    assert (shop.pod.order(document)["submissions"], shop.pod.order(document)["status"]) == (1, "OPEN")


def test_the_next_run_brings_the_draft_up_to_date_before_it_is_submitted(shop: Shop) -> None:
    document = shop.two_lines()
    shop.pod.fail_next("not_submitted")
    held(lambda: shop.send(document))
    document = changed(document)
    shop.work.new_round()
    shop.send(document)
    assert shop.work.outcomes == [
        ("order.create", "failed"),  # Fusion has it already
        ("order.create", "found"),
        ("order.add_line:3", "ok"),
        ("order.submit", "ok"),
    ]
    assert shop.pod.order(document)["submissions"] == 1
    assert_shown(shop, document)


# --- an order that changes


def changed(document: dict[str, Any]) -> dict[str, Any]:
    """Another quantity, another purchase order, the second line gone and a third there: 3 more, and 5 less."""
    made = deepcopy(document)
    first, second = made["lines"]
    first |= {"quantity": Decimal(4), "total": Decimal("41.60")}
    third = {**second, "key": "3", "sku": "SKU-3", "unit_price": Decimal(10), "total": Decimal(10)}
    made |= {"lines": [first, third], "amount_total": Decimal("56.50")}
    made["order"]["CustomerPONumber"] = "PO new"
    return made


def assert_shown(shop: Shop, document: dict[str, Any]) -> None:
    order = shop.pod.order(document)
    assert order["status"] == "OPEN"
    assert order["purchase_order"] == "PO new"
    assert [(line["id"], line["quantity"], line["status"]) for line in order["lines"]] == [
        ("1", 4, "NOT_STARTED"),
        ("2", 0, "CANCELED"),
        ("3", 1, "NOT_STARTED"),
    ]
    assert Decimal(order["totals"]["total"]) == document["amount_total"]


def test_a_submitted_order_gets_the_difference(shop: Shop) -> None:
    document = shop.two_lines()
    shop.send(document)
    document, work = changed(document), shop.new_work()
    shop.send(document, work)
    assert ("order.update", "ok") in work.outcomes
    assert_shown(shop, document)
    again = shop.new_work()
    shop.send(document, again)
    assert {outcome for _, outcome in again.outcomes} == {"found"}


def test_another_shipping_price_is_seen_too(shop: Shop) -> None:
    document = shop.two_lines()
    shop.send(document)
    document |= {"charges": [shop.charge("5.90")], "amount_total": Decimal("52.10")}
    shop.send(document, shop.new_work())
    assert Decimal(shop.pod.order(document)["totals"]["shipping"]) == Decimal("5.9")


def test_what_the_state_forbids_is_held(shop: Shop) -> None:
    document = shop.two_lines()
    posted = shop.send(document)
    other = deepcopy(document)
    other["lines"][0]["sku"] = "SKU-9"
    assert "a line has another product" in held(lambda: shop.send(other, shop.new_work())).reason
    for _ in range(6):
        shop.pod.fake.advance([posted.theirs or ""])
    failure = held(lambda: shop.send(changed(document), shop.new_work()))
    assert failure.code == "cannot_change"
    assert "OrderedQuantity" in failure.reason
    shop.send(document, shop.new_work())  # unchanged it may be as shipped as it likes


def test_a_busy_line_is_tried_again(shop: Shop) -> None:
    document = shop.two_lines()
    shop.send(document)
    shop.pod.fail_next("busy")
    document["order"]["CustomerPONumber"] = "PO new"
    with pytest.raises(Retry) as raised:
        shop.send(document, shop.new_work())
    assert (raised.value.code, raised.value.unknown_outcome) == ("DOO-2686198", False)
    shop.send(document, shop.new_work())
    assert shop.pod.order(document)["purchase_order"] == "PO new"


# --- cancelled


def test_an_order_never_sent_is_not_created_to_be_cancelled(shop: Shop) -> None:
    assert shop.send(shop.two_lines(status="cancelled")) == Posted(None, None)
    assert shop.work.outcomes == []


def test_an_open_order_is_cancelled_line_by_line(shop: Shop) -> None:
    document = shop.two_lines()
    shop.send(document)
    document["status"] = "cancelled"
    work = shop.new_work()
    shop.send(document, work)
    assert work.outcomes == [("order.cancel", "ok")]
    assert shop.pod.order(document)["status"] == "CANCELED"
    again = shop.new_work()
    shop.send(document, again)
    assert again.outcomes == [("order.cancel", "found")]
    document["status"] = "confirmed"
    assert held(lambda: shop.send(document, shop.new_work())).code == "cancelled_at_target"


def test_a_draft_is_deleted(shop: Shop) -> None:
    document = shop.two_lines()
    shop.pod.fail_next("not_submitted")
    held(lambda: shop.send(document))
    shop.send({**document, "status": "cancelled"}, shop.new_work())
    assert [row for row in shop.pod.fake.ledger()["orders"] if row["source_id"] == document["key"]] == []


def test_a_shipped_order_is_not_cancelled(shop: Shop) -> None:
    document = shop.two_lines()
    posted = shop.send(document)
    for _ in range(6):
        shop.pod.fake.advance([posted.theirs or ""])
    failure = held(lambda: shop.send({**document, "status": "cancelled"}, shop.new_work()))
    assert failure.code == "delivered"


def test_an_order_gone_from_fusion_is_not_created_twice(shop: Shop) -> None:
    document = shop.two_lines()
    shop.crossrefs.theirs["order", document["key"]] = f"CLARITY:{document['key']}"
    assert held(lambda: shop.send(document)).code == "record_missing"
    assert shop.pod.posts() == 0
