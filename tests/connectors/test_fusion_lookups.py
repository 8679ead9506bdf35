"""Who the Fusion connector is, and what an order refers to: found in Fusion, or held.  As in `test_fusion`."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.errors import Misconfigured, Reject, Retry
from tests.connectors.fusion_targets import Pod, Shop, pod
from tests.connectors.odoo_targets import held


@pytest.fixture
def shop(running: Pod) -> Shop:
    running.calls.clear()
    return Shop(running)


# --- who we are


def test_who_we_are(shop: Shop) -> None:
    assert shop.connector.whoami() == "fleet"


def test_a_resource_that_the_pod_does_not_have_is_misconfigured(shop: Shop) -> None:
    connector = shop.pod.connector(sales_orders_resource="salesOrders")
    with pytest.raises(Misconfigured, match="no resource .*/salesOrders"):
        connector.whoami()
    with pytest.raises(Misconfigured, match="no resource .*/salesOrders"):
        shop.send(shop.two_lines(), connector=connector)


def test_the_resource_may_have_another_name(tmp_path: Path) -> None:
    with pod(tmp_path, sales_orders=True) as other:
        shop = Shop(other)
        connector = other.connector(sales_orders_resource="salesOrders")
        assert connector.whoami() == "fleet"
        document = shop.two_lines()
        shop.send(document, connector=connector)
        assert other.order(document)["status"] == "OPEN"
        assert "POST salesOrders" in other.calls


def test_a_user_without_rights_pauses_the_target_and_a_refused_record_holds_one_order(shop: Shop) -> None:
    document = shop.two_lines()
    shop.pod.fail_next("forbidden", times=2)
    with pytest.raises(Misconfigured):
        shop.send(document)
    shop.pod.fail_next("forbidden", times=1)
    assert "403" in held(lambda: shop.send(document)).reason


# --- customers and items


def test_an_account_is_found_by_its_number_before_the_e_mail_address(shop: Shop) -> None:
    document = shop.two_lines()
    document["customer"]["account_number"] = "A-77"
    ids = shop.connector.enrich("order", document, shop.work)["ids"]
    assert ids["account"] == "300000000030771"
    assert (ids["party"], ids["bill_to"], ids["ship_to"]) == ("300000000030770", "300000000030772", "300000000030775")
    assert not any("contacts" in call for call in shop.pod.calls)


def test_an_unknown_account_number_is_not_replaced_by_the_e_mail_address(shop: Shop) -> None:
    document = shop.two_lines()
    document["customer"] |= {"account_number": "A-9999", "email": "Ana Example <ANA@example.test>"}
    failure = held(lambda: shop.connector.enrich("order", document, shop.work))
    assert (failure.code, "A-9999" in failure.reason) == ("unknown_account", True)
    (candidate,) = failure.candidates
    assert (candidate["id"], candidate["label"]) == ("77001", "E… C… (77001)")
    shop.work.remember(candidate["entity"], candidate["key"], candidate["id"])  # what choosing one comes to
    assert shop.connector.enrich("order", document, shop.work)["ids"]["account"] == "300000000000777"
    document = shop.two_lines()
    document["customer"]["account_number"] = "A-9999"
    document["customer"]["email"] = "nobody@example.test"
    failure = held(lambda: shop.pod.connector(guest_account="90000").enrich("order", document, shop.work))
    assert (failure.code, "A-9999" in failure.reason) == ("unknown_account", True)


def test_an_account_that_a_person_chose_and_that_is_gone_is_chosen_anew(shop: Shop) -> None:
    document = shop.two_lines()
    shop.work.remember("customer", document["customer"]["key"], "77999")
    failure = held(lambda: shop.pod.connector(guest_account="90000").enrich("order", document, shop.work))
    assert (failure.code, failure.reason.startswith("account 77999 is unknown in Fusion")) == ("unknown_account", True)
    assert [candidate["id"] for candidate in failure.candidates] == ["77001"]


@pytest.mark.parametrize(
    ("email", "is_company", "account"),
    [
        ("ana@example.test", True, "300000000000777"),
        ("ana@example.test", False, "300000000020001"),
        ("customer.1@de.example", False, "300000000040001"),
        ("customer.1@de.example", True, "300000000020001"),
    ],
)
def test_a_private_order_is_not_the_employers_nor_a_companys_a_persons(
    shop: Shop, email: str, is_company: bool, account: str
) -> None:
    document = shop.two_lines()
    document["customer"] |= {"email": email, "is_company": is_company}
    connector = shop.pod.connector(guest_account="90000")
    assert connector.enrich("order", document, shop.work)["ids"]["account"] == account


def test_a_submitted_order_does_not_change_its_customer_in_silence(shop: Shop) -> None:
    document = shop.two_lines()
    shop.send(document)
    document["customer"] = {"key": "c-other", "email": None, "account_number": "A-77"}
    failure = held(lambda: shop.send(document, shop.new_work()))
    assert failure.code == "cannot_change"
    assert "the order belongs to another customer in Clarity now" in failure.reason


def test_nobody_with_the_address_is_held_or_goes_to_the_guest_account(shop: Shop) -> None:
    document = shop.two_lines()
    document["customer"]["email"] = "nobody@example.test"
    failure = held(lambda: shop.send(document))
    assert failure.code == "no_account"
    assert "FUSION_GUEST_ACCOUNT" in (failure.hint or "")
    assert "nobody" not in f"{failure.reason} {failure.hint}"
    shop.send(document, connector=shop.pod.connector(guest_account="90000"))
    assert shop.pod.order(document)["status"] == "OPEN"
    gone = held(lambda: shop.send(document, connector=shop.pod.connector(guest_account="90001")))
    assert gone.reason == "FUSION_GUEST_ACCOUNT 90001 is unknown in Fusion"


def test_a_contact_without_account_is_nobody(shop: Shop) -> None:
    document = shop.two_lines()
    document["customer"]["email"] = "nosite@example.test"
    assert held(lambda: shop.send(document)).code == "no_account"


def test_two_contacts_of_one_account_are_no_question(shop: Shop) -> None:
    document = shop.two_lines()
    document["customer"]["email"] = "twins@example.test"
    shop.send(document)
    assert shop.pod.order(document)["status"] == "OPEN"


def test_unknown_items_are_held_together_or_replaced(shop: Shop) -> None:
    document = shop.two_lines()
    document["lines"][0]["sku"], document["lines"][1]["sku"] = "NO-2", "NO-1"
    failure = held(lambda: shop.send(document))
    assert (failure.code, failure.reason) == ("unknown_sku", "unknown SKU NO-1, NO-2")
    shop.send(document, connector=shop.pod.connector(fallback_sku="MUG-01"))
    assert {line["sku"] for line in shop.pod.order(document)["lines"]} == {"MUG-01"}


def test_a_line_without_sku_is_held(shop: Shop) -> None:
    document = shop.two_lines()
    document["lines"][0]["sku"] = None
    assert held(lambda: shop.send(document)).code == "unknown_sku"


def test_a_document_that_fusion_refuses_is_rejected_with_the_attribute(shop: Shop) -> None:
    document = shop.two_lines()
    document["order"]["Colour"] = "red"
    with pytest.raises(Reject) as raised:
        shop.send(document)
    assert (raised.value.code, "/Colour" in raised.value.reason) == ("27521", True)
    assert "[ECID " in raised.value.reason


def test_an_empty_page_that_promises_more_is_an_error(shop: Shop) -> None:
    shop.pod.fail_next("empty_page", path="contacts")
    with pytest.raises(Retry) as raised:
        shop.send(shop.two_lines())
    assert raised.value.code == "unreadable_answer"
